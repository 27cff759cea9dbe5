//! Which elements an interpolated place is made of.

use super::fraction::Fraction;
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
    /// The cubic of four elements (Keys, 1981), whose coefficient `a` is -0.75 (PyTorch bicubic) unless stated otherwise.
    Cubic,
}

/// Where place `o` of the result lies in the operand, in elements; ONNX's names are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Coordinates {
    /// `(o + 0.5) / scale - 0.5` (half_pixel).
    HalfPixel,
    /// The same, and 0 where the result has one place (pytorch_half_pixel).
    HalfPixelOrZero,
    /// `(o + 0.5) / scale - 0.5`, moved so that the middles of both coincide where a scale was rounded to a size
    /// (half_pixel_symmetric).
    HalfPixelSymmetric,
    /// `(o + 0.5) / scale` (tf_half_pixel_for_nn).
    HalfPixelWhole,
    /// `o * (extent - 1) / (scale * extent - 1)` (align_corners).
    AlignCorners,
    /// `o / scale` (asymmetric).
    Asymmetric,
    /// `(start + o * (end - start) / (size - 1)) * (extent - 1)`, the middle where the result has one place, of the
    /// region from start to end; a place outside of the operand is 0 (tf_crop_and_resize).
    Region,
}

/// An element of the operand, and what it is multiplied by.
pub type ResizeTap = (usize, f32);

/// An element of the operand, or a place outside of it, and what it is multiplied by.
type Weight = (f64, f64);

impl Resize {
    /// An interpolation of one axis without antialiasing.
    pub fn new(
        axis: usize,
        size: usize,
        coordinates: Coordinates,
        interpolation: Interpolation,
        scale: f64,
    ) -> Self {
        Self {
            axis,
            size,
            coordinates,
            interpolation,
            scale,
            antialias: false,
            exclude_outside: false,
            coefficient: None,
            region: None,
        }
    }

    /// For each place of the result the elements that it is the sum of, of an operand of `extent` elements, at least one.
    /// Factors are multiples of 2^-24, so that places at equal distances between elements have equal ones.
    pub fn taps(&self, extent: usize) -> Vec<Vec<ResizeTap>> {
        (0..self.size).map(|place| self.taps_of(place, extent)).collect()
    }

    /// How many places of the operand an antialiased one looks at, about.
    pub(super) fn width(&self) -> f64 {
        if self.antialias { 2.0 * self.reach() / self.scale.min(1.0) } else { 2.0 * self.reach() }
    }

    /// The distance at which the factors end.
    fn reach(&self) -> f64 {
        if self.interpolation == Interpolation::Cubic { 2.0 } else { 1.0 }
    }

    fn taps_of(&self, place: usize, extent: usize) -> Vec<ResizeTap> {
        let x = self.position(place as f64, extent as f64);
        let last = extent as f64 - 1.0;
        if self.coordinates == Coordinates::Region && !(0.0..=last).contains(&x) {
            return Vec::new();
        }
        if let Some(element) = self.nearest(place, extent, x) {
            return vec![(element, 1.0)];
        }
        // Far outside there is only the last element.
        let beyond = 4.0 + if self.antialias { self.width() } else { 0.0 };
        let x = if x.is_nan() { 0.0 } else { x.clamp(-beyond, extent as f64 + beyond) };
        let before = x.floor();
        let t = x - before;
        let mut weights: Vec<Weight> = if self.antialias && self.scale < 1.0 {
            let reach = self.reach() / self.scale;
            let steps = (reach - 1.0).ceil() as i64;
            let elements = (-steps..=steps + 1).map(|step| before + step as f64);
            elements.map(|element| (element, self.factor((element - x).abs() * self.scale))).collect()
        } else if self.interpolation == Interpolation::Linear {
            vec![(before, 1.0 - t), (before + 1.0, t)]
        } else {
            [-1.0, 0.0, 1.0, 2.0].map(|step| (before + step, self.factor((t - step).abs()))).to_vec()
        };
        if self.exclude_outside {
            weights.retain(|(element, _)| (0.0..=last).contains(element));
        }
        if self.exclude_outside || self.antialias {
            let sum: f64 = weights.iter().map(|(_, factor)| factor).sum();
            weights.iter_mut().for_each(|(_, factor)| *factor /= sum);
        }
        let inside = |at: f64| at.clamp(0.0, last) as usize;
        let taps = joined(&weights.iter().map(|&(at, factor)| (inside(at), factor)).collect::<Vec<_>>());
        // Where all are excluded, or their factors cancel out, the nearest stands.
        if taps.is_empty() { vec![(inside(x.round()), 1.0)] } else { taps }
    }

    /// The element that is taken whole, for an interpolation that takes one. Its place is computed in integers where the
    /// scale is a fraction of such: a quotient of floats may miss the very element that it stands on.
    fn nearest(&self, place: usize, extent: usize, x: f64) -> Option<usize> {
        let exact = self.exact_position(place, extent);
        let x = x.clamp(-4.0, extent as f64 + 4.0);
        let element = match (self.interpolation, exact) {
            (Interpolation::Linear | Interpolation::Cubic, _) => return None,
            (Interpolation::NearestFloor, Some(exact)) => exact.floor(),
            (Interpolation::NearestCeil, Some(exact)) => exact.ceil(),
            (Interpolation::NearestPreferFloor, Some(exact)) => exact.plus_halves(-1).ceil(),
            (Interpolation::NearestPreferCeil, Some(exact)) => exact.plus_halves(1).floor(),
            (Interpolation::NearestFloor, None) => x.floor() as i128,
            (Interpolation::NearestCeil, None) => x.ceil() as i128,
            (Interpolation::NearestPreferFloor, None) => (x - 0.5).ceil() as i128,
            (Interpolation::NearestPreferCeil, None) => (x + 0.5).floor() as i128,
        };
        Some(element.clamp(0, extent as i128 - 1) as usize)
    }

    /// Where a place lies, if the scale is that of the extents or the f32 nearest to a fraction, and the coordinates know
    /// no other numbers.
    fn exact_position(&self, place: usize, extent: usize) -> Option<Fraction> {
        let [place, extent, size] = [place, extent, self.size].map(|x| x as i128);
        let scale = if self.scale == size as f64 / extent as f64 {
            Fraction::new(size, extent)?
        } else {
            let rounded = self.scale as f32;
            Fraction::simplest(rounded).filter(|_| f64::from(rounded) == self.scale)?
        };
        let (p, q) = (scale.numerator, scale.denominator);
        match self.coordinates {
            Coordinates::HalfPixelOrZero | Coordinates::AlignCorners if self.size == 1 => Fraction::new(0, 1),
            Coordinates::HalfPixel | Coordinates::HalfPixelOrZero => {
                Fraction::new((2 * place + 1) * q - p, 2 * p)
            }
            // Half of what the size lacks of the scaled extent, in the operand's elements, comes on top.
            Coordinates::HalfPixelSymmetric => {
                Fraction::new((2 * place + 1 - size) * q + (extent - 1) * p, 2 * p)
            }
            Coordinates::HalfPixelWhole => Fraction::new((2 * place + 1) * q, 2 * p),
            Coordinates::AlignCorners => Fraction::new(place * (extent - 1) * q, p * extent - q),
            Coordinates::Asymmetric => Fraction::new(place * q, p),
            Coordinates::Region => None,
        }
    }

    fn position(&self, place: f64, extent: f64) -> f64 {
        let half_pixel = (place + 0.5) / self.scale - 0.5;
        match self.coordinates {
            Coordinates::HalfPixel => half_pixel,
            Coordinates::HalfPixelOrZero if self.size == 1 => 0.0,
            Coordinates::HalfPixelOrZero => half_pixel,
            Coordinates::HalfPixelSymmetric => half_pixel + (extent - self.size as f64 / self.scale) / 2.0,
            Coordinates::HalfPixelWhole => (place + 0.5) / self.scale,
            Coordinates::AlignCorners if self.size == 1 => 0.0,
            Coordinates::AlignCorners => place * (extent - 1.0) / (self.scale * extent - 1.0),
            Coordinates::Asymmetric => place / self.scale,
            Coordinates::Region => {
                let [start, end] =
                    self.region.map_or([0.0, 1.0], |region| region.map(|x| f64::from(x.get())));
                let along = if self.size == 1 { 0.5 } else { place / (self.size as f64 - 1.0) };
                (start + along * (end - start)) * (extent - 1.0)
            }
        }
    }

    /// The factor of an element at a distance.
    fn factor(&self, distance: f64) -> f64 {
        let (a, d) = (self.coefficient.map_or(-0.75, |a| f64::from(a.get())), distance);
        match self.interpolation {
            Interpolation::Cubic if d <= 1.0 => ((a + 2.0) * d - (a + 3.0)) * d * d + 1.0,
            Interpolation::Cubic if d < 2.0 => ((a * d - 5.0 * a) * d + 8.0 * a) * d - 4.0 * a,
            Interpolation::Cubic => 0.0,
            _ => (1.0 - d).max(0.0),
        }
    }
}

/// Each element once, in order, those of factor zero left out.
fn joined(taps: &[(usize, f64)]) -> Vec<ResizeTap> {
    const ONE: f64 = (1u32 << 24) as f64;
    let mut joined: Vec<(usize, f64)> = Vec::with_capacity(taps.len());
    for &(element, factor) in taps {
        // Elements come in order, those outside as the first or the last: an equal one is the last that was joined.
        match joined.last_mut().filter(|(other, _)| *other == element) {
            Some((_, sum)) => *sum += factor,
            None => joined.push((element, factor)),
        }
    }
    let rounded = joined.into_iter().map(|(element, factor)| (element, (factor * ONE).round() / ONE));
    rounded.filter(|&(_, factor)| factor != 0.0).map(|(element, factor)| (element, factor as f32)).collect()
}
