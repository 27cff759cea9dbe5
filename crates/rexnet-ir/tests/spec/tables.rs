//! Published networks: widths, parameters and multiply-accumulates.
//!
//! The figures of ReXNet are those of timm 1.0.31 and of clovaai/rexnet, which agree; of depths other than 1 and
//! of EfficientNet-Lite, those of timm 1.0.31.

use rexnet_ir::graph::{Counts, Graph};
use rexnet_ir::spec::{Network, PRESETS, expand, parse_network, parse_network_with};
use std::path::Path;

fn network(source: &str) -> Network {
    parse_network(source).unwrap_or_else(|faults| panic!("{source}: {faults}"))
}

fn graph(network: &Network) -> Graph {
    let graph = expand(network, 1).unwrap_or_else(|faults| panic!("{network}: {faults}"));
    graph.verify().unwrap_or_else(|faults| panic!("{network}: {faults}"));
    graph
}

fn widths(network: &Network) -> Vec<usize> {
    network.blocks.iter().map(|block| block.channels).collect()
}

struct Published {
    width: f64,
    stem: usize,
    blocks: [usize; 16],
    gates: [usize; 13],
    penultimate: usize,
    parameters: u64,
    macs: u64,
}

const REXNET: &[Published] = &[
    Published {
        width: 0.5,
        stem: 32,
        blocks: [16, 22, 27, 33, 38, 44, 50, 55, 61, 67, 72, 78, 84, 89, 95, 100],
        gates: [13, 16, 19, 22, 25, 27, 30, 33, 36, 39, 42, 44, 47],
        penultimate: 640,
        parameters: 1_790_471,
        macs: 186_920_890,
    },
    Published {
        width: 0.6,
        stem: 32,
        blocks: [16, 23, 30, 36, 43, 50, 56, 63, 70, 77, 84, 90, 97, 104, 111, 117],
        gates: [15, 18, 21, 25, 28, 31, 35, 38, 42, 45, 48, 52, 55],
        penultimate: 768,
        parameters: 2_289_825,
        macs: 222_524_978,
    },
    Published {
        width: 0.7,
        stem: 32,
        blocks: [16, 24, 32, 40, 48, 55, 63, 71, 79, 87, 95, 103, 110, 118, 126, 134],
        gates: [16, 20, 24, 27, 31, 35, 39, 43, 47, 51, 55, 59, 63],
        penultimate: 896,
        parameters: 2_832_470,
        macs: 260_859_188,
    },
    Published {
        width: 0.9,
        stem: 32,
        blocks: [16, 26, 36, 46, 56, 67, 77, 87, 97, 107, 117, 127, 138, 148, 158, 168],
        gates: [18, 23, 28, 33, 38, 43, 48, 53, 58, 63, 69, 74, 79],
        penultimate: 1152,
        parameters: 4_091_257,
        macs: 347_691_428,
    },
    Published {
        width: 1.0,
        stem: 32,
        blocks: [16, 27, 38, 50, 61, 72, 84, 95, 106, 117, 128, 140, 151, 162, 174, 185],
        gates: [19, 25, 30, 36, 42, 47, 53, 58, 64, 70, 75, 81, 87],
        penultimate: 1280,
        parameters: 4_796_873,
        macs: 398_370_392,
    },
    Published {
        width: 1.3,
        stem: 42,
        blocks: [21, 35, 50, 65, 79, 94, 109, 123, 138, 152, 167, 182, 196, 211, 226, 240],
        gates: [25, 32, 39, 47, 54, 61, 69, 76, 83, 91, 98, 105, 113],
        penultimate: 1664,
        parameters: 7_557_091,
        macs: 662_229_098,
    },
    Published {
        width: 1.5,
        stem: 48,
        blocks: [24, 41, 58, 75, 92, 108, 125, 142, 159, 176, 193, 210, 226, 243, 260, 277],
        gates: [29, 37, 46, 54, 62, 71, 79, 88, 96, 105, 113, 121, 130],
        penultimate: 1920,
        parameters: 9_728_593,
        macs: 875_828_154,
    },
    Published {
        width: 2.0,
        stem: 64,
        blocks: [32, 54, 77, 100, 122, 144, 167, 190, 212, 234, 257, 280, 302, 324, 347, 370],
        gates: [38, 50, 61, 72, 83, 95, 106, 117, 128, 140, 151, 162, 173],
        penultimate: 2560,
        parameters: 16_366_620,
        macs: 1_528_850_782,
    },
    Published {
        width: 2.2,
        stem: 70,
        blocks: [35, 60, 85, 109, 134, 159, 184, 208, 233, 258, 283, 307, 332, 357, 382, 406],
        gates: [42, 54, 67, 79, 92, 104, 116, 129, 141, 153, 166, 178, 191],
        penultimate: 2816,
        parameters: 19_485_308,
        macs: 1_842_508_176,
    },
    Published {
        width: 3.0,
        stem: 96,
        blocks: [48, 82, 116, 149, 183, 217, 250, 284, 318, 352, 386, 419, 453, 487, 520, 554],
        gates: [58, 74, 91, 108, 125, 142, 159, 176, 193, 209, 226, 243, 260],
        penultimate: 3840,
        parameters: 34_708_792,
        macs: 3_395_980_620,
    },
];

#[test]
fn rexnet_has_the_published_widths_and_counts() {
    for row in REXNET {
        let network = network(&format!("rexnet(width = {:?})", row.width));
        assert_eq!(network.stem.channels, row.stem, "{network}");
        assert_eq!(widths(&network), row.blocks, "{network}");
        let gates: Vec<usize> =
            network.blocks.iter().filter_map(|block| Some(block.squeeze_excite.as_ref()?.channels)).collect();
        assert_eq!(gates, row.gates, "{network}");
        assert_eq!(
            network.penultimate.as_ref().map(|last| last.channels),
            Some(row.penultimate),
            "{network}"
        );
        let counts = Counts { parameters: row.parameters, multiply_accumulates: row.macs };
        assert_eq!(graph(&network).counts(), counts, "{network}");
    }
}

/// Width, depth, parameters.
const SCALED: &[(f64, f64, u64)] = &[
    (1.0, 1.1, 6_317_185),
    (1.0, 1.4, 7_098_632),
    (1.3, 1.2, 10_116_046),
    (0.7, 2.0, 5_084_884),
    (2.0, 0.5, 10_374_952),
    (1.1, 3.0, 15_561_623),
    (1.7, 1.0, 12_184_038),
    (0.35, 1.0, 1_141_736),
];

#[test]
fn rexnet_scales_in_depth() {
    for &(width, depth, parameters) in SCALED {
        let network = network(&format!("rexnet(width = {width}, depth = {depth})"));
        assert_eq!(graph(&network).counts().parameters, parameters, "{network}");
    }
    let deep = network("rexnet(depth = 1.1)");
    let expected =
        [16, 24, 32, 41, 49, 57, 65, 73, 81, 90, 98, 106, 114, 122, 131, 139, 147, 155, 163, 171, 180, 188];
    assert_eq!(widths(&deep), expected);
}

#[test]
fn classes_and_size_are_arguments() {
    let network = network("rexnet(classes = 10, size = 96)");
    assert_eq!((network.classes, network.input), (10, [3, 96, 96]));
    let counts = graph(&network).counts();
    assert_eq!(counts.parameters, 4_796_873 - 990 * 1281);
}

/// Width, depth, size, parameters.
const LITE: &[(f64, f64, usize, u64)] = &[
    (1.0, 1.0, 224, 4_652_008),
    (1.0, 1.1, 240, 5_416_680),
    (1.1, 1.2, 260, 6_092_072),
    (1.2, 1.4, 300, 8_197_096),
    (1.4, 1.8, 380, 13_006_568),
];

#[test]
fn efficientnet_lite_has_the_published_counts() {
    for &(width, depth, size, parameters) in LITE {
        let source = format!("efficientnet_lite0(width = {width}, depth = {depth}, size = {size})");
        assert_eq!(graph(&network(&source)).counts().parameters, parameters, "{source}");
    }
    let lite0 = network("efficientnet_lite0");
    assert_eq!(widths(&lite0), [16, 24, 24, 40, 40, 80, 80, 80, 112, 112, 112, 192, 192, 192, 192, 320]);
}

/// Each file of `networks/` says its counts in a comment.
#[test]
fn other_networks_have_the_published_counts() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/spec/networks");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let source = std::fs::read_to_string(&path).unwrap();
        let counts = graph(&network(&source)).counts();
        let line = format!(
            "// {} parameters, {} multiply-accumulates",
            counts.parameters, counts.multiply_accumulates
        );
        assert!(source.lines().any(|known| known == line), "{}: {line}", path.display());
        seen += 1;
    }
    assert_eq!(seen, 5);
}

/// timm's `rexnetr_*`: width, divisor, parameters, multiply-accumulates.
const REXNET_R: &[(f64, f64, u64, u64)] = &[
    (1.0, 8.0, 4_883_304, 418_899_408),
    (1.3, 8.0, 7_608_080, 661_005_776),
    (1.5, 8.0, 9_782_256, 872_390_256),
    (2.0, 8.0, 16_522_432, 1_559_353_712),
    (3.0, 16.0, 34_810_008, 3_343_674_720),
];

#[test]
fn rexnet_r_differs_by_a_rounding_rule() {
    let source = include_str!("networks/rexnet_r.rexnet");
    for &(width, divisor, parameters, multiply_accumulates) in REXNET_R {
        let network = parse_network_with(source, &[("width", width), ("divisor", divisor)]).unwrap();
        assert_eq!(graph(&network).counts(), Counts { parameters, multiply_accumulates }, "{network}");
    }
}

#[test]
fn presets_are_named_like_their_networks() {
    for preset in PRESETS {
        assert_eq!(network(preset.name).name, preset.name);
        assert_eq!(network(preset.name), network(preset.source));
    }
}

#[test]
fn a_call_has_several_spellings() {
    let half = network("rexnet(width = 0.5)");
    for source in [
        "rexnet<width = 0.5>",
        "<width=0.5>",
        "(width = 0.5)",
        "(<width=0.5,>)",
        "rexnet (width = 1 / 2,) // half",
    ] {
        assert_eq!(network(source), half, "{source}");
    }
    assert_eq!(network("()"), network("rexnet"));
    assert_eq!(parse_network_with("rexnet(width = 3)", &[("width", 0.5)]).unwrap(), half);
    assert_eq!(network(&half.to_string()), half);
}

#[test]
fn tokens_mean_the_same_as_text() {
    let tokens = "rexnet(width = 2)".parse().unwrap();
    assert_eq!(rexnet_ir::spec::parse_tokens(tokens).unwrap(), network("rexnet(width = 2)"));
}

/// All forms of a schedule, spelling the same widths.
#[test]
fn schedules_have_several_forms() {
    let spell = |channels: &str| {
        let source = format!(
            "network forms {{
                input: [3, 32, 32], classes: 2, batch_norm: {{ epsilon: 1e-5 }},
                stem: {{ channels: 8, kernel: 3, stride: 2, activation: relu }},
                blocks: {{
                    repeats: [1, 2, 1], channels: {channels}, expand: {{ ratio: 2, activation: relu }},
                    depthwise: {{ kernel: 3, stride: [1, 2, 2], activation: none }}, shortcut: prefix,
                }},
            }}"
        );
        widths(&network(&source))
    };
    assert_eq!(spell("12"), [12, 12, 12, 12]);
    assert_eq!(spell("[8, 16, 24]"), [8, 16, 16, 24]);
    for channels in ["[8, 16, 24, 32]", "linear(8, 8)", "8 + 8 * i", "8 * [1, 2, 3, 4]", "32 * (i + 1) / n"] {
        assert_eq!(spell(channels), [8, 16, 24, 32], "{channels}");
    }
}
