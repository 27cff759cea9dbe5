//! Every preset against the outputs of PyTorch: `tests/fixtures/presets`, made by `make_presets.py`.

use crate::backends::{RustBatch, in_process, run};
use crate::comparison::{assert_same_bits, widen};
use crate::fixtures::{Tensors, read};
use crate::inputs::values;
use crate::reference::assert_near;
use rexnet_codegen::driver::{Options, Weights, compile};
use rexnet_codegen::emit::rust::Version;
use rexnet_codegen::target::Target;
use serde_json::Value;

/// Within this part of an output's range: four times the largest distance that f32 sums were seen to have.
const TOLERANCE: f64 = 2e-5;

/// Whose programs which back end runs: all of both, but not each with each, as the fewer networks of `networks.rs` do.
const RUNS: &[(Target, &str)] = &[
    (Target::PORTABLE, "clif"),
    (Target::AVX2, "jit avx2"),
    (Target::AVX512, "jit avx512"),
    (Target::NEON, "interpreter"),
];

/// The cases whose emitted Rust is compiled too, each for one version, since that takes seconds a network: mixed
/// kernels, groups, gates, a hidden layer, many outputs.
const EMITTED: &[(&str, Target)] = &[
    ("mixnet_m", Target::AVX512),
    ("atomnas_c_plus", Target::AVX2),
    ("efficientnet_b0", Target::AVX2),
    ("rexnet_lite", Target::PORTABLE),
    ("rexnet_ssdlite", Target::AVX512),
];

#[test]
fn presets_are_those_of_pytorch() {
    let rows: Vec<Value> = serde_json::from_slice(&read("presets/index.json")).unwrap();
    let mut rust = RustBatch::default();
    for row in &rows {
        let (name, spec) = (row["name"].as_str().unwrap(), row["spec"].as_str().unwrap());
        let (seed, batch) = (row["seed"].as_u64().unwrap(), row["images"].as_u64().unwrap() as usize);
        let answers = Tensors::read(&format!("presets/{name}.io.safetensors"));
        let mut agreed: Option<Vec<Vec<f32>>> = None;
        for (target, backend) in RUNS {
            let Some(backend) = in_process().find(|other| other.name == *backend) else { continue };
            let what = format!("{spec}, {} on {}", backend.name, target.name);
            let options = Options { batch, target: *target, ..Options::default() };
            let network = compile(spec, Weights::Seeded(seed), &options)
                .unwrap_or_else(|faults| panic!("{what}: {faults}"));
            let graph = &network.source;
            let input = values(seed, graph.node(graph.inputs()[0]).ty.elements());
            let executable =
                (backend.prepare)(&network.program).unwrap_or_else(|faults| panic!("{what}: {faults}"));
            let outputs = run(&what, &executable, &network.program, &network.weights, &[&input]);
            let first = agreed.get_or_insert_with(|| outputs.clone());
            for ((port, actual), first) in graph.outputs().iter().zip(&outputs).zip(&*first) {
                let what = format!("{what}, {}", port.name);
                assert_same_bits(&what, actual, first);
                let expected = widen(&answers.tensor(&port.name).data());
                assert_near(&what, &widen(actual), &expected, TOLERANCE);
            }
            let version = Version::ALL.into_iter().find(|version| version.target() == *target);
            if let Some(version) = version.filter(|_| EMITTED.contains(&(name, *target))) {
                rust.add(spec, version, (network.program, network.weights), &[&input], first);
            }
        }
    }
    rust.finish();
}
