//! Every published network, block by block: `published.txt` says them as public sources do.

use rexnet_ir::graph::Activation;
use rexnet_ir::spec::network::{Block, Network};
use rexnet_ir::spec::{PRESETS, expand, parse_network};
use std::fmt::Write;

const PUBLISHED: &str = include_str!("published.txt");

fn name(activation: Option<Activation>) -> &'static str {
    activation.map_or("none", Activation::name)
}

fn block(block: &Block) -> String {
    let Block { input, expanded, channels, .. } = block;
    if block.identity {
        return format!("block: {input} identity");
    }
    let expand = block
        .expand
        .as_ref()
        .map_or("none".to_owned(), |expand| format!("{} {}", expand.groups, name(expand.activation)));
    let kernels: Vec<String> =
        block.slices.iter().map(|slice| format!("{}:{}", slice.kernel, slice.channels)).collect();
    let gate = block.squeeze_excite.as_ref().map_or("none".to_owned(), |gate| {
        let normalised = if gate.batch_norm { " normalised" } else { "" };
        format!("{} {}{normalised}", gate.channels, name(gate.activation))
    });
    let shortcut = if block.shortcut { input.to_string() } else { "none".to_owned() };
    format!(
        "block: {input} > {expanded} > {channels}; expand {expand}; kernels {}; stride {}; {}; gate {gate}; groups {}; \
         shortcut {shortcut}",
        kernels.join(" "),
        block.stride,
        name(block.activation),
        block.project_groups
    )
}

/// The epsilon as the table spells it.
fn epsilon(network: &Network) -> &'static str {
    if network.batch_norm_epsilon == 1e-5 { "1e-05" } else { "0.001" }
}

fn describe(call: &str) -> String {
    let network = parse_network(call).unwrap_or_else(|faults| panic!("{call}: {faults}"));
    let counts = expand(&network, 1).unwrap_or_else(|faults| panic!("{call}: {faults}")).counts();
    let classifier = network.classifier.as_ref().unwrap();
    let last = classifier.penultimate.as_ref().unwrap();
    let hidden = classifier.hidden.as_ref().map_or("none".to_owned(), |hidden| hidden.channels.to_string());
    let mut text = String::new();
    writeln!(text, "network: {call}{}", if network.stand_in { "; stand-in" } else { "" }).unwrap();
    writeln!(text, "counts: {} {}", counts.parameters, counts.multiply_accumulates).unwrap();
    writeln!(
        text,
        "stem: {} {}; last: {} {}; hidden: {hidden}; normalisation: {}",
        network.stem.channels,
        name(network.stem.activation),
        last.channels,
        name(last.activation),
        epsilon(&network)
    )
    .unwrap();
    for of_network in &network.blocks {
        writeln!(text, "{}", block(of_network)).unwrap();
    }
    text
}

#[test]
fn presets_are_the_published_networks() {
    let mut seen = Vec::new();
    for expected in PUBLISHED.split("\n\n").skip(1) {
        let expected = format!("{}\n", expected.trim_end());
        let line = expected.lines().next().unwrap();
        let call = line.trim_start_matches("network: ").trim_end_matches("; stand-in");
        assert_eq!(describe(call), expected);
        seen.push(call.split('(').next().unwrap().to_owned());
    }
    // EfficientNet-Lite has its counts in `tables.rs`, the detector in `detector.rs`.
    let elsewhere = |name: &str| name.starts_with("efficientnet_lite") || name.ends_with("ssdlite");
    for preset in PRESETS.iter().filter(|preset| !elsewhere(preset.name)) {
        assert!(seen.iter().any(|name| name == preset.name), "{} is not in the table", preset.name);
    }
}
