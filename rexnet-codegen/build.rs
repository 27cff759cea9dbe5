//! `REXNET_COMPILER`: a number that changes with the compiler's sources, by which machine code on a disk is told from
//! what this compiler would make.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

fn main() {
    let mut files = Vec::new();
    // The other crate stands beside this one in the repository; elsewhere its version is fixed by ours.
    for folder in ["src", "../rexnet-ir/src", "../rexnet-ir/presets"] {
        println!("cargo::rerun-if-changed={folder}");
        collect(Path::new(folder), &mut files);
    }
    files.sort();
    let mut hasher = DefaultHasher::new();
    std::env::var("CARGO_PKG_VERSION").ok().hash(&mut hasher);
    for file in files {
        std::fs::read(file).ok().hash(&mut hasher);
    }
    println!("cargo::rustc-env=REXNET_COMPILER={}", hasher.finish());
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() { collect(&path, files) } else { files.push(path) }
    }
}
