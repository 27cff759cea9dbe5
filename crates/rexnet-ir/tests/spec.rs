//! The spec language: tables of published networks, names of tensors, faults, and properties.
use rexnet_ir::spec::{expand, parse_network};

#[test]
fn first() {
    for source in ["rexnet", "efficientnet_lite0", "<width = 0.5>", "rexnet<width=3.0>", "(width = 2)"] {
        let network = parse_network(source).unwrap_or_else(|e| panic!("{source}: {e}"));
        let graph = expand(&network, 1).unwrap();
        graph.verify().unwrap();
        println!(
            "{network} {:?} {:?}",
            graph.counts(),
            network.blocks.iter().map(|b| b.channels).collect::<Vec<_>>()
        );
    }
}
