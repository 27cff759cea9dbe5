//! The singular values of feature maps: how many directions of its channels a layer uses.

use nalgebra::DMatrix;

/// A singular value counts for the rank if it is above this part of the largest. What exact arithmetic calls full rank is
/// nearly always full: of interest is how many directions hold more than noise.
pub(super) const TOLERANCE: f64 = 0.05;

/// Below this part of the largest a singular value is zero: feature maps are f32, and what their rounding leaves is an order
/// below.
const ROUNDING: f64 = 1e-5;

/// Positions whose products are summed at once.
const PART: usize = 4096;

/// How the values of a layer's channels depend on each other: the sums of their products over all positions. Nothing is
/// subtracted: a channel that is constant is a direction too.
#[derive(Clone, Debug)]
pub(super) struct Gram {
    products: DMatrix<f64>,
    positions: usize,
}

/// What the singular values of a matrix of channels × positions say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Ranks {
    /// Those above [`TOLERANCE`] of the largest.
    pub(super) rank: usize,
    /// The exponential of the entropy of the singular values as parts of their sum (Roy & Vetterli, "The effective rank: a
    /// measure of effective dimensionality", 2007): between 1 and the number of those above zero, and without a threshold.
    /// 0 where all values are.
    pub(super) effective: f64,
}

impl Gram {
    /// Of so many channels, without positions yet.
    pub(super) fn new(channels: usize) -> Self {
        Self { products: DMatrix::zeros(channels, channels), positions: 0 }
    }

    /// Adds the positions of an image's map, `[channels, positions]` in rows.
    pub(super) fn add(&mut self, map: &[f32]) {
        let channels = self.products.nrows();
        let positions = map.len() / channels;
        // Part by part: a large map is not copied whole.
        for first in (0..positions).step_by(PART) {
            let part = PART.min(positions - first);
            let element = |position, channel| f64::from(map[channel * positions + first + position]);
            let columns = DMatrix::from_fn(part, channels, element);
            self.products.gemm(1.0, &columns.transpose(), &columns, 1.0);
        }
        self.positions += positions;
    }

    /// How many positions were added: the rank is no larger.
    pub(super) fn positions(&self) -> usize {
        self.positions
    }

    /// The ranks; `None` where a value is infinite or no number.
    pub(super) fn ranks(&self) -> Option<Ranks> {
        if self.products.iter().any(|value| !value.is_finite()) {
            return None;
        }
        let eigenvalues = self.products.symmetric_eigenvalues();
        // Rounding makes some of those that are zero negative.
        let mut singular: Vec<f64> = eigenvalues.iter().map(|&value| value.max(0.0).sqrt()).collect();
        singular.sort_by(|a, b| b.total_cmp(a));
        let largest = singular.first().copied().unwrap_or(0.0);
        singular.retain(|&value| value > ROUNDING * largest);
        let sum: f64 = singular.iter().sum();
        if sum == 0.0 {
            return Some(Ranks { rank: 0, effective: 0.0 });
        }
        let parts = singular.iter().map(|value| value / sum);
        let entropy: f64 = parts.map(|part| -part * part.ln()).sum();
        let rank = singular.iter().filter(|&&value| value > TOLERANCE * largest).count();
        Some(Ranks { rank, effective: entropy.exp() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn ranks(channels: usize, map: &[f32]) -> Ranks {
        let mut gram = Gram::new(channels);
        // In two parts, as of two images.
        let positions = map.len() / channels;
        for half in [0..positions / 2, positions / 2..positions] {
            let part: Vec<f32> =
                map.chunks(positions).flat_map(|row| row[half.clone()].iter().copied()).collect();
            gram.add(&part);
        }
        assert_eq!(gram.positions(), positions);
        gram.ranks().unwrap()
    }

    #[test]
    fn orthogonal_channels_count_by_their_norms() {
        // Norms 3, 3, 3 and one below the tolerance.
        let map = [3.0, 0.0, 0.0, 0.0, 0.0, 3.0, 0.0, 0.0, 0.0, 0.0, 3.0, 0.0, 0.0, 0.0, 0.0, 0.149];
        let found = ranks(4, &map);
        assert_eq!(found.rank, 3);
        let parts = [3.0 / 9.149, 3.0 / 9.149, 3.0 / 9.149, 0.149 / 9.149_f64];
        let entropy: f64 = parts.iter().map(|part| -part * part.ln()).sum();
        // The sixteenth element is an f32.
        assert!((found.effective - entropy.exp()).abs() < 1e-6, "{found:?}");
    }

    #[test]
    fn repeated_channels_are_one_direction() {
        let row = [1.0, -2.0, 0.5, 4.0];
        let found = ranks(3, &[row, row, row].concat());
        assert_eq!(found.rank, 1);
        assert!((found.effective - 1.0).abs() < 1e-12, "{found:?}");
    }

    #[test]
    fn zeros_have_no_rank_and_what_is_no_number_has_none_either() {
        assert_eq!(ranks(2, &[0.0; 8]), Ranks { rank: 0, effective: 0.0 });
        let mut gram = Gram::new(2);
        gram.add(&[1.0, f32::NAN, 0.0, 1.0]);
        assert_eq!(gram.ranks(), None);
    }
}
