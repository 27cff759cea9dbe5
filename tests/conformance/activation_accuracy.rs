//! How far elementwise functions are from their definition, over the f32 numbers.

use crate::backends::{Way, backend, run};
use rexnet_codegen::driver::{Compilation, Request, Weights, compile};
use rexnet_codegen::emit::machine::Tier;
use rexnet_codegen::plan::{PackedWeights, Program};
use rexnet_ir::graph::{Activation, Function, Graph, Op};

/// The greatest error in units of the last place of the exact value, for inputs within ±87 where the function has an
/// exponential, found by [`every_float`]; the polynomial of exp, its scaling and the division round one after the other.
const MOST_ULP: f64 = 2.6;

/// The same where a quotient and a polynomial follow the exponential; of the sample, not of all numbers.
const MOST_ULP_OF_MORE_STEPS: f64 = 4.0;

/// The greatest error, in units of the last place, of a function that is an operator of its own name: of the sample. Rounding
/// is exact; a root ends in a Newton step; a logarithm is a polynomial on an exponent, erf one of two, an angle one
/// behind a quotient.
fn most_ulp_of_named(function: Function) -> f64 {
    match function {
        Function::Sign | Function::Round | Function::Floor | Function::Ceil => 0.0,
        Function::Sqrt => 1.0,
        Function::Log => 1.5,
        Function::Erf => MOST_ULP,
        Function::Atan => 3.0,
        Function::Exp => 3.0,
        Function::Activate(_) | Function::Clip { .. } => unreachable!("{function:?} has no name of its own"),
    }
}

/// Below -87, SiLU, sigmoid and softplus stay where they are at -87 instead of vanishing: this far from the limit at most.
const TAIL: f64 = 1.5e-36;

const CHUNK: usize = 1 << 16;

fn program(function: impl Into<Op>) -> (Program, PackedWeights) {
    let mut graph = Graph::new("activation");
    let x = graph.edit().input("x", &[1, 1, 1, CHUNK]).unwrap();
    let y = graph.edit().add(function.into(), &[x], "y").unwrap();
    graph.edit().output("y", y);
    let Compilation { program, weights, .. } = compile(Request::new(graph.clone(), Weights::Own)).unwrap();
    (program, weights)
}

/// The distance between neighbouring f32 at this magnitude.
fn unit(exact: f64) -> f64 {
    let exponent = (exact.abs().to_bits() >> 52) as i32 - 1023;
    f64::exp2(f64::from(exponent.max(-126) - 23))
}

/// Checks every `step`-th number and returns the greatest error, in units of the last place.
fn check(function: Activation, step: usize) -> f64 {
    let (program, weights) = program(function);
    let code = backend(Way::MachineCode(Tier::Clif)).unwrap().prepare(&program).unwrap();
    let mut most = 0.0f64;
    let mut all = (0..=u32::MAX).step_by(step).map(f32::from_bits);
    loop {
        let mut inputs: Vec<f32> = all.by_ref().take(CHUNK).collect();
        if inputs.is_empty() {
            return most;
        }
        inputs.resize(CHUNK, 0.0);
        let outputs = run(function.name(), &code, &program, &weights, &[&inputs]);
        for (&x, &y) in inputs.iter().zip(&outputs[0]) {
            if x.is_nan() {
                assert!(y.is_nan(), "{x} gives {y}");
                continue;
            }
            let exact = function.evaluate(f64::from(x));
            let error = (f64::from(y) - exact).abs();
            let vanishes = matches!(function, Activation::Silu | Activation::Sigmoid | Activation::Softplus);
            if !vanishes && x.is_infinite() {
                assert_eq!(f64::from(y), exact, "{} of {x}", function.name());
            } else if vanishes && x < -87.0 {
                assert!(f64::from(y).abs() <= TAIL, "{x} gives {y}");
            } else if vanishes && x > 87.0 {
                assert_eq!(f64::from(y), if function == Activation::Sigmoid { 1.0 } else { f64::from(x) });
            } else {
                let ulp = error / unit(exact);
                let more = matches!(function, Activation::Softplus | Activation::Tanh);
                let bound = if more { MOST_ULP_OF_MORE_STEPS } else { MOST_ULP };
                assert!(ulp <= bound, "{} of {x:e} is {y:e}, {ulp} units from {exact:e}", function.name());
                most = most.max(ulp);
            }
        }
    }
}

/// The value of a named function at every `step`-th number.
fn check_named(function: Function, step: usize) {
    let (program, weights) = program(Op::Unary(function));
    let code = backend(Way::MachineCode(Tier::Clif)).unwrap().prepare(&program).unwrap();
    let bound = most_ulp_of_named(function);
    let mut all = (0..=u32::MAX).step_by(step).map(f32::from_bits);
    loop {
        let mut inputs: Vec<f32> = all.by_ref().take(CHUNK).collect();
        if inputs.is_empty() {
            return;
        }
        inputs.resize(CHUNK, 0.0);
        let outputs = run("a named function", &code, &program, &weights, &[&inputs]);
        for (&x, &y) in inputs.iter().zip(&outputs[0]) {
            let exact = function.evaluate(f64::from(x));
            if exact.is_nan() {
                assert!(y.is_nan(), "{function:?} of {x:e} is {y:e}");
            } else if exact.is_infinite() || x.is_infinite() {
                assert_eq!(f64::from(y), exact, "{function:?} of {x:e}");
            } else if function == Function::Exp && x.abs() > 87.0 {
                assert!(x > 0.0 || f64::from(y).abs() <= TAIL, "{function:?} of {x:e} is {y:e}");
            } else {
                let ulp = (f64::from(y) - exact).abs() / unit(exact);
                assert!(ulp <= bound, "{function:?} of {x:e} is {y:e}, {ulp} units from {exact:e}");
            }
        }
    }
}

#[test]
fn a_sample_of_all_floats_for_named_functions() {
    for &function in Function::NAMED {
        check_named(function, 509);
    }
}

#[test]
fn a_sample_of_all_floats() {
    for &function in Activation::ALL {
        check(function, 127);
    }
}

/// `cargo test --release --features jit --test conformance every_float -- --ignored --nocapture`; some minutes, or one for
/// one function, `REXNET_FUNCTION=tanh`.
#[test]
#[ignore = "four thousand million numbers"]
fn every_float() {
    let wanted = std::env::var("REXNET_FUNCTION").ok();
    for &function in Activation::ALL.iter().filter(|f| wanted.as_ref().is_none_or(|name| name == f.name())) {
        println!("{}: {:.3} units of the last place", function.name(), check(function, 1));
    }
}
