//! Runs the ONNX project's own node tests: `onnx_node_tests FOLDER [--verbose]`, where each folder in FOLDER is a test
//! as `tests/fixtures/make_onnx_node_tests.py` writes them. Says how many passed, which are not supported and why, and
//! which failed; the exit code is 1 when any failed.
//!
//! Doubles are rounded to floats, and truth values are 1 and 0, as the compiler has them.
//!
//! A test gives everything as inputs of the graph, weights too. It is compiled with all float inputs as inputs, and
//! where that is not supported with the first one alone; the others are bound as constants, which is what networks have
//! there.

mod tensors;

use rexnet::{Code, Diagnostics, Engine, Options, Source, Weights};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tensors::{Tensor, with_initialisers};

/// The bounds with which the ONNX project compares by default: relative, absolute.
const TOLERANCE: (f64, f64) = (1e-3, 1e-7);

/// How a test went.
enum Outcome {
    Passed,
    Unsupported(String),
    Failed(String),
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(folder) = arguments.next() else {
        eprintln!("usage: onnx_node_tests FOLDER [--verbose]");
        return ExitCode::from(2);
    };
    let verbose = arguments.any(|argument| argument == "--verbose");
    let mut tests: Vec<PathBuf> = match std::fs::read_dir(&folder) {
        Ok(entries) => entries.filter_map(|entry| Some(entry.ok()?.path())).collect(),
        Err(error) => {
            eprintln!("{folder}: {error}");
            return ExitCode::from(2);
        }
    };
    tests.retain(|path| path.join("model.onnx").is_file());
    tests.sort();
    let (mut passed, mut failed) = (0, 0);
    let mut unsupported: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for path in &tests {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match test(path) {
            Outcome::Passed => {
                passed += 1;
                if verbose {
                    println!("passed: {name}");
                }
            }
            Outcome::Failed(reason) => {
                failed += 1;
                println!("failed: {name}: {reason}");
            }
            Outcome::Unsupported(reason) => unsupported.entry(reason).or_default().push(name),
        }
    }
    let mut groups: Vec<(String, Vec<String>)> = unsupported.into_iter().collect();
    groups.sort_by_key(|(_, names)| std::cmp::Reverse(names.len()));
    for (reason, names) in &groups {
        println!("unsupported: {} tests: {reason}", names.len());
        if verbose {
            println!("    {}", names.join(" "));
        }
    }
    let unsupported: usize = groups.iter().map(|(_, names)| names.len()).sum();
    println!("{passed} passed, {unsupported} unsupported, {failed} failed");
    ExitCode::from(u8::from(failed > 0))
}

fn test(folder: &Path) -> Outcome {
    let data = folder.join("test_data_set_0");
    let (Ok(model), Ok(inputs), Ok(outputs)) =
        (std::fs::read(folder.join("model.onnx")), files(&data, "input"), files(&data, "output"))
    else {
        return Outcome::Failed("its files cannot be read".to_owned());
    };
    let floats: Vec<usize> = (0..inputs.len()).filter(|&place| inputs[place].floats().is_some()).collect();
    let Some(&first) = floats.first() else {
        return Outcome::Unsupported("no input is of type float".to_owned());
    };
    if outputs.iter().any(|output| output.numbers().is_none()) {
        return Outcome::Unsupported("an output is not of type float or bool".to_owned());
    }
    let mut outcome = attempt(&model, &inputs, &floats, &outputs);
    if matches!(outcome, Outcome::Unsupported(_)) && floats.len() > 1 {
        outcome = attempt(&model, &inputs, &[first], &outputs);
    }
    outcome
}

/// The tensors of a role, in order.
fn files(data: &Path, role: &str) -> Result<Vec<Tensor>, String> {
    let paths = (0..).map(|place| data.join(format!("{role}_{place}.pb"))).take_while(|path| path.is_file());
    paths.map(|path| Tensor::read(std::fs::read(path).map_err(|error| error.to_string())?)).collect()
}

/// Runs the model on the inputs at `free`; the others become constants.
fn attempt(model: &[u8], inputs: &[Tensor], free: &[usize], outputs: &[Tensor]) -> Outcome {
    let bound = (0..inputs.len()).filter(|place| !free.contains(place)).map(|place| &inputs[place]);
    let model = with_initialisers(model, bound);
    let compiled = Engine::new().compile(Source::onnx(model), Weights::Seeded(0), &Options::default());
    let model = match compiled {
        Ok(model) => model,
        Err(faults) => return refused(&faults),
    };
    let given: Option<Vec<&[f32]>> = model
        .inputs()
        .iter()
        .map(|port| free.iter().map(|&place| &inputs[place]).find(|input| input.name == port.name)?.floats())
        .collect();
    let Some(given) = given else { return Outcome::Failed("an input has no value".to_owned()) };
    let mut results: Vec<Vec<f32>> = model.outputs().iter().map(|port| vec![0.0; port.elements()]).collect();
    let mut slices: Vec<&mut [f32]> = results.iter_mut().map(Vec::as_mut_slice).collect();
    if let Err(fault) = model.session().unwrap().run(&given, &mut slices) {
        return Outcome::Failed(fault.cause);
    }
    for ((port, actual), expected) in model.outputs().iter().zip(&results).zip(outputs) {
        let Some(floats) = expected.numbers() else {
            return Outcome::Failed(format!("{} is not of type float or bool", port.name));
        };
        if port.dims != expected.dims {
            return Outcome::Failed(format!(
                "{} has shape {:?}, not {:?}",
                port.name, port.dims, expected.dims
            ));
        }
        let apart = actual.iter().zip(floats).position(|(&actual, &expected)| !near(actual, expected));
        if let Some(at) = apart {
            let (actual, expected) = (actual[at], floats[at]);
            return Outcome::Failed(format!("{} at {at} is {actual:e}, not {expected:e}", port.name));
        }
    }
    Outcome::Passed
}

fn near(actual: f32, expected: f32) -> bool {
    let (relative, absolute) = TOLERANCE;
    let distance = (f64::from(actual) - f64::from(expected)).abs();
    actual == expected
        || actual.is_nan() && expected.is_nan()
        || distance <= absolute + relative * f64::from(expected).abs()
}

/// A model that is refused as not covered, with the first reason, is unsupported; any other fault is a failure.
fn refused(faults: &Diagnostics) -> Outcome {
    let uncovered = |code: Code| {
        matches!(code, Code::OnnxUnsupported | Code::OnnxQuantised | Code::Unsupported | Code::GraphTooLarge)
    };
    match faults.list.iter().find(|fault| !uncovered(fault.code)).or(faults.list.first()) {
        Some(fault) if uncovered(fault.code) => Outcome::Unsupported(fault.cause.clone()),
        Some(fault) => Outcome::Failed(format!("{}: {}", fault.code.code(), fault.cause)),
        None => Outcome::Failed("it was refused without a reason".to_owned()),
    }
}
