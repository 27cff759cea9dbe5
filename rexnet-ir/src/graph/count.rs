//! Parameters and multiply-accumulates.

use super::{Graph, NodeId, Op};
use std::collections::HashSet;

/// What a network costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Trainable parameters: weights, biases, and scale and bias of batch norms, not their statistics.
    pub parameters: u64,
    /// Multiply-accumulates of convolutions and dense layers; nothing else counts.
    pub multiply_accumulates: u64,
}

impl Graph {
    /// Counts as the literature does. Before the passes these are the network's published figures; after
    /// them, batch norms are folded and count no more.
    pub fn counts(&self) -> Counts {
        let mut counted: HashSet<NodeId> = HashSet::new();
        let mut counts = Counts { parameters: 0, multiply_accumulates: 0 };
        for id in self.order() {
            let node = self.node(id);
            let trainable = match node.op {
                Op::BatchNorm(_) => &node.operands[1..3],
                _ => &node.operands,
            };
            for &operand in trainable {
                if self.node(operand).op == Op::Constant && counted.insert(operand) {
                    counts.parameters += self.node(operand).ty.elements() as u64;
                }
            }
            counts.multiply_accumulates += self.multiply_accumulates(id);
        }
        counts
    }

    /// The multiply-accumulates of one node.
    pub fn multiply_accumulates(&self, id: NodeId) -> u64 {
        let node = self.node(id);
        let taps = |&operand: &usize| match &node.op {
            // Of the smaller kernels the taps around the middle count.
            Op::Conv2d(conv) if !conv.slices.is_empty() => {
                conv.slices.iter().map(|slice| (slice.channels * slice.kernel * slice.kernel) as u64).sum()
            }
            _ => self.node(node.operands[operand]).ty.elements() as u64,
        };
        let positions = node.ty.batch() * node.ty.height() * node.ty.width();
        node.op.weights().iter().map(taps).sum::<u64>() * positions as u64
    }
}
