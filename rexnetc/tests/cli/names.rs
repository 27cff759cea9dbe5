//! One rule of names for every command that takes a network: the ending says what a file is, whatever its case.

use crate::binary::{SMALL, rexnetc, scratch};
use crate::model::exported;
use std::fs;

/// The commands, without what else they can be told.
const COMMANDS: &[&[&str]] = &[
    &["info"],
    &["dump"],
    &["verify", "--backend", "interpret"],
    &["bench", "--backend", "interpret", "--once"],
];

#[test]
fn every_command_knows_files_by_their_endings() {
    let folder = scratch("names");
    let model = fs::read(exported(&folder, "1").0).unwrap();
    for (name, content) in [
        ("small.rexnet", SMALL.as_bytes()),
        ("SMALL.REXNET", SMALL.as_bytes()),
        ("two words.Rexnet", SMALL.as_bytes()),
        ("small.onnx", &model),
        ("SMALL.ONNX", &model),
        ("small.v2.Onnx", &model),
    ] {
        let path = folder.join(name);
        fs::write(&path, content).unwrap();
        for command in COMMANDS {
            let (verb, options) = command.split_first().unwrap();
            rexnetc(&[&[*verb, path.to_str().unwrap()], options].concat()).exits(0);
        }
    }
    let output = folder.to_str().unwrap();
    for name in ["SMALL.REXNET", "SMALL.ONNX"] {
        let path = folder.join(name);
        rexnetc(&["compile", path.to_str().unwrap(), "--emit", "graph", "-o", output]).exits(0);
    }
    rexnetc(&["check", folder.join("SMALL.ONNX").to_str().unwrap()]).exits(0);
}
