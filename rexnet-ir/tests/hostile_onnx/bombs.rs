//! Small files that ask for much time or memory.

use crate::check::{bounded_import, check_all};
use crate::encode::{Bytes, FLOAT, Model, int, ints, list, node, raw_tensor, tensor, value};

fn chain(length: usize, op: &str) -> Model {
    let name = |at: usize| if at == 0 { "x".to_owned() } else { format!("n{at}") };
    let nodes: Vec<Bytes> = (0..length).map(|at| node(op, &[&name(at)], &[&name(at + 1)], &[])).collect();
    let mut model = Model::new(&nodes);
    model.outputs = vec![value(&name(length), FLOAT, &[])];
    model
}

#[test]
fn long_chains_do_not_exhaust_the_stack() {
    let mut backwards = chain(100_000, "Relu");
    backwards.nodes.reverse();
    for (name, model) in [("forwards", chain(100_000, "Relu")), ("backwards", backwards)] {
        let graph = bounded_import(name, &model.file()).unwrap();
        assert_eq!(graph.len(), 100_001);
    }
    // A third of the calls of a name that nobody knows: reported within bounds.
    let faults = bounded_import("unknown", &chain(30_000, "Einsum").file()).unwrap_err();
    assert!(faults.list.len() <= 1001 && faults.to_string().contains("more faults"), "{}", faults.list.len());
}

#[test]
fn empty_messages_do_not_fill_memory() {
    let repeated = |unit: &Bytes| unit.0.repeat(1_000_000 / unit.0.len());
    let in_graph = |field: u64| Bytes::default().raw(7, &repeated(&Bytes::default().raw(field, &[]))).0;
    let in_node = |field: u64| {
        let content = repeated(&Bytes::default().raw(field, &[]));
        Bytes::default().message(7, &Bytes::default().raw(1, &content)).0
    };
    let word = "empty messages";
    check_all(vec![
        ("nodes", "RX0901", word, in_graph(1)),
        ("tensors", "RX0901", word, in_graph(5)),
        ("inputs", "RX0901", word, in_graph(11)),
        ("sparse tensors", "RX0901", word, in_graph(15)),
        ("attributes", "RX0901", word, in_node(5)),
        ("functions", "RX0901", word, repeated(&Bytes::default().raw(25, &[]))),
        ("operator sets", "RX0901", "no graph", repeated(&Bytes::default().raw(8, &[]))),
        ("node inputs", "RX0903", "operator set", in_node(1)),
    ]);
}

#[test]
fn computed_constants_do_not_fill_memory() {
    let large = tensor("c", &[100, 1000]);
    let many = |unit: &dyn Fn(&str) -> Bytes, constants: &[Bytes]| {
        let nodes: Vec<Bytes> = (0..10_000).map(|at| unit(&format!("v{at}"))).collect();
        let mut model = Model::new(&nodes).with(constants);
        model.nodes.push(node("Relu", &["x"], &["y"], &[]));
        model.file()
    };
    let word = "too large";
    let zero = raw_tensor("z", FLOAT, &[], &[0; 4]);
    let doubling = {
        let nodes: Vec<Bytes> = (0..60)
            .map(|at| {
                let from = if at == 0 { "l".to_owned() } else { format!("v{at}") };
                node("Concat", &[&from, &from], &[&format!("v{}", at + 1)], &[int("axis", 0)])
            })
            .collect();
        let mut model = Model::new(&nodes).with(&[list("l", &[1; 8])]);
        model.nodes.push(node("Relu", &["x"], &["y"], &[]));
        model.file()
    };
    let unsqueezed = {
        let axes: Vec<i64> = (0..60).collect();
        single_chain("Unsqueeze", &axes)
    };
    check_all(vec![
        (
            "shapes",
            "RX0902",
            word,
            many(&|to| node("ConstantOfShape", &["s"], &[to], &[]), &[list("s", &[60_000])]),
        ),
        (
            "transposes",
            "RX0902",
            word,
            many(&|to| node("Transpose", &["c"], &[to], &[]), std::slice::from_ref(&large)),
        ),
        ("sums", "RX0902", word, many(&|to| node("Add", &["c", "z"], &[to], &[]), &[large.clone(), zero])),
        (
            "outer sum",
            "RX0902",
            "too many elements",
            many(
                &|to| node("Add", &["r", "k"], &[to], &[]),
                &[tensor("r", &[1, 100_000]), tensor("k", &[100_000, 1])],
            ),
        ),
        (
            "joins",
            "RX0902",
            word,
            many(&|to| node("Concat", &["c"; 64], &[to], &[int("axis", 0)]), std::slice::from_ref(&large)),
        ),
        (
            "gathers",
            "RX0902",
            word,
            many(&|to| node("Gather", &["c", "i"], &[to], &[]), &[large.clone(), list("i", &[0; 1000])]),
        ),
        (
            "slices",
            "RX0902",
            word,
            many(
                &|to| node("Slice", &["c"], &[to], &[ints("starts", &[1]), ints("ends", &[99])]),
                std::slice::from_ref(&large),
            ),
        ),
        (
            "pads around a constant",
            "RX0902",
            word,
            many(
                &|to| node("Pad", &["k", "p"], &[to], &[]),
                &[tensor("k", &[1, 1, 1, 1]), list("p", &[0, 0, 8000, 8000, 0, 0, 8000, 8000])],
            ),
        ),
        (
            "a large window on a constant",
            "RX0902",
            word,
            many(
                &|to| {
                    let pads = ints("pads", &[4000, 4000, 4000, 4000]);
                    node("MaxPool", &["k"], &[to], &[ints("kernel_shape", &[8001, 8001]), pads])
                },
                &[tensor("k", &[1, 1, 1, 1])],
            ),
        ),
        ("doubling", "RX0902", word, doubling),
        ("axes", "RX0902", "rank", unsqueezed),
        ("layers", "RX0902", word, {
            let mut model =
                Model::new(&[node("Flatten", &["x"], &["f"], &[])]).with(&[tensor("w", &[256, 256])]);
            model.nodes.extend((0..10_000).map(|at| node("MatMul", &["f", "w"], &[&format!("v{at}")], &[])));
            model.nodes.push(node("Relu", &["x"], &["y"], &[]));
            model.file()
        }),
        ("one weight for many", "", "", {
            let mut model =
                Model::new(&[]).with(&[raw_tensor("w", FLOAT, &[4, 4, 100, 100], &[0xff; 640_000])]);
            model.inputs = vec![value("x", FLOAT, &[1, 4, 100, 100])];
            model.nodes.extend((0..10_000).map(|at| node("Conv", &["x", "w"], &[&format!("v{at}")], &[])));
            model.nodes.push(node("Relu", &["x"], &["y"], &[]));
            model.file()
        }),
    ]);
}

fn single_chain(op: &str, axes: &[i64]) -> Vec<u8> {
    let nodes: Vec<Bytes> = (0..1000)
        .map(|at| {
            let from = if at == 0 { "l".to_owned() } else { format!("v{at}") };
            node(op, &[&from, "axes"], &[&format!("v{}", at + 1)], &[])
        })
        .collect();
    let mut model = Model::new(&nodes).with(&[list("l", &[1]), list("axes", axes)]);
    model.nodes.push(node("Relu", &["x"], &["y"], &[]));
    model.file()
}

#[test]
fn names_do_not_cost_quadratic_time() {
    let same = |op: &str| vec![node(op, &["x"], &["y"], &[]); 40_000];
    let mut inputs = Model::new(&[node("Relu", &["x"], &["y"], &[])]);
    inputs.inputs = vec![value("x", FLOAT, &[1]); 30_000];
    let mut outputs = Model::new(&[node("Relu", &["x"], &["y"], &[])]);
    outputs.outputs = (0..60_000).map(|_| Bytes::default().text(1, "y")).collect();
    let long_name = "n".repeat(300_000);
    let mut dangling = Model::new(&[]);
    dangling.nodes = vec![node("Max", &["q"; 64], &["y"], &[]).text(3, &long_name)];
    let mut aliases = Model::new(&[]).with(&[tensor(&long_name, &[1])]);
    aliases.nodes.push(node("Identity", &[&long_name], &["i0"], &[]));
    aliases.nodes.extend(
        (0..20_000).map(|at| node("Identity", &[&format!("i{at}")], &[&format!("i{}", at + 1)], &[])),
    );
    aliases.nodes.push(node("Relu", &["x"], &["y"], &[]));
    check_all(vec![
        ("one name for many nodes", "RX0903", "twice", Model::new(&same("Relu")).file()),
        ("one name for many inputs", "RX0903", "two inputs", inputs.file()),
        ("one name for many outputs", "RX0903", "two outputs", outputs.file()),
        ("a long name in many faults", "RX0903", "never defined", dangling.file()),
        ("a long name behind many", "", "", aliases.file()),
    ]);
}
