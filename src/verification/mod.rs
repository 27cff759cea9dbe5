//! Whether compiled code computes what its network means.
//!
//! *Verified* says three things of a network on one input: all back ends give the same bits (NaNs are equal as
//! NaNs); every output is within [`TOLERANCE`] of the f64 reference's range, and of the expected values' range
//! where such are given; the class of every image is the same, where an output is scores of classes.
//!
//! No implementation in f32 is closer than f32's rounding. Where an output is further from its standard than that, the
//! reference is evaluated again with every value rounded to f32 and with errors such as f32 makes in each node; the
//! standard deviation of what comes out, times [`DEVIATIONS`], is allowed too. What overflows f32, though not f64, is
//! infinite in the rounded reference; where sums may overflow on the way, back ends are compared with each other alone.
//!
//! The reference evaluates the graph as the source says it, so the passes are verified too. When a check fails,
//! the network runs again with all intermediate values tapped, and the first one that differs is named. A [`Request`] may
//! ask for more: every node in three measures, the reference after every pass, intermediate values of another engine.
//!
//! ```
//! use rexnet::Weights;
//! use rexnet::verification::{Request, seeded_input, verify};
//!
//! let input = seeded_input(3 * 32 * 32, 0);
//! let report = verify(
//!     &Request::new("rexnet(width = 0.25, size = 32, classes = 10)", Weights::Seeded(0), &input),
//!     &mut |stage| println!("{stage}"),
//! )?;
//! assert!(report.passed());
//! # Ok::<(), rexnet::Diagnostics>(())
//! ```

mod bisect;
mod closeness;
mod compare;
mod expected_nodes;
mod nodes;
mod report;
mod rounding;

use crate::jit::{Backend, Engine, Model, Options};
use rexnet_codegen::driver::{Compilation, Sizes, Source, Weights};
use rexnet_ir::diagnostic::{Code, Diagnostic, Diagnostics, Location};
use rexnet_ir::graph::Graph;
use rexnet_ir::passes::{PIPELINE, Pass};
use rexnet_ir::reference::{self, Rounding};

pub use bisect::{Bisection, PassCheck};
pub use closeness::{Closeness, ulps};
pub use compare::Difference;
pub use expected_nodes::{ExpectedNode, ExpectedNodes, ExpectedValue};
pub use report::{Check, Divergence, NodeCheck, NodeReport, Report, Standard};

/// How far a value may be from its standard, as a part of the standard's range. The range is the greatest less
/// the least finite value; the greatest magnitude where all are equal.
pub const TOLERANCE: f64 = 1e-4;

/// How many standard deviations of what rounding to f32 does to a value ([`Rounding::spread`](rexnet_ir::reference::Rounding))
/// it may be wrong, if that is more than [`TOLERANCE`] of the range: an output that hardly varies has hardly a range, and
/// its rounding follows from the values that went in. Asked for only where the range alone refuses.
pub const DEVIATIONS: f64 = 4.0;

/// Every back end that runs kernels in a way of its own.
pub const BACKENDS: [Backend; 3] = [Backend::Jit, Backend::Clif, Backend::Interpret];

/// What to verify.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The network.
    pub source: Source,
    /// The weights.
    pub weights: Weights,
    /// Images in the input; without, those of a source that is fixed to a number, else 1.
    pub batch: Option<usize>,
    /// Other extents of the input; those of the source without.
    pub sizes: Sizes,
    /// NCHW f32, unpadded.
    pub input: &'a [f32],
    /// What another implementation gave for this input: for each of the network's outputs, in order, as far as it is
    /// known; may be shorter than the outputs.
    pub expected: &'a [Option<Vec<f32>>],
    /// Intermediate values that another implementation gave, by the names that the source gives them.
    pub expected_nodes: &'a [ExpectedValue],
    /// What to run; at least one.
    pub backends: &'a [Backend],
    /// Whether all nodes are compared even where the outputs agree: a second compilation and a second run of each back
    /// end.
    pub nodes: bool,
    /// Whether the reference is evaluated after every pass.
    pub bisect_passes: bool,
}

impl<'a> Request<'a> {
    /// One image through all of [`BACKENDS`], with nothing expected and no more looked at than is needed.
    pub fn new(source: impl Into<Source>, weights: Weights, input: &'a [f32]) -> Self {
        Self {
            source: source.into(),
            weights,
            batch: None,
            sizes: Sizes::default(),
            input,
            expected: &[],
            expected_nodes: &[],
            backends: &BACKENDS,
            nodes: false,
            bisect_passes: false,
        }
    }
}

/// Compiles for every back end with taps.
type Compile<'f> = dyn Fn(&[String]) -> Result<Vec<(Backend, Model)>, Diagnostics> + 'f;

/// Runs the network on every back end and compares; `observe` is told what happens next.
///
/// # Errors
/// Those of [`Engine::compile`]; `RX0302` for packed weights, which the reference cannot read; `RX0706` when `input` or
/// `expected` has another length than the network's, when no expected node is one of the network, or when there is no back
/// end. A difference is no error but a [`Report`] that did not pass.
pub fn verify(request: &Request<'_>, observe: &mut dyn FnMut(&str)) -> Result<Report, Diagnostics> {
    verify_with(request, &|taps| compile(request, taps), PIPELINE, observe)
}

/// As [`verify`], with models and passes of anybody's making.
fn verify_with(
    request: &Request<'_>,
    compile: &Compile<'_>,
    passes: &[Pass],
    observe: &mut dyn FnMut(&str),
) -> Result<Report, Diagnostics> {
    observe("compiling");
    let models = compile(&[])?;
    let Some((_, first)) = models.first() else {
        return Err(argument("backends", "there is none".to_owned()).into());
    };
    let compilation = compilation(first)?;
    compilation.require_weights()?;
    let ports = first.outputs();
    for (expected, port) in request.expected.iter().zip(ports) {
        if let Some(expected) = expected.as_ref().filter(|expected| expected.len() != port.elements()) {
            let cause =
                format!("{} elements are expected, the output has {}", expected.len(), port.elements());
            return Err(argument(&port.name, cause).into());
        }
    }
    if request.expected.len() > ports.len() {
        let cause = format!("{} outputs are expected, there are {}", request.expected.len(), ports.len());
        return Err(argument("expected", cause).into());
    }
    let mut outputs: Vec<(Backend, Vec<Vec<f32>>)> = Vec::with_capacity(models.len());
    for (backend, model) in &models {
        observe(&format!("running on {}", backend.name()));
        outputs.push((*backend, run(model, request.input)?));
    }
    observe("evaluating the reference");
    let source = &compilation.source;
    let reference: Vec<Vec<f64>> = reference::evaluate_outputs(source, &[request.input])
        .map_err(|name| argument(&name, "the reference has no value for it".to_owned()))?
        .into_iter()
        .map(|array| array.data)
        .collect();
    let mut report = compare_outputs(request, first, &outputs, &reference, None);
    if !report.checks.iter().all(|check| check.compares_bits() || check.difference.passed()) {
        observe("evaluating what f32 can tell");
        let rounded = rounding::of_outputs(source, &[request.input])?;
        report = compare_outputs(request, first, &outputs, &reference, Some(&rounded));
    }
    if !request.expected_nodes.is_empty() {
        observe("comparing the expected nodes");
        report.expected_nodes = Some(expected_nodes::compare(source, request.expected_nodes, request.input)?);
    }
    if request.bisect_passes {
        report.bisection = Some(bisect::bisect(source, passes, request.input, observe)?);
    }
    if request.nodes || !report.consistent() {
        observe("comparing every node");
        let tappable = nodes::Tappable::of(compilation);
        let agree = report.consistent();
        let (nodes, first) = nodes::compare(compile, &tappable, None, request.input, agree)?;
        (report.nodes, report.first_divergent) = (Some(nodes), first);
    }
    Ok(report)
}

/// The same numbers for the same seed everywhere: uniform in -2..2, about as wide as normalised photographs.
pub fn seeded_input(elements: usize, seed: u64) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        // SplitMix64.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) >> 40
    };
    (0..elements).map(|_| next() as f32 / (1u64 << 22) as f32 - 2.0).collect()
}

/// Whether the f64 reference of a graph whose constants are bound gives the expected outputs, in order, as far as they are
/// known: each within [`TOLERANCE`] of its range. `None` where it has no value because a constant is not bound or the input
/// does not fit.
pub fn reference_gives(graph: &Graph, input: &[f32], expected: &[Option<Vec<f32>>]) -> Option<bool> {
    let outputs = reference::evaluate_outputs(graph, &[input]).ok()?;
    let mut rounded: Option<Vec<Rounding>> = None;
    for (at, (output, expected)) in outputs.iter().zip(expected).enumerate() {
        let Some(expected) = expected else { continue };
        if output.data.len() != expected.len() {
            return Some(false);
        }
        if Difference::within_tolerance(expected, &output.data, None).passed() {
            continue;
        }
        let known = match rounded.take() {
            Some(known) => known,
            None => rounding::of_outputs(graph, &[input]).ok()?,
        };
        if !Difference::rounded(expected, &output.data, None, known.get(at)?, true).passed() {
            return Some(false);
        }
        rounded = Some(known);
    }
    Some(expected.len() <= outputs.len())
}

fn argument(name: &str, cause: String) -> Diagnostic {
    Diagnostic::new(Code::RunArguments, Location::Name(name.to_owned()), cause)
}

/// The stages of a model that was compiled here.
fn compilation(model: &Model) -> Result<&Compilation, Diagnostic> {
    model.compilation().ok_or_else(|| argument("model", "it was not compiled from a source".to_owned()))
}

fn compile(request: &Request<'_>, taps: &[String]) -> Result<Vec<(Backend, Model)>, Diagnostics> {
    let options = Options { batch: request.batch, taps: taps.to_vec(), ..Options::sized(&request.sizes) };
    request
        .backends
        .iter()
        .map(|&backend| {
            let engine = Engine::with_backend(backend);
            Ok((backend, engine.compile(request.source.clone(), request.weights.clone(), &options)?))
        })
        .collect()
}

/// Memory for all outputs of a model.
fn buffers(model: &Model) -> Vec<Vec<f32>> {
    model.outputs().iter().map(|port| vec![0.0; port.elements()]).collect()
}

/// All outputs of a model.
fn run(model: &Model, input: &[f32]) -> Result<Vec<Vec<f32>>, Diagnostic> {
    let mut outputs = buffers(model);
    let mut slices: Vec<&mut [f32]> = outputs.iter_mut().map(Vec::as_mut_slice).collect();
    model.session()?.run(&[input], &mut slices)?;
    Ok(outputs)
}

fn compare_outputs(
    request: &Request<'_>,
    model: &Model,
    outputs: &[(Backend, Vec<Vec<f32>>)],
    reference: &[Vec<f64>],
    rounded: Option<&[Rounding]>,
) -> Report {
    let mut checks = Vec::new();
    let batch = model.inputs().first().and_then(|input| input.dims.first()).copied().unwrap_or(1);
    for (index, port) in model.outputs().iter().enumerate() {
        // Scores of classes have two extents, of which the first counts images.
        let scores = matches!(port.dims[..], [images, classes] if images == batch && classes > 1);
        let images = scores.then_some(batch);
        let expected: Option<Vec<f64>> = request
            .expected
            .get(index)
            .and_then(|expected| Some(expected.as_ref()?.iter().map(|&value| f64::from(value)).collect()));
        let mut check = |backend: Backend, standard, difference| {
            checks.push(Check { backend, output: port.name.clone(), standard, difference });
        };
        if let [(first, bits), others @ ..] = outputs {
            for (backend, values) in others {
                let difference = Difference::in_bits(&values[index], &bits[index]);
                check(*backend, Standard::Backend(*first), difference);
            }
        }
        for (backend, values) in outputs {
            let standards =
                [(Standard::Reference, Some(&reference[index])), (Standard::Expected, expected.as_ref())];
            for (standard, of_standard) in standards {
                if let Some(of_standard) = of_standard {
                    let own = standard == Standard::Reference;
                    let difference = match rounded.and_then(|rounded| rounded.get(index)) {
                        Some(known) => Difference::rounded(&values[index], of_standard, images, known, own),
                        None => Difference::within_tolerance(&values[index], of_standard, images),
                    };
                    check(*backend, standard, difference);
                }
            }
        }
    }
    let max_abs_error = checks
        .iter()
        .filter(|check| !matches!(check.standard, Standard::Backend(_)))
        .map(|check| check.difference.max_abs_error)
        .fold(0.0, f64::max);
    Report {
        checks,
        max_abs_error,
        first_divergent: None,
        nodes: None,
        bisection: None,
        expected_nodes: None,
    }
}
