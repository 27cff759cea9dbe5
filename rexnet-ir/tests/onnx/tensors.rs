//! Weights written as safetensors are those that were bound.

use crate::files::seeded;
use rexnet_ir::graph::{Op, same};
use rexnet_ir::weights::{load, to_safetensors};
use rexnet_ir::{passes, spec};

#[test]
fn weights_are_bound_again_bit_for_bit() {
    for text in ["rexnet(width = 0.3, classes = 10)", "efficientnet_lite0(width = 0.5, classes = 10)"] {
        let graph = seeded(text, 1, 5);
        let file = to_safetensors(&graph).unwrap();
        assert_eq!(to_safetensors(&graph).unwrap(), file, "{text}: not deterministic");
        let mut bare = spec::expand(&spec::parse_network(text).unwrap(), 1).unwrap();
        let loaded = load(&mut bare, None, &file.clone().into()).unwrap();
        assert_eq!(loaded.unused, Vec::<String>::new(), "{text}");
        same(&graph, &bare).unwrap_or_else(|difference| panic!("{text}: {difference}"));
        for node in graph.order().into_iter().map(|id| graph.node(id)).filter(|node| node.op == Op::Constant)
        {
            assert_eq!(graph.constant(&node.name), bare.constant(&node.name), "{text}: {}", node.name);
        }
        assert_eq!(to_safetensors(&bare).unwrap(), file, "{text}");
    }
}

#[test]
fn folded_weights_can_be_written() {
    let mut graph = seeded("rexnet(width = 0.3, classes = 10)", 1, 5);
    passes::run_logical(&mut graph).unwrap();
    let file = to_safetensors(&graph).unwrap();
    assert_eq!(load(&mut graph.clone(), None, &file.into()).unwrap().unused, Vec::<String>::new());
}

#[test]
fn missing_weights_are_all_named() {
    let graph = spec::expand(&spec::parse_network("rexnet").unwrap(), 1).unwrap();
    let faults = to_safetensors(&graph).unwrap_err();
    let constants = graph.order().into_iter().filter(|&id| graph.node(id).op == Op::Constant).count();
    assert_eq!(faults.list.len(), constants);
    assert!(faults.list.iter().all(|fault| fault.code.code() == "RX0302"), "{faults}");
}
