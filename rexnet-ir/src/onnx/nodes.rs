//! The nodes of a model, each brought into the graph after those that define its inputs.

use super::attributes::Attributes;
use super::constant::{Constant, Elements};
use super::functions::Placed;
use super::import::{Importer, Value};
use super::messages::Node;
use super::operators::{self, Call, ManyAxes, View};
use crate::diagnostic::Code;
use crate::graph::{NodeId, Op, Transpose};
use crate::reference::{Array, evaluate_operator};
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

/// A node's own name, else that of its first output.
pub(super) fn node_name(node: &Node) -> &str {
    let own = node.name.as_deref().filter(|name| !name.is_empty());
    own.or_else(|| node.output.iter().map(String::as_str).find(|name| !name.is_empty()))
        .unwrap_or("unnamed node")
}

/// A tensor of many axes as the node that holds its elements, for an operator that treats each alone; returns its
/// extents.
fn without_axes(input: Option<&mut Option<Value>>) -> Option<Arc<[usize]>> {
    let input = input?.as_mut()?;
    let Value::Split(id, dims) = input.clone() else { return None };
    *input = Value::Node(id);
    Some(dims)
}

/// The result under the extents that its input had.
fn with_axes(
    call: &mut Call<'_, '_, '_>,
    results: Vec<Value>,
    dims: Option<Arc<[usize]>>,
) -> Result<Vec<Value>, String> {
    match (dims, &results[..]) {
        (Some(dims), &[Value::Node(id)]) => call.viewed(View { id, dims: dims.to_vec() }),
        (Some(_), _) => Err("truth values and integers of a rank above 4 are not supported".to_owned()),
        (None, _) => Ok(results),
    }
}

impl Importer<'_> {
    /// Imports all nodes, whatever their order in the file. Those that cannot be are all reported.
    pub(super) fn nodes(&mut self, nodes: &[Placed], outputs: &[String]) {
        let mut refused = self.refuse_names(nodes);
        for (placed, refused) in nodes.iter().zip(&mut refused) {
            if let Err(cause) = operators::check(&placed.node, placed.opset) {
                // A check says so of each node when its turn comes.
                if self.checking.is_none() {
                    self.refuse(&placed.node, placed.opset, &cause);
                }
                *refused = true;
            }
        }
        let inputs = nodes.iter().flat_map(|placed| &placed.node.input);
        let used: HashSet<&str> = inputs.chain(outputs).map(String::as_str).collect();
        let order = self.order(nodes);
        for index in order {
            let Placed { node, opset } = &nodes[index];
            let results = if refused[index] { None } else { self.node(node, *opset, &used) };
            let Some(results) = results else {
                self.end_node(node, *opset, false);
                self.forget(node);
                continue;
            };
            let mut results = results.into_iter();
            for output in &node.output {
                let value = results.next();
                if value.is_none() && used.contains(output.as_str()) && !output.is_empty() {
                    self.refuse(node, *opset, &format!("its output {output:?} is not supported"));
                }
                if !output.is_empty() {
                    self.values.insert(output.clone(), value.unwrap_or(Value::Unknown));
                }
            }
            self.end_node(node, *opset, true);
        }
    }

    /// A value that depends on no input, as a constant: the f64 reference computes it, and it is rounded once. Its cost was
    /// counted when its nodes were made.
    fn folded(&self, value: Value) -> Value {
        let (id, dims) = match &value {
            Value::Node(id) => (*id, None),
            Value::Split(id, dims) => (*id, Some(dims.to_vec())),
            _ => return value,
        };
        if !self.without_input.contains(&id) {
            return value;
        }
        let mut arrays = HashMap::new();
        let Some(array) = self.evaluated(id, &mut arrays) else { return value };
        let floats: Vec<f32> = array.data.iter().map(|&x| x as f32).collect();
        let name = self.graph.node(id).name.as_str().into();
        Constant::new(dims.unwrap_or(array.dims), Elements::floats(floats))
            .map_or(value, |constant| Value::Constant(name, constant))
    }

    /// The value of a node that depends on no input; the calls go as deep as one operator of the model has steps.
    fn evaluated(&self, id: NodeId, arrays: &mut HashMap<NodeId, Array>) -> Option<Array> {
        if let Some(array) = arrays.get(&id) {
            return Some(array.clone());
        }
        let node = self.graph.node(id);
        let array = if node.op == Op::Constant {
            let tensor = self.graph.constant(&node.name)?;
            Array::new(node.ty.dims.clone(), tensor.data().iter().map(|&x| f64::from(x)).collect())
        } else {
            let operands: Vec<Array> = node
                .operands
                .iter()
                .map(|&operand| self.evaluated(operand, arrays))
                .collect::<Option<_>>()?;
            evaluate_operator(&node.op, &operands.iter().collect::<Vec<_>>(), &node.ty.dims)
        };
        arrays.insert(id, array.clone());
        Some(array)
    }

    /// Moves the elements of a value of that name whose axes are in another order than its node's.
    pub(super) fn settle(&mut self, name: &str, value: &mut Value) -> Result<(), String> {
        if let Value::Transposed(id, order) = value {
            let transpose = Op::Transpose(Transpose { order: order.to_vec() });
            let moved = self.graph.edit().add(transpose, &[*id], name).map_err(|fault| fault.cause)?;
            *value = Value::Node(moved);
            self.values.insert(name.to_owned(), value.clone());
        }
        Ok(())
    }

    /// Reports a node that is not covered. Those of quantised models are reported once, as such.
    pub(super) fn refuse(&mut self, node: &Node, opset: i64, cause: &str) {
        if let Some(checking) = &mut self.checking {
            checking.refuse(cause);
        } else if !operators::is_quantised(node) {
            let op = node.op_type.as_deref().unwrap_or("");
            self.fault(Code::OnnxUnsupported, node_name(node), format!("{op} (opset {opset}): {cause}"));
        }
    }

    /// Tells a check in progress that nothing more will be said about a node.
    pub(super) fn end_node(&mut self, node: &Node, opset: i64, imported: bool) {
        if let Some(checking) = &mut self.checking {
            checking.node(node, opset, imported);
        }
    }

    /// Lets the outputs of a node that was refused be unknown.
    pub(super) fn forget(&mut self, node: &Node) {
        for output in node.output.iter().filter(|output| !output.is_empty()) {
            self.values.entry(output.clone()).or_insert(Value::Unknown);
        }
    }

    /// Which nodes define a name that is taken.
    fn refuse_names(&mut self, nodes: &[Placed]) -> Vec<bool> {
        let mut defined = HashSet::new();
        let mut refused = vec![false; nodes.len()];
        for (Placed { node, .. }, refused) in nodes.iter().zip(&mut refused) {
            for output in node.output.iter().filter(|output| !output.is_empty()) {
                if self.values.contains_key(output) || !defined.insert(output) {
                    self.fault(Code::OnnxInvalid, output, "the name is defined twice");
                    *refused = true;
                }
            }
        }
        refused
    }

    /// The nodes' places, definers first; nodes of a cycle, and those behind it, are left out.
    fn order(&mut self, nodes: &[Placed]) -> Vec<usize> {
        let mut defined_by: HashMap<&str, usize> = HashMap::new();
        for (index, placed) in nodes.iter().enumerate() {
            for output in placed.node.output.iter().filter(|output| !output.is_empty()) {
                defined_by.entry(output).or_insert(index);
            }
        }
        let needs = |index: usize| {
            let inputs = nodes[index].node.input.iter();
            inputs.filter_map(|input| defined_by.get(input.as_str()).copied()).collect::<HashSet<usize>>()
        };
        let mut waiting: Vec<usize> = Vec::with_capacity(nodes.len());
        let mut users: HashMap<usize, Vec<usize>> = HashMap::new();
        for index in 0..nodes.len() {
            let needed = needs(index);
            for &definer in &needed {
                users.entry(definer).or_default().push(index);
            }
            waiting.push(needed.len());
        }
        let mut ready: VecDeque<usize> = (0..nodes.len()).filter(|&index| waiting[index] == 0).collect();
        let mut order = Vec::with_capacity(nodes.len());
        while let Some(index) = ready.pop_front() {
            order.push(index);
            for &user in users.get(&index).map_or(&[][..], Vec::as_slice) {
                waiting[user] -= 1;
                if waiting[user] == 0 {
                    ready.push_back(user);
                }
            }
        }
        // Whoever waits needs somebody who waits; following them leads into the cycle.
        let mut seen = HashSet::new();
        let mut next = waiting.iter().position(|&count| count > 0);
        while let Some(index) = next {
            if !seen.insert(index) {
                self.fault(Code::OnnxInvalid, node_name(&nodes[index].node), "the node is part of a cycle");
                break;
            }
            next = needs(index).into_iter().filter(|&definer| waiting[definer] > 0).min();
        }
        for (Placed { node, .. }, _) in nodes.iter().zip(&waiting).filter(|(_, count)| **count > 0) {
            self.forget(node);
        }
        order
    }

    /// The results of a node whose operator is known; `None` when it was refused or an input was.
    fn node(&mut self, node: &Node, opset: i64, used: &HashSet<&str>) -> Option<Vec<Value>> {
        let mut inputs = Vec::with_capacity(node.input.len());
        let mut unknown = false;
        for input in &node.input {
            match self.values.get(input) {
                _ if input.is_empty() => inputs.push(None),
                Some(Value::Unknown) => unknown = true,
                Some(value) => inputs.push(Some(value.clone())),
                None => {
                    let cause = format!("its input {input:?} is never defined");
                    self.fault(Code::OnnxInvalid, node_name(node), cause);
                    unknown = true;
                }
            }
        }
        let operator = operators::find(node).filter(|_| !unknown)?;
        for (name, input) in node.input.iter().zip(&inputs) {
            if let Some(cause) = input.as_ref().and_then(|input| operator.misfit(input)) {
                self.refuse(node, opset, &format!("its input {name:?} {cause}"));
                return None;
            }
        }
        if !operator.takes_transposed() {
            for (name, input) in node.input.iter().zip(&mut inputs) {
                if let Err(cause) = input.as_mut().map_or(Ok(()), |input| self.settle(name, input)) {
                    self.refuse(node, opset, &cause);
                    return None;
                }
            }
        }
        let truths =
            operator.moves() && inputs.iter().flatten().any(|input| matches!(input, Value::Truth(_)));
        for input in inputs.iter_mut().flatten().filter(|_| truths) {
            if let Value::Truth(id) = *input {
                *input = Value::Node(id);
            }
        }
        let many_axes = match operator.many_axes() {
            ManyAxes::Elementwise => without_axes(inputs.first_mut()),
            ManyAxes::Own | ManyAxes::Refused => None,
        };
        let mut call = Call {
            importer: self,
            name: node
                .output
                .iter()
                .find(|name| !name.is_empty())
                .map_or(node_name(node), |name| name)
                .to_owned(),
            inputs,
            attributes: Attributes::of(node),
            outputs: &node.output,
            used,
            opset,
            kind: node.op_type.as_deref().unwrap_or(""),
        };
        let results = (operator.import)(&mut call);
        match results.and_then(|results| with_axes(&mut call, results, many_axes)) {
            Ok(results) if truths => {
                let truth = |value| if let Value::Node(id) = value { Value::Truth(id) } else { value };
                Some(results.into_iter().map(truth).collect())
            }
            Ok(results) => Some(results.into_iter().map(|value| self.folded(value)).collect()),
            Err(cause) => {
                self.refuse(node, opset, &cause);
                None
            }
        }
    }
}
