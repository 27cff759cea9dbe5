//! Output channels cut into blocks that one loop body serves.
//!
//! Packed weights are panels of 16 output channels, with one panel of 8 at the tail where the padded count asks
//! for it. A panel holds its biases, then one row of weights for each step of the reduction:
//!
//! ```text
//! panel 0 (16 channels)            panel 1            tail (8 channels)
//! [bias ×16][k=0 ×16][k=1 ×16]…    [bias ×16]…        [bias ×8][k=0 ×8]…
//! ```

use rexnet_ir::graph::CHANNEL_PADDING;

/// The channels of a full panel.
pub(crate) const PANEL: usize = 16;

/// The number of elements of packed weights for `channels` outputs and `reduction` steps.
pub(crate) fn packed_elements(channels: usize, reduction: usize) -> usize {
    channels.next_multiple_of(CHANNEL_PADDING) * (reduction + 1)
}

/// A run of panels, or of halves of panels, of which each iteration does the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Columns {
    /// Loop iterations over groups of panels.
    pub(super) iterations: usize,
    /// Panels of one group, unrolled.
    pub(super) panels: usize,
    /// Loop iterations over parts of a panel; 1 where a group is of several panels.
    pub(super) parts: usize,
    /// Vectors of one part, unrolled.
    pub(super) vectors: usize,
    /// Lanes of a vector.
    pub(super) lanes: usize,
    /// The element where the first panel begins.
    pub(super) panel_start: i64,
    /// The elements from one panel to the next.
    pub(super) panel_stride: i64,
    /// The channels of each panel: the elements from one reduction step to the next.
    pub(super) panel_width: i64,
    /// The first channel's place in its panel.
    pub(super) lane_start: i64,
    /// The first output channel.
    pub(super) channel: i64,
    /// Whether the shortcut covers these channels.
    pub(super) shortcut: bool,
}

impl Columns {
    /// Channels of one iteration.
    pub(super) fn channels(&self) -> usize {
        self.panels * self.parts * self.vectors * self.lanes
    }

    /// Vectors that are unrolled in one iteration.
    pub(super) fn unrolled_vectors(&self) -> usize {
        self.panels * self.vectors
    }
}

/// Cuts `channels` outputs of `reduction` steps into blocks of at most `most_vectors` vectors of `lanes`. A
/// shortcut covers the first `shortcut` channels, a multiple of 8.
pub(super) fn split(
    channels: usize,
    reduction: usize,
    shortcut: usize,
    lanes: usize,
    most_vectors: usize,
) -> Vec<Columns> {
    let padded = channels.next_multiple_of(CHANNEL_PADDING);
    let full = padded / PANEL;
    let panel_stride = (PANEL * (reduction + 1)) as i64;
    let mut blocks = Vec::new();
    let mut whole_panels = |first: usize, count: usize, shortcut: bool| {
        let per_panel = PANEL / lanes;
        let group = (most_vectors / per_panel).clamp(1, count.max(1));
        let vectors = per_panel.min(most_vectors);
        let block = Columns {
            iterations: count / group,
            panels: group,
            parts: per_panel / vectors,
            vectors,
            lanes,
            panel_start: first as i64 * panel_stride,
            panel_stride,
            panel_width: PANEL as i64,
            lane_start: 0,
            channel: (first * PANEL) as i64,
            shortcut,
        };
        if block.iterations > 0 {
            blocks.push(block);
        }
        let done = first + block.iterations * group;
        if done < first + count {
            blocks.push(Columns {
                iterations: 1,
                panels: first + count - done,
                panel_start: done as i64 * panel_stride,
                channel: (done * PANEL) as i64,
                ..block
            });
        }
    };
    let covered = (shortcut / PANEL).min(full);
    whole_panels(0, covered, true);
    let boundary = !shortcut.is_multiple_of(PANEL) && shortcut / PANEL < full;
    whole_panels(covered + usize::from(boundary), full - covered - usize::from(boundary), false);

    // Half panels: the one where the shortcut ends, and the tail.
    let half_lanes = lanes.min(CHANNEL_PADDING);
    let half = |panel: usize, width: usize, lane_start: usize, shortcut: bool| {
        let vectors = (CHANNEL_PADDING / half_lanes).min(most_vectors);
        Columns {
            iterations: 1,
            panels: 1,
            parts: CHANNEL_PADDING / half_lanes / vectors,
            vectors,
            lanes: half_lanes,
            panel_start: panel as i64 * panel_stride,
            panel_stride,
            panel_width: width as i64,
            lane_start: lane_start as i64,
            channel: (panel * PANEL + lane_start) as i64,
            shortcut,
        }
    };
    if boundary {
        blocks.push(half(covered, PANEL, 0, true));
        blocks.push(half(covered, PANEL, CHANNEL_PADDING, false));
    }
    if !padded.is_multiple_of(PANEL) {
        blocks.push(half(full, CHANNEL_PADDING, 0, shortcut > full * PANEL));
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every padded channel is computed exactly once, with the shortcut where it belongs, from its own column.
    #[test]
    fn blocks_cover_each_channel_once() {
        for channels in (1..130usize).chain([185, 1000]) {
            for shortcut in [0, 8, 16, 24, 40, channels.next_multiple_of(8)] {
                for (lanes, most) in [(4, 1), (4, 4), (8, 1), (8, 2), (8, 3), (8, 14), (16, 1), (16, 5)] {
                    check(channels, shortcut.min(channels.next_multiple_of(8)), lanes, most);
                }
            }
        }
    }

    fn check(channels: usize, shortcut: usize, lanes: usize, most: usize) {
        let reduction = 3;
        let padded = channels.next_multiple_of(8);
        let mut seen = vec![0; padded];
        for block in split(channels, reduction, shortcut, lanes, most) {
            assert!(block.unrolled_vectors() <= most.max(1));
            for panel in 0..block.iterations * block.panels {
                for lane in 0..block.parts * block.vectors * block.lanes {
                    let channel = block.channel as usize + panel * PANEL + lane;
                    seen[channel] += 1;
                    assert_eq!(block.shortcut, channel < shortcut, "channel {channel}");
                    // The bias of this channel stands where the packing put it.
                    let at = block.panel_start
                        + panel as i64 * block.panel_stride
                        + block.lane_start
                        + lane as i64;
                    let own_panel = channel / PANEL;
                    let expected = own_panel * PANEL * (reduction + 1) + channel % PANEL;
                    assert_eq!(at as usize, expected);
                }
            }
        }
        assert!(seen.iter().all(|&count| count == 1), "{channels} {shortcut} {lanes} {most}: {seen:?}");
    }
}
