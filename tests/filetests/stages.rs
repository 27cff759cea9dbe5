//! What each stage makes of a file.

use crate::expectations::{before, directive, head};
use rexnet_codegen::driver::{Request, Weights, compile};
use rexnet_codegen::emit::rust::{Version, kernel_text};
use rexnet_codegen::lower::lower;
use rexnet_codegen::target::Target;
use rexnet_codegen::{loops, plan};
use rexnet_ir::diagnostic::Diagnostics;
use rexnet_ir::graph::{self, Graph, Op};
use rexnet_ir::passes;
use rexnet_ir::reference::evaluate_outputs;
use rexnet_ir::weights::seed;

type Outcome = Result<String, String>;

/// Separates the input from what became of it.
const AFTER: &str = "; after:";
/// Begins each fault.
const ERROR: &str = "; error";

fn said<T>(result: Result<T, Diagnostics>) -> Result<T, String> {
    result.map_err(|faults| faults.to_string())
}

/// The input followed by every line of the faults as a comment.
fn with_faults(input: &str, faults: &Diagnostics) -> String {
    let lines: String = faults.to_string().lines().map(|line| format!("; {line}\n")).collect();
    format!("{input}{lines}")
}

/// Parse, print.
pub(crate) fn graph(text: &str) -> Outcome {
    let graph = said(graph::parse(text))?;
    Ok(format!("{}{graph}", head(text)))
}

/// Parse, and fail.
pub(crate) fn graph_errors(text: &str) -> Outcome {
    let input = before(text, ERROR);
    match graph::parse(input) {
        Ok(_) => Err("it is accepted".to_owned()),
        Err(faults) => Ok(with_faults(input, &faults)),
    }
}

/// Parse, bind weights, one pass, print. The pass keeps the network's meaning.
pub(crate) fn pass(text: &str) -> Outcome {
    let input = before(text, AFTER);
    let name = directive(text, "test pass").ok_or("the head names no pass")?;
    let pass = passes::find(name).ok_or_else(|| format!("there is no pass {name}"))?;
    let mut graph = said(graph::parse(input))?;
    if !head(text).contains("; without weights\n") {
        said(seed(&mut graph, 1))?;
    }
    let before_pass = graph.clone();
    let report = said(passes::run_one(&mut graph, pass))?;
    same_meaning(&before_pass, &graph)?;
    let acted: String = report.acted.iter().map(|node| format!("; acted: {node}\n")).collect();
    let refused: String = report
        .refusals
        .iter()
        .map(|refusal| format!("; refused: {}: {}\n", refusal.node, refusal.reason))
        .collect();
    Ok(format!("{input}{AFTER}\n{graph}{acted}{refused}"))
}

/// Both graphs give the same outputs in f64, up to the rounding of folded constants to f32: 1e-6 of the largest
/// element.
fn same_meaning(old: &Graph, new: &Graph) -> Result<(), String> {
    let bound = |graph: &Graph| {
        let constant =
            |id| graph.node(id).op != Op::Constant || graph.constant(&graph.node(id).name).is_some();
        graph.order().into_iter().all(constant)
    };
    if !bound(old) {
        return Ok(());
    }
    let wave = |at: usize| ((at * 37 % 101) as f32 - 50.0) / 7.0;
    let sizes = old.inputs().into_iter().map(|id| old.node(id).ty.elements());
    let inputs: Vec<Vec<f32>> = sizes.map(|size| (0..size).map(wave).collect()).collect();
    let inputs: Vec<&[f32]> = inputs.iter().map(Vec::as_slice).collect();
    let (old, new) = (evaluate_outputs(old, &inputs)?, evaluate_outputs(new, &inputs)?);
    for (index, (old, new)) in old.iter().zip(&new).enumerate() {
        let largest = old.data.iter().fold(0.0, |most: f64, value| most.max(value.abs()));
        let near = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-6 * largest;
        if old.dims != new.dims || !old.data.iter().zip(&new.data).all(near) {
            return Err(format!("output {index} changes its value"));
        }
    }
    Ok(())
}

fn target(text: &str) -> Result<Target, String> {
    let name = directive(text, "target").unwrap_or("portable");
    let target = Target::ALL.iter().find(|target| target.name == name);
    target.copied().ok_or_else(|| format!("there is no target {name}"))
}

/// All passes, then the kernels.
pub(crate) fn lowered(text: &str) -> Outcome {
    let input = before(text, AFTER);
    let mut graph = said(graph::parse(input))?;
    said(seed(&mut graph, 1))?;
    said(passes::run(&mut graph))?;
    let lowered = said(lower(&graph, &target(text)?))?;
    let mut result = format!("{input}{AFTER}\n");
    for kernel in lowered.kernels {
        let text = kernel.to_string();
        let read = said(loops::parse(&text))?;
        if read != kernel {
            return Err(format!("{} does not come back from its text", kernel.name));
        }
        result.push_str(&text);
    }
    Ok(result)
}

/// All passes, and then no kernels.
pub(crate) fn lower_errors(text: &str) -> Outcome {
    let input = before(text, ERROR);
    let mut graph = said(graph::parse(input))?;
    said(seed(&mut graph, 1))?;
    said(passes::run(&mut graph))?;
    match lower(&graph, &target(text)?) {
        Ok(_) => Err("it is lowered".to_owned()),
        Err(faults) => Ok(with_faults(input, &faults)),
    }
}

/// Parse, verify, print.
pub(crate) fn loops(text: &str) -> Outcome {
    let kernel = said(loops::parse(text))?;
    said(loops::verify(&kernel))?;
    Ok(format!("{}{kernel}", head(text)))
}

/// Parse and verify, and fail.
pub(crate) fn loops_errors(text: &str) -> Outcome {
    let input = before(text, ERROR);
    match loops::parse(input).and_then(|kernel| loops::verify(&kernel)) {
        Ok(()) => Err("it is accepted".to_owned()),
        Err(faults) => Ok(with_faults(input, &faults)),
    }
}

/// Parse, verify, and the function of one version of emitted Rust.
pub(crate) fn rust(text: &str) -> Outcome {
    let input = before(text, AFTER);
    let name = directive(text, "version").ok_or("the head names no version")?;
    let version = Version::from_name(name).ok_or_else(|| format!("there is no version {name}"))?;
    let kernel = said(loops::parse(input))?;
    said(loops::verify(&kernel))?;
    Ok(format!("{input}{AFTER}\n{}", kernel_text(&kernel, version)))
}

/// The whole way to a program.
pub(crate) fn planned(text: &str) -> Outcome {
    let input = before(text, AFTER);
    let mut graph = said(graph::parse(input))?;
    said(seed(&mut graph, 1))?;
    let request = Request { targets: vec![target(text)?], ..Request::new(graph, Weights::Own) };
    let program = said(compile(request))?.program;
    said(plan::check(&program))?;
    Ok(format!("{input}{AFTER}\n{program}"))
}

/// Parse, verify, and the machine code of one encoding, as people read it.
#[cfg(feature = "jit")]
pub(crate) fn assembly(text: &str) -> Outcome {
    use rexnet_codegen::emit::x64::{Encoding, listing};
    let input = before(text, AFTER);
    let encoding = match directive(text, "version") {
        Some("avx512") => Encoding::Evex,
        Some("avx2") => Encoding::Vex,
        other => return Err(format!("there is no version {other:?}")),
    };
    let kernel = said(loops::parse(input))?;
    said(loops::verify(&kernel))?;
    let made = listing(&kernel, encoding).unwrap_or_else(|cause| format!("; refused: {cause}\n"));
    Ok(format!("{input}{AFTER}\n{made}"))
}
