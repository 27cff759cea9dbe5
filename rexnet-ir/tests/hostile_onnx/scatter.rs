//! Scattered updates with absurd indices, or of a meaning that we do not cover: refused, never read as another.

use crate::check::{bounded_import, check_all};
use crate::encode::{Bytes, FLOAT, Model, integers, ints, list, node, tensor, text, value};

type Row = (&'static str, &'static str, &'static str, Vec<u8>);

const REFUSED: &str = "RX0902";

/// `x: [1, 4, 8, 8]` with its channels first, as two nodes and back.
fn channels_first(attributes: &[Bytes], indices: Bytes, updates: &[i64]) -> Vec<u8> {
    let order = || [ints("perm", &[1, 0, 2, 3])];
    let mut model = Model::new(&[
        node("Transpose", &["x"], &["t"], &order()),
        node("Transpose", &["u"], &["v"], &order()),
        node("ScatterND", &["t", "i", "v"], &["s"], attributes),
        node("Transpose", &["s"], &["y"], &order()),
    ]);
    model.inputs.push(value("u", FLOAT, updates));
    model.with(&[indices]).file()
}

#[test]
fn scattered_updates() {
    let at = |values: &[i64]| integers("i", &[values.len() as i64, 1], values);
    let first = |values: &[i64]| channels_first(&[], at(values), &[1, values.len() as i64, 8, 8]);
    let direct = |indices: Bytes, updates: &[i64]| {
        let mut model = Model::new(&[node("ScatterND", &["x", "i", "u"], &["y"], &[])]);
        model.inputs.push(value("u", FLOAT, updates));
        model.with(&[indices]).file()
    };
    let reduced =
        |reduction: &str| channels_first(&[text("reduction", reduction)], at(&[0, 1]), &[1, 2, 8, 8]);
    let computed = |nodes: &[Bytes]| {
        let mut model = Model::new(nodes);
        model.inputs.push(value("u", FLOAT, &[1, 2, 8, 8]));
        model.with(&[at(&[0, 1])]).file()
    };
    let pairs = integers("i", &[1, 2, 2], &[0, 1, 0, 2]);
    let rows: Vec<Row> = vec![
        ("first channels", "", "", first(&[0, 1])),
        ("last channels from the end", "", "", first(&[-2, -1])),
        ("from the end and from the start", "", "", first(&[-2, 3])),
        ("all channels", "", "", first(&[0, 1, 2, 3])),
        ("batch and channels", "", "", direct(pairs.clone(), &[1, 2, 8, 8])),
        ("no reduction", "", "", reduced("none")),
        ("added", REFUSED, "reduction add", reduced("add")),
        ("largest", REFUSED, "reduction max", reduced("max")),
        ("index past the end", REFUSED, "outside an extent of 4", first(&[3, 4])),
        ("index before the start", REFUSED, "outside an extent of 4", first(&[-5, -4])),
        ("the largest and least index", REFUSED, "outside", first(&[i64::MAX, i64::MIN])),
        ("the least index", REFUSED, "outside", first(&[i64::MIN])),
        ("every other channel", "", "", first(&[0, 2])),
        ("backwards", "", "", first(&[1, 0])),
        ("one channel twice", "", "", first(&[1, 1])),
        ("nowhere", REFUSED, "not supported", direct(integers("i", &[0, 1], &[]), &[1, 4, 8, 8])),
        ("indices into no axis", REFUSED, "empty", direct(integers("i", &[1, 0], &[]), &[1, 4, 8, 8])),
        ("indices into five axes", REFUSED, "5 axes", direct(integers("i", &[1, 5], &[0; 5]), &[1])),
        ("index without an axis", REFUSED, "without an axis", direct(integers("i", &[], &[0]), &[4, 8, 8])),
        ("a list of pairs", "", "", direct(integers("i", &[2, 2], &[0, 1, 0, 2]), &[2, 8, 8])),
        ("updates of other extents", REFUSED, "do not fill", direct(pairs.clone(), &[1, 3, 8, 8])),
        ("updates of another rank", REFUSED, "do not fill", direct(pairs.clone(), &[2, 8, 8])),
        ("a part of two axes", "", "", direct(integers("i", &[1, 1, 1, 3], &[0, 1, 2]), &[1, 1, 1, 8])),
        (
            "indices that are floats",
            REFUSED,
            "integers are needed",
            direct(tensor("i", &[1, 1]), &[1, 4, 8, 8]),
        ),
        (
            "computed indices",
            REFUSED,
            "computed indices",
            computed(&[node("Relu", &["x"], &["j"], &[]), node("ScatterND", &["x", "j", "u"], &["y"], &[])]),
        ),
        ("updates in another order", "", "", {
            let mut model = Model::new(&[
                node("Transpose", &["x"], &["t"], &[ints("perm", &[1, 0, 2, 3])]),
                node("ScatterND", &["t", "i", "u"], &["y"], &[]),
            ]);
            model.inputs.push(value("u", FLOAT, &[2, 1, 8, 8]));
            model.with(&[at(&[0, 1])]).file()
        }),
        (
            "integers as data",
            REFUSED,
            "integer tensor",
            computed(&[node("ScatterND", &["i", "i", "u"], &["y"], &[])]),
        ),
        ("two inputs", REFUSED, "2 inputs", computed(&[node("ScatterND", &["x", "i"], &["y"], &[])])),
    ];
    check_all(rows);
}

#[test]
fn what_is_written_back_is_no_operator() {
    let slice = node("Slice", &["s", "zero", "two", "one"], &["part"], &[]);
    let again = |updates: &str| {
        let mut model = Model::new(&[
            node("ScatterND", &["x", "i", "u"], &["s"], &[]),
            slice.clone(),
            node("ScatterND", &["s", "i", updates], &["y"], &[]),
        ]);
        model.inputs.push(value("u", FLOAT, &[1, 2, 8, 8]));
        let lists = [("zero", 0), ("one", 1), ("two", 2)].map(|(name, number)| list(name, &[number]));
        model.with(&[integers("i", &[1, 2, 2], &[0, 0, 0, 1])]).with(&lists).file()
    };
    for updates in ["part", "u"] {
        let graph = bounded_import(updates, &again(updates)).unwrap();
        let operators: Vec<&str> = graph.order().into_iter().map(|id| graph.node(id).op.name()).collect();
        assert_eq!(operators.iter().filter(|name| **name == "concat").count(), 1, "{graph}");
        assert_eq!(operators.iter().filter(|name| **name == "slice").count(), 1, "{graph}");
    }
}
