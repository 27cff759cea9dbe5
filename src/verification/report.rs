//! What a verification found.

use super::bisect::Bisection;
use super::closeness::Closeness;
use super::compare::Difference;
use super::expected_nodes::ExpectedNodes;
use crate::jit::Backend;
use rexnet_ir::diagnostic::{Code, Diagnostic, Location};
use std::fmt;

/// What a back end's output is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standard {
    /// The bits of another back end.
    Backend(Backend),
    /// The f64 reference.
    Reference,
    /// The expected values of the request.
    Expected,
}

impl fmt::Display for Standard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Standard::Backend(backend) => backend.name(),
            Standard::Reference => "reference",
            Standard::Expected => "expected",
        })
    }
}

/// One comparison of outputs.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// Whose output.
    pub backend: Backend,
    /// The name of the output.
    pub output: String,
    /// What it is compared with.
    pub standard: Standard,
    /// The outcome.
    pub difference: Difference,
}

impl Check {
    /// Whether bits are compared, which nothing excuses.
    pub(super) fn compares_bits(&self) -> bool {
        matches!(self.standard, Standard::Backend(_))
    }
}

/// The first intermediate value that differs, in the order of computation.
#[derive(Clone, Debug, PartialEq)]
pub struct Divergence {
    /// The node of the optimised graph.
    pub node: String,
    /// Its operator.
    pub operator: &'static str,
    /// Whose value.
    pub backend: Backend,
    /// What it differs from: another back end or the reference, evaluated on the optimised graph.
    pub standard: Standard,
    /// By how much.
    pub difference: Difference,
    /// The node before it that the same kernel computes on the way, where each of the two is right by itself: the common
    /// kernel is wrong then.
    pub fused_with: Option<String>,
}

/// A node of the optimised graph on every back end, beside the reference.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeReport {
    /// The node.
    pub node: String,
    /// Its operator.
    pub operator: &'static str,
    /// The extents of its value, in NCHW order.
    pub dims: Vec<usize>,
    /// The node before it that its kernel computes on the way, whose value is nowhere.
    pub absorbs: Option<String>,
    /// Whose bits the others are compared with.
    pub first_backend: Backend,
    /// One for each back end.
    pub checks: Vec<NodeCheck>,
}

/// The value of a node on one back end.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeCheck {
    /// The back end.
    pub backend: Backend,
    /// How close it comes to the reference.
    pub closeness: Closeness,
    /// Beside the bits of the first back end; `None` of the first.
    pub bits: Option<Difference>,
    /// Beside the reference on the optimised graph.
    pub reference: Difference,
}

impl NodeReport {
    /// Whether the value is the same in bits on all back ends, and the reference's within the tolerance.
    pub fn passed(&self) -> bool {
        let passed = |check: &NodeCheck| {
            check.bits.as_ref().is_none_or(Difference::passed) && check.reference.passed()
        };
        self.checks.iter().all(passed)
    }

    /// Whether all back ends give the same bits.
    pub fn has_same_bits(&self) -> bool {
        self.checks.iter().all(|check| check.bits.as_ref().is_none_or(Difference::passed))
    }
}

/// The outcome of [`verify`](super::verify).
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// All checks: every back end against the first, against the reference, against the expected values.
    pub checks: Vec<Check>,
    /// The greatest distance of an output from the reference or the expected values.
    pub max_abs_error: f64,
    /// Where the difference begins. `None` when all checks passed; also when each kernel computes what the
    /// optimised graph says, so that the fault lies before or outside of them.
    pub first_divergent: Option<Divergence>,
    /// Every node that leaves a value in memory, in the order of computation; `None` when nobody looked at them: all
    /// checks passed, and the request did not ask. Errors add up from node to node: where the outputs agree, one that is
    /// further from the reference than what is allowed is no failure.
    pub nodes: Option<Vec<NodeReport>>,
    /// What the passes do to the outputs; `None` when the request did not ask.
    pub bisection: Option<Bisection>,
    /// The expected intermediate values; `None` when there are none.
    pub expected_nodes: Option<ExpectedNodes>,
}

impl Report {
    /// Whether every check passed, no node that was looked at differs in bits, and no pass or expected value differs.
    pub fn passed(&self) -> bool {
        self.checks.iter().all(|check| check.difference.passed())
            && self.first_divergent.is_none()
            && self.bisection.as_ref().is_none_or(|bisection| bisection.culprit().is_none())
            && self.expected_nodes.as_ref().is_none_or(|nodes| nodes.first_divergent().is_none())
    }

    /// The node that is to blame, as far as it is known: the first whose kernel differs, else the first after the pass
    /// that changed the outputs, else the first that differs from the expected values.
    pub fn layer(&self) -> Option<&str> {
        let of_pass = || self.bisection.as_ref()?.first_divergent.as_ref().map(|(node, ..)| node.as_str());
        let expected = || Some(self.expected_nodes.as_ref()?.first_divergent()?.node.as_str());
        let kernel = self.first_divergent.as_ref().map(|found| found.node.as_str());
        kernel.or_else(of_pass).or_else(expected)
    }

    /// Whether the back ends agree with each other and with the reference, whatever was expected.
    pub fn consistent(&self) -> bool {
        self.checks
            .iter()
            .filter(|check| check.standard != Standard::Expected)
            .all(|check| check.difference.passed())
    }

    /// The failure as `RX0801`; `None` when every check passed.
    pub fn diagnostic(&self) -> Option<Diagnostic> {
        if self.passed() {
            return None;
        }
        let refuse = |location, cause: String, help: &str| {
            Some(Diagnostic::new(Code::VerificationFailed, location, cause).with_help(help))
        };
        let culprit = self.bisection.as_ref().and_then(|bisection| Some((bisection, bisection.culprit()?)));
        let expected = self.expected_nodes.as_ref().and_then(|nodes| Some((nodes, nodes.first_divergent()?)));
        match (&self.first_divergent, culprit, expected) {
            (Some(found), _, _) => refuse(
                Location::Name(found.node.clone()),
                found.to_string(),
                "`rexnetc compile NET --emit graph,loops` shows the node and its kernel; please report this",
            ),
            (None, Some((bisection, check)), _) => refuse(
                bisection.first_divergent.as_ref().map_or(Location::None, |(node, ..)| Location::Name(node.clone())),
                format!("the pass {} changes what the network means: {}", check.pass, check.difference),
                "`rexnetc dump NET --after PASS` shows the graph after it; please report this",
            ),
            (None, None, Some((nodes, first))) => refuse(
                Location::Name(first.node.clone()),
                match nodes.suspects.as_slice() {
                    [] | [_] => format!("it differs from the expected value here first: {first}"),
                    [earliest, ..] => format!(
                        "it differs from the expected value here first, because of this node or one from {earliest} \
                         on for which nothing is expected: {first}"
                    ),
                },
                "the expected values are those of a network in which this layer is another one",
            ),
            _ if self.consistent() => refuse(
                Location::None,
                "the output is not the expected one, though back ends and reference agree".to_owned(),
                "the expected values are those of other weights, another input or another network: `--against NET` \
                 says where two networks part, `--expect-nodes X.npz` compares intermediate values",
            ),
            _ => refuse(
                Location::None,
                "the output is not the reference's, though each kernel computes what the optimised graph says"
                    .to_owned(),
                "a pass changed the network, or small errors added up: `--bisect-passes` tells; please report this",
            ),
        }
    }
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { node, backend, standard, difference, fused_with, .. } = self;
        let backend = backend.name();
        match fused_with {
            None => write!(f, "{backend} differs from {standard} here first: {difference}"),
            Some(inner) => write!(
                f,
                "the fused kernel of {inner} and {node} is wrong, though each is right by itself: \
                 {backend} differs from {standard}: {difference}"
            ),
        }
    }
}
