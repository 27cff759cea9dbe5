//! Padding peeled off: stretches of output positions whose windows see the same taps.
//!
//! Taps that fall into the padding are left out of the sum, so which products are summed follows from the shape
//! alone, and no inner loop has a branch.

use std::ops::Range;

/// Consecutive output positions that use the same taps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// The positions.
    pub(super) outputs: Range<i64>,
    /// The taps inside the input for all of them; may be empty.
    pub(super) taps: Range<i64>,
}

/// A window along one axis.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    /// Positions.
    pub(super) outputs: usize,
    /// Input elements.
    pub(super) inputs: usize,
    /// Taps.
    pub(super) kernel: usize,
    /// Input elements from one position to the next.
    pub(super) stride: usize,
    /// Input elements from one tap to the next.
    pub(super) dilation: usize,
    /// Padding before the first element.
    pub(super) pad: usize,
}

impl Window {
    /// The input element of tap 0 at position 0; negative in the padding.
    pub(super) fn origin(&self) -> i64 {
        -(self.pad as i64)
    }

    /// The positions in order, cut where the taps change.
    pub(super) fn spans(&self) -> Vec<Span> {
        let mut spans: Vec<Span> = Vec::new();
        for output in 0..self.outputs as i64 {
            let first = output * self.stride as i64 + self.origin();
            let inside = |tap: &i64| (0..self.inputs as i64).contains(&(first + tap * self.dilation as i64));
            let begin = (0..self.kernel as i64).find(inside).unwrap_or(0);
            let end = (0..self.kernel as i64).rfind(inside).map_or(0, |last| last + 1);
            match spans.last_mut() {
                Some(span) if span.taps == (begin..end) => span.outputs.end = output + 1,
                _ => spans.push(Span { outputs: output..output + 1, taps: begin..end }),
            }
        }
        spans
    }
}
