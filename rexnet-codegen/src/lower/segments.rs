//! Output channels cut where the arithmetic changes: at the borders of groups, and where depthwise kernels of another
//! size begin.
//!
//! A cut falls on a multiple of the vectors' channels. Where a border does not, the channels around it are computed
//! together: over the inputs of both groups, with the larger kernel; their packed weights are zero where they have none.

use super::Part;
use rexnet_ir::graph::{Conv2d, KernelSlice, TensorType};
use std::ops::Range;

/// Consecutive output channels that are computed alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    /// The output channels; the first is a multiple of the granule, and so is their number unless they are the last.
    pub(super) outputs: Range<usize>,
    /// The input channels that a pointwise convolution sums over.
    pub(super) inputs: Range<usize>,
    /// The side of the kernel of a depthwise convolution; `None` where all channels have all taps.
    pub(super) kernel: Option<usize>,
}

impl Segment {
    /// How many output channels.
    pub(super) fn channels(&self) -> usize {
        self.outputs.len()
    }

    /// How many of the first `covered` channels of all are among these.
    pub(super) fn covered(&self, covered: usize) -> usize {
        covered.saturating_sub(self.outputs.start).min(self.channels().next_multiple_of(8))
    }

    /// Its filters of a pointwise convolution; `None` where they are all, of one group.
    pub(super) fn group(&self, conv: &Conv2d, weight: &TensorType) -> Option<Part> {
        let whole = self.outputs == (0..weight.batch()) && conv.groups == 1;
        (!whole).then(|| Part::Group {
            filters: self.outputs.clone(),
            inputs: self.inputs.clone(),
            groups: conv.groups,
        })
    }

    /// Its filters of a depthwise convolution; `None` where they are all, and whole.
    pub(super) fn filters(&self, conv: &Conv2d, weight: &TensorType) -> Option<Part> {
        let whole = [weight.height(), weight.width()];
        let kernel = self.kernel.map_or(whole, |kernel| [kernel; 2]);
        let all = self.outputs == (0..weight.batch()) && conv.slices.is_empty();
        (!all).then(|| Part::Kernel { filters: self.outputs.clone(), kernel, slices: conv.slices.clone() })
    }
}

/// The input channels that an output channel of a pointwise convolution sums over.
pub(super) fn inputs_of(conv: &Conv2d, weight: &TensorType, channel: usize) -> Range<usize> {
    let (per_group, outputs) = (weight.channels(), weight.batch() / conv.groups);
    let group = channel / outputs;
    group * per_group..(group + 1) * per_group
}

/// The side of the kernel of a channel of a depthwise convolution of kernels of several sizes.
pub(crate) fn kernel_of(slices: &[KernelSlice], channel: usize) -> Option<usize> {
    let mut end = 0;
    let slice = slices.iter().find(|slice| {
        end += slice.channels;
        channel < end
    });
    slice.map(|slice| slice.kernel)
}

/// Cuts `channels` into segments at multiples of `granule`, as few as say what `of` says of each channel: its inputs
/// and its kernel.
pub(super) fn segments(
    channels: usize,
    granule: usize,
    of: impl Fn(usize) -> (Range<usize>, Option<usize>),
) -> Vec<Segment> {
    let mut segments: Vec<Segment> = Vec::new();
    for start in (0..channels).step_by(granule) {
        let end = (start + granule).min(channels);
        let (mut inputs, mut kernel) = of(start);
        for channel in start + 1..end {
            let (more, other) = of(channel);
            inputs = inputs.start.min(more.start)..inputs.end.max(more.end);
            kernel = kernel.max(other);
        }
        match segments.last_mut() {
            Some(last) if last.inputs == inputs && last.kernel == kernel => last.outputs.end = end,
            _ => segments.push(Segment { outputs: start..end, inputs, kernel }),
        }
    }
    segments
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every channel is in one segment, with all that it needs, and no segment could be longer.
    #[test]
    fn segments_cover_each_channel_once() {
        for (channels, granule, border) in
            [(240, 8, 120), (40, 8, 20), (51, 16, 15), (7, 16, 3), (96, 16, 48)]
        {
            let of = |channel: usize| {
                if channel < border { (0..border, Some(3)) } else { (border..channels, Some(5)) }
            };
            let found = segments(channels, granule, of);
            let mut next = 0;
            for segment in &found {
                assert_eq!(segment.outputs.start, next);
                assert_eq!(segment.outputs.start % granule, 0);
                next = segment.outputs.end;
                for channel in segment.outputs.clone() {
                    let (inputs, kernel) = of(channel);
                    assert!(segment.inputs.start <= inputs.start && segment.inputs.end >= inputs.end);
                    assert!(segment.kernel >= kernel);
                }
            }
            assert_eq!(next, channels);
            assert!(
                found
                    .windows(2)
                    .all(|pair| { (&pair[0].inputs, pair[0].kernel) != (&pair[1].inputs, pair[1].kernel) })
            );
        }
    }
}
