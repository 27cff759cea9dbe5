//! Resizing in the integer arithmetic of Pillow's `Resample.c` (8 bits per channel), for a window of the
//! result.
//!
//! Two passes, each to bytes: across, then down. Every output pixel depends on its own weights only, so
//! computing a window gives the same bytes as computing everything and cutting it.

use super::geometry::Region;
use super::pixels::View;
use rexnet_ir::spec::preprocessing::Interpolation;
use std::ops::Range;

/// Fractional bits of a weight: 32 less 8 for the pixel and 2 for the overshoot of a filter with negative
/// lobes.
const PRECISION_BITS: u32 = 32 - 8 - 2;
const HALF: i32 = 1 << (PRECISION_BITS - 1);
/// Rows summed at once in the pass across: a weight meets the same column of all of them.
const BAND: usize = 8;
/// Bytes of a row summed at once in the pass down, so that the sums stay in registers.
const STRIP: usize = 48;

/// Resizes `source` to `target` (width, height; at least 1 each) and returns the bytes of `window`, HWC.
///
/// `window` must have at least one pixel and lie inside `target`.
pub(super) fn resample(
    source: View<'_>,
    target: (u64, u64),
    window: Region,
    interpolation: Interpolation,
) -> Vec<u8> {
    let across = Axis::new(source.width, target.0, window.left, window.width, interpolation);
    let down = Axis::new(source.height, target.1, window.top, window.height, interpolation);
    let down_first = reduces_mostly_rows((source.width as u64, source.height as u64), target);
    let part = source.cut(Region {
        left: across.needed.start,
        top: down.needed.start,
        width: across.needed.len(),
        height: down.needed.len(),
    });
    match (across.taps, down.taps) {
        (None, None) => (0..part.height).flat_map(|y| part.row(y)).copied().collect(),
        (Some(across), None) => resize_across(part, &across),
        (None, Some(down)) => resize_down(part, &down),
        (Some(across), Some(down)) if down_first => {
            let rows = resize_down(part, &down);
            resize_across(View::packed(&rows, part.width, window.height), &across)
        }
        (Some(across), Some(down)) => {
            let columns = resize_across(part, &across);
            resize_down(View::packed(&columns, window.width, part.height), &down)
        }
    }
}

/// Where Pillow 13 makes the pass down first; before version 13 it never did. The bytes between the passes
/// are rounded, so the order shows in the result.
fn reduces_mostly_rows(from: (u64, u64), to: (u64, u64)) -> bool {
    let (fewer_columns, fewer_rows) = (from.0 as i64 - to.0 as i64, from.1 as i64 - to.1 as i64);
    fewer_rows > (2 * fewer_columns).max(0)
}

/// One axis of a resize.
struct Axis {
    /// The input positions read.
    needed: Range<usize>,
    /// None where the size stays: every output position is its input position.
    taps: Option<Taps>,
}

/// The inputs of consecutive output positions along one axis.
struct Taps {
    /// First input position, counted from the first needed one, and number of weights of each output
    /// position.
    spans: Vec<(usize, usize)>,
    /// Fixed-point weights, `stride` to an output position, unused ones 0.
    weights: Vec<i32>,
    stride: usize,
}

impl Axis {
    /// What brings `from` positions to `to`, for `len` output positions from `start` (Pillow's
    /// `precompute_coeffs` and `normalize_coeffs_8bpc`). The order of the f64 operations decides bits.
    fn new(from: usize, to: u64, start: usize, len: usize, interpolation: Interpolation) -> Self {
        if from as u64 == to {
            return Self { needed: start..start + len, taps: None };
        }
        let (filter, radius): (fn(f64) -> f64, f64) = match interpolation {
            Interpolation::Bilinear => (triangle, 1.0),
            Interpolation::Bicubic => (cubic, 2.0),
        };
        let scale = from as f64 / to as f64;
        let filter_scale = scale.max(1.0);
        let support = radius * filter_scale;
        let step = 1.0 / filter_scale;
        // No position has more taps than the input, however wide the filter.
        let stride = (support.ceil() as usize * 2 + 1).min(from);

        let mut spans = Vec::with_capacity(len);
        let mut weights = vec![0; len * stride];
        let mut exact = vec![0.0; stride];
        let mut needed = 0..0;
        for (i, fixed) in weights.chunks_exact_mut(stride).enumerate() {
            let center = ((start + i) as f64 + 0.5) * scale;
            let first = (center - support + 0.5).max(0.0) as usize;
            let end = ((center + support + 0.5) as usize).min(from);
            let exact = &mut exact[..end - first];
            let mut sum = 0.0;
            for (x, weight) in (first..end).zip(exact.iter_mut()) {
                *weight = filter((x as f64 - center + 0.5) * step);
                sum += *weight;
            }
            for (weight, fixed) in exact.iter().zip(fixed) {
                let weight = if sum == 0.0 { *weight } else { weight / sum };
                let scaled = weight * f64::from(1 << PRECISION_BITS);
                *fixed = (scaled + if weight < 0.0 { -0.5 } else { 0.5 }) as i32;
            }
            if i == 0 {
                needed.start = first;
            }
            needed.end = end;
            spans.push((first - needed.start, end - first));
        }
        Self { needed, taps: Some(Taps { spans, weights, stride }) }
    }
}

impl Taps {
    /// The output positions in order: first input position and weights of each.
    fn iter(&self) -> impl Iterator<Item = (usize, &[i32])> {
        let weights = self.weights.chunks_exact(self.stride);
        self.spans.iter().zip(weights).map(|(&(first, len), weights)| (first, &weights[..len]))
    }
}

fn triangle(x: f64) -> f64 {
    (1.0 - x.abs()).max(0.0)
}

fn cubic(x: f64) -> f64 {
    const A: f64 = -0.5;
    let x = x.abs();
    if x < 1.0 {
        ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        (((x - 5.0) * x + 8.0) * x - 4.0) * A
    } else {
        0.0
    }
}

fn clip8(sum: i32) -> u8 {
    (sum >> PRECISION_BITS).clamp(0, 255) as u8
}

/// The pass across: as many rows as `source` has.
fn resize_across(source: View<'_>, taps: &Taps) -> Vec<u8> {
    let row_bytes = taps.spans.len() * 3;
    let mut out = vec![0; source.height * row_bytes];
    // A band by columns. Lanes past the last row keep other rows' bytes and are not stored.
    let mut columns = vec![[[0_i32; BAND]; 3]; source.width];
    for (band, out) in out.chunks_mut(BAND * row_bytes).enumerate() {
        let rows = out.len() / row_bytes;
        for lane in 0..rows {
            for (column, pixel) in columns.iter_mut().zip(source.row(band * BAND + lane).chunks_exact(3)) {
                for c in 0..3 {
                    column[c][lane] = i32::from(pixel[c]);
                }
            }
        }
        for (x, (first, weights)) in taps.iter().enumerate() {
            let mut sums = [[HALF; BAND]; 3];
            for (column, weight) in columns[first..].iter().zip(weights) {
                for c in 0..3 {
                    for lane in 0..BAND {
                        sums[c][lane] += column[c][lane] * weight;
                    }
                }
            }
            for (lane, row) in out.chunks_exact_mut(row_bytes).enumerate() {
                for c in 0..3 {
                    row[x * 3 + c] = clip8(sums[c][lane]);
                }
            }
        }
    }
    out
}

/// The pass down: rows as long as those of `source`.
fn resize_down(source: View<'_>, taps: &Taps) -> Vec<u8> {
    let row_bytes = source.width * 3;
    let mut out = vec![0; taps.spans.len() * row_bytes];
    for ((first, weights), out) in taps.iter().zip(out.chunks_exact_mut(row_bytes)) {
        for (strip, out) in out.chunks_mut(STRIP).enumerate() {
            let mut sums = [HALF; STRIP];
            for (y, weight) in weights.iter().enumerate() {
                let bytes = &source.row(first + y)[strip * STRIP..][..out.len()];
                for (sum, &byte) in sums.iter_mut().zip(bytes) {
                    *sum += i32::from(byte) * weight;
                }
            }
            for (out, &sum) in out.iter_mut().zip(&sums) {
                *out = clip8(sum);
            }
        }
    }
    out
}
