//! Texts that are nothing, or nearly something: the parsers refuse or accept, and never panic; what is accepted
//! can be verified, rewritten and lowered without a panic.

use crate::choices::Choices;
use proptest::prelude::*;
use rexnet_codegen::loops;
use rexnet_codegen::lower::lower;
use rexnet_codegen::target::Target;
use rexnet_ir::graph::{self, Graph};
use rexnet_ir::{passes, spec};
use std::fmt::Write;
use std::path::Path;

/// Larger tensors would take long to lower, since borders are cut position by position.
const SMALL: usize = 1 << 16;

fn read_graph(text: &str) {
    let Ok(mut graph) = graph::parse(text) else { return };
    assert!(graph::parse(&graph.to_string()).is_ok(), "{graph}");
    let elements = |graph: &Graph| graph.order().into_iter().map(|id| graph.node(id).ty.elements()).max();
    if elements(&graph) < Some(SMALL) && passes::run(&mut graph).is_ok() {
        let _ = lower(&graph, &Target::AVX512);
    }
}

fn read_loops(text: &str) {
    let Ok(kernel) = loops::parse(text) else { return };
    let verified = loops::verify(&kernel).is_ok();
    // Text that claims more lanes or bytes than there are is printed as it was.
    let again = loops::parse(&kernel.to_string());
    assert!(again.is_ok_and(|again| !verified || again == kernel), "{kernel}");
}

fn read_everything(text: &str) {
    read_graph(text);
    read_loops(text);
    let _ = spec::parse_network(text);
}

/// The files of the file tests, the presets, and where they may be damaged.
fn samples() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files");
    let mut texts: Vec<String> = spec::PRESETS.iter().map(|preset| preset.source.to_owned()).collect();
    for folder in ["graph", "graph-errors", "run", "loops", "loops-errors"] {
        let mut paths: Vec<_> =
            std::fs::read_dir(root.join(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        texts.extend(paths.into_iter().map(|path| std::fs::read_to_string(path).unwrap()));
    }
    texts
}

/// What damages are made of: the tokens of the languages, and numbers at the edges.
const TOKENS: &[&str] = &[
    "0",
    "1",
    "-1",
    "64",
    "65",
    "4294967296",
    "9223372036854775807",
    "-9223372036854775808",
    "1e400",
    "nan",
    "inf",
    "0x7fc00000",
    "%0",
    "%1",
    "@x",
    "@\"",
    "\"",
    "\\",
    "[",
    "]",
    "(",
    ")",
    "{",
    "}",
    ",",
    ":",
    "=",
    ";",
    "..",
    "*",
    "+",
    "f32",
    "f32x8",
    "i32x1",
    "f32x0",
    "nchw",
    "nhwc8",
    "true",
    "relu",
    "load",
    "select",
    "less",
    "unroll",
    "relayout",
    "concat",
    "constant",
    "output",
    "\n",
    "é",
    "\u{301}",
    "\0",
];

fn damage(text: &str, choices: &mut Choices) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    for _ in 0..=choices.below(4) {
        let length = characters.len();
        // Two choices, since a choice is below 65536.
        let at = (choices.below(1 << 16) * (1 << 8) + choices.below(1 << 8)) % (length + 1);
        let end = (at + choices.below(12)).min(length);
        match choices.below(4) {
            0 => drop(characters.drain(at..end)),
            1 => drop(characters.splice(at..end, choices.one_of(TOKENS).chars())),
            2 => drop(characters.splice(at..at, choices.one_of(TOKENS).chars())),
            _ => {
                let piece = characters[at..end].to_vec();
                let elsewhere = choices.below(length + 1);
                drop(characters.splice(elsewhere..elsewhere, piece));
            }
        }
    }
    characters.into_iter().collect()
}

proptest! {
    #![proptest_config(crate::cases(512))]

    #[test]
    fn random_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        read_everything(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn random_tokens(tokens in proptest::collection::vec(proptest::sample::select(TOKENS), 0..60)) {
        read_everything(&tokens.join(" "));
        read_everything(&format!("graph @g {{\n{}\n}}", tokens.join(" ")));
        read_everything(&format!("kernel k {{\n  buffer f32: out f32[64] @64\n{}\n}}", tokens.join(" ")));
    }
}

#[test]
fn damaged_files() {
    let samples = samples();
    let strategy = (0..samples.len(), Choices::strategy(30));
    let mut runner = proptest::test_runner::TestRunner::new(crate::cases(4096));
    runner
        .run(&strategy, |(index, mut choices)| {
            read_everything(&damage(&samples[index], &mut choices));
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
}

/// As long a chain as the text's limit allows: nothing recurses along it.
#[test]
fn long_chains() {
    let mut text = "graph @g {\n%0 = input() @0 : f32[8] nchw\n".to_owned();
    let length = 200_000;
    for node in 1..length {
        writeln!(text, "%{node} = activate(%{}) {{function=relu}} @{node} : f32[8] nchw", node - 1).unwrap();
    }
    writeln!(text, "output @y = %{}\n}}", length - 1).unwrap();
    assert_eq!(graph::parse(&text).map(|graph| graph.len()), Ok(length));
}
