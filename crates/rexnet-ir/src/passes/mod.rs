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
use crate::graph::{Difference, Graph, same, same_structure};
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

/// Whether two verified graphs with bound constants are the same network: isomorphic after all passes but the
/// last, weights within [`WEIGHT_TOLERANCE`](crate::graph::WEIGHT_TOLERANCE).
///
/// # Errors
/// As [`run_one`]; the inner error is the first difference.
pub fn same_network(a: &Graph, b: &Graph) -> Result<Result<(), Difference>, Diagnostics> {
    Ok(same(&normalised(a)?, &normalised(b)?))
}

/// Like [`same_network`], whatever the weights. They must be bound all the same, or batch norms do not fold.
///
/// # Errors
/// As [`same_network`].
pub fn same_network_structure(a: &Graph, b: &Graph) -> Result<Result<(), Difference>, Diagnostics> {
    Ok(same_structure(&normalised(a)?, &normalised(b)?))
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
