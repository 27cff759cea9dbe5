//! Which nodes of a model are covered, without its weights.

use super::extents::ImportOptions;
use super::import::{Importer, decode};
use super::messages::Node;
use super::nodes::node_name;
use super::operators;
use crate::diagnostic::{Diagnostics, Location};
use crate::graph::Graph;
use bytes::Bytes;

/// What can be said about a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It can be imported.
    Covered,
    /// Its operator is known; whether this use of it is covered depends on a node that is refused.
    Open,
    /// It cannot be imported.
    Refused {
        /// Why.
        reason: String,
        /// What to write or export instead, where something is known.
        instead: Option<&'static str>,
    },
}

/// A node of a model. Calls of the model's own functions are replaced by the functions' nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedNode {
    /// The operator, behind its domain where that is not the standard one.
    pub operator: String,
    /// The version of the standard operators where it stands.
    pub opset: i64,
    /// Its own name, else that of its first output.
    pub name: String,
    /// The name of its first output, after which the graph's node is named.
    pub output: String,
    /// Whether it can be imported.
    pub verdict: Verdict,
}

/// What [`check`] finds.
#[derive(Clone, Debug)]
pub struct Checked {
    /// Every node, after those that define its inputs; nodes of cycles are left out.
    pub nodes: Vec<CheckedNode>,
    /// What is wrong with the model besides its nodes: inputs, outputs, tensors, names.
    pub faults: Diagnostics,
    /// The graph that [`import`](super::import) makes, but for the weights that were not read, where it makes one: whether it
    /// compiles only a compiler knows.
    pub graph: Option<Graph>,
}

impl Checked {
    /// Takes the faults that compiling the graph found: those of nodes refuse them, the others are the model's.
    pub fn refuse(&mut self, faults: Diagnostics) {
        for fault in faults.list {
            let node = match &fault.location {
                Location::Name(name) => {
                    self.nodes.iter_mut().find(|node| node.name == *name || node.output == *name)
                }
                _ => None,
            };
            match node {
                Some(node) => {
                    let instead = instead_of(&node.operator);
                    node.verdict = Verdict::Refused { reason: fault.cause, instead };
                }
                None => self.faults.list.push(fault),
            }
        }
        self.graph = None;
    }
}

/// Says of every node whether [`import`](super::import) takes it. External data is not read: weights that lie there
/// count as zeros, integers that lie there as unknown.
///
/// # Errors
/// `RX0901` to `RX0903` when there are no nodes to speak of: the file does not read, or its operator set is not
/// covered.
pub fn check(file: impl Into<Bytes>, options: &ImportOptions) -> Result<Checked, Diagnostics> {
    let mut none = |name: &str| Err(format!("{name} is not read"));
    let model = decode(file.into())?;
    let importer = Importer::read(model, &mut none, options, Some(Checking::default()))?;
    let Importer { mut graph, checking, faults, .. } = importer;
    let mut faults = faults.finish().err().unwrap_or_default();
    let nodes = checking.unwrap_or_default().nodes;
    let covered = faults.list.is_empty() && nodes.iter().all(|node| node.verdict == Verdict::Covered);
    let mut graph = covered.then(|| {
        graph.edit().remove_dead();
        graph
    });
    if let Some(Err(found)) = graph.as_ref().map(Graph::verify) {
        faults.list.extend(found.list);
        graph = None;
    }
    Ok(Checked { nodes, faults, graph })
}

/// A check in progress.
#[derive(Debug, Default)]
pub(super) struct Checking {
    nodes: Vec<CheckedNode>,
    /// Why the node at hand is refused.
    cause: Option<String>,
}

impl Checking {
    pub(super) fn refuse(&mut self, cause: &str) {
        self.cause = Some(cause.to_owned());
    }

    /// Ends a node.
    pub(super) fn node(&mut self, node: &Node, opset: i64, imported: bool) {
        let operator = node.op_type.as_deref().unwrap_or("");
        let cause = self.cause.take().or_else(|| operators::check(node, opset).err());
        let verdict = match cause {
            Some(reason) => Verdict::Refused { reason, instead: instead_of(operator) },
            None if imported => Verdict::Covered,
            None => Verdict::Open,
        };
        let operator = match node.domain.as_deref() {
            None | Some("" | "ai.onnx") => operator.to_owned(),
            Some(domain) => format!("{domain}.{operator}"),
        };
        let output = node.output.iter().find(|name| !name.is_empty()).cloned().unwrap_or_default();
        self.nodes.push(CheckedNode { operator, opset, name: node_name(node).to_owned(), output, verdict });
    }
}

/// What could stand for an operator, covered in part or not at all.
fn instead_of(operator: &str) -> Option<&'static str> {
    const TABLE: &[(&[&str], &str)] = &[
        (&["Erf"], "use SiLU or HardSwish, and train again"),
        (&["LogSoftmax"], "end the model at the logits; the order of the classes is the same"),
        (&["ArgMax", "ArgMin", "TopK", "NonMaxSuppression"], "end the model before it, and choose outside"),
        (
            &["ScatterND", "ScatterElements", "Scatter"],
            "write the addition to a slice as slices and a concatenation",
        ),
        (&["LpNormalization"], "use BatchNormalization, which folds into convolutions"),
        (
            &["InstanceNormalization", "GroupNormalization", "LayerNormalization", "RMSNormalization"],
            "use BatchNormalization, which folds into convolutions, and train again",
        ),
        (
            &["ReduceL2", "ReduceProd", "ReduceLogSum", "ReduceLogSumExp"],
            "use ReduceSum, ReduceMean or ReduceMax",
        ),
        (&["If", "Loop", "Scan"], "export by tracing, or with the condition fixed"),
        (&["LSTM", "GRU", "RNN"], "recurrent layers do not belong to networks of this class"),
        (
            &["Attention", "MultiHeadAttention", "RotaryEmbedding"],
            "attention does not belong to networks of this class",
        ),
        (&["NonZero", "Compress", "Unique"], "shapes must not depend on values; end the model before it"),
    ];
    if operator.starts_with("QLinear") || operator.ends_with("Linear") || operator.ends_with("Integer") {
        return Some("export the f32 model, before quantisation");
    }
    TABLE.iter().find(|(operators, _)| operators.contains(&operator)).map(|&(_, instead)| instead)
}
