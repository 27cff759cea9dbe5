//! The model's own functions: recursion, expansion without end, calls that do not fit.

use crate::check::check_all;
use crate::encode::{Bytes, Model, float, node, opset, tensor};

/// A function of domain `d`.
fn function(name: &str, inputs: &[&str], outputs: &[&str], nodes: &[Bytes]) -> Bytes {
    let head = Bytes::default().text(1, name).texts(4, inputs).texts(5, outputs);
    head.messages(7, nodes).message(9, &opset("", 17)).text(10, "d")
}

fn call(name: &str, inputs: &[&str], outputs: &[&str]) -> Bytes {
    node(name, inputs, outputs, &[]).text(7, "d")
}

fn model(calls: &[Bytes], functions: &[Bytes]) -> Vec<u8> {
    let mut model = Model::new(calls);
    model.functions = functions.to_vec();
    model.opsets.push(opset("d", 1));
    model.file()
}

#[test]
fn functions_are_replaced_within_bounds() {
    let relu = || node("Relu", &["a"], &["b"], &[]);
    let plain = || function("f", &["a"], &["b"], &[relu()]);
    let main = || call("f", &["x"], &["y"]);
    let twice = |inner: &str| [call(inner, &["a"], &["t"]), call(inner, &["t"], &["b"])];
    let levels: Vec<Bytes> = (0..17)
        .map(|level| {
            let inner = format!("f{}", level + 1);
            let nodes = if level == 16 { vec![relu()] } else { twice(&inner).to_vec() };
            function(&if level == 0 { "f".to_owned() } else { format!("f{level}") }, &["a"], &["b"], &nodes)
        })
        .collect();
    // 200 calls of 100 nodes with 5 KB of constants each: 100 MB from half a megabyte.
    let heavy: Vec<Bytes> = (0..100)
        .map(|at| {
            let constant = Bytes::default().text(1, "value").int(20, 4).message(5, &tensor("", &[1250]));
            node("Constant", &[], &[&format!("c{at}")], &[constant])
        })
        .chain([relu()])
        .collect();
    let calls: Vec<Bytes> = (0..200)
        .map(|at| call("f", &["x"], &[&format!("y{at}")]))
        .chain([node("Relu", &["x"], &["y"], &[])])
        .collect();
    let long_name = "n".repeat(100_000);
    let long = [node("Relu", &["a"], &[&long_name], &[]), node("Relu", &[&long_name], &["b"], &[])];
    let many_inputs: Vec<String> = (0..100_000).map(|at| at.to_string()).collect();
    let many_inputs: Vec<&str> = many_inputs.iter().map(String::as_str).collect();
    check_all(vec![
        ("plain", "", "", model(&[main()], &[plain()])),
        (
            "direct recursion",
            "RX0902",
            "nested",
            model(&[main()], &[function("f", &["a"], &["b"], &[call("f", &["a"], &["b"])])]),
        ),
        (
            "mutual recursion",
            "RX0902",
            "nested",
            model(
                &[main()],
                &[
                    function("f", &["a"], &["b"], &[call("g", &["a"], &["b"])]),
                    function("g", &["a"], &["b"], &[call("f", &["a"], &["b"])]),
                ],
            ),
        ),
        (
            "recursion twice",
            "RX0902",
            "nested",
            model(&[main()], &[function("f", &["a"], &["b"], &twice("f"))]),
        ),
        ("exponential", "RX0902", "", model(&[main()], &levels)),
        ("heavy", "RX0902", "too many nodes", model(&calls, &[function("f", &["a"], &["b"], &heavy)])),
        ("long names", "RX0902", "too many nodes", model(&calls, &[function("f", &["a"], &["b"], &long)])),
        (
            "many inputs",
            "RX0902 RX0903",
            "too many nodes",
            model(&calls, &[function("f", &many_inputs, &["b"], &[relu()])]),
        ),
        ("input left out", "RX0902", "missing", model(&[call("f", &[], &["y"])], &[plain()])),
        (
            "unbound input",
            "RX0903",
            "never defined",
            model(&[main()], &[function("f", &["a"], &["b"], &[node("Relu", &["q"], &["b"], &[])])]),
        ),
        (
            "output left undefined",
            "RX0903",
            "never defined",
            model(&[main()], &[function("f", &["a"], &["b"], &[])]),
        ),
        ("too many inputs", "RX0902", "more inputs", model(&[call("f", &["x", "x"], &["y"])], &[plain()])),
        (
            "too many outputs",
            "RX0902",
            "more inputs or outputs",
            model(&[call("f", &["x"], &["y", "z"])], &[plain()]),
        ),
        ("defined twice", "RX0902", "more than once", model(&[main()], &[plain(), plain()])),
        (
            "old operator set",
            "RX0902",
            "operator set 0",
            model(
                &[main()],
                &[Bytes::default()
                    .text(1, "f")
                    .text(4, "a")
                    .text(5, "b")
                    .message(7, &relu())
                    .message(9, &opset("", 0))
                    .text(10, "d")],
            ),
        ),
        (
            "unsupported inside",
            "RX0902",
            "Einsum",
            model(&[main()], &[function("f", &["a"], &["b"], &[node("Einsum", &["a"], &["b"], &[])])]),
        ),
        (
            "unsupported inside one that is not called",
            "",
            "",
            model(
                &[main()],
                &[plain(), function("g", &["a"], &["b"], &[node("Einsum", &["a"], &["b"], &[])])],
            ),
        ),
        ("unknown function", "RX0902", "domain d", model(&[call("g", &["x"], &["y"])], &[plain()])),
        (
            "attribute without value",
            "",
            "",
            model(
                &[main()],
                &[function(
                    "f",
                    &["a"],
                    &["b"],
                    &[node(
                        "Clip",
                        &["a"],
                        &["b"],
                        &[Bytes::default().text(1, "min").int(20, 1).text(21, "low")],
                    )],
                )],
            ),
        ),
        (
            "attribute of another type",
            "RX0902",
            "another type",
            model(
                &[node("f", &["x"], &["y"], &[float("axis", 1.0)]).text(7, "d")],
                &[function(
                    "f",
                    &["a"],
                    &["b"],
                    &[node(
                        "Flatten",
                        &["a"],
                        &["b"],
                        &[Bytes::default().text(1, "axis").int(20, 2).text(21, "axis")],
                    )],
                )],
            ),
        ),
        (
            "attribute outside a function",
            "RX0902",
            "not given",
            model(
                &[node(
                    "Flatten",
                    &["x"],
                    &["y"],
                    &[Bytes::default().text(1, "axis").int(20, 2).text(21, "low")],
                )],
                &[],
            ),
        ),
    ]);
}
