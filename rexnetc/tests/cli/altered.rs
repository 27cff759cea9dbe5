//! Networks of which one layer was altered: it is named, whichever way the two are compared.

use crate::arrays::{Member, archive};
use crate::binary::{SMALL, file, rexnetc, scratch};
use crate::files::{bytes_of, header, npy};
use rexnet::verification::seeded_input;
use rexnet_codegen::driver::{self, Request, Weights};
use rexnet_ir::graph::{Graph, NodeId, Op, Tensor};
use rexnet_ir::spec::PRESETS;
use rexnet_ir::{onnx, reference};
use serde_json::Value;

/// What is done to the network, and the layer that it is done to.
struct Alteration {
    name: &'static str,
    alter: fn(&mut Graph),
    /// What the names of the layer begin with.
    layer: &'static str,
    /// What is said of the difference.
    cause: &'static str,
}

const ALTERATIONS: [Alteration; 10] = [
    Alteration {
        name: "one_weight",
        alter: |graph| tensor(graph, "features.3.conv_exp.conv.weight", |data, _| data[5] += 0.25),
        layer: "features.3.conv_exp",
        cause: "are equal",
    },
    Alteration {
        name: "dilation",
        alter: |graph| {
            operator(graph, "features.3.conv_dw.conv", |op| {
                if let Op::Conv2d(conv) = op {
                    conv.dilation = [2, 2];
                    conv.pad = [2; 4];
                }
            });
        },
        layer: "features.3.conv_dw",
        cause: "dilation is [2,2] in one and [1,1] in the other",
    },
    Alteration {
        name: "stride",
        alter: |graph| {
            let preset = PRESETS.iter().find(|preset| preset.name == "rexnet").unwrap();
            let edits = [
                ("stride: [1, 2, 2, 2, 1, 2]", "stride: [1, 2, 2, 1, 1, 2]"),
                ("width = 1.0", "width = 0.25"),
                ("size = 224", "size = 32"),
                ("classes = 1000", "classes = 10"),
            ];
            let edited = edits.iter().fold(preset.source.to_owned(), |text, (old, new)| {
                assert!(text.contains(old), "{old}");
                text.replacen(old, new, 1)
            });
            *graph = drawn(&edited);
        },
        layer: "features.5.conv_dw",
        cause: "stride is [1,1] in one and [2,2] in the other",
    },
    Alteration {
        name: "padding",
        alter: |graph| {
            operator(graph, "features.2.conv_dw.conv", |op| {
                if let Op::Conv2d(conv) = op {
                    conv.pad = [0, 0, 2, 2];
                }
            });
        },
        layer: "features.2.conv_dw",
        cause: "pad is",
    },
    Alteration {
        name: "no_activation",
        alter: |graph| {
            let id = graph.find("features.4.act_dw").unwrap();
            let operand = graph.node(id).operands[0];
            graph.edit().replace_uses(id, operand);
        },
        layer: "features.4",
        cause: "in one and",
    },
    Alteration {
        name: "bias_sign",
        alter: |graph| {
            tensor(graph, "head.fc.bias", |data, _| data.iter_mut().for_each(|value| *value = -*value))
        },
        // A model calls the last value as it calls its output.
        layer: "logits",
        cause: "all signs are flipped",
    },
    Alteration {
        name: "epsilon",
        alter: |graph| {
            operator(graph, "features.5.conv_exp.bn", |op| {
                if let Op::BatchNorm(norm) = op {
                    norm.epsilon = 0.5;
                }
            });
        },
        layer: "features.5.conv_exp.bn",
        cause: "epsilon is",
    },
    Alteration {
        name: "transposed_kernel",
        alter: |graph| {
            tensor(graph, "features.6.conv_dw.conv.weight", |data, dims| {
                let (height, width) = (dims[2], dims[3]);
                for filter in data.chunks_mut(height * width) {
                    let old = filter.to_vec();
                    (0..height * width).for_each(|at| filter[at] = old[at % width * width + at / width]);
                }
            });
        },
        layer: "features.6.conv_dw",
        cause: "the kernels are transposed",
    },
    Alteration {
        name: "variance",
        alter: |graph| {
            tensor(graph, "features.7.conv_dw.bn.running_var", |data, _| {
                data.iter_mut().for_each(|value| *value *= 1.5);
            });
        },
        layer: "features.7.conv_dw.bn",
        cause: "differ",
    },
    Alteration {
        name: "reversed",
        alter: |graph| tensor(graph, "stem.conv.weight", |data, _| data.reverse()),
        layer: "stem.conv",
        cause: "differ",
    },
];

fn tensor(graph: &mut Graph, name: &str, change: impl Fn(&mut [f32], &[usize])) {
    let old = graph.constant(name).unwrap_or_else(|| panic!("{name}"));
    let (dims, mut data) = (old.dims().to_vec(), old.data().to_vec());
    change(&mut data, &dims);
    let new = Tensor::new(dims, data).unwrap();
    graph.edit().bind(name, new).unwrap();
}

fn operator(graph: &mut Graph, name: &str, change: impl Fn(&mut Op)) {
    let id = graph.find(name).unwrap_or_else(|| panic!("{name}"));
    let (mut op, operands) = (graph.node(id).op.clone(), graph.node(id).operands.clone());
    change(&mut op);
    graph.edit().redefine(id, op, &operands).unwrap();
}

fn small() -> Graph {
    drawn(SMALL)
}

fn drawn(spec: &str) -> Graph {
    let mut described = driver::describe(&Request::new(spec, Weights::Own)).unwrap();
    described.bind(&Weights::Seeded(1)).unwrap();
    described.graph
}

/// The values of all nodes of a graph as an archive, called as an exported model calls them.
fn values(graph: &Graph, input: &[f32]) -> Vec<u8> {
    let values = reference::evaluate(graph, &[input]).unwrap();
    let member = |id: &NodeId| {
        let array = values.get(id)?;
        let data: Vec<f32> = array.data.iter().map(|&value| value as f32).collect();
        let output = graph.outputs().iter().find(|output| output.node == *id);
        let name = output.map_or(&graph.node(*id).name, |output| &output.name);
        Some(Member::stored(name, &npy(&header(&array.dims), &bytes_of(&data))))
    };
    archive(&graph.order().iter().filter_map(member).collect::<Vec<_>>())
}

fn is_of(layer: &Value, wanted: &str) -> bool {
    layer.as_str().is_some_and(|layer| layer.starts_with(wanted))
}

#[test]
fn the_altered_layer_is_named() {
    let directory = scratch("altered");
    let base = small();
    let model = file(&directory, "base.onnx", onnx::export(&base).unwrap());
    let input = seeded_input(3 * 32 * 32, 5);
    let x = file(&directory, "x.npy", npy(&header(&[1, 3, 32, 32]), &bytes_of(&input)));
    for Alteration { name, alter, layer, cause } in ALTERATIONS {
        let mut altered = base.clone();
        alter(&mut altered);
        altered.edit().remove_dead();
        altered.verify().unwrap();
        let other = file(&directory, &format!("{name}.onnx"), onnx::export(&altered).unwrap());

        // As descriptions.
        let json = rexnetc(&["verify", &other, "--against", &model, "--json"]).exits(3).json();
        assert!(is_of(&json["layer"], layer), "{name}: {json:#}");
        let told = json["difference"]["cause"].as_str().unwrap_or_default();
        assert!(told.contains(cause), "{name}: {told}");
        if name == "no_activation" {
            assert_eq!(json["only_in_one"][0]["nodes"], serde_json::json!(["features.4.act_dw"]));
        }

        // Outside values of nodes, and outputs with the network they are of.
        let nodes = file(&directory, &format!("{name}.npz"), values(&altered, &input));
        let outside =
            ["verify", &model, "--backend", "jit", "--input", &x, "--expect-nodes", &nodes, "--json"];
        let json = rexnetc(&outside).exits(3).json();
        assert!(is_of(&json["layer"], layer), "{name}: {:#}", json["expected_nodes"]["first_divergent"]);
        assert!(json["first_divergent"].is_null(), "{name}: all kernels are right");

        let y = directory.join("y.npy").into_os_string().into_string().unwrap();
        rexnetc(&["run", &other, "--input", &x, "--output", &y]).exits(0);
        let expect = ["verify", &model, "--backend", "jit", "--input", &x, "--expect", &y];
        let json = rexnetc(&[&expect[..], &["--against", &other, "--json"]].concat()).exits(3).json();
        assert!(is_of(&json["layer"], layer), "{name}: {json:#}");
        assert_eq!(json["against"]["gives_expected"], true, "{name}");
        let reason = json["reason"].as_str().unwrap_or_default();
        assert!(reason.contains("explains the failure"), "{name}: {reason}");
    }
}

#[test]
fn what_explains_nothing_is_said_too() {
    let directory = scratch("altered_nothing");
    let base = small();
    let model = file(&directory, "base.onnx", onnx::export(&base).unwrap());
    let mut other = base.clone();
    tensor(&mut other, "head.fc.bias", |data, _| data[0] += 1.0);
    let other = file(&directory, "other.onnx", onnx::export(&other).unwrap());
    let input = seeded_input(3 * 32 * 32, 5);
    let x = file(&directory, "x.npy", npy(&header(&[1, 3, 32, 32]), &bytes_of(&input)));
    let y = file(&directory, "y.npy", npy(&header(&[1, 10]), &bytes_of(&[0.25; 10])));
    let arguments = ["verify", &model, "--backend", "jit", "--input", &x, "--expect", &y, "--against"];
    let ran = rexnetc(&[&arguments[..], &[&other]].concat()).exits(3);
    assert!(
        ran.out.contains("head.fc") && ran.out.contains("does not give the expected output either"),
        "{ran:?}"
    );
    let ran = rexnetc(&[&arguments[..], &[&model]].concat()).exits(3);
    assert!(ran.out.contains("is no explanation: the same network"), "{ran:?}");

    // What is expected comes, but the other network is another one all the same.
    let output = directory.join("own.npy").into_os_string().into_string().unwrap();
    rexnetc(&["run", &model, "--input", &x, "--output", &output]).exits(0);
    let arguments = ["verify", &model, "--backend", "jit", "--input", &x, "--expect", &output, "--against"];
    rexnetc(&[&arguments[..], &[&model]].concat()).exits(0);
    let json = rexnetc(&[&arguments[..], &[&other, "--json"]].concat()).exits(3).json();
    assert_eq!((&json["against"]["gives_expected"], &json["layer"]), (&false.into(), &"logits".into()));
}
