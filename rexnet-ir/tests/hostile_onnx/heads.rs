//! Reductions, interpolations, transposed convolutions and rearrangements whose numbers do not fit or ask for too much.

use crate::check::check_all;
use crate::encode::{Bytes, Model, float, int, ints, list, node, raw_tensor, single, tensor, text};

type Row = (&'static str, &'static str, &'static str, Vec<u8>);

const REFUSED: &str = "RX0902";

fn floats(name: &str, values: &[f32]) -> Bytes {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    raw_tensor(name, crate::encode::FLOAT, &[values.len() as i64], &bytes)
}

#[test]
fn interpolations() {
    let scaled = |scales: &[f32], attributes: &[Bytes]| {
        single("Resize", &["x", "", "s"], attributes, &[floats("s", scales)])
    };
    let sized = |sizes: &[i64], attributes: &[Bytes]| {
        single("Resize", &["x", "", "", "s"], attributes, &[list("s", sizes)])
    };
    let twice = &[1.0, 1.0, 2.0, 2.0];
    let whole_lines =
        [text("coordinate_transformation_mode", "tf_half_pixel_for_nn"), text("mode", "linear")];
    let region = |region: &[f32]| {
        let attributes = &[text("coordinate_transformation_mode", "tf_crop_and_resize")];
        single("Resize", &["x", "r", "s"], attributes, &[floats("s", twice), floats("r", region)])
    };
    let rows: Vec<Row> = vec![
        ("twice", "", "", scaled(twice, &[])),
        (
            "as it is",
            "",
            "",
            Model::new(&[node("Resize", &["x", "", "s"], &["r"], &[]), node("Relu", &["r"], &["y"], &[])])
                .with(&[floats("s", &[1.0; 4])])
                .file(),
        ),
        ("channels", "", "", scaled(&[1.0, 2.0, 1.0, 1.0], &[])),
        ("three scales", REFUSED, "3 scales for 4", scaled(&[1.0, 2.0, 2.0], &[])),
        ("a scale of zero", REFUSED, "a scale of 0", scaled(&[1.0, 1.0, 0.0, 1.0], &[])),
        ("a negative scale", REFUSED, "a scale of -1", scaled(&[1.0, 1.0, -1.0, 1.0], &[])),
        ("a scale that is NaN", REFUSED, "NaN", scaled(&[1.0, 1.0, f32::NAN, 1.0], &[])),
        ("an infinite scale", REFUSED, "inf", scaled(&[1.0, 1.0, f32::INFINITY, 1.0], &[])),
        ("a great scale", REFUSED, "at most", scaled(&[1.0, 1.0, 1e8, 1.0], &[])),
        ("sizes", "", "", sized(&[1, 4, 5, 9], &[text("mode", "cubic")])),
        ("size 0", REFUSED, "at most", sized(&[1, 4, 0, 9], &[])),
        ("a negative size", REFUSED, "negative", sized(&[1, 4, -5, 9], &[])),
        ("the largest size", REFUSED, "at most", sized(&[1, 4, i64::MAX, 9], &[])),
        ("nearest of another kind", REFUSED, "nearest_mode", scaled(twice, &[text("nearest_mode", "up")])),
        ("a mode of another kind", REFUSED, "mode", scaled(twice, &[text("mode", "lanczos")])),
        (
            "cut out",
            REFUSED,
            "input 1 is missing",
            scaled(twice, &[text("coordinate_transformation_mode", "tf_crop_and_resize")]),
        ),
        ("a region", "", "", region(&[0.0, 0.0, -3.0, 0.2, 1.0, 1.0, 3.0, 0.4])),
        ("a region of no width", REFUSED, "a scale of 1 of", region(&[0.0; 8])),
        ("a great region", REFUSED, "a scale of 2 of", region(&[0.0, 0.0, -3e38, 0.2, 1.0, 1.0, 3e38, 0.4])),
        ("half a region", REFUSED, "a region of 4 numbers", region(&[0.0; 4])),
        ("a region that is NaN", REFUSED, "a region from NaN", region(&[f32::NAN; 8])),
        ("a region without end", REFUSED, "a region from", region(&[f32::INFINITY; 8])),
        (
            "places elsewhere",
            REFUSED,
            "not known",
            scaled(twice, &[text("coordinate_transformation_mode", "x")]),
        ),
        ("whole lines", REFUSED, "of mode nearest", scaled(twice, &whole_lines)),
        ("ratio", REFUSED, "not known", sized(&[1, 4, 4, 4], &[text("keep_aspect_ratio_policy", "x")])),
        (
            "ratio of 0",
            REFUSED,
            "at most",
            sized(&[1, 4, 0, 4], &[text("keep_aspect_ratio_policy", "not_larger")]),
        ),
        (
            "a coefficient that is NaN",
            REFUSED,
            "no number",
            scaled(twice, &[float("cubic_coeff_a", f32::NAN)]),
        ),
        (
            "a great coefficient",
            "",
            "",
            scaled(twice, &[float("cubic_coeff_a", 3e38), text("mode", "cubic")]),
        ),
        ("an axis twice", REFUSED, "given twice", scaled(&[2.0, 2.0], &[ints("axes", &[2, 2])])),
        ("axes from the end", "", "", scaled(&[2.0, 2.0], &[ints("axes", &[-1, -2])])),
        ("no sizes at all", REFUSED, "missing", single("Resize", &["x"], &[], &[])),
        ("antialias", "", "", sized(&[1, 4, 4, 4], &[int("antialias", 1), text("mode", "linear")])),
        ("blocks", "", "", single("DepthToSpace", &["x"], &[int("blocksize", 2)], &[])),
        ("blocks of 0", REFUSED, "blocksize", single("DepthToSpace", &["x"], &[int("blocksize", 0)], &[])),
        ("blocks of 3", REFUSED, "no blocks", single("DepthToSpace", &["x"], &[int("blocksize", 3)], &[])),
        (
            "huge blocks",
            REFUSED,
            "blocksize",
            single("DepthToSpace", &["x"], &[int("blocksize", i64::MAX)], &[]),
        ),
        ("depth", "", "", single("SpaceToDepth", &["x"], &[int("blocksize", 4)], &[])),
        ("depth of 3", REFUSED, "blocks of 3", single("SpaceToDepth", &["x"], &[int("blocksize", 3)], &[])),
    ];
    check_all(rows);
}

#[test]
fn transposed_convolutions() {
    let with = |weight: &[i64], attributes: &[Bytes]| {
        single("ConvTranspose", &["x", "w"], attributes, &[tensor("w", weight)])
    };
    let twice = || ints("strides", &[2, 2]);
    let rows: Vec<Row> = vec![
        ("twice", "", "", with(&[4, 3, 2, 2], &[twice()])),
        ("other channels", REFUSED, "does not fit the input", with(&[5, 3, 2, 2], &[])),
        ("rank 3", REFUSED, "a weight of shape", with(&[4, 3, 2], &[])),
        ("groups of 3", REFUSED, "does not fit the input", with(&[4, 3, 2, 2], &[int("group", 3)])),
        ("no groups", REFUSED, "does not fit the input", with(&[4, 3, 2, 2], &[int("group", 0)])),
        ("negative groups", REFUSED, "negative", with(&[4, 3, 2, 2], &[int("group", -1)])),
        ("huge strides", REFUSED, "too large", with(&[4, 3, 2, 2], &[ints("strides", &[i64::MAX, 1])])),
        ("great strides", REFUSED, "", with(&[4, 3, 2, 2], &[ints("strides", &[1 << 20, 1 << 20])])),
        ("stride 0", REFUSED, "not positive", with(&[4, 3, 2, 2], &[ints("strides", &[0, 1])])),
        ("huge dilation", REFUSED, "too large", with(&[4, 3, 2, 2], &[ints("dilations", &[i64::MAX, 1])])),
        (
            "pads as wide as the result",
            REFUSED,
            "cut everything off",
            with(&[4, 3, 2, 2], &[ints("pads", &[9, 9, 9, 9])]),
        ),
        ("empty result", REFUSED, "empty", with(&[4, 3, 1, 1], &[ints("pads", &[4, 4, 4, 4])])),
        ("negative pads", REFUSED, "negative pads", with(&[4, 3, 2, 2], &[ints("pads", &[-1, 0, 0, 0])])),
        ("a larger shape", "", "", with(&[4, 3, 2, 2], &[twice(), ints("output_shape", &[20, 20])])),
        ("a huge shape", REFUSED, "", with(&[4, 3, 2, 2], &[ints("output_shape", &[i64::MAX, i64::MAX])])),
        (
            "same beyond all numbers",
            REFUSED,
            "too large",
            with(&[4, 3, 1, 1], &[ints("strides", &[i64::MAX, i64::MAX]), text("auto_pad", "SAME_UPPER")]),
        ),
        ("same", "", "", with(&[4, 3, 3, 3], &[twice(), text("auto_pad", "SAME_UPPER")])),
        (
            "a bias of another length",
            REFUSED,
            "a bias of shape",
            single(
                "ConvTranspose",
                &["x", "w", "b"],
                &[twice()],
                &[tensor("w", &[4, 3, 2, 2]), tensor("b", &[4])],
            ),
        ),
    ];
    check_all(rows);
}

#[test]
fn reductions_and_rearrangements() {
    let reduce = |op: &str, axes: &[i64]| single(op, &["x", "l"], &[], &[list("l", axes)]);
    let gather = |indices: &[i64], axis: i64| {
        single("Gather", &["x", "l"], &[int("axis", axis)], &[list("l", indices)])
    };
    let shaped = |first: &[i64], order: &[i64], last: &[i64]| {
        Model::new(&[
            node("Reshape", &["x", "a"], &["r"], &[]),
            node("Transpose", &["r"], &["t"], &[ints("perm", order)]),
            node("Reshape", &["t", "b"], &["y"], &[]),
        ])
        .with(&[list("a", first), list("b", last)])
        .file()
    };
    let rows: Vec<Row> = vec![
        ("sum", "", "", reduce("ReduceSum", &[1])),
        ("sum of all", "", "", reduce("ReduceSum", &[])),
        ("sum over an axis twice", REFUSED, "given twice", reduce("ReduceSum", &[1, 1])),
        ("largest far away", REFUSED, "no axis", reduce("ReduceMax", &[7])),
        ("a single number", "", "", single("ReduceMin", &["x"], &[int("keepdims", 0)], &[])),
        ("softmax", "", "", single("Softmax", &["x"], &[], &[])),
        ("softmax far away", REFUSED, "no axis", single("Softmax", &["x"], &[int("axis", i64::MIN)], &[])),
        (
            "equal slopes at no axis",
            REFUSED,
            "broadcast",
            single("PRelu", &["x", "s"], &[], &[tensor("s", &[4])]),
        ),
        ("slopes", "", "", single("PRelu", &["x", "s"], &[], &[tensor("s", &[4, 1, 1])])),
        ("slopes that do not fit", REFUSED, "do not broadcast", {
            single("PRelu", &["x", "s"], &[], &[floats("s", &[0.1, 0.2, 0.3])])
        }),
        ("chosen", "", "", gather(&[3, 0, 1], 1)),
        ("chosen past the end", REFUSED, "no index 4", gather(&[4], 1)),
        ("chosen a hundred times", "", "", gather(&[0; 100], 1)),
        ("nothing chosen", REFUSED, "empty", gather(&[], 1)),
        ("channels shuffled", "", "", shaped(&[1, 2, 2, 8, 8], &[0, 2, 1, 3, 4], &[1, 4, 8, 8])),
        ("rank 8", "", "", shaped(&[1, 2, 2, 2, 4, 2, 2, 2], &[7, 6, 5, 4, 3, 2, 1, 0], &[1, 4, 8, 8])),
        ("rank 9", REFUSED, "cannot become", shaped(&[1, 2, 2, 2, 4, 2, 2, 2, 1], &[0], &[1, 4, 8, 8])),
        (
            "an order of another rank",
            REFUSED,
            "no order of 5",
            shaped(&[1, 2, 2, 8, 8], &[0, 1], &[1, 4, 8, 8]),
        ),
        (
            "rank 5 as a map",
            REFUSED,
            "rank above 4",
            Model::new(&[node("Reshape", &["x", "a"], &["r"], &[]), node("Softmax", &["r"], &["y"], &[])])
                .with(&[list("a", &[1, 2, 2, 8, 8])])
                .file(),
        ),
        ("rank 5 as the output", "", "", {
            single("Reshape", &["x", "a"], &[], &[list("a", &[1, 2, 2, 8, 8])])
        }),
        ("stretched", "", "", single("Expand", &["x", "l"], &[], &[list("l", &[3, 4, 8, 8])])),
        ("stretched beyond memory", "RX0902", "2^29", {
            single("Expand", &["x", "l"], &[], &[list("l", &[1 << 40, 4, 8, 8])])
        }),
        (
            "stretched to nothing",
            REFUSED,
            "",
            single("Expand", &["x", "l"], &[], &[list("l", &[0, 4, 8, 8])]),
        ),
        (
            "every third",
            "",
            "",
            single(
                "Slice",
                &["x", "s", "e", "a", "t"],
                &[],
                &[list("s", &[1]), list("e", &[i64::MAX]), list("a", &[3]), list("t", &[3])],
            ),
        ),
        (
            "a comparison as a map",
            REFUSED,
            "is a truth value",
            Model::new(&[node("Greater", &["x", "n"], &["g"], &[]), node("Relu", &["g"], &["y"], &[])])
                .with(&[crate::encode::scalar("n", 20.0)])
                .file(),
        ),
        ("a comparison as the output", "", "", {
            single("Greater", &["x", "n"], &[], &[crate::encode::scalar("n", 20.0)])
        }),
        (
            "a choice by numbers",
            REFUSED,
            "a truth value is needed",
            Model::new(&[node("Where", &["x", "x", "x"], &["y"], &[])]).file(),
        ),
        (
            "a choice",
            "",
            "",
            Model::new(&[
                node("Greater", &["x", "n"], &["g"], &[]),
                node("Relu", &["x"], &["r"], &[]),
                node("Where", &["g", "x", "r"], &["y"], &[]),
            ])
            .with(&[crate::encode::scalar("n", 20.0)])
            .file(),
        ),
        (
            "a softplus as exporters write it",
            "",
            "",
            Model::new(&[
                node("Greater", &["x", "n"], &["g"], &[]),
                node("Softplus", &["x"], &["r"], &[]),
                node("Where", &["g", "x", "r"], &["y"], &[]),
            ])
            .with(&[crate::encode::scalar("n", 20.0)])
            .file(),
        ),
    ];
    check_all(rows);
}
