//! Graph → packed weights: all of a network's constants in one blob, in reading order.

use super::{PackedWeights, PlacedTensor, Program};
use crate::lower::{PANEL, Packing, Part, kernel_of};
use crate::memory::AlignedBuffer;
use rexnet_ir::diagnostic::{Code, Diagnostic, Location};
use rexnet_ir::graph::{CHANNEL_PADDING, Graph, Tensor};
use std::fmt::Write;
use xxhash_rust::xxh3::xxh3_64;

/// Packs the tensors that the graph binds, reading each once where it lies; beside the result, memory is needed for a
/// panel's filters only.
///
/// # Errors
/// `RX0302` when a constant has no tensor, `RX0607` when the system refuses the memory.
pub fn pack(program: &Program, graph: &Graph) -> Result<PackedWeights, Diagnostic> {
    let mut buffer = AlignedBuffer::try_zeroed(program.weight_bytes / 4)?;
    let tensor = |name: &str| {
        graph.constant(name).ok_or_else(|| {
            Diagnostic::new(
                Code::WeightsMissing,
                Location::Name(name.to_owned()),
                "no weights are bound to it",
            )
        })
    };
    for placed in &program.weights {
        let start = placed.offset / 4;
        let target = &mut buffer.as_mut_slice()[start..start + placed.tensor.elements];
        match &placed.tensor.packing {
            Packing::Plain { constant } => tensor(constant)?.read_filters(0, target),
            Packing::Panels { weight, bias, part } => {
                let bias = bias.as_deref().map(tensor).transpose()?;
                panels(target, tensor(weight)?, bias, part.as_ref());
            }
            Packing::Rows { weight, bias } => {
                let bias = bias.as_deref().map(tensor).transpose()?;
                rows(target, tensor(weight)?, bias);
            }
        }
    }
    Ok(PackedWeights::new(buffer, program.layout_hash))
}

/// Fills panels; see `lower/columns.rs` for their layout.
fn panels(target: &mut [f32], weight: &Tensor, bias: Option<&Tensor>, part: Option<&Part>) {
    let of_filter = weight.filter_len();
    let (filters_of_part, channels, reduction) = match part {
        None => (0..weight.dims()[0], weight.dims()[1], of_filter),
        Some(Part::Group { filters, inputs, .. }) => (filters.clone(), inputs.len(), inputs.len()),
        Some(Part::Kernel { filters, kernel, .. }) => (filters.clone(), 1, kernel[0] * kernel[1]),
    };
    let (m, taps) = (filters_of_part.len(), reduction / channels);
    let mut whole = vec![0.0; of_filter];
    let mut read = |filter: usize, row: &mut [f32]| {
        let filter = filters_of_part.start + filter;
        let Some(part) = part else { return weight.read_filters(filter, row) };
        weight.read_filters(filter, &mut whole);
        match part {
            Part::Group { inputs, groups, .. } => {
                let first = filter / (weight.dims()[0] / groups) * of_filter;
                for (channel, value) in inputs.clone().zip(row) {
                    *value =
                        channel.checked_sub(first).and_then(|own| whole.get(own).copied()).unwrap_or(0.0);
                }
            }
            Part::Kernel { kernel: [height, width], slices, .. } => {
                let [of_height, of_width] = [weight.dims()[2], weight.dims()[3]];
                let [top, left] = [(of_height - height) / 2, (of_width - width) / 2];
                let own = kernel_of(slices, filter);
                let covers = |tap: usize, side: usize| {
                    own.is_none_or(|own| ((side - own) / 2..(side + own) / 2).contains(&tap))
                };
                for (at, value) in row.iter_mut().enumerate() {
                    let (y, x) = (top + at / width, left + at % width);
                    let counts = covers(y, of_height) && covers(x, of_width);
                    *value = if counts { whole[y * of_width + x] } else { 0.0 };
                }
            }
        }
    };
    // Filters at a distance of whole pages would share the few places in the cache that such addresses have.
    let stride = reduction.next_multiple_of(PANEL) + PANEL;
    let mut filters = vec![0.0; PANEL * stride];
    let padded = m.next_multiple_of(CHANNEL_PADDING);
    for first in (0..padded).step_by(PANEL) {
        let width = PANEL.min(padded - first);
        for (lane, row) in filters.chunks_mut(stride).take(width).enumerate() {
            match first + lane {
                filter if filter < m => read(filter, &mut row[..reduction]),
                _ => row.fill(0.0),
            }
        }
        let panel = &mut target[first * (reduction + 1)..][..width * (reduction + 1)];
        let (start, lines) = panel.split_at_mut(width);
        if let Some(bias) = bias {
            bias.read_filters(filters_of_part.start + first, &mut start[..width.min(m - first)]);
        }
        match (taps, width) {
            (1, PANEL) => transpose::<PANEL>(lines, &filters, stride),
            (1, CHANNEL_PADDING) => transpose::<CHANNEL_PADDING>(lines, &filters, stride),
            _ => {
                for (lane, row) in filters.chunks(stride).take(width).enumerate() {
                    for (c, of_channel) in row[..reduction].chunks(taps).enumerate() {
                        for (tap, &value) in of_channel.iter().enumerate() {
                            lines[(tap * channels + c) * width + lane] = value;
                        }
                    }
                }
            }
        }
    }
}

/// `lines[k][lane] = rows[lane][k]`, four by four, which compilers do within vector registers.
fn transpose<const WIDTH: usize>(lines: &mut [f32], rows: &[f32], stride: usize) {
    const SIDE: usize = 4;
    let (squares, rest) = lines.as_chunks_mut::<WIDTH>().0.as_chunks_mut::<SIDE>();
    let done = SIDE * squares.len();
    for (square, lines) in squares.iter_mut().enumerate() {
        for lane in (0..WIDTH).step_by(SIDE) {
            let part = |row: usize| {
                let part = rows[(lane + row) * stride + square * SIDE..].first_chunk::<SIDE>();
                part.copied().unwrap_or_default()
            };
            let [a, b, c, d] = [part(0), part(1), part(2), part(3)];
            for k in 0..SIDE {
                lines[k][lane..lane + SIDE].copy_from_slice(&[a[k], b[k], c[k], d[k]]);
            }
        }
    }
    for (k, line) in rest.iter_mut().enumerate() {
        *line = std::array::from_fn(|lane| rows[lane * stride + done + k]);
    }
}

/// Fills one filter after the other.
fn rows(target: &mut [f32], weight: &Tensor, bias: Option<&Tensor>) {
    let channels = weight.dims()[1];
    let reduction = weight.filter_len();
    let taps = reduction / channels;
    let mut source = vec![0.0; reduction];
    for (filter, row) in target.chunks_mut(reduction + 1).take(weight.dims()[0]).enumerate() {
        row[0] = bias.map_or(0.0, |bias| bias.element(filter));
        weight.read_filters(filter, &mut source);
        for (c, of_channel) in source.chunks(taps).enumerate() {
            for (tap, &value) in of_channel.iter().enumerate() {
                row[1 + tap * channels + c] = value;
            }
        }
    }
}

/// Depends on everything that decides where a weight lies, and on nothing else.
pub(super) fn layout_hash(weights: &[PlacedTensor]) -> u64 {
    let mut text = String::from("panels of 16, tail of 8, bias first\n");
    for placed in weights {
        let PlacedTensor { tensor, offset } = placed;
        // Writing to a string cannot fail.
        let _ = match &tensor.packing {
            Packing::Plain { constant } => writeln!(text, "{offset} {} plain {constant:?}", tensor.elements),
            Packing::Panels { weight, bias, part: None } => {
                writeln!(text, "{offset} {} panels {weight:?} {bias:?}", tensor.elements)
            }
            Packing::Panels { weight, bias, part: Some(part) } => {
                writeln!(text, "{offset} {} panels {weight:?} {bias:?} {part:?}", tensor.elements)
            }
            Packing::Rows { weight, bias } => {
                writeln!(text, "{offset} {} rows {weight:?} {bias:?}", tensor.elements)
            }
        };
    }
    xxh3_64(text.as_bytes())
}
