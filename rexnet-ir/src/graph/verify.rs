//! What must hold of a graph before anything reads it.

use super::shape::infer;
use super::{Graph, Layout, Op, TensorType};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Location};
use std::collections::HashSet;

impl Graph {
    /// Checks every invariant and reports all that are broken. After success, no pass, no evaluator and no
    /// later stage panics on this graph.
    ///
    /// # Errors
    /// `RX0202` for each broken invariant: a cycle, a duplicate name, a type that is not the inferred one, a
    /// tensor whose shape is not that of its constant, no input or no output, an ill-placed layout.
    pub fn verify(&self) -> Result<(), Diagnostics> {
        let mut faults = Diagnostics::default();
        let mut report = |name: &str, cause: String| {
            faults.push(Diagnostic::new(Code::GraphInvalid, Location::Name(name.to_owned()), cause));
        };
        // Unlike `is_cyclic_directed`, this does not recurse along the graph.
        if petgraph::algo::toposort(&self.nodes, None).is_err() {
            report(&self.name, "the graph has a cycle".to_owned());
        }
        if self.outputs.is_empty() {
            report(&self.name, "the graph has no output".to_owned());
        }
        let mut outputs = HashSet::new();
        for output in &self.outputs {
            if !outputs.insert(&output.name) {
                report(&output.name, "two outputs have this name".to_owned());
            }
            if !self.nodes.contains_node(output.node.0) {
                report(&output.name, "the output's node was removed".to_owned());
            } else if self.node(output.node).op == Op::Constant {
                report(&output.name, "an output that is a constant computes nothing".to_owned());
            } else if count(&output.dims) != Some(self.node(output.node).ty.elements()) {
                let own = &self.node(output.node).ty.dims;
                report(&output.name, format!("the shape {own:?} has not the elements of {:?}", output.dims));
            }
        }
        let mut names = HashSet::new();
        for index in self.nodes.node_indices() {
            let node = &self.nodes[index];
            if !names.insert(&node.name) {
                report(&node.name, "two nodes have this name".to_owned());
            }
            if node.operands.iter().any(|operand| !self.nodes.contains_node(operand.0)) {
                report(&node.name, "an operand was removed".to_owned());
                continue;
            }
            if matches!(node.op, Op::Input | Op::Constant) {
                if node.ty.layout != Layout::Nchw {
                    report(&node.name, "inputs and constants have the users' layout".to_owned());
                }
                if let Some(tensor) = self.constants.get(&node.name)
                    && (node.op != Op::Constant || tensor.dims() != node.ty.dims)
                {
                    report(&node.name, format!("its tensor has shape {:?}", tensor.dims()));
                }
                continue;
            }
            let types: Vec<&TensorType> =
                node.operands.iter().map(|operand| &self.nodes[operand.0].ty).collect();
            match infer(&node.op, &types) {
                Ok(ty) if ty.dims == node.ty.dims => {}
                Ok(ty) => report(&node.name, format!("its shape is {:?}, not {:?}", ty.dims, node.ty.dims)),
                Err(fault) => faults_push(&mut report, &node.name, &fault.at(&node.name)),
            }
            if let Op::Relayout(relayout) = &node.op
                && relayout.layout != node.ty.layout
            {
                report(&node.name, format!("a relayout to {} cannot be {}", relayout.layout.name(), node.ty));
            }
        }
        faults.into_result(())
    }
}

/// The number of elements; `None` where no number holds it.
fn count(dims: &[usize]) -> Option<usize> {
    dims.iter().try_fold(1usize, |product, &extent| product.checked_mul(extent))
}

fn faults_push(report: &mut impl FnMut(&str, String), name: &str, fault: &Diagnostic) {
    report(name, fault.cause.clone());
}
