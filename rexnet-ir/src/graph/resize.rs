//! Which elements an interpolated place is made of.

use super::ops::Resize;

/// What stands between elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Interpolation {
    /// The element before.
    NearestFloor,
    /// The element behind.
    NearestCeil,
    /// The nearest; of two as near, the one before.
    NearestPreferFloor,
    /// The nearest; of two as near, the one behind.
    NearestPreferCeil,
    /// A line between two.
    Linear,
    /// The cubic of four elements with `a = -0.75` (Keys, 1981; PyTorch bicubic).
    Cubic,
}

/// Where place `o` of the result lies in the operand, in elements; ONNX's names are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Coordinates {
    /// `(o + 0.5) / scale - 0.5` (half_pixel).
    HalfPixel,
    /// The same, and 0 where the result has one place (pytorch_half_pixel).
    HalfPixelOrZero,
    /// `o * (extent - 1) / (scale * extent - 1)` (align_corners).
    AlignCorners,
    /// `o / scale` (asymmetric).
    Asymmetric,
}

/// An element of the operand, and what it is multiplied by.
pub type ResizeTap = (usize, f32);

impl Resize {
    /// For each place of the result the elements that it is the sum of, of an operand of `extent` elements, at least one.
    /// Factors are multiples of 2^-24, so that places at equal distances between elements have equal ones.
    pub fn taps(&self, extent: usize) -> Vec<Vec<ResizeTap>> {
        (0..self.size).map(|place| self.taps_of(place, extent)).collect()
    }

    fn taps_of(&self, place: usize, extent: usize) -> Vec<ResizeTap> {
        let x = self.position(place as f64, extent as f64);
        // Far outside there is only the last element.
        let x = x.clamp(-4.0, extent as f64 + 4.0);
        let inside = |at: f64| at.clamp(0.0, extent as f64 - 1.0) as usize;
        let before = x.floor();
        let t = x - before;
        let taps = match self.interpolation {
            Interpolation::NearestFloor => vec![(inside(before), 1.0)],
            Interpolation::NearestCeil => vec![(inside(x.ceil()), 1.0)],
            Interpolation::NearestPreferFloor => vec![(inside((x - 0.5).ceil()), 1.0)],
            Interpolation::NearestPreferCeil => vec![(inside((x + 0.5).floor()), 1.0)],
            Interpolation::Linear => vec![(inside(before), 1.0 - t), (inside(before + 1.0), t)],
            Interpolation::Cubic => {
                [-1.0, 0.0, 1.0, 2.0].map(|step| (inside(before + step), cubic((t - step).abs()))).to_vec()
            }
        };
        joined(&taps)
    }

    fn position(&self, place: f64, extent: f64) -> f64 {
        let half_pixel = (place + 0.5) / self.scale - 0.5;
        match self.coordinates {
            Coordinates::HalfPixel => half_pixel,
            Coordinates::HalfPixelOrZero if self.size == 1 => 0.0,
            Coordinates::HalfPixelOrZero => half_pixel,
            Coordinates::AlignCorners if self.size == 1 => 0.0,
            Coordinates::AlignCorners => place * (extent - 1.0) / (self.scale * extent - 1.0),
            Coordinates::Asymmetric => place / self.scale,
        }
    }
}

/// The factor of an element at a distance.
fn cubic(distance: f64) -> f64 {
    const A: f64 = -0.75;
    let d = distance;
    if d <= 1.0 {
        ((A + 2.0) * d - (A + 3.0)) * d * d + 1.0
    } else if d < 2.0 {
        ((A * d - 5.0 * A) * d + 8.0 * A) * d - 4.0 * A
    } else {
        0.0
    }
}

/// Each element once, in order, those of factor zero left out.
fn joined(taps: &[(usize, f64)]) -> Vec<ResizeTap> {
    const ONE: f64 = (1u32 << 24) as f64;
    let mut joined: Vec<(usize, f64)> = Vec::with_capacity(taps.len());
    for &(element, factor) in taps {
        match joined.iter_mut().find(|(other, _)| *other == element) {
            Some((_, sum)) => *sum += factor,
            None => joined.push((element, factor)),
        }
    }
    let rounded = joined.into_iter().map(|(element, factor)| (element, (factor * ONE).round() / ONE));
    let mut kept: Vec<ResizeTap> = rounded
        .filter(|&(_, factor)| factor != 0.0)
        .map(|(element, factor)| (element, factor as f32))
        .collect();
    kept.sort_unstable_by_key(|&(element, _)| element);
    kept
}
