//! The pipeline in one screen, and the one module that calls the front ends. Command line, JIT API, macros and build
//! scripts go through it.

mod inputs;
mod limits;
mod source;

pub use inputs::{Request, Taps, Weights};
pub use limits::{MAX_NODES, MAX_WEIGHTS_BYTES};
pub use source::{FileKind, MAX_IMAGE_BYTES, Named, STANDARD_INPUT, Source, read_file, read_standard_input};

use crate::emit::rust::Version;
use crate::lower::lower;
use crate::plan::{PackedWeights, Program, pack, plan};
use crate::target::Target;
use rexnet_ir::diagnostic::{Code, Diagnostic, Diagnostics, Location};
use rexnet_ir::graph::{Counts, Graph, Op};
pub use rexnet_ir::onnx::Sizes;
use rexnet_ir::onnx::{self, ImportOptions};
use rexnet_ir::passes::{self, Pass, Report};
use rexnet_ir::spec::preprocessing::Preprocessing;
use rexnet_ir::spec::{self, Network};
use rexnet_ir::weights::{self, Loaded};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

/// The time of each stage.
#[derive(Clone, Copy, Debug, Default)]
pub struct Times {
    /// Spec text to graph.
    pub parse: Duration,
    /// Reading or drawing the weights.
    pub weights: Duration,
    /// All passes.
    pub passes: Duration,
    /// Graph to loops, proofs included.
    pub lower: Duration,
    /// Loops to program, proofs included.
    pub plan: Duration,
    /// Packing the weights, or checking those that are packed.
    pub pack: Duration,
}

/// A network at every stage.
#[derive(Debug)]
pub struct Compilation {
    /// The spec, if the source is one.
    pub network: Option<Network>,
    /// How photographs become inputs, if the spec says so. For an ONNX model the caller may know.
    pub preprocessing: Option<Preprocessing>,
    /// The graph as the source says, weights bound. They are read where they lie whenever they are needed: neither
    /// graph holds a copy.
    pub source: Graph,
    /// The graph after the passes.
    pub graph: Graph,
    /// Whether the weights are not in the graphs, where zeros stand in their place: they were given packed, or not at all.
    pub only_packed: bool,
    /// What each pass did.
    pub reports: Vec<Report>,
    /// What the weights file held beside; `None` where there is no such file, or a packed one.
    pub loaded: Option<Loaded>,
    /// What the programs are for.
    pub targets: Vec<Target>,
    /// The program for the first target.
    pub program: Program,
    /// The programs for the other targets, in their order. All have one layout of packed weights.
    pub others: Vec<Program>,
    /// Its packed weights.
    pub weights: PackedWeights,
    /// What each stage took.
    pub times: Times,
}

impl Compilation {
    /// Parameters and multiply-accumulates of the network as its source says it. Exporters fold batch norms or keep them:
    /// the parameters of a model are counted alike, after folding.
    pub fn counts(&self) -> Counts {
        let mut counts = self.source.counts();
        if self.network.is_none() {
            counts.parameters = self.graph.counts().parameters;
        }
        counts
    }

    /// The programs of those versions that are among the targets.
    pub fn versions(&self, versions: &[Version]) -> Vec<(Version, Program)> {
        let program = |version: &Version| {
            let index = self.targets.iter().position(|target| *target == version.target())?;
            let program = index.checked_sub(1).map_or(&self.program, |other| &self.others[other]);
            Some((*version, program.clone()))
        };
        versions.iter().filter_map(program).collect()
    }

    /// Checks that the graphs hold the weights, for callers that evaluate a graph or write its weights.
    ///
    /// # Errors
    /// `RX0302` when they do not, because the weights were given packed.
    pub fn require_weights(&self) -> Result<(), Diagnostic> {
        if !self.only_packed {
            return Ok(());
        }
        let cause =
            "the weights were given packed, in the order of the kernels; here they are needed by name";
        Err(Diagnostic::new(Code::WeightsMissing, Location::Name(self.graph.name().to_owned()), cause)
            .with_help("give the file that they were packed from, .safetensors or .pth"))
    }
}

/// Compiles a network.
///
/// # Errors
/// Whatever a stage finds in its input, all faults of the first stage that finds any. `RX0706` for a request without
/// targets; `RX0501` where the targets differ in the layout of packed weights, a fault of this compiler.
pub fn compile(request: Request) -> Result<Compilation, Diagnostics> {
    let mut times = Times::default();
    let mut described = timed(&mut times.parse, || describe(&request))?;
    let Request { weights, targets, taps, .. } = request;
    let loaded = timed(&mut times.weights, || described.bind(&weights))?;
    let Described { network, graph: source } = described;
    let mut graph = source.clone();
    let reports = timed(&mut times.passes, || optimise(&mut graph, &taps))?;
    let (program, others) = generate(&graph, &targets, &mut times)?;
    let only_packed = weights.only_packed();
    let weights = timed(&mut times.pack, || packed(weights, network.is_none(), &program, &graph))?;
    Ok(Compilation {
        preprocessing: network.as_ref().and_then(|network| network.preprocessing.clone()),
        network,
        source,
        graph,
        only_packed,
        reports,
        loaded,
        targets,
        program,
        others,
        weights,
        times,
    })
}

/// A network as its source says it.
#[derive(Clone, Debug)]
pub struct Described {
    /// The spec, if the source is one.
    pub network: Option<Network>,
    /// The verified graph, with the weights that the source brings.
    pub graph: Graph,
}

/// The network of a request, before any weights are bound and any pass runs.
///
/// # Errors
/// Faults of the spec, the model or the graph; `RX0902` and `RX0706` when it is fixed to another batch.
pub fn describe(request: &Request) -> Result<Described, Diagnostics> {
    let described = match &request.source {
        Source::Spec(text) => of_network(spec::parse_network(text)?, request)?,
        Source::Network(network) => of_network((**network).clone(), request)?,
        Source::Onnx { file, folder } => {
            let mut external = |name: &str| source::read_external(folder.as_deref(), name);
            let options = ImportOptions { batch: request.batch, sizes: request.sizes.clone() };
            let graph = onnx::import(file.clone(), &mut external, &options)?;
            Described { network: None, graph }
        }
        Source::Graph(graph) => {
            graph.verify()?;
            Described { network: None, graph: (**graph).clone() }
        }
    };
    limits::check_extents(&described.graph, request)?;
    Ok(described)
}

fn of_network(mut network: Network, request: &Request) -> Result<Described, Diagnostics> {
    if let Some([height, width]) = request.sizes.size {
        network.input = [network.input[0], height, width];
    }
    let graph = spec::expand(&network, request.batch.unwrap_or(1))?;
    graph.verify()?;
    Ok(Described { network: Some(network), graph })
}

impl Described {
    /// Gives every constant of the graph its tensor; zeros where the weights are packed or absent. Returns what else a file
    /// of weights holds.
    ///
    /// # Errors
    /// Those of the weights file; `RX0203` where so many weights would be drawn that nothing could hold them.
    pub fn bind(&mut self, weights: &Weights) -> Result<Option<Loaded>, Diagnostics> {
        let Self { network, graph } = self;
        match weights {
            Weights::File(file) => weights::load(graph, network.as_ref(), file).map(Some),
            Weights::Seeded(seed) => {
                limits::check_drawn(graph)?;
                weights::seed(graph, *seed).map(|_| None)
            }
            Weights::Packed(_) | Weights::Repacked(_) | Weights::Zeros | Weights::Absent => {
                weights::zero(graph).map(|()| None)
            }
            Weights::Own => Ok(None),
        }
    }
}

/// Takes the graph after a pass and the pass's report; says whether the passes go on.
pub type Observer<'a> = dyn FnMut(&Graph, &Report) -> Result<ControlFlow<()>, Diagnostics> + 'a;

/// Runs some passes on a graph, for callers that look at what each of them does: `observe` gets the graph after a pass and
/// its report, and says whether to go on. [`compile`] runs all.
///
/// # Errors
/// Those of the verifier, which runs after every pass; `RX0203` for a graph of too many nodes.
pub fn run_passes(graph: &mut Graph, passes: &[Pass], observe: &mut Observer<'_>) -> Result<(), Diagnostics> {
    limits::check_length(graph)?;
    for &pass in passes {
        let report = passes::run_one(graph, pass)?;
        if observe(graph, &report)?.is_break() {
            break;
        }
    }
    Ok(())
}

/// Weights as the program lays them out; `brings_own` says whether the graph holds some although they were given packed.
fn packed(
    weights: Weights,
    brings_own: bool,
    program: &Program,
    graph: &Graph,
) -> Result<PackedWeights, Diagnostic> {
    match weights {
        Weights::Packed(file) => PackedWeights::from_rxw(file, program),
        Weights::Repacked(weights) => repacked(weights, brings_own, program, graph),
        Weights::Absent => PackedWeights::zeros(program),
        Weights::File(_) | Weights::Own | Weights::Seeded(_) | Weights::Zeros => pack(program, graph),
    }
}

fn repacked(
    weights: PackedWeights,
    brings_own: bool,
    program: &Program,
    graph: &Graph,
) -> Result<PackedWeights, Diagnostic> {
    if program.layout_hash != weights.layout_hash() {
        let cause = "this shape of the input needs weights of another layout";
        let name = Location::Name(program.name.clone());
        return Err(Diagnostic::new(Code::PackedHeader, name, cause)
            .with_help("compile the network again for this shape"));
    }
    // A model may compute constants from the shape: then the weights are others, though they lie alike.
    let own = if brings_own { Some(pack(program, graph)?) } else { None };
    let bits =
        |weights: &PackedWeights| weights.as_slice().iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    Ok(match own {
        Some(own) if bits(&own) != bits(&weights) => own,
        Some(_) | None => weights,
    })
}

/// Whether an ONNX model compiles, node by node, without its weights: what the importer takes is compiled as [`compile`] does
/// it, up to the packing, so that neither says yes where the other says no.
///
/// # Errors
/// As [`onnx::check`]; `RX0706` for a source that is no ONNX model.
pub fn check(request: &Request) -> Result<onnx::Checked, Diagnostics> {
    let Source::Onnx { file, .. } = &request.source else {
        let cause = "only an ONNX model is checked node by node";
        return Err(Diagnostic::new(Code::RunArguments, Location::None, cause).into());
    };
    let options = ImportOptions { batch: request.batch, sizes: request.sizes.clone() };
    let mut checked = onnx::check(file.clone(), &options)?;
    if let Some(graph) = &checked.graph {
        let mut graph = graph.clone();
        let compiled = limits::check_extents(&graph, request)
            .and_then(|()| optimise(&mut graph, &request.taps))
            .and_then(|_| generate(&graph, &request.targets, &mut Times::default()));
        if let Err(faults) = compiled {
            checked.refuse(faults);
        }
    }
    Ok(checked)
}

fn optimise(graph: &mut Graph, taps: &Taps) -> Result<Vec<Report>, Diagnostics> {
    limits::check_length(graph)?;
    let mut reports = passes::run_logical(graph)?;
    tap(graph, taps)?;
    reports.extend(passes::run_layout(graph)?);
    Ok(reports)
}

/// Adds outputs after the fusions, so that looking does not change what is computed.
fn tap(graph: &mut Graph, taps: &Taps) -> Result<(), Diagnostics> {
    let mut faults = Diagnostics::default();
    let nodes = match taps {
        Taps::None => Vec::new(),
        Taps::All => {
            let mut nodes = graph.order();
            nodes.retain(|&id| !matches!(graph.node(id).op, Op::Input | Op::Constant));
            nodes
        }
        Taps::Named(names) => names
            .iter()
            .filter_map(|name| {
                let found = graph.find(name).filter(|&id| graph.node(id).op != Op::Constant);
                if found.is_none() {
                    faults.push(
                        Diagnostic::new(
                            Code::GraphInvalid,
                            Location::Name(name.clone()),
                            "the optimised graph computes no value of this name",
                        )
                        .with_help("`rexnetc compile NET --emit graph` lists the values there are"),
                    );
                }
                found
            })
            .collect(),
    };
    for id in nodes {
        let name = graph.node(id).name.clone();
        if graph.outputs().iter().all(|output| output.name != name) {
            graph.edit().output(name, id);
        }
    }
    faults.into_result(())
}

/// The program for the first target, and those for the others.
fn generate(
    graph: &Graph,
    targets: &[Target],
    times: &mut Times,
) -> Result<(Program, Vec<Program>), Diagnostics> {
    let mut programs = Vec::with_capacity(targets.len());
    for target in targets {
        let lowered = timed(&mut times.lower, || lower(graph, target))?;
        programs.push(timed(&mut times.plan, || plan(graph, lowered))?);
    }
    let mut programs = programs.into_iter();
    let named = |code, cause| Diagnostic::new(code, Location::Name(graph.name().to_owned()), cause);
    let Some(program) = programs.next() else {
        return Err(named(Code::RunArguments, "there is no target to compile for".to_owned()).into());
    };
    let others: Vec<Program> = programs.collect();
    let differs = |(other, _): &(&Program, &Target)| other.layout_hash != program.layout_hash;
    if let Some((_, target)) = others.iter().zip(&targets[1..]).find(differs) {
        return Err(
            named(Code::PlanInvalid, format!("{} has another layout of the weights", target.name)).into()
        );
    }
    Ok((program, others))
}

fn timed<T>(time: &mut Duration, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = work();
    *time += start.elapsed();
    result
}
