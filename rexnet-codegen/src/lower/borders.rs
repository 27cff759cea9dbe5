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

    /// The window of the taps in the middle, `kernel` of them or all; the padding reaches around those.
    pub(super) fn inner(&self, kernel: Option<usize>) -> Self {
        let kernel = kernel.unwrap_or(self.kernel);
        let before = (self.kernel - kernel) / 2;
        Self { kernel, pad: self.pad - before * self.dilation, ..*self }
    }

    /// Positions whose windows are neither inside the input nor before or after all of it, or more.
    pub(super) fn straddling(&self) -> usize {
        let reach = (self.kernel - 1).saturating_mul(self.dilation);
        reach.saturating_mul(2).min(self.outputs.saturating_mul(self.stride)) / self.stride
    }

    /// The positions in order, cut where the taps change. The work grows with the number of windows that straddle a
    /// border, not with the kernel, the map or the padding.
    pub(super) fn spans(&self) -> Vec<Span> {
        let [outputs, inputs, kernel, stride, dilation] =
            [self.outputs, self.inputs, self.kernel, self.stride, self.dilation].map(|count| count as i64);
        let reach = (kernel - 1) * dilation;
        let mut spans: Vec<Span> = Vec::new();
        let mut output = 0;
        while output < outputs {
            let first = output * stride + self.origin();
            // The last position whose window begins at or before an input element.
            let last_from = |element: i64| (element - self.origin()).div_euclid(stride);
            let (taps, end) = if first + reach < 0 {
                (0..0, last_from(-reach - 1) + 1)
            } else if first >= inputs {
                (0..0, outputs)
            } else if first >= 0 && first + reach < inputs {
                (0..kernel, last_from(inputs - 1 - reach) + 1)
            } else {
                // Taps at which the input begins and ends, rounded up.
                let begin = ((-first).max(0) + dilation - 1) / dilation;
                let end = ((inputs - first + dilation - 1) / dilation).min(kernel);
                (if begin < end { begin..end } else { 0..0 }, output + 1)
            };
            let end = end.min(outputs);
            match spans.last_mut() {
                Some(span) if span.taps == taps => span.outputs.end = end,
                _ => spans.push(Span { outputs: output..end, taps }),
            }
            output = end;
        }
        spans
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Position by position, as the definition says it.
    fn taps_at(window: &Window, output: i64) -> Vec<i64> {
        let first = output * window.stride as i64 + window.origin();
        let inside = |tap: &i64| (0..window.inputs as i64).contains(&(first + tap * window.dilation as i64));
        (0..window.kernel as i64).filter(inside).collect()
    }

    #[test]
    fn spans_state_the_taps_of_each_position() {
        for inputs in 1..12usize {
            for (kernel, stride, dilation, pad, after) in [
                (1, 1, 1, 0, 0),
                (3, 1, 1, 1, 1),
                (3, 2, 1, 0, 1),
                (5, 3, 2, 4, 9),
                (9, 1, 1, 4, 4),
                (2, 2, 3, 11, 2),
            ] {
                let Some(room) = (inputs + pad + after).checked_sub((kernel - 1) * dilation + 1) else {
                    continue;
                };
                let window = Window { outputs: room / stride + 1, inputs, kernel, stride, dilation, pad };
                let mut next = 0;
                for span in window.spans() {
                    assert_eq!(span.outputs.start, next);
                    next = span.outputs.end;
                    for output in span.outputs {
                        assert_eq!(
                            span.taps.clone().collect::<Vec<_>>(),
                            taps_at(&window, output),
                            "{window:?}"
                        );
                    }
                }
                assert_eq!(next, window.outputs as i64);
            }
        }
    }
}
