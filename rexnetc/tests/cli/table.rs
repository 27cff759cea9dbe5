//! Table 1 recounted: what is printed, and the files in `docs/`. No test asserts a time.

use crate::binary::{SMALL, file, rexnetc, root, scratch};
use serde_json::Value;

/// The rows of the table, without times.
#[track_caller]
fn rows(arguments: &[&str]) -> Vec<Value> {
    let json = rexnetc(&[&["table", "--no-latency", "--json"], arguments].concat()).exits(0).json();
    assert_eq!(json["measurement"], Value::Null);
    let rows = json["rows"].as_array().unwrap().clone();
    assert!(rows.iter().all(|row| row["latency"].is_null()));
    rows
}

#[track_caller]
fn named<'a>(rows: &'a [Value], name: &str) -> &'a Value {
    rows.iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("{name} in {rows:#?}"))
}

#[test]
fn the_documents_are_what_the_command_writes() {
    let directory = scratch("table_documents");
    rexnetc(&["table", "--family", "--no-latency", "-o", directory.to_str().unwrap()]).exits(0);
    for name in ["table.md", "channels.svg"] {
        let written = std::fs::read_to_string(directory.join(name)).unwrap();
        let kept = std::fs::read_to_string(root().join("docs").join(name)).unwrap();
        let command = "cargo run --release -p rexnetc -- table --family --no-latency -o docs";
        assert!(written == kept, "docs/{name} is stale: in the repository's root, run\n\n    {command}\n");
    }
}

#[test]
fn counts_stand_beside_published_figures() {
    let rows = rows(&[]);
    let rexnet = named(&rows, "ReXNet 1.0");
    assert_eq!(
        rexnet["params"],
        serde_json::json!({ "counted": 4_796_873, "published": "4.8M", "agrees": true })
    );
    assert_eq!(rexnet["channels"]["blocks"].as_array().map(Vec::len), Some(16));
    let b0 = named(&rows, "EfficientNet-B0");
    assert_eq!(
        b0["params"],
        serde_json::json!({ "counted": 5_288_548, "published": "4.8M", "agrees": false })
    );
    assert_eq!((&b0["macs"]["agrees"], &b0["agrees"]), (&Value::Bool(true), &Value::Bool(false)));
    assert!(b0["reason"].as_str().is_some_and(|reason| reason.contains("5.3M")));
    let schedule = named(&rows, "MobileNetV2")["schedule"].clone();
    assert_eq!(schedule["counted"], "32 / 16-24x2-32x3-64x4-96x3-160x3-320");
    assert_eq!(schedule["agrees"], true);
    let stand_ins: Vec<&Value> =
        rows.iter().filter(|row| row["stand_in"] == true).map(|row| &row["name"]).collect();
    assert_eq!(stand_ins, ["FairDARTS-C", "SE-DARTS+"]);
    assert!(rows.iter().all(|row| (row["agrees"] == false) == row["reason"].is_string()));
}

#[test]
fn text_fits_a_terminal_and_says_what_stands_in() {
    let ran = rexnetc(&["table", "--no-latency"]).exits(0);
    assert!(ran.out.lines().all(|line| line.chars().count() <= 110), "{}", ran.out);
    for words in
        ["FairDARTS-C (stand-in)", "blocks are not public", "A variant, not the row", "fitted", "no [1]"]
    {
        assert!(ran.out.contains(words), "{words}: {}", ran.out);
    }
    let markdown = rexnetc(&["table", "--no-latency", "--markdown"]).exits(0).out;
    assert!(markdown.contains("| SE-DARTS+, stand-in | `se_darts_plus` | 32 / 16-24x4-"), "{markdown}");
    assert!(!markdown.contains("channels.svg"), "a picture that is not there: {markdown}");
}

#[test]
fn own_networks_stand_below() {
    let directory = scratch("table_own");
    let spec = "network mine {
        input: [3, 32, 32], classes: 4, batch_norm: { epsilon: 1e-5 },
        stem: { channels: 8, kernel: 3, stride: 2, activation: relu },
        blocks: {
            repeats: [1, 2], channels: [8, 16], expand: { ratio: 2, activation: relu },
            depthwise: { kernel: 3, stride: [1, 2], activation: relu }, shortcut: equal,
        },
    }";
    let own = file(&directory, "mine.rexnet", spec);
    let rows = rows(&[&own, SMALL]);
    let names: Vec<&Value> = rows.iter().rev().take(3).map(|row| &row["name"]).collect();
    assert_eq!(names, ["rexnet", "mine", "ReXNet 1.0"]);
    assert_eq!(named(&rows, "mine")["schedule"]["counted"], "8 / 8-16x2");
    assert_eq!(named(&rows, "mine")["agrees"], Value::Null);

    let picture = directory.join("new/own.svg");
    let arguments = ["table", &own, SMALL, "--only-given", "--no-latency", "-o", picture.to_str().unwrap()];
    rexnetc(&arguments).exits(0);
    let picture = std::fs::read_to_string(picture).unwrap();
    assert!(picture.contains(">mine</text>") && picture.contains(">rexnet</text>"), "{picture}");
    assert!(!picture.contains("MobileNetV2"), "{picture}");
}

#[test]
fn times_are_measured_on_as_many_threads_as_asked() {
    let arguments = ["table", SMALL, "--only-given", "--iters", "3", "--threads", "2"];
    let json = rexnetc(&[&arguments[..], &["--json"]].concat()).exits(0).json();
    let measurement = &json["measurement"];
    assert_eq!((&measurement["threads"], &measurement["runs"]), (&Value::from(2), &Value::from(3)));
    let latency = &json["rows"][0]["latency"];
    let number = |key: &str| latency[key].as_f64().unwrap();
    assert!(number("min_ms") > 0.0 && number("min_ms") <= number("median_ms"), "{json:#}");
    let ran = rexnetc(&arguments).exits(0);
    assert!(ran.out.contains("median of 3 runs") && ran.out.contains("weights are seeded"), "{}", ran.out);
    assert_eq!(ran.err, "", "a bar in a pipe");
}

#[test]
fn what_cannot_be_tabulated() {
    let directory = scratch("table_errors");
    let taken = file(&directory, "taken", "a file");
    let ran = |more: &[&str]| rexnetc(&[&["table"], more].concat());
    assert!(ran(&["rexnet(width = -1)", "--no-latency"]).exits(1).err.contains("RX01"));
    assert!(ran(&["--no-latency", "-o", &taken]).exits(1).err.contains("RX0701"));
    let model = directory.join("rexnet.onnx");
    rexnetc(&["compile", SMALL, "--emit", "onnx", "-o", directory.to_str().unwrap()]).exits(0);
    assert!(ran(&[model.to_str().unwrap(), "--no-latency"]).exits(2).err.contains("takes specs"));
    for wrong in [&["--only-given"][..], &["--iters", "0"], &["--no-latency", "--threads", "2"]] {
        ran(wrong).exits(2);
    }
}
