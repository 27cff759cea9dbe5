//! What differs between two tensors of weights, and what one has to do with the other.

use super::WEIGHT_TOLERANCE;
use crate::graph::Tensor;

/// How many elements differ and where the first is; `None` when none does. Where one tensor was made from the other in
/// a way that people do make tensors, that is said, too.
pub(super) fn difference(a: &Tensor, b: &Tensor) -> Option<String> {
    let (x, y) = (a.data(), b.data());
    let magnitude = x.iter().chain(&*y).fold(0f32, |most, value| most.max(value.abs()));
    let pair = Pair { x: &x, y: &y, tolerance: WEIGHT_TOLERANCE * magnitude };
    let differing = || (0..x.len()).filter(|&at| !pair.close(x[at], y[at]));
    let at = differing().next()?;
    let mut cause = format!("element {at} is {:?} in one and {:?} in the other", x[at], y[at]);
    cause.push_str(&match differing().count() {
        1 if x.len() == 1 => String::new(),
        1 => format!("; the other {} are equal", x.len() - 1),
        count => format!("; {count} of {} differ", x.len()),
    });
    if let Some(relation) = pair.relation(a) {
        cause.push_str("; ");
        cause.push_str(&relation);
    }
    Some(cause)
}

struct Pair<'a> {
    x: &'a [f32],
    y: &'a [f32],
    tolerance: f32,
}

impl Pair<'_> {
    /// Written so that a NaN on one side differs.
    fn close(&self, x: f32, y: f32) -> bool {
        (x - y).abs() <= self.tolerance || x == y || (x.is_nan() && y.is_nan())
    }

    fn all(&self, of: impl Fn(usize) -> f32) -> bool {
        self.x.iter().enumerate().all(|(at, &x)| self.close(x, of(at)))
    }

    fn relation(&self, tensor: &Tensor) -> Option<String> {
        let y = self.y;
        if y.len() > 1 && self.all(|at| -y[at]) {
            return Some("all signs are flipped".to_owned());
        }
        if let [_, _, height, width] = *tensor.dims()
            && height == width
            && height > 1
        {
            let area = height * width;
            let turned = |at: usize| at - at % area + at % width * width + at % area / width;
            if self.all(|at| y[turned(at)]) {
                return Some("the kernels are transposed".to_owned());
            }
        }
        if y.len() > 1 {
            let whole = factor(self.x, y);
            if self.all(|at| y[at] * whole) {
                return Some(format!("all are the other's, multiplied by {whole:.6}"));
            }
        }
        let filter = tensor.filter_len();
        if filter < 2 || y.len() <= filter {
            return None;
        }
        let factors: Vec<f32> =
            self.x.chunks(filter).zip(y.chunks(filter)).map(|(x, y)| factor(x, y)).collect();
        self.all(|at| y[at] * factors[at / filter]).then(|| {
            let (least, greatest) =
                factors.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(least, greatest), &factor| {
                    (least.min(factor), greatest.max(factor))
                });
            format!("each filter is a multiple of the other's, by {least:.6} to {greatest:.6}")
        })
    }
}

/// The multiple of `y` that is nearest to `x`.
fn factor(x: &[f32], y: &[f32]) -> f32 {
    let product =
        |x: &[f32], y: &[f32]| -> f64 { x.iter().zip(y).map(|(&x, &y)| f64::from(x) * f64::from(y)).sum() };
    match product(y, y) {
        0.0 => 1.0,
        square => (product(x, y) / square) as f32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn difference_of(dims: &[usize], x: &[f32], y: &[f32]) -> Option<String> {
        let tensor = |data: &[f32]| Tensor::new(dims, data);
        difference(&tensor(x)?, &tensor(y)?)
    }

    #[test]
    fn the_relation_of_two_tensors_is_told() {
        let x = [1.0, 2.0, 3.0, 4.0, -5.0, 6.0, 7.0, 8.0];
        let dims = [2, 1, 2, 2];
        let cases: [(&[f32], Option<&str>); 7] = [
            (&x, None),
            (&[1.0, 2.0, 3.0, 4.0, -5.0, 6.0, 7.0, 9.0], Some("; the other 7 are equal")),
            (&[-1.0, -2.0, -3.0, -4.0, 5.0, -6.0, -7.0, -8.0], Some("all signs are flipped")),
            (&[1.0, 3.0, 2.0, 4.0, -5.0, 7.0, 6.0, 8.0], Some("the kernels are transposed")),
            (&[2.0, 4.0, 6.0, 8.0, -5.0, 6.0, 7.0, 8.0], Some("by 0.500000 to 1.000000")),
            (&[2.0, 4.0, 6.0, 8.0, -10.0, 12.0, 14.0, 16.0], Some("multiplied by 0.500000")),
            (&[f32::NAN, 2.0, 3.0, 4.0, -5.0, 6.0, 7.0, 8.0], Some("element 0 is 1.0 in one and NaN")),
        ];
        for (y, wanted) in cases {
            let found = difference_of(&dims, &x, y);
            match wanted {
                None => assert_eq!(found, None),
                Some(wanted) => {
                    assert!(found.as_ref().is_some_and(|found| found.contains(wanted)), "{found:?}");
                }
            }
        }
    }
}
