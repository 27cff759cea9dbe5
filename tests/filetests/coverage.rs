//! The files leave nothing out.

use crate::expectations::{files_of, root};
use rexnet_ir::graph::Op;
use rexnet_ir::passes::PIPELINE;

fn texts(folder: &str) -> Vec<String> {
    files_of(folder).into_iter().map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

fn folders() -> Vec<String> {
    let entries = std::fs::read_dir(root()).unwrap();
    entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
}

/// The run folder is executed by the conformance suite, the others by this binary.
#[test]
fn every_folder_has_a_test() {
    let mut folders = folders();
    folders.sort_unstable();
    let tested = [
        "asm",
        "graph",
        "graph-errors",
        "loops",
        "loops-errors",
        "lower",
        "lower-errors",
        "passes",
        "plan",
        "run",
        "rust",
    ];
    assert_eq!(folders, tested);
}

#[test]
fn every_operator_is_run_and_lowered_or_folded() {
    let all: Vec<String> = folders().iter().flat_map(|folder| texts(folder)).collect();
    for name in Op::names() {
        let spelling = format!("= {name}(");
        assert!(all.iter().any(|text| text.contains(&spelling)), "{name} stands in no file");
    }
}

#[test]
fn every_pass_acts_in_one_file_and_refuses_in_another() {
    let texts = texts("passes");
    for pass in PIPELINE {
        let head = format!("; test pass {}\n", pass.name);
        let of_pass: Vec<&String> = texts.iter().filter(|text| text.starts_with(&head)).collect();
        assert!(of_pass.iter().any(|text| text.contains("\n; acted: ")), "{} acts nowhere", pass.name);
        // What is needed is no candidate for removal: the pass has no reasons to give.
        let spares = |text: &&String| text.contains("\n; refused: ") || pass.name == "remove_dead";
        assert!(of_pass.iter().any(spares), "{} refuses nowhere", pass.name);
    }
}
