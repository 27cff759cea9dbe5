//! Whatever the nodes, tensors and outputs are called, the file is sound, and users see the names that they gave.

use crate::files::imported;
use rexnet_ir::graph::{BinaryKind, Graph, parse};
use rexnet_ir::onnx::export;

fn bound(text: &str) -> Graph {
    let mut graph = parse(text).unwrap_or_else(|faults| panic!("{faults}"));
    rexnet_ir::weights::seed(&mut graph, 1).unwrap();
    graph.verify().unwrap();
    graph
}

fn outputs(graph: &Graph) -> Vec<(&str, &str)> {
    graph.outputs().iter().map(|output| (output.name.as_str(), graph.node(output.node).op.name())).collect()
}

#[test]
fn outputs_share_nodes_and_take_over_inputs() {
    let graph = bound(
        "graph @shared {
           %0 = input() @image : f32[1,2,3,3] nchw
           %1 = activate(%0) {function=sigmoid} @second : f32[1,2,3,3] nchw
           %2 = activate(%1) {function=relu} @first : f32[1,2,3,3] nchw
           output @first = %1
           output @second = %1
           output @third = %2
           output @image = %0
           output @copy = %0
         }",
    );
    let file = export(&graph).unwrap();
    let back = imported(&file, 1);
    assert_eq!(outputs(&back), outputs(&graph));
    assert_eq!(back.node(back.inputs()[0]).name, "image");
    assert!(export(&back).unwrap() == file);
}

#[test]
fn names_of_parts_give_way_to_those_of_tensors_and_nodes() {
    let graph = bound(
        "graph @clashes {
           %0 = input() @conv.act : f32[1,2,1,1] nchw
           %1 = constant() @conv.conv : f32[2,2,1,1] nchw
           %2 = conv2d(%0, %1, %0) {stride=[1,1], pad=[0,0,0,0], dilation=[1,1], groups=1, activation=silu, shortcut=true} @conv : f32[1,2,1,1] nchw
           %3 = flatten(%2) @ints_1 : f32[1,2] nchw
           %4 = dense(%3, %1) {activation=relu6} @float_6.0 : f32[1,2] nchw
           %5 = unflatten(%4) @ints_2_3 : f32[1,2,1,1] nchw
           output @conv.conv = %5
         }",
    );
    let file = export(&graph).unwrap();
    let back = imported(&file, 1);
    for (op, names) in [("input", &["conv.act"][..]), ("constant", &["conv.conv", "conv.conv.reshaped"])] {
        let mut found: Vec<&str> = back
            .order()
            .into_iter()
            .map(|id| back.node(id))
            .filter(|node| node.op.name() == op)
            .map(|node| node.name.as_str())
            .collect();
        found.sort_unstable();
        assert_eq!(found, names, "{back}");
    }
    assert!(export(&back).unwrap() == file);
    let image = [0.75, -0.5];
    let values =
        |graph: &Graph| rexnet_ir::reference::evaluate_outputs(graph, &[&image]).unwrap().remove(0).data;
    assert_eq!(values(&graph), values(&back));
}

#[test]
fn models_beyond_two_gibibytes_are_refused() {
    // As many tensors as share one buffer, each a 64th of the limit.
    let mut graph = Graph::new("large");
    let mut editor = graph.edit();
    let image = editor.input("image", &[1, 1 << 19, 4, 4]).unwrap();
    let tensor = rexnet_ir::graph::Tensor::new([1, 1 << 19, 4, 4], vec![0.0; 1 << 23]).unwrap();
    let mut x = image;
    for index in 0..64 {
        let constant = editor.bound_constant(format!("tensor.{index}"), tensor.clone()).unwrap();
        x = editor.add(BinaryKind::Add.into(), &[x, constant], format!("sum.{index}")).unwrap();
    }
    editor.output("sum", x);
    let faults = export(&graph).unwrap_err();
    assert_eq!(faults.list[0].code.code(), "RX0902", "{faults}");
}
