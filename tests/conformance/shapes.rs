//! One model, many shapes: each gives the bits of a network that was compiled for it, with the same weights.

use crate::comparison::assert_same_bits;
use crate::inputs::values;
use rexnet::{Backend, Code, Engine, Model, Options, Shape, Source, Weights};

const SPEC: &str = "rexnet(width = 0.25, depth = 0.3, size = 32, classes = 10)";

fn run(model: &Model) -> Vec<f32> {
    let elements = |ports: &[rexnet_codegen::plan::Port]| ports[0].elements();
    let mut logits = vec![f32::NAN; elements(model.outputs())];
    model.session().unwrap().run(&[&values(3, elements(model.inputs()))], &mut [&mut logits]).unwrap();
    logits
}

fn shape(batch: usize, height: usize, width: usize) -> Shape {
    Shape { batch, height, width }
}

const SHAPES: [(usize, usize, usize); 4] = [(1, 32, 32), (3, 32, 32), (1, 48, 64), (2, 17, 33)];

#[test]
fn shapes_are_compiled_on_demand() {
    for backend in [Backend::Jit, Backend::Clif, Backend::Interpret] {
        let engine = Engine::with_backend(backend);
        let model = engine.compile(SPEC, Weights::Seeded(1), &Options::default()).unwrap();
        for (batch, height, width) in SHAPES {
            let specialised = model.with_shape(shape(batch, height, width)).unwrap();
            assert_eq!(specialised.inputs()[0].dims, [batch, 3, height, width]);
            assert_eq!(specialised.outputs()[0].dims, [batch, 10]);
            let options = Options { batch: Some(batch), size: Some([height, width]), ..Options::default() };
            let own = engine.compile(SPEC, Weights::Seeded(1), &options).unwrap();
            assert_same_bits(backend.name(), &run(&specialised), &run(&own));
            assert!(std::ptr::eq(specialised.weights().as_slice(), model.weights().as_slice()));
            // From a specialisation as from the first.
            let back = specialised.with_shape(shape(1, 32, 32)).unwrap();
            assert!(std::ptr::eq(back.program(), model.program()), "the first is kept");
            assert_same_bits(backend.name(), &run(&back), &run(&model));
        }
    }
}

#[test]
fn so_many_shapes_are_kept() {
    let options = Options { kept_shapes: 2, ..Options::default() };
    let model = Engine::new().compile(SPEC, Weights::Seeded(1), &options).unwrap();
    let with_batch = |batch| model.with_shape(shape(batch, 32, 32)).unwrap();
    let is_same = |a: &Model, b: &Model| std::ptr::eq(a.program(), b.program());
    let (two, three) = (with_batch(2), with_batch(3));
    assert!(is_same(&two, &with_batch(2)) && is_same(&three, &with_batch(3)));
    // Two was used before three, so a fourth takes its place.
    let expected = run(&two);
    with_batch(4);
    assert!(is_same(&three, &with_batch(3)));
    assert!(!is_same(&two, &with_batch(2)));
    assert_same_bits("dropped, but held", &run(&two), &expected);
}

#[test]
fn onnx_models_take_shapes_where_their_graph_does() {
    let file = |name: &str| {
        let path = format!("{}/tests/fixtures/onnx/{name}.onnx", env!("CARGO_MANIFEST_DIR"));
        Source::onnx(std::fs::read(path).unwrap())
    };
    let compile =
        |name: &str| Engine::new().compile(file(name), Weights::Seeded(0), &Options::default()).unwrap();
    let model = compile("mobilenet_script_18_mean");
    let own = model.shape().unwrap();
    let larger = model.with_shape(shape(own.batch, 2 * own.height, own.width)).unwrap();
    let options = Options { size: Some([2 * own.height, own.width]), ..Options::default() };
    let compiled =
        Engine::new().compile(file("mobilenet_script_18_mean"), Weights::Seeded(0), &options).unwrap();
    assert_same_bits("mobilenet", &run(&larger), &run(&compiled));

    let fixed = model.with_shape(shape(own.batch + 1, own.height, own.width)).unwrap_err();
    assert_eq!(fixed.list[0].code, Code::OnnxUnsupported, "{fixed}");
}

/// `conv(x) / height(x)`: a constant that the importer computes from the shape is another for another shape.
#[test]
fn constants_that_depend_on_the_shape_are_not_shared() {
    let path = format!("{}/tests/fixtures/onnx/shape_in_a_constant.onnx", env!("CARGO_MANIFEST_DIR"));
    let file = std::fs::read(path).unwrap();
    let compile = |size| {
        let options = Options { size, ..Options::default() };
        Engine::new().compile(Source::onnx(file.clone()), Weights::Seeded(0), &options).unwrap()
    };
    let specialised = compile(None).with_shape(shape(1, 8, 4)).unwrap();
    assert_same_bits("another height", &run(&specialised), &run(&compile(Some([8, 4]))));
}

#[test]
fn hostile_shapes_are_refused() {
    let path = format!("{}/tests/fixtures/onnx/rexnet_dynamo_23.onnx", env!("CARGO_MANIFEST_DIR"));
    let file = std::fs::read(path).unwrap();
    let onnx = Engine::new().compile(Source::onnx(file), Weights::Seeded(0), &Options::default()).unwrap();
    let spec = Engine::new().compile(SPEC, Weights::Seeded(1), &Options::default()).unwrap();
    for (batch, height, width) in [
        (0, 32, 32),
        (1, 0, 32),
        (1, 32, 0),
        (1, usize::MAX, usize::MAX),
        (usize::MAX, 32, 32),
        (1, 1 << 20, 1 << 20),
    ] {
        for model in [&onnx, &spec] {
            model.with_shape(shape(batch, height, width)).unwrap_err();
        }
    }
}
