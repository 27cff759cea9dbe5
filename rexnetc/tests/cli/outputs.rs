//! Networks with several outputs, and names of classes that come with weights.

use crate::binary::{file, rexnetc, scratch};
use crate::files::{bytes_of, fixture, header, npy, read_npy};
use crate::onnx::PHOTO;
use safetensors::SafeTensors;
use serde_json::json;
use std::collections::HashMap;

const BACKBONE: &str = "rexnet(width = 0.25, features = [8, 32], classifier = false, input = [64, 96])";

#[test]
fn maps_of_a_backbone_are_described_and_written() {
    let directory = scratch("backbone");
    let folder = directory.join("maps").into_os_string().into_string().unwrap();
    let ran = rexnetc(&["run", BACKBONE, PHOTO, PHOTO, "--output", &folder, "--json"]).exits(0);
    let outputs = &ran.json()["outputs"];
    assert_eq!(outputs[0]["name"], "stride_8");
    assert_eq!(outputs[0]["shape"], json!([2, 27, 8, 12]));
    assert_eq!(outputs[1]["shape"], json!([2, 58, 2, 3]));
    let (header, values) = read_npy(&format!("{folder}/stride_32.npy"));
    assert!(header.contains("(2, 58, 2, 3,)"), "{header}");
    assert_eq!(values[..values.len() / 2], values[values.len() / 2..], "the same photograph twice");
    let text = rexnetc(&["run", BACKBONE, PHOTO]).exits(0);
    assert!(text.out.contains("stride_8 ") && text.out.contains("2×3"), "{text:?}");
}

#[test]
fn every_output_is_verified_and_may_be_expected() {
    let directory = scratch("outputs");
    let input = file(&directory, "x.npy", npy(&header(&[1, 3, 64, 96]), &bytes_of(&[0.5; 3 * 64 * 96])));
    let folder = directory.join("maps").into_os_string().into_string().unwrap();
    rexnetc(&["run", BACKBONE, "--input", &input, "--output", &folder]).exits(0);
    let expect = format!("stride_32={folder}/stride_32.npy");
    let arguments = ["verify", BACKBONE, "--backend", "interpret", "--input", &input, "--expect", &expect];
    let report = rexnetc(&[&arguments[..], &["--json"]].concat()).exits(0).json();
    let named = |output: &str, against: &str| {
        report["checks"]
            .as_array()
            .unwrap()
            .iter()
            .any(|check| check["output"] == output && check["against"] == against)
    };
    assert!(
        named("stride_8", "reference") && named("stride_32", "expected") && !named("stride_8", "expected")
    );

    let unnamed = format!("{folder}/stride_32.npy");
    let refused = rexnetc(&["verify", BACKBONE, "--input", &input, "--expect", &unnamed]).exits(1);
    assert!(refused.err.contains("RX0706") && refused.err.contains("stride_8, stride_32"), "{refused:?}");
    let swapped = format!("stride_8={unnamed}");
    let refused = rexnetc(&["bench", BACKBONE, "--input", &input, "--expect", &swapped]).exits(1);
    assert!(refused.err.contains("RX0704"), "{refused:?}");
}

#[test]
fn labels_may_come_with_weights() {
    let directory = scratch("weights_labels");
    let fixture = fixture(&directory, "rexnet_narrow");
    let content = std::fs::read(&fixture.weights).unwrap();
    let names = |word: &str| -> String { (0..10).map(|class| format!("{word} {class}\n")).collect() };
    let tensors = SafeTensors::deserialize(&content).unwrap();
    let metadata = HashMap::from([("labels".to_owned(), names("inside"))]);
    let with_labels = safetensors::serialize(tensors.tensors(), Some(metadata)).unwrap();
    let bare = file(&directory, "bare.safetensors", &content);
    let labelled = file(&directory, "labelled.safetensors", with_labels);

    let run = |weights: &str| rexnetc(&["run", &fixture.net, PHOTO, "--weights", weights]).exits(0).out;
    assert_eq!(run(&bare).matches("  class ").count(), 5);
    assert_eq!(run(&labelled).matches("  inside ").count(), 5);
    file(&directory, "bare.labels", names("beside"));
    assert_eq!(run(&bare).matches("  beside ").count(), 5);
}
