//! A graph as a Graphviz drawing.

use super::{Graph, Op};
use std::fmt::Write;

impl Graph {
    /// The graph in the dot language: constants left out, a box a node with its operator and shape.
    pub fn dot(&self) -> String {
        let quote = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
        let mut dot =
            format!("digraph \"{}\" {{\n  node [shape=box, fontname=\"Helvetica\"];\n", quote(self.name()));
        let order = self.order();
        let number = |id| order.iter().position(|&other| other == id).unwrap_or(usize::MAX);
        for &id in order.iter().filter(|&&id| self.node(id).op != Op::Constant) {
            let node = self.node(id);
            let dims: Vec<String> = node.ty.dims.iter().map(usize::to_string).collect();
            let label = format!("{}\\n{} {}", quote(&node.name), node.op.name(), dims.join("×"));
            // Writing to a string cannot fail.
            let _ = writeln!(dot, "  n{} [label=\"{label}\"];", number(id));
            for &operand in node.operands.iter().filter(|&&operand| self.node(operand).op != Op::Constant) {
                let _ = writeln!(dot, "  n{} -> n{};", number(operand), number(id));
            }
        }
        for (index, output) in self.outputs().iter().enumerate() {
            let _ = writeln!(dot, "  o{index} [label=\"{}\", shape=ellipse];", quote(&output.name));
            let _ = writeln!(dot, "  n{} -> o{index};", number(output.node));
        }
        dot.push_str("}\n");
        dot
    }
}
