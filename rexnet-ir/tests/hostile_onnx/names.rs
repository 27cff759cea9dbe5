//! Names that are missing, repeated, or form a cycle; inputs and outputs that are not what we cover.

use crate::check::check_all;
use crate::encode::{Bytes, FLOAT, INT64, Model, int, node, tensor, value, value_of};

fn relu(from: &str, to: &str) -> Bytes {
    node("Relu", &[from], &[to], &[])
}

fn changed(nodes: &[Bytes], change: impl FnOnce(&mut Model)) -> Vec<u8> {
    let mut model = Model::new(nodes);
    change(&mut model);
    model.file()
}

#[test]
fn names_are_checked() {
    let file = |nodes: &[Bytes]| Model::new(nodes).file();
    let one = [relu("x", "y")];
    let bias = || tensor("b", &[1, 4, 1, 1]);
    let add = || node("Add", &["x", "b"], &["y"], &[]);
    check_all(vec![
        ("order of nodes", "", "", file(&[relu("a", "y"), relu("x", "a")])),
        ("dangling input", "RX0903", "\"q\" is never defined", file(&[relu("q", "y")])),
        ("dangling output", "RX0903", "y: the output is never defined", file(&[relu("x", "z")])),
        (
            "cycle",
            "RX0903",
            "cycle",
            file(&[node("Add", &["x", "b"], &["a"], &[]), relu("a", "b"), relu("b", "y")]),
        ),
        ("self", "RX0903", "cycle", file(&[node("Add", &["x", "y"], &["y"], &[])])),
        (
            "cycle that nobody needs",
            "RX0903",
            "cycle",
            file(&[relu("x", "y"), relu("a", "b"), relu("b", "a")]),
        ),
        ("two nodes", "RX0903", "twice", file(&[relu("x", "y"), relu("x", "y")])),
        ("one node twice", "RX0903", "twice", file(&[node("Split", &["x"], &["y", "y"], &[int("axis", 1)])])),
        ("node and input", "RX0903", "twice", file(&[relu("x", "x"), relu("x", "y")])),
        (
            "node and initialiser",
            "RX0903",
            "twice",
            Model::new(&[add(), relu("x", "b")]).with(&[bias()]).file(),
        ),
        ("two initialisers", "RX0903", "twice", Model::new(&[add()]).with(&[bias(), bias()]).file()),
        ("two inputs", "RX0903", "two inputs", changed(&one, |m| m.inputs.push(value("x", FLOAT, &[1])))),
        ("two outputs", "RX0903", "two outputs", changed(&one, |m| m.outputs.push(value("y", FLOAT, &[])))),
        ("unnamed input", "RX0903", "no name", changed(&one, |m| m.inputs.push(value("", FLOAT, &[1])))),
        ("unnamed initialiser", "RX0903", "no name", Model::new(&one).with(&[tensor("", &[1])]).file()),
        (
            "unnamed output",
            "RX0903",
            "never defined",
            changed(&one, |m| m.outputs = vec![value("", FLOAT, &[])]),
        ),
        ("node without outputs", "", "", file(&[relu("x", "y"), node("Relu", &["x"], &[], &[])])),
        ("node without operator", "RX0902", "not supported", file(&[node("", &["x"], &["y"], &[])])),
        ("initialiser as input", "", "", {
            let mut model = Model::new(&[add()]).with(&[bias()]);
            model.inputs.push(value("b", FLOAT, &[1, 4, 1, 1]));
            model.file()
        }),
        ("control characters", "", "", file(&[relu("x", "a\n\"\u{202e}\0b"), relu("a\n\"\u{202e}\0b", "y")])),
    ]);
}

#[test]
fn inputs_and_outputs_are_checked() {
    let one = [relu("x", "y")];
    let dynamic = |place: usize| {
        let dims: Vec<Bytes> = (0..4)
            .map(|at| if at == place { Bytes::default().text(2, "n") } else { Bytes::default().int(1, 4) })
            .collect();
        changed(&[relu("x", "y")], |m| m.inputs = vec![value_of("x", FLOAT, &dims)])
    };
    let input =
        |kind: i64, dims: &[i64]| changed(&[relu("x", "y")], |m| m.inputs = vec![value("x", kind, dims)]);
    let rank_10000 = input(FLOAT, &[1; 10_000]);
    check_all(vec![
        ("dynamic batch", "", "", dynamic(0)),
        ("dynamic channels", "RX0902", "axis 1 is dynamic (n)", dynamic(1)),
        ("dynamic width", "RX0902", "axis 3 is dynamic (n); bind with --size", dynamic(3)),
        ("integers", "RX0902", "int64, not float", input(INT64, &[1, 4, 8, 8])),
        ("half precision", "RX0902", "float16, not float", input(10, &[1, 4, 8, 8])),
        ("unknown type", "RX0902", "type 999, not float", input(999, &[1, 4, 8, 8])),
        ("negative extent", "RX0902", "not positive", input(FLOAT, &[1, -4, 8, 8])),
        ("zero extent", "RX0902", "not positive", input(FLOAT, &[0, 4, 8, 8])),
        ("huge extent", "RX0902", "2^29", input(FLOAT, &[1, i64::MAX, 8, 8])),
        ("huge product", "RX0902", "2^29", input(FLOAT, &[1 << 40, 1 << 40, 1 << 40, 1 << 40])),
        ("rank 5", "RX0902", "rank 5", input(FLOAT, &[1, 4, 8, 8, 8])),
        ("rank 10000", "RX0902", "rank 10000", rank_10000),
        ("output that is an input", "", "", changed(&one, |m| m.outputs = vec![value("x", FLOAT, &[])])),
        ("output that is a constant", "RX0902", "constant", {
            let mut model = Model::new(&one).with(&[tensor("c", &[4])]);
            model.outputs.push(value("c", FLOAT, &[4]));
            model.file()
        }),
    ]);
}
