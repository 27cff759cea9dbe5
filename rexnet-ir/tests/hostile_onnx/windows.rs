//! Windows: convolutions and pools with absurd arguments, or of a meaning that we do not cover:
//! refused, never read as another.

use crate::check::check_all;
use crate::encode::{Bytes, FLOAT, Model, float, int, integers, ints, node, single, tensor, text, value};

type Row = (&'static str, &'static str, &'static str, Vec<u8>);

const REFUSED: &str = "RX0902";

#[test]
fn windows() {
    let conv = |attributes: &[Bytes]| single("Conv", &["x", "w"], attributes, &[tensor("w", &[4, 4, 3, 3])]);
    let pool = |attributes: &[Bytes]| single("MaxPool", &["x"], attributes, &[]);
    let kernel = || ints("kernel_shape", &[2, 2]);
    let computed = Model::new(&[node("Relu", &["x"], &["w"], &[]), node("Conv", &["x", "w"], &["y"], &[])]);
    let overflowing = single(
        "Conv",
        &["x", "w"],
        &[text("auto_pad", "SAME_UPPER"), ints("dilations", &[0x5555_5555_5555_5555, 1])],
        &[tensor("w", &[4, 4, 4, 1])],
    );
    let rows: Vec<Row> = vec![
        ("conv", "", "", conv(&[])),
        ("stride 0", REFUSED, "not positive", conv(&[ints("strides", &[0, 1])])),
        ("stride -1", REFUSED, "not positive", conv(&[ints("strides", &[-1, 1])])),
        ("huge stride", "", "", conv(&[ints("strides", &[i64::MAX, i64::MAX])])),
        ("one stride", REFUSED, "2 are needed", conv(&[ints("strides", &[1])])),
        ("dilation 0", REFUSED, "not positive", conv(&[ints("dilations", &[0, 1])])),
        ("huge dilation", REFUSED, "does not fit", conv(&[ints("dilations", &[i64::MAX, 1])])),
        ("group 0", REFUSED, "0 groups", conv(&[int("group", 0)])),
        ("group -1", REFUSED, "negative", conv(&[int("group", -1)])),
        ("huge group", REFUSED, "groups", conv(&[int("group", i64::MAX)])),
        ("huge pads", REFUSED, "does not fit", conv(&[ints("pads", &[i64::MAX; 4])])),
        ("large pads", REFUSED, "does not fit", conv(&[ints("pads", &[1 << 28; 4])])),
        ("negative pads", REFUSED, "negative", conv(&[ints("pads", &[-1, 0, 0, 0])])),
        ("two pads", REFUSED, "2 pads", conv(&[ints("pads", &[1, 1])])),
        ("another kernel", REFUSED, "kernel_shape differs", conv(&[ints("kernel_shape", &[5, 5])])),
        ("auto_pad", "", "", conv(&[text("auto_pad", "SAME_LOWER"), ints("strides", &[2, 3])])),
        ("unknown auto_pad", REFUSED, "not known", conv(&[text("auto_pad", "SOME")])),
        (
            "same with stride 0",
            REFUSED,
            "not positive",
            conv(&[text("auto_pad", "SAME_UPPER"), ints("strides", &[0, 0])]),
        ),
        (
            "same with huge stride",
            "",
            "",
            conv(&[text("auto_pad", "SAME_UPPER"), ints("strides", &[i64::MAX; 2])]),
        ),
        ("window overflows", REFUSED, "too large", overflowing),
        ("attribute of another type", REFUSED, "another type", conv(&[float("strides", 1.0)])),
        ("attribute given twice", REFUSED, "given twice", conv(&[int("group", 1), int("group", 4)])),
        ("attribute without type", REFUSED, "no type", conv(&[Bytes::default().text(1, "group").int(3, 1)])),
        ("unknown attribute", REFUSED, "attribute x is not known", conv(&[int("x", 1)])),
        ("kernel 0", REFUSED, "zero", single("Conv", &["x", "w"], &[], &[tensor("w", &[4, 4, 0, 3])])),
        ("weight of rank 3", REFUSED, "weight", single("Conv", &["x", "w"], &[], &[tensor("w", &[4, 4, 3])])),
        (
            "other channels",
            REFUSED,
            "input channels",
            single("Conv", &["x", "w"], &[], &[tensor("w", &[4, 5, 3, 3])]),
        ),
        ("no weight", REFUSED, "1 inputs", single("Conv", &["x"], &[], &[])),
        ("weight left out", REFUSED, "missing", single("Conv", &["x", ""], &[], &[])),
        ("bias left out", "", "", single("Conv", &["x", "w", ""], &[], &[tensor("w", &[4, 4, 3, 3])])),
        (
            "four inputs",
            REFUSED,
            "4 inputs",
            single("Conv", &["x", "w", "", "w"], &[], &[tensor("w", &[4, 4, 3, 3])]),
        ),
        ("computed weight", REFUSED, "computed", computed.file()),
        ("pool", "", "", pool(&[kernel()])),
        ("pool without kernel", REFUSED, "missing", pool(&[])),
        ("pool of 0", REFUSED, "not positive", pool(&[ints("kernel_shape", &[0, 2])])),
        ("huge pool", REFUSED, "does not fit", pool(&[ints("kernel_shape", &[i64::MAX, 2])])),
        ("pads as wide as the window", REFUSED, "smaller", pool(&[kernel(), ints("pads", &[2, 0, 0, 0])])),
        (
            "ceil_mode beyond all numbers",
            REFUSED,
            "",
            pool(&[
                kernel(),
                int("ceil_mode", 1),
                ints("pads", &[i64::MAX; 4]),
                ints("strides", &[i64::MAX - 1, i64::MAX - 1]),
            ]),
        ),
        ("ceil_mode", "", "", pool(&[kernel(), int("ceil_mode", 1)])),
        ("dilated pool", "", "", pool(&[kernel(), ints("dilations", &[2, 2])])),
        (
            "counted padding",
            "",
            "",
            single(
                "AveragePool",
                &["x"],
                &[kernel(), ints("pads", &[1, 1, 1, 1]), int("count_include_pad", 1)],
                &[],
            ),
        ),
        (
            "indices",
            REFUSED,
            "places of maxima",
            Model::new(&[
                node("MaxPool", &["x"], &["a", "i"], &[kernel()]),
                node("Add", &["a", "i"], &["y"], &[]),
            ])
            .file(),
        ),
        ("unused indices", "", "", Model::new(&[node("MaxPool", &["x"], &["y", "i"], &[kernel()])]).file()),
    ];
    check_all(rows);
}

#[test]
fn lines_and_dilations() {
    let conv = |weight: &[i64], attributes: &[Bytes]| {
        let mut model = Model::new(&[node("Conv", &["x", "w"], &["y"], attributes)]);
        model.inputs = vec![value("x", FLOAT, &[1, 4, 8])];
        model.with(&[tensor("w", weight)]).file()
    };
    let pool = |op: &str, attributes: &[Bytes]| single(op, &["x"], attributes, &[]);
    let kernel = |sides: &[i64]| ints("kernel_shape", sides);
    let unpool = |places: &[i64], attributes: &[Bytes]| {
        let mut model = Model::new(&[node("MaxUnpool", &["x", "i"], &["y"], attributes)]);
        model.inputs = vec![value("x", FLOAT, &[1, 1, 1, 2])];
        model.with(&[integers("i", &[1, 1, 1, places.len() as i64], places)]).file()
    };
    let unpool_to = |width: i64| {
        let attributes = [kernel(&[2, 2]), ints("strides", &[2, 2])];
        let mut model = Model::new(&[node("MaxUnpool", &["x", "i", "s"], &["y"], &attributes)]);
        model.inputs = vec![value("x", FLOAT, &[1, 1, 1, 2])];
        let shape = integers("s", &[4], &[1, 1, 2, width]);
        model.with(&[integers("i", &[1, 1, 1, 2], &[0, 3]), shape]).file()
    };
    let rows: Vec<Row> = vec![
        ("a line", "", "", conv(&[4, 4, 3], &[])),
        ("a line and a map", REFUSED, "a weight of shape", conv(&[4, 4, 3, 3], &[])),
        ("pads of a map", REFUSED, "4 pads", conv(&[4, 4, 3], &[ints("pads", &[1, 1, 1, 1])])),
        ("taps of zero", REFUSED, "zero", conv(&[4, 4, 0], &[])),
        (
            "taps far apart",
            REFUSED,
            "does not fit",
            pool("MaxPool", &[kernel(&[2, 2]), ints("dilations", &[9, 1])]),
        ),
        (
            "taps beside the map",
            REFUSED,
            "can miss",
            pool("MaxPool", &[kernel(&[2, 2]), ints("dilations", &[9, 1]), ints("pads", &[5, 0, 5, 0])]),
        ),
        (
            "huge dilations",
            REFUSED,
            "does not fit",
            pool("AveragePool", &[kernel(&[3, 3]), ints("dilations", &[i64::MAX, i64::MAX])]),
        ),
        ("maxima put back", "", "", unpool(&[0, 3], &[kernel(&[2, 2]), ints("strides", &[2, 2])])),
        (
            "maxima put nowhere",
            REFUSED,
            "no place 8",
            unpool(&[0, 8], &[kernel(&[2, 2]), ints("strides", &[2, 2])]),
        ),
        ("maxima put back into a stated map", "", "", unpool_to(4)),
        ("maxima put into another map", REFUSED, "output shape other than [1, 1, 2, 4]", unpool_to(5)),
        ("maxima put before", REFUSED, "no place -1", unpool(&[-1, 0], &[kernel(&[2, 2])])),
        ("more places than maxima", REFUSED, "3 places", unpool(&[0, 1, 2], &[kernel(&[2, 2])])),
        (
            "a map beyond all numbers",
            REFUSED,
            "",
            unpool(&[0, 1], &[kernel(&[2, 2]), ints("strides", &[i64::MAX, i64::MAX])]),
        ),
    ];
    check_all(rows);
}
