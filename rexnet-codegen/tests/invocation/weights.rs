//! The file that `weights = "…"` names.

use crate::expand;
use rexnet_codegen::driver::{self, Weights};
use rexnet_codegen::invocation::Macro::{Network, Rexnet};
use std::fs;
use std::path::PathBuf;

/// A folder of files, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let name = format!("rexnet-invocation-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn packed(spec: &str) -> Vec<u8> {
    driver::compile(driver::Request::new(spec, Weights::Zeros)).unwrap().weights.to_rxw()
}

#[test]
fn only_the_right_file_is_accepted_and_others_say_how_to_make_it() {
    let folder = Folder::new();
    let right = packed("rexnet(width = 0.5, size = 32)");
    let changed = |at: usize| {
        let mut file = right.clone();
        file[at] ^= 1;
        file
    };
    let tensors = b"\x02\0\0\0\0\0\0\0{}";
    for (name, content) in [
        ("right.rxw", &right[..]),
        ("other.rxw", &packed("rexnet(width = 0.6, size = 32)")),
        ("cut.rxw", &right[..right.len() - 4]),
        ("long.rxw", &[&right[..], &[0; 4]].concat()),
        ("header.rxw", &right[..63]),
        ("empty.rxw", b""),
        ("magic.rxw", &changed(0)),
        ("version.rxw", &changed(8)),
        ("layout.rxw", &changed(16)),
        ("content.rxw", &changed(100)),
        ("named.safetensors", tensors),
        ("hidden.rxw", tensors),
        ("named.pth", b""),
        ("zipped.rxw", b"PK\x03\x04"),
        ("pickled.rxw", b"\x80\x02"),
    ] {
        fs::write(folder.0.join(name), content).unwrap();
    }
    let pack = "rexnetc pack \"rexnet(width = 0.5, size = 32)\" --weights";
    // The content is not read: its checksum is checked when a network is made.
    let table: &[(&str, &str, &str, &str)] = &[
        ("right.rxw", "", "", ""),
        ("./right.rxw", "", "", ""),
        ("content.rxw", "", "", ""),
        ("none.rxw", "RX0701", "there is no file `none.rxw`", "FILE.safetensors -o none.rxw`"),
        (
            "a/none.bin",
            "RX0701",
            "there is no file",
            "a/none.bin -o a/none.rxw`; then give \"a/none.rxw\" here",
        ),
        (
            "named.safetensors",
            "RX0306",
            "holds safetensors",
            "named.safetensors -o named.rxw`; then give \"named.rxw\" here",
        ),
        ("hidden.rxw", "RX0306", "holds safetensors", "FILE.safetensors -o hidden.rxw`"),
        ("named.pth", "RX0306", "holds weights of a PyTorch checkpoint", "named.pth -o named.rxw`"),
        ("zipped.rxw", "RX0306", "PyTorch checkpoint", "FILE.safetensors -o zipped.rxw`"),
        ("pickled.rxw", "RX0306", "PyTorch checkpoint", "FILE.safetensors -o pickled.rxw`"),
        ("other.rxw", "RX0306", "packed for another network", "-o other.rxw`"),
        ("layout.rxw", "RX0306", "packed for another network", "-o layout.rxw`"),
        ("cut.rxw", "RX0306", "not as long", "-o cut.rxw`"),
        ("long.rxw", "RX0306", "not as long", "-o long.rxw`"),
        ("header.rxw", "RX0306", "is shorter than the header", "-o header.rxw`"),
        ("empty.rxw", "RX0306", "is shorter than the header", "-o empty.rxw`"),
        ("magic.rxw", "RX0306", "does not begin as packed weights do", "-o magic.rxw`"),
        ("version.rxw", "RX0306", "another version", "-o version.rxw`"),
        (".", "RX0701", "cannot be read", ""),
        ("", "RX0103", "no path", ""),
        ("/x.rxw", "RX0103", "no path", ""),
    ];
    for (path, code, cause, command) in table {
        let invocation = format!("width = 0.5, size = 32, weights = \"{path}\"");
        let found = expand(Rexnet, &invocation, Some(&folder.0)).err().unwrap_or_default();
        let [fault] = &found[..] else {
            assert!(found.is_empty() && code.is_empty(), "{path}: {found:?}");
            continue;
        };
        assert_eq!(fault.diagnostic.code.code(), *code, "{path}");
        assert!(fault.diagnostic.cause.contains(cause), "{path}: {}", fault.diagnostic);
        assert!(fault.diagnostic.help.contains(command), "{path}: {}", fault.diagnostic);
        assert_eq!(fault.diagnostic.help.contains(pack), !command.is_empty(), "{path}: {}", fault.diagnostic);
        assert_eq!(fault.span.source_text().unwrap(), format!("\"{path}\""));
    }
}

#[test]
fn a_definition_is_packed_from_a_file() {
    let folder = Folder(std::env::temp_dir().join("rexnet-invocation-none"));
    let found = expand(Network, "network tiny { input: [3, 8, 8] }, weights = \"x.rxw\"", Some(&folder.0));
    let found = found.err().unwrap_or_default();
    let help = &found.last().unwrap().diagnostic.help;
    assert!(help.contains("rexnetc pack tiny.rexnet --weights FILE.safetensors -o x.rxw"), "{help}");
}

#[test]
fn without_cargo_there_is_no_crate() {
    let found = expand(Rexnet, "weights = \"x.rxw\"", None).err().unwrap_or_default();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].diagnostic.code.code(), "RX0701");
}
