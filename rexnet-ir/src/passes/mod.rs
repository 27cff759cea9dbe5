//! Rewrites of the graph, in one ordered list. Each pass is a file; each keeps the network's meaning.
//!
//! A fused node takes the name of the last node it swallowed, so that a name always stands for the same value.

mod choose_layout;
mod fold_batch_norm;
mod fold_constants;
mod fuse_activation;
mod fuse_gate;
mod fuse_pad;
mod fuse_shortcut;
mod join_convolutions;
mod recognise_dense_layer;
mod recognise_prefix_shortcut;
mod recognise_relu6;
mod recognise_squeeze_excite;
mod recognise_swish;
mod remove_dead;

pub use fuse_gate::MOST_GROUPS as MOST_GATED_GROUPS;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::graph::{Difference, Graph, same_structure, weight_differences};
use std::time::{Duration, Instant};

/// A rewrite of the graph.
#[derive(Clone, Copy, Debug)]
pub struct Pass {
    /// The name that the command line takes.
    pub name: &'static str,
    /// What it does, in one line.
    pub summary: &'static str,
    run: fn(&mut Graph, &mut Report) -> Result<(), Diagnostic>,
}

impl Pass {
    /// A pass that is not in the [`PIPELINE`], for whoever tries one of their own or a broken one.
    pub const fn new(
        name: &'static str,
        summary: &'static str,
        run: fn(&mut Graph, &mut Report) -> Result<(), Diagnostic>,
    ) -> Self {
        Self { name, summary, run }
    }
}

/// Why a pass left a node that it looked at as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The node's name.
    pub node: String,
    /// The reason, as a sentence without a full stop.
    pub reason: String,
}

/// What a pass did.
#[derive(Clone, Debug)]
pub struct Report {
    /// The pass.
    pub pass: &'static str,
    /// The nodes that it rewrote, by name.
    pub acted: Vec<String>,
    /// The nodes that it considered and left.
    pub refusals: Vec<Refusal>,
    /// How long it took.
    pub time: Duration,
}

impl Report {
    fn acted_on(&mut self, node: impl Into<String>) {
        self.acted.push(node.into());
    }

    fn refuse(&mut self, node: impl Into<String>, reason: impl Into<String>) {
        self.refusals.push(Refusal { node: node.into(), reason: reason.into() });
    }
}

/// Every pass in the order in which they run. `remove_dead` stands wherever a later pass asks for only users.
pub const PIPELINE: &[Pass] = &[
    fold_constants::PASS,
    fuse_pad::PASS,
    join_convolutions::PASS,
    remove_dead::PASS,
    fold_batch_norm::PASS,
    remove_dead::PASS,
    recognise_relu6::PASS,
    recognise_swish::PASS,
    remove_dead::PASS,
    recognise_squeeze_excite::PASS,
    recognise_dense_layer::PASS,
    recognise_prefix_shortcut::PASS,
    remove_dead::PASS,
    fuse_activation::PASS,
    remove_dead::PASS,
    join_convolutions::PASS,
    remove_dead::PASS,
    fuse_gate::PASS,
    fuse_shortcut::PASS,
    remove_dead::PASS,
    choose_layout::PASS,
];

/// The passes after which a convolution is a layer of the source: its batch norm and its activation are part of it, and it
/// is part of nothing larger. They are those of the [`PIPELINE`] up to `fuse_activation`, without those that join
/// convolutions.
pub const LAYERS: &[Pass] = &[
    fold_constants::PASS,
    fuse_pad::PASS,
    remove_dead::PASS,
    fold_batch_norm::PASS,
    remove_dead::PASS,
    recognise_relu6::PASS,
    recognise_swish::PASS,
    remove_dead::PASS,
    recognise_squeeze_excite::PASS,
    recognise_dense_layer::PASS,
    recognise_prefix_shortcut::PASS,
    remove_dead::PASS,
    fuse_activation::PASS,
    remove_dead::PASS,
];

/// The pass of that name.
pub fn find(name: &str) -> Option<Pass> {
    PIPELINE.iter().copied().find(|pass| pass.name == name)
}

/// Runs one pass and verifies the result.
///
/// # Errors
/// Those of the verifier: a pass that breaks an invariant is a fault of the compiler.
pub fn run_one(graph: &mut Graph, pass: Pass) -> Result<Report, Diagnostics> {
    let start = Instant::now();
    let mut report =
        Report { pass: pass.name, acted: Vec::new(), refusals: Vec::new(), time: Duration::ZERO };
    (pass.run)(graph, &mut report)?;
    graph.verify()?;
    report.time = start.elapsed();
    Ok(report)
}

/// Runs the whole [`PIPELINE`] on a verified graph.
///
/// # Errors
/// As [`run_one`].
pub fn run(graph: &mut Graph) -> Result<Vec<Report>, Diagnostics> {
    PIPELINE.iter().map(|&pass| run_one(graph, pass)).collect()
}

/// Runs all passes up to [`choose_layout`](PIPELINE), keeping the users' layout everywhere.
///
/// # Errors
/// As [`run_one`].
pub fn run_logical(graph: &mut Graph) -> Result<Vec<Report>, Diagnostics> {
    let logical = PIPELINE.iter().take_while(|pass| pass.name != choose_layout::PASS.name);
    logical.map(|&pass| run_one(graph, pass)).collect()
}

/// Where two verified graphs with bound constants are not the same network, which is: isomorphic after all passes but
/// the last, weights within [`WEIGHT_TOLERANCE`](crate::graph::WEIGHT_TOLERANCE). Empty when they are the same.
///
/// Where both describe the network with the same operators, the differences are those of the graphs as they are: they
/// name what was altered, such as the epsilon of a batch norm, and not the weights into which that is folded.
///
/// # Errors
/// As [`run_one`]; the inner error is the first difference of the structure. Without one, all tensors that differ.
pub fn differences(a: &Graph, b: &Graph) -> Result<Result<Vec<Difference>, Difference>, Diagnostics> {
    Ok(match weight_differences(&normalised(a)?, &normalised(b)?) {
        Ok(folded) if !folded.is_empty() && same_operators(a, b) => match weight_differences(a, b) {
            Ok(own) if !own.is_empty() => Ok(own),
            Err(own) if is_attribute(a, b, &own) => Ok(vec![own]),
            Ok(_) | Err(_) => Ok(folded),
        },
        Ok(folded) => Ok(folded),
        Err(after) => Err(before_passes(a, b, after)),
    })
}

/// Like [`differences`], whatever the weights. They must be bound all the same, or batch norms do not fold.
///
/// # Errors
/// As [`differences`].
pub fn structural_difference(a: &Graph, b: &Graph) -> Result<Option<Difference>, Diagnostics> {
    let after = same_structure(&normalised(a)?, &normalised(b)?);
    Ok(after.err().map(|after| before_passes(a, b, after)))
}

/// The difference of the structure where it was before the passes, if both graphs say things alike.
fn before_passes(a: &Graph, b: &Graph, after: Difference) -> Difference {
    match same_structure(a, b) {
        Err(own) if same_operators(a, b) && is_attribute(a, b, &own) => own,
        Ok(()) | Err(_) => after,
    }
}

fn same_operators(a: &Graph, b: &Graph) -> bool {
    let operators = |graph: &Graph| {
        let mut names: Vec<&str> = graph.order().into_iter().map(|id| graph.node(id).op.name()).collect();
        names.sort_unstable();
        names
    };
    operators(a) == operators(b)
}

/// Whether two nodes of one operator differ, so that nobody just writes the same thing in another way.
fn is_attribute(a: &Graph, b: &Graph, difference: &Difference) -> bool {
    let operator = |graph: &Graph, name: &str| graph.find(name).map(|id| graph.node(id).op.name());
    let (first, second) = (operator(a, &difference.first), operator(b, &difference.second));
    first.is_some() && first == second
}

fn normalised(graph: &Graph) -> Result<Graph, Diagnostics> {
    let mut graph = graph.clone();
    run_logical(&mut graph)?;
    Ok(graph)
}

/// Runs the passes that [`run_logical`] leaves out.
///
/// # Errors
/// As [`run_one`].
pub fn run_layout(graph: &mut Graph) -> Result<Vec<Report>, Diagnostics> {
    let layout = PIPELINE.iter().skip_while(|pass| pass.name != choose_layout::PASS.name);
    layout.map(|&pass| run_one(graph, pass)).collect()
}

#[cfg(test)]
mod tests {
    use super::{LAYERS, PIPELINE, Pass, fuse_activation, join_convolutions, remove_dead};

    /// The names of passes other than those that join convolutions; of rows of one name, the first.
    fn names(passes: &[Pass]) -> Vec<&'static str> {
        let mut names: Vec<&str> = passes.iter().map(|pass| pass.name).collect();
        names.retain(|name| *name != join_convolutions::PASS.name);
        names.dedup();
        names
    }

    #[test]
    fn layers_are_made_by_the_first_passes_of_the_pipeline() {
        let last = PIPELINE.iter().position(|pass| pass.name == fuse_activation::PASS.name);
        let mut expected = names(&PIPELINE[..=last.unwrap()]);
        expected.push(remove_dead::PASS.name);
        assert_eq!(names(LAYERS), expected);
    }
}
