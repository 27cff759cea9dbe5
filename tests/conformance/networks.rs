//! Whole networks against the outputs of PyTorch: `tests/fixtures/networks`.

use crate::backends::{in_process, run, version_for};
use crate::batch::RustBatch;
use crate::comparison::{assert_same_bits, widen};
use crate::fixtures::{Tensors, read};
use crate::reference::assert_near;
use rexnet_codegen::driver::{Request, Weights, compile};
use rexnet_codegen::target::Target;
use rexnet_ir::reference::evaluate_outputs;
use rexnet_ir::spec::PRESETS;
use serde_json::Value;

/// What "the same result" means for a network: within 1e-4 of the output's range.
const TOLERANCE: f64 = 1e-4;

/// A network, a spec of it, and an input with PyTorch's output.
struct Case {
    network: &'static str,
    example: &'static str,
    batch: usize,
    preset: &'static str,
    /// Text of the preset and what stands in its place.
    edits: &'static [(&'static str, &'static str)],
}

const CASES: &[Case] = &[
    Case {
        network: "rexnet_narrow",
        example: "rexnet_narrow",
        batch: 1,
        preset: "rexnet",
        edits: &[("width = 1.0", "width = 0.25"), ("size = 224", "size = 64")],
    },
    Case {
        network: "rexnet_narrow",
        example: "rexnet_batch2",
        batch: 2,
        preset: "rexnet",
        edits: &[("width = 1.0", "width = 0.25"), ("[3, size, size]", "[3, 33, 47]")],
    },
    Case {
        network: "efficientnet_lite0_narrow",
        example: "efficientnet_lite0_narrow",
        batch: 1,
        preset: "efficientnet_lite0",
        edits: &[("width = 1.0", "width = 0.25"), ("size = 224", "size = 64")],
    },
    Case {
        network: "rexnet_no_se",
        example: "rexnet_no_se",
        batch: 1,
        preset: "rexnet",
        edits: &[
            ("width = 1.0", "width = 0.2"),
            ("size = 224", "size = 32"),
            ("present: [false, false, true, true, true, true]", "present: false"),
        ],
    },
];

impl Case {
    fn spec(&self) -> String {
        let preset = PRESETS.iter().find(|preset| preset.name == self.preset).unwrap();
        let mut text = preset.source.replacen("classes = 1000", "classes = 10", 1);
        for (old, new) in self.edits {
            assert_eq!(text.matches(old).count(), 1, "{old}");
            text = text.replace(old, new);
        }
        text
    }
}

fn class_of(logits: &[f64]) -> usize {
    (0..logits.len()).max_by(|&a, &b| logits[a].total_cmp(&logits[b])).unwrap()
}

#[test]
fn networks_are_those_of_pytorch() {
    let mut rust = RustBatch::optimised();
    for case in CASES {
        let name = case.example;
        let weights = read(&format!("networks/{}.safetensors", case.network));
        let example = Tensors::read(&format!("networks/{name}.io.safetensors"));
        let (input, expected) = (example.tensor("input"), widen(&example.tensor("output").data()));
        let facts: Value = serde_json::from_slice(&read(&format!("networks/{}.json", case.network))).unwrap();

        let mut bits: Option<Vec<f32>> = None;
        for target in Target::ALL {
            let request = Request {
                batch: Some(case.batch),
                targets: vec![*target],
                ..Request::new(case.spec(), Weights::file(weights.clone()))
            };
            let network = compile(request).unwrap_or_else(|faults| panic!("{name}: {faults}"));
            assert_eq!(
                network.loaded.as_ref().map(|loaded| loaded.unused.as_slice()),
                Some(&[][..]),
                "{name}"
            );
            assert_eq!(Some(network.source.counts().parameters), facts["parameters"].as_u64(), "{name}");
            for backend in in_process() {
                let what = format!("{name}, {} on {}", backend.name, target.name);
                let executable =
                    backend.prepare(&network.program).unwrap_or_else(|faults| panic!("{what}: {faults}"));
                let outputs = run(&what, &executable, &network.program, &network.weights, &[&input.data()]);
                assert_same_bits(&what, &outputs[0], bits.get_or_insert_with(|| outputs[0].clone()));
            }
            let bits = bits.get_or_insert_default();
            if let Some(version) = version_for(target) {
                let outputs = std::slice::from_ref(&*bits);
                rust.add(name, version, (network.program, network.weights), &[&input.data()], outputs);
            }
            let actual = widen(bits);
            for (stage, graph) in [("source", &network.source), ("optimised", &network.graph)] {
                let reference = evaluate_outputs(graph, &[&input.data()]).unwrap();
                assert_near(&format!("{name}, {stage} reference"), &actual, &reference[0].data, TOLERANCE);
            }
            assert_near(&format!("{name}, PyTorch"), &actual, &expected, TOLERANCE);
            for (ours, theirs) in actual.chunks(10).zip(expected.chunks(10)) {
                assert_eq!(class_of(ours), class_of(theirs), "{name}");
            }
        }
    }
    rust.finish();
}
