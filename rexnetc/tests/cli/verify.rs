use crate::binary::{Ran, SMALL, file, rexnetc, scratch};
use crate::files::{Fixture, bytes_of, corrupted, fixture, header, npy, read_npy};

fn verify(given: &Fixture, more: &[&str]) -> Ran {
    let Fixture { net, weights, input, expected } = given;
    let arguments = ["verify", net, "--weights", weights, "--input", input, "--expect", expected];
    rexnetc(&[&arguments[..], more].concat())
}

#[test]
fn the_networks_of_pytorch_are_verified() {
    let directory = scratch("verify_fixtures");
    for name in ["rexnet_narrow", "rexnet_batch2", "rexnet_no_se", "efficientnet_lite0_narrow"] {
        let given = fixture(&directory, name);
        let json = verify(&given, &["--json"]).exits(0).json();
        assert_eq!(json["passed"], true, "{json:#}");
        assert!(json["first_divergent"].is_null());
        assert!(json["max_abs_error"].as_f64().is_some_and(|error| error > 0.0 && error < 1e-4), "{json:#}");
        // Two back ends against the first; each of the three against the reference and the expectation.
        assert_eq!(json["checks"].as_array().map(Vec::len), Some(8));
        assert_eq!(json["checks"][0]["tolerance"], 0.0);
    }
}

#[test]
fn a_drawn_input_states_its_seed() {
    let ran = rexnetc(&["verify", SMALL, "--seed", "7", "--batch", "2"]).exits(0);
    assert!(ran.out.contains("input: seeded with 7, images: 2") && ran.out.contains("\nverified"), "{ran:?}");
    let json = rexnetc(&["verify", SMALL, "--json", "--backend", "clif"]).exits(0).json();
    assert_eq!(json["input"], "seeded with 0");
    assert_eq!(json["checks"].as_array().map(Vec::len), Some(1));
}

#[test]
fn an_altered_expectation_fails_and_is_named_as_the_cause() {
    let directory = scratch("verify_expectation");
    let mut given = fixture(&directory, "rexnet_narrow");
    let (_, mut values) = read_npy(&given.expected);
    let range =
        values.iter().copied().fold(f32::MIN, f32::max) - values.iter().copied().fold(f32::MAX, f32::min);
    values[3] += 2e-4 * range;
    given.expected = file(&directory, "altered.npy", npy(&header(&[1, 10]), &bytes_of(&values)));
    let ran = verify(&given, &["--json"]).exits(3);
    let json = ran.json();
    assert_eq!(json["passed"], false);
    assert!(json["first_divergent"].is_null());
    assert!(json["reason"].as_str().is_some_and(|reason| reason.contains("expected")), "{json:#}");
    assert!(ran.err.contains("RX0801") && ran.err.contains("expected"), "{ran:?}");
    let text = verify(&given, &[]).exits(3).out;
    assert!(
        text.contains("FAIL") && text.contains("1 elements differ") && text.contains("not verified"),
        "{text}"
    );
}

#[test]
fn another_class_fails_however_near() {
    let directory = scratch("verify_class");
    let mut given = fixture(&directory, "rexnet_narrow");
    let (_, mut values) = read_npy(&given.expected);
    values.reverse();
    given.expected = file(&directory, "reversed.npy", npy(&header(&[1, 10]), &bytes_of(&values)));
    let json = verify(&given, &["--json", "--backend", "clif"]).exits(3).json();
    assert_eq!(json["checks"][1]["different_classes"], 1, "{json:#}");
}

#[test]
fn a_corrupted_weight_fails() {
    let directory = scratch("verify_weight");
    let mut given = fixture(&directory, "efficientnet_lite0_narrow");
    let name = weight_name(&given.weights);
    given.weights = file(&directory, "corrupted.safetensors", corrupted(&given.weights, &name, 30.0));
    let json = verify(&given, &["--json"]).exits(3).json();
    assert_eq!(json["passed"], false);
    assert!(json["max_abs_error"].as_f64().is_some_and(|error| error > 1e-4), "{json:#}");
}

/// The first tensor of rank 4 in the order of names.
fn weight_name(weights: &str) -> String {
    let content = std::fs::read(weights).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&content).unwrap();
    let mut names: Vec<String> = tensors
        .tensors()
        .into_iter()
        .filter(|(_, view)| view.shape().len() == 4)
        .map(|(name, _)| name)
        .collect();
    names.sort();
    names.swap_remove(0)
}

#[test]
fn every_node_is_compared_where_that_is_asked_for() {
    let json = rexnetc(&["verify", SMALL, "--nodes", "--bisect-passes", "--json"]).exits(0).json();
    let nodes = json["nodes"].as_array().unwrap();
    assert!(nodes.len() > 40 && nodes.iter().all(|node| node["passed"] == true), "{}", nodes.len());
    let fused = nodes.iter().find(|node| node["absorbs"].is_string()).unwrap();
    assert_eq!((&fused["operator"], &fused["shape"][0]), (&"conv2d".into(), &1.into()));
    for node in nodes {
        let backends = node["backends"].as_array().unwrap();
        assert_eq!(backends.len(), 3);
        assert!(backends[0]["different_bits"].is_null() && backends[1]["different_bits"] == 0);
        assert!(backends[2]["cosine"].as_f64().is_some_and(|cosine| cosine > 0.999_999), "{node}");
        assert!(backends[2]["max_ulps"].as_u64().is_some());
    }
    let bisection = &json["bisection"];
    assert!(
        bisection["culprit"].is_null() && bisection["passes"].as_array().is_some_and(|list| list.len() > 15)
    );

    let text = rexnetc(&["verify", SMALL, "--nodes", "--bisect-passes"]).exits(0).out;
    for word in ["ULP", "features.3 ", "squeeze_excite", "passes: none of ", "\nverified"] {
        assert!(text.contains(word), "{word}: {text}");
    }
    let json = rexnetc(&["verify", SMALL, "--json"]).exits(0).json();
    assert!(json["nodes"].is_null() && json["bisection"].is_null() && json["layer"].is_null());
}

#[test]
fn rounding_that_adds_up_in_a_node_is_allowed() {
    // Seeded weights make its gates steep: of some nodes, the range alone allows less than rounding does.
    let json = rexnetc(&["verify", "mnasnet_a1(size = 64)", "--backend", "jit", "--nodes", "--json"])
        .exits(0)
        .json();
    let nodes = json["nodes"].as_array().unwrap();
    let differ: Vec<_> = nodes.iter().filter(|node| node["passed"] != true).collect();
    assert!(!nodes.is_empty() && differ.is_empty(), "{differ:?}");
    assert!(json["passed"] == true && json["layer"].is_null(), "{}", json["reason"]);
}

#[test]
fn the_report_is_a_page_of_its_own() {
    let directory = scratch("verify_page");
    let page = directory.join("reports/small.html").into_os_string().into_string().unwrap();
    rexnetc(&["verify", SMALL, "--bisect-passes", "--html", &page]).exits(0);
    let html = std::fs::read_to_string(&page).unwrap();
    for word in
        ["<p class=\"verdict\">verified</p>", "<h2>Passes</h2>", "features.16", "fold_batch_norm", "</html>"]
    {
        assert!(html.contains(word), "{word}");
    }
    assert!(!html.contains("<script") && !html.contains("http"), "the page needs nothing else");

    let mut given = fixture(&directory, "rexnet_narrow");
    given.expected = file(&directory, "zeros.npy", npy(&header(&[1, 10]), &bytes_of(&[0.0; 10])));
    verify(&given, &["--backend", "jit", "--html", &page]).exits(3);
    let html = std::fs::read_to_string(&page).unwrap();
    assert!(html.contains("<p class=\"verdict\">not verified</p>") && html.contains("class=\"bar over\""));
    let refused = verify(&given, &["--html", &given.input]).exits(1);
    assert!(refused.err.contains("RX0701"), "{refused:?}");
}
