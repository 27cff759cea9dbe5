//! One rule of names at the entrances that take a path: the ending says what a file is, whatever its case.

use crate::expand;
use rexnet_codegen::build::Build;
use rexnet_codegen::driver::Source;
use rexnet_codegen::emit::rust::Version;
use rexnet_codegen::invocation::Macro::Network;
use std::ffi::OsString;
use std::fs;
use std::path::Path;

const SPEC: &str = "rexnet(width = 0.25, size = 32, classes = 10)";

/// The names of files with a network in them, and what is in them.
fn files() -> Vec<(OsString, Vec<u8>)> {
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/onnx/rexnet_dynamo_18.onnx");
    let model = fs::read(model).unwrap();
    let mut files: Vec<(OsString, Vec<u8>)> = Vec::new();
    for name in ["net.rexnet", "NET.REXNET", "two words.Rexnet"] {
        files.push((name.into(), SPEC.into()));
    }
    for name in ["net.onnx", "NET.ONNX", "net.v2.Onnx"] {
        files.push((name.into(), model.clone()));
    }
    #[cfg(target_os = "linux")]
    {
        use std::os::unix::ffi::OsStringExt;
        files.push((OsString::from_vec(b"net\xff.Onnx".to_vec()), model));
    }
    files
}

#[test]
fn every_entrance_knows_files_by_their_endings() {
    let folder = std::env::temp_dir().join(format!("rexnet-names-{}", std::process::id()));
    for (name, content) in files() {
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join(&name);
        fs::write(&path, content).unwrap();
        assert!(Source::open(&path).is_ok(), "{name:?}");
        let built = Build::new().net(&path).targets(&[Version::Portable]).out_dir(&folder).write();
        assert!(built.is_ok(), "{name:?}: {built:?}");
        // A literal of Rust is text.
        if let Some(name) = name.to_str() {
            let expanded = expand(Network, &format!("{name:?}"), Some(&folder));
            assert!(expanded.is_ok(), "{name}: {:?}", expanded.err());
        }
        fs::remove_dir_all(&folder).unwrap();
    }
}
