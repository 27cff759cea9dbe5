//! Every preset against the outputs of PyTorch: `tests/fixtures/presets`, made by `make_presets.py`.

use crate::backends::{Way, backend, run};
use crate::batch::RustBatch;
use crate::comparison::{assert_same_bits, widen};
use crate::fixtures::{Tensors, read};
use crate::inputs::values;
use crate::reference::assert_near;
use rexnet_codegen::driver::{Request, Weights, compile};
use rexnet_codegen::emit::machine::Tier;
use rexnet_codegen::emit::rust::Version;
use rexnet_codegen::target::Target;
use rexnet_ir::graph::Graph;
use serde_json::Value;

/// Within this part of an output's range: four times the largest distance that f32 sums were seen to have.
const TOLERANCE: f64 = 2e-5;

/// Whose programs which back end runs: all of both, but not each with each, as the fewer networks of `networks.rs` do.
const RUNS: &[(Target, Way)] = &[
    (Target::PORTABLE, Way::MachineCode(Tier::Clif)),
    (Target::AVX2, Way::MachineCode(Tier::Avx2)),
    (Target::AVX512, Way::MachineCode(Tier::Avx512)),
    (Target::NEON, Way::Interpreter),
];

/// The cases whose emitted Rust is compiled too, each for one version, since that takes seconds a network: mixed
/// kernels, groups, gates, a hidden layer, many outputs.
const EMITTED: &[(&str, Version)] = &[
    ("mixnet_m", Version::Avx512),
    ("atomnas_c_plus", Version::Avx2),
    ("efficientnet_b0", Version::Avx2),
    ("rexnet_lite", Version::Portable),
    ("rexnet_ssdlite", Version::Avx512),
    ("rexnet_lite", Version::Neon),
];

#[test]
fn presets_are_those_of_pytorch() {
    let rows: Vec<Value> = serde_json::from_slice(&read("presets/index.json")).unwrap();
    let mut rust = RustBatch::optimised();
    for row in &rows {
        let (name, spec) = (row["name"].as_str().unwrap(), row["spec"].as_str().unwrap());
        let (seed, batch) = (row["seed"].as_u64().unwrap(), row["images"].as_u64().unwrap() as usize);
        let answers = Tensors::read(&format!("presets/{name}.io.safetensors"));
        let mut agreed: Option<Vec<Vec<f32>>> = None;
        let compile_for = |what: &str, target: Target| {
            let weights = Weights::Seeded(seed);
            let request =
                Request { batch: Some(batch), targets: vec![target], ..Request::new(spec, weights) };
            compile(request).unwrap_or_else(|faults| panic!("{what}: {faults}"))
        };
        let input_of = |graph: &Graph| values(seed, graph.node(graph.inputs()[0]).ty.elements());
        for (target, way) in RUNS {
            let Some(backend) = backend(*way) else { continue };
            let what = format!("{spec}, {} on {}", backend.name, target.name);
            let network = compile_for(&what, *target);
            let graph = &network.source;
            let input = input_of(graph);
            let executable =
                backend.prepare(&network.program).unwrap_or_else(|faults| panic!("{what}: {faults}"));
            let outputs = run(&what, &executable, &network.program, &network.weights, &[&input]);
            let first = agreed.get_or_insert_with(|| outputs.clone());
            for ((port, actual), first) in graph.outputs().iter().zip(&outputs).zip(&*first) {
                let what = format!("{what}, {}", port.name);
                assert_same_bits(&what, actual, first);
                let expected = widen(&answers.tensor(&port.name).data());
                assert_near(&what, &widen(actual), &expected, TOLERANCE);
            }
        }
        let agreed = agreed.unwrap_or_else(|| panic!("{spec} was run by nothing"));
        for (_, version) in EMITTED.iter().filter(|(emitted, _)| *emitted == name) {
            let network = compile_for(spec, version.target());
            let input = input_of(&network.source);
            rust.add(spec, *version, (network.program, network.weights), &[&input], &agreed);
        }
    }
    rust.finish();
}
