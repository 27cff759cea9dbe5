//! Models as people's files hold them, on every back end, against ONNX Runtime's values: `tests/fixtures/onnx_models`.

use crate::batch::RustBatch;
use crate::comparison::widen;
use crate::fixtures::{Tensors, read};
use crate::reference::{assert_near, conform};
use rexnet_codegen::driver::{self, Request, Source, Weights};
use rexnet_ir::graph::{Graph, Op, Pool2d, PoolKind};
use rexnet_ir::onnx::{ImportOptions, Verdict, export, import};

/// The distance from ONNX Runtime's values and from the f64 reference, in the output's range: sums of some dozens of
/// products rounded to f32 on both sides.
const TOLERANCE: f64 = 1e-5;

const MODELS: &[&str] = &[
    "batch_norms",
    "celus",
    "crossing_bounds",
    "doubles",
    "functions",
    "lines",
    "movements",
    "norms_along_an_axis",
    "old_batch_norms",
    "operators_of_6",
    "pixels",
    "resize_declared",
    "resize_row",
    "resizes",
    "resizes_old",
    "truths",
    "unpools",
    "weights_from_constants",
];

#[test]
fn models_of_the_field_are_those_of_onnx_runtime() {
    let mut rust = RustBatch::default();
    for name in MODELS {
        let file = read(&format!("onnx_models/{name}.onnx"));
        let tensors = Tensors::read(&format!("onnx_models/{name}.io.safetensors"));
        let mut none = |_: &str| Err(String::new());
        let graph = import(file, &mut none, &ImportOptions::with_batch(1))
            .unwrap_or_else(|faults| panic!("{name}: {faults}"));
        let input = tensors.tensor("x");
        let agreed = conform(Some(&mut rust), name, &graph, &[&input.data()], TOLERANCE);
        for (output, actual) in graph.outputs().iter().zip(&agreed.outputs) {
            let expected = tensors.tensor(&output.name);
            let what = format!("{name}: {}", output.name);
            assert_eq!(graph.node(output.node).ty.dims, expected.dims(), "{what}");
            assert_near(&what, &widen(actual), &widen(&expected.data()), TOLERANCE);
        }
    }
    rust.finish();
}

/// Whether [`driver::check`] finds nothing, and what it finds.
fn checked(request: &Request) -> (bool, String) {
    let checked = driver::check(request).unwrap();
    let covered = checked.nodes.iter().all(|node| node.verdict == Verdict::Covered);
    (covered && checked.faults.list.is_empty(), format!("{:?} {}", checked.nodes, checked.faults))
}

fn request(file: Vec<u8>) -> Request {
    Request::new(Source::onnx(file), Weights::Zeros)
}

#[test]
fn a_check_says_yes_of_what_compiles() {
    let mut files = 0;
    for folder in ["onnx", "onnx_models", "onnx_operators"] {
        let path = format!("{}/tests/fixtures/{folder}", env!("CARGO_MANIFEST_DIR"));
        let paths = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
        for path in paths.filter(|path| path.extension().is_some_and(|ending| ending == "onnx")) {
            let file = std::fs::read(&path).unwrap();
            // The weights of one lie beside it.
            let source = Source::Onnx { file: file.into(), folder: path.parent().map(Into::into) };
            let (yes, text) = checked(&Request::new(source.clone(), Weights::Zeros));
            let compiled = driver::compile(Request::new(source, Weights::Zeros));
            assert_eq!(yes, compiled.is_ok(), "{}: {text}", path.display());
            files += 1;
        }
    }
    assert!(files > 20, "{files}");
}

/// What the importer takes and no kernel computes: windows whose padding cuts the map into too many regions.
#[test]
fn a_check_says_no_of_what_does_not_compile() {
    let mut graph = Graph::new("windows");
    let x = graph.edit().input("x", &[1, 1, 2000, 2000]).unwrap();
    let pool =
        Pool2d { kind: PoolKind::Max, kernel: [999, 999], stride: [1, 1], pad: [998; 4], dilation: [1, 1] };
    let y = graph.edit().add(Op::Pool2d(pool), &[x], "y").unwrap();
    graph.edit().output("y", y);
    let file = export(&graph).unwrap();
    assert!(driver::compile(request(file.clone())).is_err());
    let (yes, text) = checked(&request(file));
    assert!(!yes && text.contains("regions"), "{text}");
}
