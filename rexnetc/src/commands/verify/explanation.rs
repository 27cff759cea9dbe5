//! Whether another network explains why what was expected did not come.

use super::Verify;
use super::against::Comparison;
use crate::failure::Failure;
use rexnet::verification::{Report, reference_gives};
use std::ffi::OsStr;

/// Another network, beside the one that was verified.
pub(super) struct Explanation {
    /// Where the two part.
    pub(super) comparison: Comparison,
    /// Whether the other network's f64 reference gives the expected outputs; `None` when none are known or it has no
    /// weights.
    pub(super) gives_expected: Option<bool>,
}

impl Explanation {
    /// # Errors
    /// Those of [`Comparison::new`].
    pub(super) fn new(
        arguments: &Verify,
        other: &OsStr,
        input: &[f32],
        expected: &[Option<Vec<f32>>],
    ) -> Result<Self, Failure> {
        let comparison = Comparison::new(arguments, other)?;
        let known = expected.iter().any(Option::is_some);
        let gives_expected = if known { reference_gives(comparison.other(), input, expected) } else { None };
        Ok(Self { comparison, gives_expected })
    }

    /// What the other network says about a failure; `None` where nothing failed.
    pub(super) fn text(&self, report: &Report) -> Option<String> {
        if report.passed() {
            return None;
        }
        let other = self.comparison.other_title();
        Some(match (self.comparison.layer(), self.gives_expected) {
            (Some(layer), Some(true)) => {
                format!(
                    "{other} gives the expected output: the layer {layer}, in which it differs, explains the failure"
                )
            }
            (Some(layer), Some(false)) => {
                format!(
                    "{other}, which differs in the layer {layer}, does not give the expected output either"
                )
            }
            (Some(layer), None) => format!("{other} differs in the layer {layer}"),
            (None, _) => format!("{other} is no explanation: {}", self.comparison.verdict()),
        })
    }
}
