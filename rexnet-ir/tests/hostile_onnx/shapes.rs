//! Axes, shapes, and choices of elements with absurd arguments, or of a meaning that we do not cover:
//! refused, never read as another.

use crate::check::check_all;
use crate::encode::{Bytes, INT64, Model, int, ints, list, node, raw_tensor, scalar, single, tensor};

type Row = (&'static str, &'static str, &'static str, Vec<u8>);

const REFUSED: &str = "RX0902";

#[test]
fn axes_and_shapes() {
    let mean = |axes: &[i64]| single("ReduceMean", &["x"], &[ints("axes", axes)], &[]);
    let with_list = |op: &str, values: &[i64]| single(op, &["x", "l"], &[], &[list("l", values)]);
    let on_list = |op: &str, inputs: &[&str], attributes: &[Bytes], constants: &[Bytes]| {
        // The result becomes a shape, so that it must be known.
        let nodes = [node(op, inputs, &["s"], attributes), node("Reshape", &["x", "s"], &["y"], &[])];
        Model::new(&nodes).with(constants).file()
    };
    let l = || list("l", &[1, 256]);
    let of_shape = |dims: &[i64]| on_list("ConstantOfShape", &["d"], &[], &[list("d", dims)]);
    let slice = |constants: [&[i64]; 4]| {
        let [starts, ends, axes, steps] = constants;
        let names = ["starts", "ends", "axes", "steps"];
        let lists: Vec<Bytes> =
            names.iter().zip([starts, ends, axes, steps]).map(|(n, v)| list(n, v)).collect();
        single("Slice", &["x", "starts", "ends", "axes", "steps"], &[], &lists)
    };
    let rows: Vec<Row> = vec![
        ("mean", "", "", mean(&[2, 3])),
        ("mean from the end", "", "", mean(&[-1, -2])),
        ("mean over axis 4", REFUSED, "no axis 4", mean(&[2, 4])),
        ("mean over axis -5", REFUSED, "no axis -5", mean(&[-5])),
        ("mean over the least axis", REFUSED, "no axis", mean(&[i64::MIN, i64::MAX])),
        ("mean over one axis twice", REFUSED, "given twice", mean(&[2, 3, 3])),
        ("mean over all", "", "", mean(&[])),
        ("mean over a thousand axes", REFUSED, "more than 64", mean(&[2; 1000])),
        (
            "axes given twice",
            REFUSED,
            "as an attribute and",
            single("ReduceMean", &["x", "l"], &[ints("axes", &[2, 3])], &[list("l", &[2, 3])]),
        ),
        ("reshape", "", "", with_list("Reshape", &[1, -1])),
        ("reshape to a huge one", REFUSED, "cannot become", with_list("Reshape", &[i64::MAX, i64::MAX])),
        ("reshape to a negative", REFUSED, "not sensible", with_list("Reshape", &[-2, 4])),
        ("reshape with two free", REFUSED, "not sensible", with_list("Reshape", &[-1, -1])),
        ("reshape past the rank", REFUSED, "past", with_list("Reshape", &[1, 4, 8, 8, 0])),
        (
            "reshape to zero",
            REFUSED,
            "cannot become",
            single("Reshape", &["x", "l"], &[int("allowzero", 1)], &[list("l", &[0, -1])]),
        ),
        ("reshape that divides unevenly", REFUSED, "cannot become", with_list("Reshape", &[3, -1])),
        ("reshape to a thousand axes", REFUSED, "at most 64", with_list("Reshape", &[1; 1000])),
        ("reshape by floats", REFUSED, "floats", single("Reshape", &["x", "l"], &[], &[tensor("l", &[2])])),
        ("shape from nothing", REFUSED, "too large", of_shape(&[1 << 40])),
        ("shape from nothing overflows", REFUSED, "too large", of_shape(&[1 << 32, 1 << 32])),
        ("huge beside zero", REFUSED, "too large", of_shape(&[0, 1 << 62, 1 << 62])),
        ("negative shape from nothing", REFUSED, "negative", of_shape(&[-1])),
        ("flatten", "", "", single("Flatten", &["x"], &[int("axis", -3)], &[])),
        ("flatten at 5", REFUSED, "no axis 5", single("Flatten", &["x"], &[int("axis", 5)], &[])),
        (
            "flatten at the least",
            REFUSED,
            "no axis",
            single("Flatten", &["x"], &[int("axis", i64::MIN)], &[]),
        ),
        ("flatten in the middle", "", "", single("Flatten", &["x"], &[int("axis", 2)], &[])),
        ("squeeze", REFUSED, "is not 1", with_list("Squeeze", &[1])),
        ("squeeze nothing", REFUSED, "empty", with_list("Squeeze", &[])),
        ("squeeze far", REFUSED, "no axis", with_list("Squeeze", &[i64::MAX])),
        ("unsqueeze", "", "", with_list("Unsqueeze", &[0])),
        ("unsqueeze twice", REFUSED, "given twice", with_list("Unsqueeze", &[0, 0])),
        ("unsqueeze far", REFUSED, "no axis", with_list("Unsqueeze", &[-7])),
        ("slice", "", "", slice([&[1], &[3], &[1], &[1]])),
        ("slice clamped", "", "", slice([&[i64::MIN], &[i64::MAX], &[1], &[1]])),
        ("slice of nothing", REFUSED, "empty", slice([&[9], &[12], &[1], &[1]])),
        ("slice backwards", "", "", slice([&[3], &[i64::MIN], &[1], &[-1]])),
        ("step 0", REFUSED, "step of 0", slice([&[0], &[2], &[1], &[0]])),
        ("least step", REFUSED, "step of 0", slice([&[0], &[2], &[1], &[i64::MIN]])),
        ("slice of axis 4", REFUSED, "no axis 4", slice([&[0], &[2], &[4], &[1]])),
        ("slices of other lengths", REFUSED, "differ in length", slice([&[0], &[2, 3], &[1], &[1]])),
        (
            "slice of one axis twice",
            REFUSED,
            "given twice",
            on_list(
                "Slice",
                &["l", "a", "b", "c"],
                &[],
                &[list("l", &[1, 2, 3, 4, 5]), list("a", &[0, 3]), list("b", &[2, 5]), list("c", &[0, -1])],
            ),
        ),
        (
            "slice of a list",
            "",
            "",
            on_list(
                "Slice",
                &["l", "a", "b"],
                &[],
                &[list("l", &[7, 1, 256]), list("a", &[1]), list("b", &[i64::MAX])],
            ),
        ),
        ("gather", REFUSED, "no index 2", on_list("Gather", &["l", "i"], &[], &[l(), list("i", &[2])])),
        (
            "gather far",
            REFUSED,
            "no index",
            on_list("Gather", &["l", "i"], &[], &[l(), list("i", &[i64::MIN])]),
        ),
        (
            "gather along axis 1",
            REFUSED,
            "no axis 1",
            on_list("Gather", &["l", "i"], &[int("axis", 1)], &[l(), list("i", &[0])]),
        ),
        (
            "gather from nothing",
            REFUSED,
            "no index 0",
            on_list("Gather", &["l", "i"], &[], &[list("l", &[]), list("i", &[0])]),
        ),
        (
            "concat",
            "",
            "",
            on_list("Concat", &["a", "b"], &[int("axis", -1)], &[list("a", &[1]), list("b", &[256])]),
        ),
        ("concat without axis", REFUSED, "missing", on_list("Concat", &["l", "l"], &[], &[l()])),
        (
            "concat along axis 1",
            REFUSED,
            "no axis 1",
            on_list("Concat", &["l", "l"], &[int("axis", 1)], &[l()]),
        ),
        ("concat of nothing", REFUSED, "0 inputs", on_list("Concat", &[], &[int("axis", 0)], &[])),
        ("concat of many", REFUSED, "65 inputs", on_list("Concat", &["l"; 65], &[int("axis", 0)], &[l()])),
        (
            "transpose",
            REFUSED,
            "given twice",
            on_list(
                "Transpose",
                &["l"],
                &[ints("perm", &[0, 0])],
                &[raw_tensor("l", INT64, &[1, 2], &[0; 16])],
            ),
        ),
        (
            "transpose of other rank",
            REFUSED,
            "no order",
            on_list("Transpose", &["l"], &[ints("perm", &[0, 1])], &[l()]),
        ),
        (
            "integer overflow",
            REFUSED,
            "arithmetic",
            on_list("Mul", &["h", "h"], &[], &[list("h", &[i64::MAX])]),
        ),
        (
            "integer division by 0",
            REFUSED,
            "arithmetic",
            on_list("Div", &["l", "z"], &[], &[l(), list("z", &[0])]),
        ),
        (
            "cast of NaN",
            REFUSED,
            "no integer",
            on_list("Cast", &["n"], &[int("to", 7)], &[scalar("n", f32::NAN)]),
        ),
        (
            "cast too large",
            REFUSED,
            "cast of",
            on_list("Cast", &["n"], &[int("to", 6)], &[list("n", &[1 << 40])]),
        ),
        ("cast to nothing", REFUSED, "undefined", single("Cast", &["x"], &[], &[])),
        ("cast of the map", REFUSED, "of integers", single("Cast", &["x"], &[int("to", 7)], &[])),
    ];
    check_all(rows);
}
