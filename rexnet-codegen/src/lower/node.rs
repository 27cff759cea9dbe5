//! A kernel in the making for one node: the builder, and what is passed for each buffer.

use super::{Argument, PackedTensor, Packing};
use crate::loops::{BufferId, KernelBuilder, Role};
use crate::memory::ALIGNMENT;
use rexnet_ir::graph::{ConvolutionKind, Graph, Layout, NodeId, Op, Reshape, TensorType};
use std::ops::Range;

/// The second loop of a section that has one.
pub(super) const ALONE: (&str, Range<i64>) = ("once", 0..1);

/// The loop of a section over the images of a batch.
pub(super) fn images(ty: &TensorType) -> (&'static str, Range<i64>) {
    ("image", 0..ty.batch() as i64)
}

pub(super) struct NodeBuilder<'a> {
    pub(super) graph: &'a Graph,
    pub(super) builder: KernelBuilder,
    pub(super) arguments: Vec<Argument>,
    pub(super) weights: &'a mut Vec<PackedTensor>,
}

impl NodeBuilder<'_> {
    /// The buffer of an operand or result; a constant among the operands is packed as it is. What belongs to the user is aligned to its elements only.
    pub(super) fn value(&mut self, name: &str, mut id: NodeId, role: Role) -> BufferId {
        while let Some(operand) = stored_as(self.graph, id) {
            id = operand;
        }
        if self.graph.node(id).op == Op::Constant {
            let packing = Packing::Plain { constant: self.constant_name(id) };
            return self.packed(name, PackedTensor { packing, elements: self.graph.node(id).ty.elements() });
        }
        let users = self.graph.node(id).op == Op::Input || self.graph.is_output(id);
        let alignment = if users { 4 } else { ALIGNMENT };
        self.arguments.push(Argument::Value(id));
        self.builder.buffer(name, role, self.graph.node(id).ty.stored_elements(), alignment)
    }

    /// The buffer of packed weights; the same tensor is packed once.
    pub(super) fn packed(&mut self, name: &str, tensor: PackedTensor) -> BufferId {
        let elements = tensor.elements;
        let index = self.weights.iter().position(|other| *other == tensor).unwrap_or_else(|| {
            self.weights.push(tensor);
            self.weights.len() - 1
        });
        self.arguments.push(Argument::Weights(index));
        self.builder.buffer(name, Role::Const, elements, ALIGNMENT)
    }

    /// Where the means of the channels of a result go, if a squeeze-excite gate will want them.
    pub(super) fn means(&mut self, id: NodeId) -> Option<BufferId> {
        means_are_wanted(self.graph, id).then(|| self.means_buffer(id, Role::Out))
    }

    /// The means of the channels of an operand, if the kernel that makes it leaves them.
    pub(super) fn given_means(&mut self, id: NodeId) -> Option<BufferId> {
        means_are_wanted(self.graph, id).then(|| self.means_buffer(id, Role::In))
    }

    fn means_buffer(&mut self, id: NodeId, role: Role) -> BufferId {
        let ty = &self.graph.node(id).ty;
        self.arguments.push(Argument::Means(id));
        self.builder.buffer("means", role, ty.batch() * ty.padded_channels(), ALIGNMENT)
    }

    /// Memory of its own for each pass of a section.
    pub(super) fn scratch(&mut self, name: &str, elements: usize) -> BufferId {
        self.arguments.push(Argument::Scratch { elements });
        self.builder.buffer(name, Role::Scratch, elements, ALIGNMENT)
    }

    /// Memory from one section to another.
    pub(super) fn shared(&mut self, name: &str, elements: usize) -> BufferId {
        self.arguments.push(Argument::Scratch { elements });
        self.builder.buffer(name, Role::Shared, elements, ALIGNMENT)
    }

    /// The name of a constant operand.
    pub(super) fn constant_name(&self, id: NodeId) -> String {
        self.graph.node(id).name.clone()
    }
}

/// The operand whose memory a node's value is, as it lies there: a map of one pixel and a row of channels are stored
/// alike. What the user supplies memory for is no such value.
pub(super) fn stored_as(graph: &Graph, id: NodeId) -> Option<NodeId> {
    let node = graph.node(id);
    let [operand] = node.operands[..] else { return None };
    let from = graph.node(operand);
    let pixel = |ty: &TensorType| ty.layout == Layout::Nhwc8 && ty.height() * ty.width() == 1;
    let alike = matches!(node.op, Op::Reshape(Reshape::Flatten | Reshape::Unflatten))
        && pixel(&from.ty)
        && pixel(&node.ty);
    let own = !matches!(from.op, Op::Input | Op::Constant) && !graph.is_output(id);
    (alike && own && from.ty.stored_elements() == node.ty.stored_elements()).then_some(operand)
}

/// Whether a node is a depthwise convolution that a squeeze-excite gate looks at.
fn means_are_wanted(graph: &Graph, id: NodeId) -> bool {
    let depthwise = match &graph.node(id).op {
        Op::Conv2d(conv) => super::strategy(graph, id, conv) == ConvolutionKind::Depthwise,
        _ => false,
    };
    let is_gate = |user: &NodeId| {
        let user = graph.node(*user);
        matches!(user.op, Op::SqueezeExcite(_)) && user.operands[0] == id
    };
    depthwise && graph.users(id).iter().any(is_gate)
}

/// The elements from one index to the next along each axis of a stored tensor.
#[derive(Clone, Copy, Debug)]
pub(super) struct Strides {
    pub(super) n: i64,
    pub(super) c: i64,
    pub(super) y: i64,
    pub(super) x: i64,
}

impl Strides {
    pub(super) fn of(ty: &TensorType) -> Self {
        let (c, h, w, padded) =
            (ty.channels() as i64, ty.height() as i64, ty.width() as i64, ty.padded_channels() as i64);
        match ty.layout {
            Layout::Nchw => Self { n: c * h * w, c: h * w, y: w, x: 1 },
            Layout::Nhwc8 => Self { n: h * w * padded, c: 1, y: w * padded, x: padded },
        }
    }

    /// The distance from one index of an axis to the next.
    pub(super) fn along(&self, axis: usize) -> i64 {
        [self.n, self.c, self.y, self.x][axis]
    }
}
