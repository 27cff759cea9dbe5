//! Each operation of the loop language on special values, against its meaning in Rust. The list holds every
//! variant; a new operation joins by one line.

use crate::backends::{backends, run};
use crate::comparison::assert_same_bits;
use crate::single_kernel::{program_of_all, weights_of};
use rexnet_codegen::loops::{self, BinaryOp, Element, Expression, Kernel, KernelBuilder, Role, UnaryOp};

/// An operation on three operands of so many lanes, and what it means in one lane.
type Operation = (&'static str, fn([Expression; 3], usize) -> Expression, fn([f32; 3]) -> f32);

macro_rules! binary {
    ($op:ident, $meaning:expr) => {
        (
            stringify!($op),
            |[a, b, _], _| a.binary(BinaryOp::$op, b),
            |[a, b, _]| {
                let meaning: fn(f32, f32) -> f32 = $meaning;
                meaning(a, b)
            },
        )
    };
}

/// As a mask is seen: by what it selects.
fn chosen_by(mask: Expression, lanes: usize) -> Expression {
    mask.select(Expression::f32(1.0, lanes), Expression::f32(0.0, lanes))
}

fn truth(holds: bool) -> f32 {
    f32::from(u8::from(holds))
}

/// An i32 in disguise; NaNs are looked at as a number, since their bits are not defined.
fn bits(value: f32) -> u32 {
    if value.is_nan() { 1.0f32.to_bits() } else { value.to_bits() }
}

fn as_bits(value: Expression, lanes: usize) -> Expression {
    let is_nan = value.clone().binary(BinaryOp::Unordered, value.clone());
    is_nan.select(Expression::f32(1.0, lanes), value).unary(UnaryOp::ToBits)
}

const OPERATIONS: &[Operation] = &[
    binary!(Add, |a, b| a + b),
    binary!(Sub, |a, b| a - b),
    binary!(Mul, |a, b| a * b),
    binary!(Div, |a, b| a / b),
    binary!(Min, |a, b| if a < b { a } else { b }),
    binary!(Max, |a, b| if a > b { a } else { b }),
    ("Less", |[a, b, _], lanes| chosen_by(a.binary(BinaryOp::Less, b), lanes), |[a, b, _]| truth(a < b)),
    (
        "Unordered",
        |[a, b, _], lanes| chosen_by(a.binary(BinaryOp::Unordered, b), lanes),
        |[a, b, _]| truth(a.is_nan() || b.is_nan()),
    ),
    (
        "IntAdd",
        |[a, b, _], lanes| {
            as_bits(a, lanes).binary(BinaryOp::IntAdd, as_bits(b, lanes)).unary(UnaryOp::FromBits)
        },
        |[a, b, _]| f32::from_bits(bits(a).wrapping_add(bits(b))),
    ),
    (
        "ShiftLeft",
        |[a, _, _], lanes| as_bits(a, lanes).unary(UnaryOp::ShiftLeft(23)).unary(UnaryOp::FromBits),
        |[a, _, _]| f32::from_bits(bits(a) << 23),
    ),
    (
        "ShiftLeft by 31",
        |[a, _, _], lanes| as_bits(a, lanes).unary(UnaryOp::ShiftLeft(31)).unary(UnaryOp::FromBits),
        |[a, _, _]| f32::from_bits(bits(a) << 31),
    ),
    ("Fma", |[a, b, c], _| a.fma(b, c), |[a, b, c]| a.mul_add(b, c)),
    (
        "Select",
        |[a, b, c], _| a.clone().binary(BinaryOp::Less, b).select(c, a),
        |[a, b, c]| if a < b { c } else { a },
    ),
    (
        "Select of bits",
        |[a, b, c], lanes| {
            let mask = a.clone().binary(BinaryOp::Less, b);
            mask.select(as_bits(c, lanes), as_bits(a, lanes)).unary(UnaryOp::FromBits)
        },
        |[a, b, c]| f32::from_bits(bits(if a < b { c } else { a })),
    ),
    (
        "a mask's bits",
        |[a, b, _], _| a.binary(BinaryOp::Less, b).unary(UnaryOp::FromBits),
        |[a, b, _]| if a < b { f32::NAN } else { 0.0 },
    ),
    (
        "a constant of bits",
        |_, lanes| {
            let bits = 0x4049_0fdb;
            let ty = loops::ValueType { element: Element::I32, lanes };
            Expression::Constant { bits, ty }.unary(UnaryOp::FromBits)
        },
        |_| std::f32::consts::PI,
    ),
];

const SPECIAL: [f32; 16] = [
    0.0,
    -0.0,
    1.0,
    -1.5,
    3.1,
    1e-45,
    -1e-40,
    f32::MIN_POSITIVE,
    f32::MAX,
    f32::MIN,
    f32::INFINITY,
    f32::NEG_INFINITY,
    f32::NAN,
    1.000_000_1,
    -1e20,
    1e-20,
];

/// Every triple: the third operand turns with the first two.
fn triples() -> [Vec<f32>; 3] {
    let each = |place: fn(usize) -> usize| (0..4096).map(|at| SPECIAL[place(at) % 16]).collect();
    [each(|at| at), each(|at| at / 16), each(|at| at / 256)]
}

fn kernel(operation: &Operation, lanes: usize) -> Kernel {
    let mut builder = KernelBuilder::new("operation");
    let inputs = ["a", "b", "c"].map(|name| builder.buffer(name, Role::In, 4096, 4));
    let output = builder.buffer("output", Role::Out, 4096, 4);
    builder.for_each("i", 4096 / lanes, |builder, i| {
        let at = i * lanes as i64;
        let operands = inputs.map(|input| {
            let value = builder.load(input, at.clone(), lanes);
            builder.bind("operand", value)
        });
        builder.store(output, at, (operation.1)(operands, lanes));
    });
    builder.finish()
}

#[test]
fn operations_mean_what_they_say() {
    let operands = triples();
    let (mut kernels, mut expected) = (Vec::new(), Vec::new());
    for operation in OPERATIONS {
        for lanes in [1, 4, 8, 16] {
            let kernel = kernel(operation, lanes);
            loops::verify(&kernel).unwrap_or_else(|faults| panic!("{faults}\n{kernel}"));
            kernels.push(kernel);
            let meaning = |at: usize| (operation.2)([0, 1, 2].map(|operand| operands[operand][at]));
            expected.push((0..4096).map(meaning).collect::<Vec<f32>>());
        }
    }
    let program = program_of_all(kernels);
    let weights = weights_of(&program, &[]);
    let inputs: Vec<&[f32]> = operands.iter().map(Vec::as_slice).cycle().take(program.inputs.len()).collect();
    for backend in backends() {
        let executable =
            backend.prepare(&program).unwrap_or_else(|faults| panic!("{}: {faults}", backend.name));
        let outputs = run(backend.name, &executable, &program, &weights, &inputs);
        for ((kernel, actual), expected) in program.kernels.iter().zip(&outputs).zip(&expected) {
            assert_same_bits(&format!("{}: {kernel}", backend.name), actual, expected);
        }
    }
}

/// The names in the list begin with each operation's.
#[test]
fn every_operation_is_listed() {
    for (op, _) in BinaryOp::NAMES {
        let name = format!("{op:?}");
        assert!(OPERATIONS.iter().any(|operation| operation.0 == name), "{name}");
    }
}
