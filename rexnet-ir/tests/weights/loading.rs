//! Weights files bound to a graph.

use crate::check::fixture;
use rexnet_ir::graph::{Graph, parse};
use rexnet_ir::weights::{Entry, StateDict, load};

/// A dense layer with weights of that name.
fn dense(weight: &str) -> Graph {
    let text = format!(
        "graph @g {{
            %0 = input() @x : f32[1,4] nchw
            %1 = constant() @{weight} : f32[2,4] nchw
            %2 = dense(%0, %1) @y : f32[1,2] nchw
            output @y = %2
        }}"
    );
    parse(&text).unwrap_or_else(|faults| panic!("{faults}"))
}

/// A batch norm whose constants have these names.
fn norm(names: [&str; 4], channels: usize) -> Graph {
    let mut text = format!("graph @g {{\n%0 = input() @x : f32[1,{channels},1,1] nchw\n");
    for (at, name) in names.iter().enumerate() {
        text += &format!("%{} = constant() @{name} : f32[{channels}] nchw\n", at + 1);
    }
    text += &format!(
        "%5 = batch_norm(%0, %1, %2, %3, %4) {{epsilon=0.00001}} @y : f32[1,{channels},1,1] nchw\noutput @y = %5\n}}"
    );
    parse(&text).unwrap_or_else(|faults| panic!("{text}: {faults}"))
}

#[test]
fn checkpoints_are_bound_by_name() {
    for name in ["network.zip.pth", "network.pickle.pth", "trained.zip.pth", "trained.pickle.pth"] {
        let file = fixture(name).into();
        let mut graph = dense("fc.weight");
        let loaded = load(&mut graph, None, &file).unwrap_or_else(|faults| panic!("{name}: {faults}"));
        let Some(Entry::Float(expected)) = StateDict::read(&file).unwrap().get("fc.weight").cloned() else {
            panic!("{name} has no such tensor")
        };
        assert_eq!(graph.constant("fc.weight"), Some(&expected), "{name}");
        // The counter of training steps is not listed.
        let rest = ["bn.bias", "bn.running_mean", "bn.running_var", "bn.weight", "conv.weight", "fc.bias"];
        assert_eq!(loaded.unused, rest, "{name}");
    }
}

#[test]
fn what_does_not_fit_is_told_as_of_safetensors() {
    let elements = ["float32", "int64", "float16", "bool"];
    let rows = [
        (dense("fc.wight"), "network", "RX0302", "fc.weight"),
        (dense("conv.weight"), "network", "RX0303", "[4, 3, 3, 3]"),
        (norm(elements, 4), "elements", "RX0303", "[3, 4]"),
        (norm(["int64", "int32", "uint8", "bool"], 3), "elements", "RX0304", "I64"),
    ];
    for (graph, name, code, word) in rows {
        for file in ["zip.pth", "pickle.pth", "safetensors"] {
            let mut bound = graph.clone();
            let faults = load(&mut bound, None, &fixture(&format!("{name}.{file}")).into()).unwrap_err();
            let text = faults.to_string();
            assert!(text.contains(code) && text.contains(word), "{name}.{file}: {text}");
            assert!(bound.constant("int64").is_none(), "{name}.{file}");
        }
    }
}
