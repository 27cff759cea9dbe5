//! The points of the rank study: what many networks give, as mean and spread.

use super::layer::Form;
use super::spectrum::Ranks;
use std::ops::RangeInclusive;

/// Input channels by output channels, in tenths.
pub(super) const RATIOS: RangeInclusive<usize> = 1..=10;

/// A layer, and its ranks with each nonlinearity.
#[derive(Debug, PartialEq)]
pub(super) struct Measured {
    /// The form.
    pub(super) form: Form,
    /// Input channels by output channels, in tenths.
    pub(super) ratio: usize,
    /// Channels of the input.
    pub(super) input_channels: usize,
    /// Channels of the output.
    pub(super) output_channels: usize,
    /// In the order of the nonlinearities.
    pub(super) ranks: Vec<Ranks>,
}

/// Mean and standard deviation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spread {
    /// The mean.
    pub(super) mean: f64,
    /// The sample's standard deviation; 0 of a single value.
    pub(super) deviation: f64,
}

/// All networks of a form, a ratio and a nonlinearity.
pub(super) struct Point {
    /// The form.
    pub(super) form: Form,
    /// Input channels by output channels.
    pub(super) ratio: f64,
    /// The nonlinearity's place in [`nonlinearities`](super::layer::nonlinearities).
    pub(super) nonlinearity: usize,
    /// Rank by output channels.
    pub(super) rank: Spread,
    /// Effective rank by output channels.
    pub(super) effective: Spread,
}

/// A measure of rank by its name.
pub(super) type Measure = (&'static str, fn(&Point) -> Spread);

/// Both.
pub(super) const MEASURES: [Measure; 2] =
    [("rank ratio", |point| point.rank), ("effective rank ratio", |point| point.effective)];

/// The points, by form, nonlinearity and ratio.
pub(super) fn points(measured: &[Measured], nonlinearities: usize) -> Vec<Point> {
    let mut points = Vec::new();
    for form in Form::ALL {
        for nonlinearity in 0..nonlinearities {
            for ratio in RATIOS {
                let own = || measured.iter().filter(|layer| layer.form == form && layer.ratio == ratio);
                let by_channels = |value: fn(&Ranks) -> f64| {
                    let part =
                        |layer: &Measured| value(&layer.ranks[nonlinearity]) / layer.output_channels as f64;
                    spread(&own().map(part).collect::<Vec<_>>())
                };
                points.push(Point {
                    form,
                    ratio: ratio as f64 / 10.0,
                    nonlinearity,
                    rank: by_channels(|ranks| ranks.rank as f64),
                    effective: by_channels(|ranks| ranks.effective),
                });
            }
        }
    }
    points
}

fn spread(values: &[f64]) -> Spread {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    Spread { mean, deviation: (squares / (count - 1.0).max(1.0)).sqrt() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spreads_are_those_of_a_sample() {
        assert_eq!(spread(&[1.0, 2.0, 3.0]), Spread { mean: 2.0, deviation: 1.0 });
        assert_eq!(spread(&[4.0]), Spread { mean: 4.0, deviation: 0.0 });
    }
}
