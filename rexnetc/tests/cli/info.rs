use crate::binary::{SMALL, command, rexnetc};
use std::process::Stdio;

#[test]
fn published_figures_of_rexnet() {
    let json = rexnetc(&["info", "rexnet(width = 1.0)", "--json"]).exits(0).json();
    assert_eq!(json["params"], 4_796_873);
    assert_eq!(json["macs"], 398_370_392);
    let text = rexnetc(&["info", "rexnet"]).exits(0).out;
    assert!(text.contains("4,796,873") && text.contains("398.37 M"), "{text}");
}

#[test]
fn json_has_memory_and_layers() {
    let json = rexnetc(&["info", SMALL, "--json", "--batch", "2"]).exits(0).json();
    let number = |key: &str| json[key].as_u64().unwrap();
    assert!(number("arena_bytes") >= number("arena_lower_bound") && number("weight_bytes") > 4 * 300_000);
    assert_eq!(json["inputs"][0]["shape"], serde_json::json!([2, 3, 32, 32]));
    assert_eq!(json["preprocessing"]["geometry"]["resize_then_crop"], 36);
    let layers = json["layers"].as_array().unwrap();
    let macs: u64 = layers.iter().map(|layer| layer["macs"].as_u64().unwrap()).sum();
    assert_eq!(macs, number("macs"));
    assert!(layers.iter().all(|layer| layer["name"].is_string() && layer["operator"].is_string()));
    assert!(layers.iter().all(|layer| layer["output"].as_array().is_some_and(|dims| !dims.is_empty())));
    assert!(layers.iter().any(|layer| layer["name"] == "features.3"));
}

#[test]
fn a_reader_that_goes_away_is_no_panic() {
    let mut child =
        command(&["info", "rexnet", "--json"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8(output.stderr).unwrap()), (Some(0), String::new()));
}

#[test]
fn stand_ins_are_marked() {
    let marked = |spec: &str| {
        let text = rexnetc(&["info", spec]).exits(0).out;
        let json = rexnetc(&["info", spec, "--json"]).exits(0).json();
        assert_eq!(text.contains("blocks are not public"), json["stand_in"] == true, "{text}");
        json["stand_in"] == true
    };
    assert!(marked("fairdarts_c") && marked("se_darts_plus"));
    assert!(!marked(SMALL));
}
