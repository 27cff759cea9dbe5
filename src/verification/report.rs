//! What a verification found.

use super::compare::Difference;
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
}

impl Report {
    /// Whether every check passed.
    pub fn passed(&self) -> bool {
        self.checks.iter().all(|check| check.difference.passed())
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
        match &self.first_divergent {
            Some(found) => refuse(
                Location::Name(found.node.clone()),
                format!(
                    "{} differs from {} here first: {}",
                    found.backend.name(),
                    found.standard,
                    found.difference
                ),
                "`rexnetc compile NET --emit graph,loops` shows the node and its kernel; please report this",
            ),
            None if self.consistent() => refuse(
                Location::None,
                "the output is not the expected one, though back ends and reference agree".to_owned(),
                "the expected values are those of other weights, another input or another network",
            ),
            None => refuse(
                Location::None,
                "the output is not the reference's, though each kernel computes what the optimised graph says"
                    .to_owned(),
                "a pass changed the network, or small errors added up; please report this",
            ),
        }
    }
}
