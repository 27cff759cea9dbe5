//! The files that name the classes and say how photographs become the input.

use crate::{expand, faults};
use rexnet_codegen::invocation::Macro::{Network, Rexnet};
use std::fs;
use std::path::Path;

const FIELDS: &str = "{ geometry: resize_then_crop(20), interpolation: bilinear, scale: 255, mean: [0, 0, 0], std: [1, 1, 1] }";

/// A crate with one model of five classes, and a file of every kind that can be named.
fn in_crate(work: impl FnOnce(&Path)) {
    let name = format!("rexnet-sidecars-{}-{:?}", std::process::id(), std::thread::current().id());
    let folder = std::env::temp_dir().join(name);
    fs::create_dir_all(&folder).unwrap();
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/onnx/rexnet_dynamo_18.onnx");
    fs::copy(model, folder.join("pets.onnx")).unwrap();
    for (name, content) in [
        ("right.preprocess", FIELDS),
        ("wrong.preprocess", "{ geometry: resize_then_crop(2), scale: 255 }"),
        ("five.labels", "cat\ndog\nhen\ncow\npig\n"),
    ] {
        fs::write(folder.join(name), content).unwrap();
    }
    work(&folder);
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn files_beside_a_model_are_read() {
    in_crate(|folder| {
        let alone = expand(Network, "\"pets.onnx\"", Some(folder)).unwrap();
        assert!(!alone.contains("LABELS") && !alone.contains("fn classify"));
        fs::copy(folder.join("five.labels"), folder.join("pets.labels")).unwrap();
        fs::copy(folder.join("right.preprocess"), folder.join("pets.preprocess")).unwrap();
        let beside = expand(Network, "\"pets.onnx\"", Some(folder)).unwrap();
        assert!(beside.contains("LABELS") && beside.contains("fn classify"));
        // Cargo compiles again when one of them changes.
        assert!(beside.contains("\"/pets.labels\"") && beside.contains("\"/pets.preprocess\""));
        let named = "\"pets.onnx\", labels = \"five.labels\", preprocess = \"right.preprocess\"";
        let named = expand(Network, named, Some(folder)).unwrap();
        let other = |text: &str| text.replace("five.", "pets.").replace("right.", "pets.");
        assert_eq!(other(&named), beside);
    });
}

/// A file that nobody named may be for another program.
#[test]
fn labels_of_several_outputs_are_a_fault_where_they_are_named() {
    in_crate(|folder| {
        let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/onnx_operators");
        fs::copy(models.join("pools_script.onnx"), folder.join("pools.onnx")).unwrap();
        fs::copy(folder.join("five.labels"), folder.join("pools.labels")).unwrap();
        assert!(!expand(Network, "\"pools.onnx\"", Some(folder)).unwrap().contains("LABELS"));
        let found = faults(Network, "\"pools.onnx\", labels = \"pools.labels\"", Some(folder));
        assert_eq!(found, [("RX0705".to_owned(), "1:24 \"pools.labels\"".to_owned())]);
    });
}

#[test]
fn what_cannot_be_used_is_a_fault_at_its_token() {
    in_crate(|folder| {
        fs::write(folder.join("pets.preprocess"), "{ scale: 1 }").unwrap();
        let path = "1:38 \"right.preprocess\"";
        for (invoked, invocation, expected) in [
            // The file beside the model: at the model.
            (Network, "\"pets.onnx\"", vec![("RX0104", "1:1 \"pets.onnx\"")]),
            (
                Network,
                "\"pets.onnx\", preprocess = \"wrong.preprocess\"",
                vec![("RX0103", "1:27 \"wrong.preprocess\"")],
            ),
            (
                Network,
                "\"pets.onnx\", preprocess = \"none.preprocess\"",
                vec![("RX0701", "1:27 \"none.preprocess\"")],
            ),
            (Network, "\"pets.onnx\", preprocess = { scale: 1 }", vec![("RX0103", "1:27 { scale: 1 }")]),
            // Photographs that cannot be classified.
            (
                Rexnet,
                "size = 32, batch = 4, preprocess = \"right.preprocess\"",
                vec![("RX0103", "1:36 \"right.preprocess\"")],
            ),
            (Rexnet, "size = 32, std = false, preprocess = \"right.preprocess\"", vec![("RX0103", path)]),
        ] {
            let mut found = faults(invoked, invocation, Some(folder));
            found.dedup();
            let expected: Vec<(String, String)> =
                expected.iter().map(|(code, place)| ((*code).to_owned(), (*place).to_owned())).collect();
            assert!(found.starts_with(&expected), "{invocation}: {found:?}");
        }
    });
}
