//! The only way to change a graph. An editor keeps names unique, types inferred and edges in step with
//! operands.

use super::shape::infer;
use super::{Graph, Layout, Node, NodeId, Op, Output, Tensor, TensorType};
use crate::diagnostic::{Code, Diagnostic, Location};
use petgraph::Direction;
use petgraph::visit::EdgeRef;

/// Changes a graph. There is no other access to its insides.
#[derive(Debug)]
pub struct Editor<'graph> {
    graph: &'graph mut Graph,
}

impl<'graph> Editor<'graph> {
    pub(super) fn new(graph: &'graph mut Graph) -> Self {
        Self { graph }
    }

    /// The graph as it is now, to look at.
    pub fn graph(&self) -> &Graph {
        self.graph
    }

    /// Adds an operator; its result type is inferred. A name that is taken gets a number appended.
    ///
    /// # Errors
    /// `RX0202` when the operator does not fit its operands, `RX0203` when the result would be too large.
    pub fn add(
        &mut self,
        op: Op,
        operands: &[NodeId],
        name: impl Into<String>,
    ) -> Result<NodeId, Diagnostic> {
        let name = self.unique(name.into());
        let types: Vec<&TensorType> = operands.iter().map(|&id| &self.graph.node(id).ty).collect();
        let ty = infer(&op, &types).map_err(|fault| fault.at(&name))?;
        Ok(self.insert(Node { name, op, operands: operands.to_vec(), ty }))
    }

    /// Adds a network input in the users' layout.
    ///
    /// # Errors
    /// `RX0203` when it is too large or has a zero extent.
    pub fn input(&mut self, name: impl Into<String>, dims: &[usize]) -> Result<NodeId, Diagnostic> {
        self.leaf(Op::Input, name.into(), dims)
    }

    /// Adds a constant whose tensor is bound later. A constant of that name and shape is shared.
    ///
    /// # Errors
    /// `RX0202` when a node of that name with another shape exists, `RX0203` when it is too large.
    pub fn constant(&mut self, name: impl Into<String>, dims: &[usize]) -> Result<NodeId, Diagnostic> {
        let name = name.into();
        if let Some(id) = self.graph.find(&name) {
            let node = self.graph.node(id);
            if node.op == Op::Constant && node.ty.dims == dims {
                return Ok(id);
            }
            return Err(Diagnostic::new(
                Code::GraphInvalid,
                Location::Name(name),
                "the name already stands for another tensor",
            ));
        }
        self.leaf(Op::Constant, name, dims)
    }

    /// Adds a constant together with its tensor. A name that is taken gets a number appended.
    ///
    /// # Errors
    /// `RX0203` when it is too large.
    pub fn bound_constant(&mut self, name: impl Into<String>, tensor: Tensor) -> Result<NodeId, Diagnostic> {
        let name = self.unique(name.into());
        let id = self.leaf(Op::Constant, name.clone(), tensor.dims())?;
        self.graph.constants.insert(name, tensor);
        Ok(id)
    }

    /// Gives a constant its tensor.
    ///
    /// # Errors
    /// `RX0302` when there is no such constant, `RX0303` when the shape differs.
    pub fn bind(&mut self, name: &str, tensor: Tensor) -> Result<(), Diagnostic> {
        let constant = self.graph.find(name).map(|id| self.graph.node(id));
        match constant.filter(|node| node.op == Op::Constant) {
            None => Err(Diagnostic::new(
                Code::WeightsMissing,
                Location::Name(name.to_owned()),
                "the network has no such tensor",
            )),
            Some(node) if node.ty.dims != tensor.dims() => Err(Diagnostic::new(
                Code::WeightsShape,
                Location::Name(name.to_owned()),
                format!("the shape is {:?}, the network needs {:?}", tensor.dims(), node.ty.dims),
            )),
            Some(_) => {
                self.graph.constants.insert(name.to_owned(), tensor);
                Ok(())
            }
        }
    }

    /// Names a result of the network, whose extents are the node's.
    pub fn output(&mut self, name: impl Into<String>, node: NodeId) {
        let dims = self.graph.node(node).ty.dims.clone();
        self.output_as(name, node, dims);
    }

    /// Names a result of the network that users see under other extents, of any rank. The verifier counts the elements.
    pub fn output_as(&mut self, name: impl Into<String>, node: NodeId, dims: Vec<usize>) {
        self.graph.outputs.push(Output { name: name.into(), node, dims });
    }

    /// Lets the output at `index` be another node's result.
    pub fn set_output(&mut self, index: usize, node: NodeId) {
        if let Some(output) = self.graph.outputs.get_mut(index) {
            output.node = node;
        }
    }

    /// Puts another operator and other operands in a node's place; users keep seeing it.
    ///
    /// # Errors
    /// `RX0202` when they do not fit, or when the result would have another shape.
    pub fn redefine(&mut self, id: NodeId, op: Op, operands: &[NodeId]) -> Result<(), Diagnostic> {
        let types: Vec<&TensorType> = operands.iter().map(|&operand| &self.graph.node(operand).ty).collect();
        let node = self.graph.node(id);
        let ty = infer(&op, &types).map_err(|fault| fault.at(&node.name))?;
        if ty.dims != node.ty.dims {
            return Err(Diagnostic::new(
                Code::GraphInvalid,
                Location::Name(node.name.clone()),
                format!("its shape would change from {:?} to {:?}", node.ty.dims, ty.dims),
            ));
        }
        self.disconnect(id);
        let node = &mut self.graph.nodes[id.0];
        node.op = op;
        node.operands = operands.to_vec();
        self.connect(id);
        Ok(())
    }

    /// Lets all users and outputs of `old` see `new` instead. `new` itself keeps `old` as an operand if it has
    /// it.
    pub fn replace_uses(&mut self, old: NodeId, new: NodeId) {
        for user in self.graph.users(old) {
            if user == new {
                continue;
            }
            self.disconnect(user);
            for operand in &mut self.graph.nodes[user.0].operands {
                if *operand == old {
                    *operand = new;
                }
            }
            self.connect(user);
        }
        for output in &mut self.graph.outputs {
            if output.node == old {
                output.node = new;
            }
        }
    }

    /// Exchanges the names of two nodes neither of which is a constant.
    pub fn swap_names(&mut self, a: NodeId, b: NodeId) {
        let of_a = std::mem::take(&mut self.graph.nodes[a.0].name);
        let of_b = std::mem::replace(&mut self.graph.nodes[b.0].name, of_a.clone());
        self.graph.nodes[a.0].name = of_b.clone();
        self.graph.names.extend([(of_a, b), (of_b, a)]);
    }

    /// States the layout of a node's result.
    pub fn set_layout(&mut self, id: NodeId, layout: Layout) {
        self.graph.nodes[id.0].ty.layout = layout;
    }

    /// Removes every node that no output needs, inputs excepted, and the tensors of removed constants. Returns
    /// the names of the removed nodes.
    pub fn remove_dead(&mut self) -> Vec<String> {
        let mut needed: Vec<NodeId> = self.graph.outputs.iter().map(|output| output.node).collect();
        needed.extend(self.graph.inputs());
        let mut live = std::collections::HashSet::new();
        while let Some(id) = needed.pop() {
            if live.insert(id) {
                needed.extend(&self.graph.node(id).operands);
            }
        }
        let dead: Vec<NodeId> = self.graph.order().into_iter().filter(|id| !live.contains(id)).collect();
        dead.into_iter()
            .filter_map(|id| {
                let node = self.graph.nodes.remove_node(id.0)?;
                self.graph.constants.remove(&node.name);
                self.graph.names.remove(&node.name);
                Some(node.name)
            })
            .collect()
    }

    fn leaf(&mut self, op: Op, name: String, dims: &[usize]) -> Result<NodeId, Diagnostic> {
        let ty = TensorType::nchw(dims);
        super::shape::check_extents(&ty).map_err(|fault| fault.at(&name))?;
        Ok(self.insert(Node { name, op, operands: Vec::new(), ty }))
    }

    /// Adds a node with the type that a text states; the verifier compares it with the inferred one.
    pub(super) fn insert_parsed(&mut self, node: Node) -> NodeId {
        self.insert(node)
    }

    fn insert(&mut self, node: Node) -> NodeId {
        let name = node.name.clone();
        let id = NodeId(self.graph.nodes.add_node(node));
        self.graph.names.entry(name).or_insert(id);
        self.connect(id);
        id
    }

    fn connect(&mut self, id: NodeId) {
        for operand in self.graph.node(id).operands.clone() {
            self.graph.nodes.add_edge(operand.0, id.0, ());
        }
    }

    fn disconnect(&mut self, id: NodeId) {
        let incoming: Vec<_> =
            self.graph.nodes.edges_directed(id.0, Direction::Incoming).map(|edge| edge.id()).collect();
        for edge in incoming {
            self.graph.nodes.remove_edge(edge);
        }
    }

    /// The name, or the name with a number behind it where it is taken.
    fn unique(&mut self, name: String) -> String {
        if self.graph.find(&name).is_none() {
            return name;
        }
        let mut number = self.graph.numbers.get(&name).copied().unwrap_or(2);
        let unique = loop {
            let candidate = format!("{name}.{number}");
            number += 1;
            if self.graph.find(&candidate).is_none() {
                break candidate;
            }
        };
        self.graph.numbers.insert(name, number);
        unique
    }
}
