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
        let weight = |operand: usize| self.node(node.operands[operand]).ty.elements() as u64;
        match node.op {
            Op::Conv2d(ref conv) => {
                let positions = node.ty.batch() * node.ty.height() * node.ty.width();
                let taps = match conv.slices.as_slice() {
                    [] => weight(1),
                    slices => {
                        slices.iter().map(|slice| (slice.channels * slice.kernel * slice.kernel) as u64).sum()
                    }
                };
                taps * positions as u64
            }
            Op::Dense(_) => weight(1) * node.ty.batch() as u64,
            Op::SqueezeExcite(_) => (weight(1) + weight(3)) * node.ty.batch() as u64,
            Op::Input
            | Op::Constant
            | Op::Add
            | Op::Mul
            | Op::Exp
            | Op::Sub
            | Op::Div
            | Op::Maximum
            | Op::Minimum
            | Op::PrefixAdd
            | Op::GlobalAveragePool
            | Op::Flatten
            | Op::Unflatten
            | Op::Pad(_)
            | Op::BatchNorm(_)
            | Op::Activate(_)
            | Op::Clip(_)
            | Op::Slice(_)
            | Op::Concat(_)
            | Op::Pool2d(_)
            | Op::Reshape(_)
            | Op::Transpose(_)
            | Op::Expand(_)
            | Op::Reduce(_)
            | Op::Softmax(_)
            | Op::Resize(_)
            | Op::DepthToSpace(_)
            | Op::Relayout(_) => 0,
        }
    }
}
