use crate::binary::{SMALL, rexnetc, scratch};
use crate::model::exported;

#[test]
fn a_spec_is_the_same_network_as_its_export() {
    let (model, weights) = exported(&scratch("against_same"), "3");
    let both = ["verify", SMALL, "--weights", &weights, "--against", &model];
    assert!(rexnetc(&both).exits(0).out.contains("\nthe same network"));
    // In either order, and with itself.
    for arguments in [
        &["verify", &model, "--weights", &weights, "--against", SMALL][..],
        &["verify", &model, "--against", &model],
        &["verify", SMALL, "--weights", &weights, "--against", SMALL],
    ] {
        let json = rexnetc(&[arguments, &["--json"]].concat()).exits(0).json();
        assert_eq!((&json["same"], &json["same_weights"]), (&true.into(), &true.into()), "{json:#}");
        assert_eq!(json["networks"].as_array().map(Vec::len), Some(2));
    }
}

#[test]
fn other_weights_are_told_from_another_structure() {
    let directory = scratch("against_weights");
    let (model, _) = exported(&directory, "3");
    let elsewhere = directory.join("other");
    let (_, other) = exported(&elsewhere, "4");
    let ran = rexnetc(&["verify", SMALL, "--weights", &other, "--against", &model]).exits(3);
    assert!(ran.out.contains("the same structure with other weights"), "{ran:?}");
    assert!(ran.err.contains("RX0802") && ran.err.contains("stem.conv.weight"), "{ran:?}");
    let json =
        rexnetc(&["verify", SMALL, "--weights", &other, "--against", &model, "--json"]).exits(3).json();
    assert_eq!((&json["same"], &json["same_structure"]), (&false.into(), &true.into()));
    assert!(json["difference"]["cause"].as_str().is_some_and(|cause| cause.contains("element")), "{json:#}");
}

#[test]
fn without_weights_only_the_structure_is_compared() {
    let (model, weights) = exported(&scratch("against_structure"), "3");
    let ran = rexnetc(&["verify", SMALL, "--against", &model]).exits(0);
    assert!(ran.out.contains("the same structure; weights were not compared"), "{ran:?}");
    let json = rexnetc(&["verify", SMALL, "--against", &model, "--json"]).exits(0).json();
    assert!(json["same"] == true && json["same_weights"].is_null(), "{json:#}");
    // A structure that differs is named even where the weights of one do not fit the other.
    let wider = SMALL.replace("0.25", "0.3");
    let ran = rexnetc(&["verify", &wider, "--weights", &weights, "--against", &model]).exits(3);
    assert!(ran.err.contains("RX0802") && ran.err.contains("shapes"), "{ran:?}");
}

#[test]
fn faults_are_those_of_their_own_network() {
    let (model, weights) = exported(&scratch("against_faults"), "0");
    let ran = rexnetc(&["verify", &model, "--against", "rexnet(wdth = 1.0)"]).exits(1);
    assert!(ran.err.contains("RX0102") && ran.err.contains("<spec>:1:"), "{ran:?}");
    rexnetc(&["verify", &model, "--against", &model, "--weights", &weights]).exits(2);
    rexnetc(&["verify", SMALL, "--against", &model, "--input", "x.npy"]).exits(2);
    rexnetc(&["verify", SMALL, "--against", &model, "--backend", "clif"]).exits(2);
}
