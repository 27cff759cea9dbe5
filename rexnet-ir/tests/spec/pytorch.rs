//! Modules of PyTorch. What they compute is compared by `tests/fixtures/check_pytorch.py`, which needs torch; here their
//! text is, with the files in `pytorch/`. With `REXNET_BLESS=1` in the environment those are written anew.

use rexnet_ir::spec::{PRESETS, parse_network, pytorch};
use std::path::Path;

fn module(source: &str) -> String {
    pytorch(&parse_network(source).unwrap_or_else(|faults| panic!("{source}: {faults:?}"))).unwrap()
}

#[test]
fn modules_read_as_their_files() {
    for (name, source) in [
        ("rexnet", "rexnet"),
        ("detector", "rexnet_ssdlite(width = 0.5, classes = 4)"),
        ("everything", include_str!("pytorch/everything.rexnet")),
    ] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/spec/pytorch/{name}.py"));
        let text = module(source);
        if std::env::var_os("REXNET_BLESS").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let expected = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(text == expected, "{} differs; REXNET_BLESS=1 writes it anew:\n{text}", path.display());
    }
}

#[test]
fn rexnet_is_read_in_one_sitting() {
    let lines = module("rexnet").lines().count();
    assert!(lines < 200, "{lines} lines");
}

#[test]
fn every_preset_is_a_module_of_short_lines() {
    for preset in PRESETS {
        let classes = ["", "features = [8, 32], classifier = false, ", "padding = same, input = [97, 64], "];
        for more in classes {
            let source = format!("{}({more})", preset.name);
            let Ok(network) = parse_network(&source) else {
                assert!(!more.is_empty(), "{source}");
                continue;
            };
            let text = pytorch(&network).unwrap();
            assert_eq!(text, pytorch(&network).unwrap(), "{source}");
            for line in text.lines() {
                assert!(line.len() <= 120 && line.trim_end() == line, "{source}: {line}");
            }
        }
    }
}

/// A network needs no class and no row for what it does not have.
#[test]
fn nothing_is_printed_that_the_network_does_not_need() {
    let text = module("mobilenet_v2");
    for absent in [
        "torch.cat",
        "SqueezeExcite",
        "MixedConvBn",
        "SameConv2d",
        "import torch\n",
        "gate",
        "groups: int = 1  ",
    ] {
        assert!(!text.contains(absent), "{absent}");
    }
    let text = module("fbnet_c(features = [4], classifier = false)");
    for absent in ["Head", "Linear", "dropout", "self, classes"] {
        assert!(!text.contains(absent), "{absent}");
    }
    // Blocks that no output depends on.
    assert_eq!(text.matches("    Row(").count() + text.matches("None,  # the identity").count(), 5, "{text}");
}

#[test]
fn a_network_of_identities_alone_has_no_rows() {
    let source = "network same {
        input: [3, 8, 8], classes: 2, batch_norm: { epsilon: 1e-5 },
        stem: { channels: 4, kernel: 1, stride: 1, activation: none },
        blocks: {
            repeats: [2], channels: 4, expand: { ratio: 1, activation: none },
            depthwise: { kernel: 3, stride: 1, activation: none }, shortcut: none, identity: true,
        },
    }";
    let text = module(source);
    assert!(text.contains("nn.Sequential(*[nn.Identity() for _ in range(2)])"), "{text}");
    assert!(!text.contains("Row") && !text.contains("Block"), "{text}");
}
