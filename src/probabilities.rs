//! From a classifier's output to answers.

/// A class and how probable it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prediction {
    /// The class.
    pub index: usize,
    /// From 0 to 1.
    pub probability: f32,
}

/// `exp(x) / Σ exp(x)`, in f64, shifted by the maximum so that nothing overflows. Apply it once, to logits.
pub fn softmax(logits: &[f32]) -> Vec<f32> {
    let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let exps: Vec<f64> = logits.iter().map(|&x| f64::from(x - max).exp()).collect();
    let sum: f64 = exps.iter().sum();
    exps.into_iter().map(|exp| (exp / sum) as f32).collect()
}

/// The `k` most probable classes, most probable first; equal ones in the order of their index. NaNs come last.
pub fn top(probabilities: &[f32], k: usize) -> Vec<Prediction> {
    let rank = |p: f32| if p.is_nan() { f32::NEG_INFINITY } else { p };
    let mut order: Vec<usize> = (0..probabilities.len()).collect();
    order.sort_by(|&a, &b| rank(probabilities[b]).total_cmp(&rank(probabilities[a])));
    order.truncate(k);
    order.into_iter().map(|index| Prediction { index, probability: probabilities[index] }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn softmax_of_large_logits_is_finite_and_sums_to_one() {
        let probabilities = softmax(&[1000.0, 999.0, -1000.0]);
        assert!((probabilities.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        // e / (e + 1) in exact arithmetic.
        assert!((probabilities[0] - 0.731_058_6).abs() < 1e-6);
    }

    #[test]
    fn top_orders_by_probability_then_index() {
        let indices: Vec<usize> = top(&[0.2, f32::NAN, 0.5, 0.2], 4).iter().map(|p| p.index).collect();
        assert_eq!(indices, [2, 0, 3, 1]);
    }
}
