//! Removes what no output needs.

use super::{Pass, Report};
use crate::diagnostic::Diagnostic;
use crate::graph::Graph;

pub(super) const PASS: Pass =
    Pass { name: "remove_dead", summary: "remove nodes and constants that no output needs", run };

fn run(graph: &mut Graph, report: &mut Report) -> Result<(), Diagnostic> {
    report.acted = graph.edit().remove_dead();
    Ok(())
}
