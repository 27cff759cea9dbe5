//! `verify` of outputs that hardly vary, overflow f32 or are subnormal: `tests/fixtures/rounding`, with the values of ONNX
//! Runtime.

use crate::binary::{file, rexnetc, root, scratch};
use crate::files::{bytes_of, npy, read_npy};

const CASES: [&str; 9] = [
    "sum_of_softmax",
    "saturated_sigmoid",
    "equal_scores",
    "exp_of_ends",
    "reciprocal_of_ends",
    "selu_of_ends",
    "softplus_of_ends",
    "mean_of_great_numbers",
    "subnormal_weights",
];

fn path(name: &str, ending: &str) -> String {
    let file = root().join(format!("tests/fixtures/rounding/{name}{ending}"));
    file.into_os_string().into_string().unwrap()
}

#[test]
fn what_rounding_does_is_allowed() {
    for name in CASES {
        let [model, input, expected] = [".onnx", ".x.npy", ".y.npy"].map(|ending| path(name, ending));
        rexnetc(&["verify", &model, "--input", &input, "--expect", &expected]).exits(0);
    }
}

/// A thousandth more than one: far more than the sums of probabilities are rounded.
#[test]
fn what_rounding_does_not_do_is_refused() {
    let directory = scratch("rounding");
    for name in ["sum_of_softmax", "saturated_sigmoid", "exp_of_ends"] {
        let [model, input, expected] = [".onnx", ".x.npy", ".y.npy"].map(|ending| path(name, ending));
        let (header, mut values) = read_npy(&expected);
        for value in values.iter_mut().filter(|value| value.is_finite()) {
            *value *= 1.001;
        }
        let altered = file(&directory, "altered.npy", npy(&header, &bytes_of(&values)));
        rexnetc(&["verify", &model, "--input", &input, "--expect", &altered]).exits(3);
    }
}
