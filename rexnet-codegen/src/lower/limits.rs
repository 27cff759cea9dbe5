//! What the loops of a network may become. A few numbers of a description can ask for code without end.

use super::convolution;
use super::node::NodeBuilder;
use super::pooling;
use super::unpool;
use rexnet_ir::diagnostic::{Code, Diagnostic, Location};
use rexnet_ir::graph::{NodeId, Op};

/// The most statements of a network's kernels: three times as many as the largest preset has. More become machine code that no
/// cache holds, after minutes in Cranelift.
pub const MAX_STATEMENTS: usize = 1 << 18;
/// The most regions of a map that are computed by loops of their own.
const MAX_REGIONS: usize = 1 << 10;
/// The most windows along an axis that straddle a border.
const MAX_STRADDLING: usize = 1 << 16;

/// Refuses a kernel with which there are so many statements.
pub(super) fn check_statements(statements: usize, kernel: &str) -> Result<(), Diagnostic> {
    if statements <= MAX_STATEMENTS {
        return Ok(());
    }
    let cause = format!("with it the kernels have more than {MAX_STATEMENTS} statements");
    Err(Diagnostic::new(Code::GraphTooLarge, Location::Name(kernel.to_owned()), cause)
        .with_help("large windows with padding make many: use smaller ones, or fewer different layers"))
}

/// Refuses windows whose borders cut the map into too many regions.
pub(super) fn check_windows(builder: &NodeBuilder<'_>, id: NodeId) -> Result<(), String> {
    let graph = builder.graph;
    let node = graph.node(id);
    let windows = match &node.op {
        Op::Conv2d(conv) => convolution::windows(conv, builder, id),
        Op::Pool2d(pool) => pooling::windows(pool, &graph.node(node.operands[0]).ty, &node.ty),
        Op::MaxUnpool(unpool) => unpool::windows(unpool, &graph.node(node.operands[0]).ty, &node.ty),
        _ => return Ok(()),
    };
    let spans = windows
        .map(|window| if window.straddling() > MAX_STRADDLING { usize::MAX } else { window.spans().len() });
    if spans[0].saturating_mul(spans[1]) <= MAX_REGIONS {
        return Ok(());
    }
    let [y, x] = windows.map(|window| window.kernel);
    Err(format!("the padding under a window of {y}×{x} cuts the map into more than {MAX_REGIONS} regions"))
}
