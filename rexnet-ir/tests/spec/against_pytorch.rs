//! Every preset against the outputs of PyTorch: `tests/fixtures/presets`, made by `make_presets.py`.

use rexnet_ir::reference::evaluate_outputs;
use rexnet_ir::spec::{PRESETS, expand, parse_network};
use rexnet_ir::weights;
use safetensors::SafeTensors;
use serde_json::Value;
use std::path::PathBuf;

/// Within this part of an output's range. Both sides sum in f64 from the same f32 weights, so what is left is PyTorch's
/// result rounded to f32: half a unit of the last place, 2^-24 = 6e-8 of a value, and the outputs lie around zero. The
/// least thing that a network could have wrong, one batch norm's epsilon, moves most of them by 1e-5.
const TOLERANCE: f64 = 1e-7;

fn read(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/presets").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn rows() -> Vec<Value> {
    serde_json::from_slice(&read("index.json")).unwrap()
}

/// `count` values spread evenly over -2 to 2: SplitMix64, seeded. The input of `seeded.py`.
fn image(seed: u64, count: usize) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    (0..count).map(|_| (next() >> 40) as f32 / (1u64 << 22) as f32 - 2.0).collect()
}

#[test]
fn every_preset_has_an_answer_of_pytorch() {
    let rows = rows();
    for preset in PRESETS {
        let call = format!("{}(", preset.name);
        let known = rows.iter().any(|row| row["spec"].as_str().unwrap().starts_with(&call));
        assert!(known, "{} has no row in presets/index.json", preset.name);
    }
}

#[test]
fn presets_compute_what_pytorch_computes() {
    for row in rows() {
        let what = row["spec"].as_str().unwrap();
        let (seed, images) = (row["seed"].as_u64().unwrap(), row["images"].as_u64().unwrap() as usize);
        let network = parse_network(what).unwrap_or_else(|faults| panic!("{what}: {faults}"));
        let mut graph = expand(&network, images).unwrap_or_else(|faults| panic!("{what}: {faults}"));
        weights::seed(&mut graph, seed).unwrap();
        let image = image(seed, images * network.input.iter().product::<usize>());
        let actual = evaluate_outputs(&graph, &[&image]).unwrap_or_else(|name| panic!("{what}: {name}"));

        let file = read(&format!("{}.io.safetensors", row["name"].as_str().unwrap()));
        let answers = SafeTensors::deserialize(&file).unwrap();
        let outputs = graph.outputs();
        assert_eq!(outputs.len(), answers.len(), "{what}");
        for (output, actual) in outputs.iter().zip(&actual) {
            let what = format!("{what}, {}", output.name);
            let view = answers.tensor(&output.name).unwrap_or_else(|error| panic!("{what}: {error}"));
            assert_eq!(actual.dims, view.shape(), "{what}");
            let expected: Vec<f64> =
                view.data().as_chunks().0.iter().map(|&bytes| f64::from(f32::from_le_bytes(bytes))).collect();
            let bound = |pick: fn(f64, f64) -> f64| expected.iter().copied().reduce(pick).unwrap();
            let range = bound(f64::max) - bound(f64::min);
            for (at, (a, e)) in actual.data.iter().zip(&expected).enumerate() {
                let near = (a - e).abs() <= TOLERANCE * range;
                assert!(near, "{what}: element {at} is {a}, not {e}; the range is {range}");
            }
        }
    }
}
