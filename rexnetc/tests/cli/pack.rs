use crate::binary::{SMALL, file, rexnetc, scratch};
use crate::files::fixture;
use crate::model::{chain, exported};
use rexnet_codegen::driver::{self, Weights};
use rexnet_codegen::plan::PackedWeights;

#[test]
fn weights_are_packed_beside_their_file() {
    let directory = scratch("pack_beside");
    let (_, weights) = exported(&directory, "3");
    let json = rexnetc(&["pack", SMALL, "--weights", &weights, "--json"]).exits(0).json();
    let path = directory.join("rexnet.rxw");
    assert_eq!(json["path"], path.to_str().unwrap());
    let bytes = std::fs::read(&path).unwrap();
    assert_eq!(json["bytes"], bytes.len());
    let info = rexnetc(&["info", SMALL, "--json"]).exits(0).json();
    assert_eq!((&json["layout_hash"], &json["weight_bytes"]), (&info["layout_hash"], &info["weight_bytes"]));
    assert!(json["check_ms"].as_f64().is_some_and(|time| time >= 0.0));
    // What was drawn from the same seed is the same.
    let compilation = driver::compile(driver::Request::new(SMALL, Weights::Seeded(3))).unwrap();
    let packed = PackedWeights::from_rxw(bytes.clone(), &compilation.program).unwrap();
    assert_eq!(packed.as_slice(), compilation.weights.as_slice());

    let other = directory.join("elsewhere.rxw").into_os_string().into_string().unwrap();
    let ran = rexnetc(&["pack", SMALL, "--seed", "3", "-o", &other]).exits(0);
    assert!(ran.out.contains("elsewhere.rxw") && ran.out.contains("layout "), "{ran:?}");
    assert!(std::fs::read(&other).unwrap() == bytes);
}

#[test]
fn a_model_brings_its_own() {
    let directory = scratch("pack_model");
    let (model, _) = exported(&directory, "0");
    let ran = rexnetc(&["pack", &model]).exits(0);
    assert!(ran.out.contains("the model's own") && ran.out.contains("rexnet.rxw"), "{ran:?}");
    assert!(directory.join("rexnet.rxw").is_file());
}

#[test]
fn inputs_are_never_replaced() {
    let directory = scratch("pack_replace");
    let (_, weights) = exported(&directory, "0");
    let before = std::fs::read(&weights).unwrap();
    let ran = rexnetc(&["pack", SMALL, "--weights", &weights, "-o", &weights]).exits(1);
    assert!(ran.err.contains("RX0701") && ran.err.contains("would be replaced"), "{ran:?}");
    assert!(std::fs::read(&weights).unwrap() == before);
    let model = file(&directory, "relu.onnx", chain(&["Relu"]));
    rexnetc(&["pack", &model, "-o", &model]).exits(1);
    assert_eq!(std::fs::read(&model).unwrap(), chain(&["Relu"]));
}

#[test]
fn packed_weights_have_no_names() {
    let path = scratch("pack_again").join("w.rxw").into_os_string().into_string().unwrap();
    rexnetc(&["pack", SMALL, "--seed", "0", "-o", &path]).exits(0);
    for command in ["pack", "info", "verify", "dump"] {
        let ran = rexnetc(&[command, SMALL, "--weights", &path]).exits(1);
        for word in ["RX0301", "w.rxw", "packed weights", "safetensors"] {
            assert!(ran.err.contains(word), "{command}: {word}: {ran:?}");
        }
    }
}

#[test]
fn packed_weights_run_as_what_they_were_packed_from() {
    let directory = scratch("pack_run");
    let given = fixture(&directory, "rexnet_narrow");
    let path = |name: &str| directory.join(name).into_os_string().into_string().unwrap();
    let packed = path("w.rxw");
    rexnetc(&["pack", &given.net, "--weights", &given.weights, "-o", &packed]).exits(0);
    let logits = |name: &str, weights: &str| {
        let output = path(name);
        let ran =
            rexnetc(&["run", &given.net, "--weights", weights, "--input", &given.input, "--output", &output]);
        ran.exits(0);
        std::fs::read(output).unwrap()
    };
    assert_eq!(logits("packed.npy", &packed), logits("named.npy", &given.weights));

    let arguments = ["bench", &given.net, "--weights", &packed, "--input", &given.input];
    let ran = rexnetc(&[&arguments[..], &["--expect", &given.expected, "--lines"]].concat()).exits(0);
    assert!(ran.out.contains("#argmax_ok 1"), "{ran:?}");

    let ran = rexnetc(&[&arguments[..], &["--backend", "reference"]].concat()).exits(1);
    assert!(ran.err.contains("RX0302") && ran.err.contains(".safetensors"), "{ran:?}");
    let other = "rexnet(width = 0.5, size = 64, classes = 10)";
    let ran = rexnetc(&["bench", other, "--weights", &packed]).exits(1);
    assert!(ran.err.contains("RX0306") && ran.err.contains("w.rxw"), "{ran:?}");
}
