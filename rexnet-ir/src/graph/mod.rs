//! The graph IR: a network as a directed acyclic graph of operators on tensors.
//!
//! - Every node has one result, a unique name and an inferred [`TensorType`].
//! - Operand order lives in the node; the edges underneath are derived from it.
//! - A graph changes only through [`Graph::edit`]; [`verify`](Graph::verify) checks what an editor cannot.
//! - It prints as text ([`std::fmt::Display`]) and [`parse`] reads that back; [`dot`](Graph::dot) draws it.

mod activation;
mod binary;
mod count;
mod dot;
mod edit;
mod fraction;
mod function;
mod indices;
mod ops;
mod parse;
mod print;
mod reshape;
mod resize;
mod same;
mod shape;
mod tensor;
mod tensor_type;
mod verify;

pub use activation::{Activation, Parameter};
pub use binary::BinaryKind;
pub use count::Counts;
pub use edit::Editor;
pub use function::Function;
pub use indices::{IndexRun, Indices, MAX_INDEX_RUNS};
pub use ops::{
    BatchNorm, Concat, Conv2d, ConvolutionKind, Dense, DepthOrder, DepthToSpace, Expand, Exported, Gather,
    KernelSlice, MaxUnpool, Op, Pad, Pool2d, PoolKind, Reduce, ReduceKind, Relayout, Resize, Slice, Softmax,
    SqueezeExcite, Transpose,
};
pub use parse::parse;
pub use reshape::Reshape;
pub use resize::{Coordinates, Interpolation, ResizeTap};
pub use same::{Difference, WEIGHT_TOLERANCE, same, same_structure, weight_differences};
pub use tensor::{Encoding, Tensor};
pub use tensor_type::{CHANNEL_PADDING, Layout, MAX_ELEMENTS, TensorType};

use petgraph::Direction;
use petgraph::stable_graph::{NodeIndex, StableDiGraph};
use std::collections::{BTreeMap, HashMap};

/// The identity of a node within its graph. It stays valid while other nodes come and go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(NodeIndex);

/// An operator applied to operands.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Unique within the graph; for a constant also the name of its tensor.
    pub name: String,
    /// The operator.
    pub op: Op,
    /// The operands, in the operator's order.
    pub operands: Vec<NodeId>,
    /// The type of the result.
    pub ty: TensorType,
}

/// A named result of the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// The name that users see.
    pub name: String,
    /// The node whose result it is.
    pub node: NodeId,
    /// The extents that users see, of any rank; as many elements as the node's, in the same order.
    pub dims: Vec<usize>,
}

/// A network.
#[derive(Clone, Debug)]
pub struct Graph {
    name: String,
    nodes: StableDiGraph<Node, ()>,
    /// Kept in step by the editor; where a text gave two nodes one name, the first, until the verifier refuses.
    names: HashMap<String, NodeId>,
    /// The next number to try behind a name that is taken.
    numbers: HashMap<String, u32>,
    outputs: Vec<Output>,
    constants: BTreeMap<String, Tensor>,
}

impl Graph {
    /// A graph without nodes.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            nodes: StableDiGraph::new(),
            names: HashMap::new(),
            numbers: HashMap::new(),
            outputs: Vec::new(),
            constants: BTreeMap::new(),
        }
    }

    /// The network's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The node of that identity.
    ///
    /// # Panics
    /// When the node was erased: an identity must not outlive its node.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0]
    }

    /// The node of that name.
    pub fn find(&self, name: &str) -> Option<NodeId> {
        self.names.get(name).copied()
    }

    /// The number of nodes.
    pub fn len(&self) -> usize {
        self.nodes.node_count()
    }

    /// Whether there are no nodes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The network's results, in order.
    pub fn outputs(&self) -> &[Output] {
        &self.outputs
    }

    /// The network's inputs, in the order they were added.
    pub fn inputs(&self) -> Vec<NodeId> {
        self.nodes.node_indices().filter(|&index| self.nodes[index].op == Op::Input).map(NodeId).collect()
    }

    /// The tensor of a constant node's name; `None` while no weights are bound.
    pub fn constant(&self, name: &str) -> Option<&Tensor> {
        self.constants.get(name)
    }

    /// The tensor behind an operand, if that is a bound constant.
    pub fn constant_operand(&self, id: NodeId, operand: usize) -> Option<&Tensor> {
        let operand = self.node(*self.node(id).operands.get(operand)?);
        if operand.op == Op::Constant { self.constant(&operand.name) } else { None }
    }

    /// The distinct nodes that have `id` as an operand, in a fixed order.
    pub fn users(&self, id: NodeId) -> Vec<NodeId> {
        let mut users: Vec<NodeId> =
            self.nodes.neighbors_directed(id.0, Direction::Outgoing).map(NodeId).collect();
        users.sort_unstable();
        users.dedup();
        users
    }

    /// The only user of a result that is no network output; otherwise the reason why there is none.
    pub fn only_user(&self, id: NodeId) -> Result<NodeId, String> {
        let name = &self.node(id).name;
        if self.is_output(id) {
            return Err(format!("{name} is a network output"));
        }
        match self.users(id).as_slice() {
            [user] => Ok(*user),
            users => Err(format!("{name} has {} users", users.len())),
        }
    }

    /// Whether the result is one of the network's.
    pub fn is_output(&self, id: NodeId) -> bool {
        self.outputs.iter().any(|output| output.node == id)
    }

    /// All nodes, operands before users: the inputs first, then what each output needs in the order of its
    /// operands, then whatever no output needs. The order depends on the structure alone.
    pub fn order(&self) -> Vec<NodeId> {
        let mut order = Vec::with_capacity(self.len());
        let mut seen = vec![false; self.nodes.node_indices().map(|i| i.index() + 1).max().unwrap_or(0)];
        let rest = self.nodes.node_indices().map(NodeId);
        let roots =
            self.inputs().into_iter().chain(self.outputs.iter().map(|output| output.node)).chain(rest);
        for root in roots {
            let mut stack = vec![(root, 0)];
            if std::mem::replace(&mut seen[root.0.index()], true) {
                continue;
            }
            while let Some((id, next)) = stack.pop() {
                match self.node(id).operands.get(next) {
                    Some(&operand) => {
                        stack.push((id, next + 1));
                        if !std::mem::replace(&mut seen[operand.0.index()], true) {
                            stack.push((operand, 0));
                        }
                    }
                    None => order.push(id),
                }
            }
        }
        order
    }

    /// The gateway through which a graph changes.
    pub fn edit(&mut self) -> Editor<'_> {
        Editor::new(self)
    }
}
