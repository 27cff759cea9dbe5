//! The pipeline in one screen, and the one module that calls the front ends. Command line, JIT API and macros go
//! through it; a build script will.

mod inputs;
mod limits;

pub use inputs::{Options, Source, Taps, Weights};
pub use limits::{MAX_NODES, MAX_WEIGHTS_BYTES};

use crate::emit::rust::Version;
use crate::lower::lower;
use crate::plan::{PackedWeights, Program, pack, plan};
use crate::target::Target;
use rexnet_ir::Bytes;
use rexnet_ir::diagnostic::{Code, Diagnostic, Diagnostics, Location};
use rexnet_ir::graph::{Counts, Graph, Op};
use rexnet_ir::onnx::{self, ImportOptions};
use rexnet_ir::passes::{self, Report};
use rexnet_ir::spec::preprocessing::Preprocessing;
use rexnet_ir::spec::{self, Network};
use rexnet_ir::weights::{self, Loaded};
use std::io::Read;
use std::path::Path;
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
    /// Whether the weights were given packed, so that other tensors stand in both graphs in their place.
    pub only_packed: bool,
    /// What each pass did.
    pub reports: Vec<Report>,
    /// What the weights file held beside; `None` where there is no such file, or a packed one.
    pub loaded: Option<Loaded>,
    /// The program.
    pub program: Program,
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

    /// Whoever evaluates a graph or writes its weights asks this first.
    ///
    /// # Errors
    /// `RX0302` when the graphs do not hold the weights because they were given packed.
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
/// Whatever a stage finds in its input, all faults of the first stage that finds any.
pub fn compile<'a>(
    source: impl Into<Source<'a>>,
    weights: Weights,
    options: &Options,
) -> Result<Compilation, Diagnostics> {
    let mut times = Times::default();
    let (network, mut source) = timed(&mut times.parse, || read(source.into(), options.batch, options.size))?;
    let preprocessing = network.as_ref().and_then(|network| network.preprocessing.clone());
    let loaded = timed(&mut times.weights, || bind(&mut source, network.as_ref(), &weights))?;
    let mut graph = source.clone();
    let reports = timed(&mut times.passes, || optimise(&mut graph, &options.taps))?;
    let program = generate(&graph, &options.target, &mut times)?;
    let only_packed = matches!(weights, Weights::Packed(_));
    let weights = timed(&mut times.pack, || match weights {
        Weights::Packed(file) => PackedWeights::from_rxw(file, &program),
        Weights::File(_) | Weights::Seeded(_) | Weights::Zeros => pack(&program, &graph),
    })?;
    Ok(Compilation {
        network,
        preprocessing,
        source,
        graph,
        only_packed,
        reports,
        loaded,
        program,
        weights,
        times,
    })
}

/// Compiles a network for another shape of its input, with the weights that are packed already; of an ONNX model
/// whose constants depend on the shape, with its own.
///
/// # Errors
/// As [`compile`]; `RX0706` when the source is fixed to another batch, `RX0306` when the shape changes the weights'
/// layout, as it does where a dense layer reads a whole map.
pub fn compile_again(
    source: Source<'_>,
    weights: &PackedWeights,
    options: &Options,
) -> Result<Compilation, Diagnostics> {
    let mut times = Times::default();
    let (network, mut source) = timed(&mut times.parse, || read(source, options.batch, options.size))?;
    let brings_weights = network.is_none();
    for input in source.inputs().into_iter().map(|id| source.node(id)) {
        let size = [input.ty.height(), input.ty.width()];
        if input.ty.batch() != options.batch || options.size.is_some_and(|wanted| wanted != size) {
            let (batch, wanted) = (input.ty.batch(), options.batch);
            let cause = format!("its batch is fixed to {batch}, {wanted} is wanted, or its size to {size:?}");
            return Err(Diagnostic::new(Code::RunArguments, Location::Name(input.name.clone()), cause).into());
        }
    }
    let preprocessing = network.as_ref().and_then(|network| network.preprocessing.clone());
    bind(&mut source, None, &Weights::Zeros)?;
    let mut graph = source.clone();
    let reports = timed(&mut times.passes, || optimise(&mut graph, &options.taps))?;
    let program = generate(&graph, &options.target, &mut times)?;
    if program.layout_hash != weights.layout_hash() {
        let cause = "this shape of the input needs weights of another layout";
        let name = Location::Name(program.name.clone());
        return Err(Diagnostic::new(Code::PackedHeader, name, cause)
            .with_help("compile the network again for this shape")
            .into());
    }
    // A model may compute constants from the shape: then the weights are others, though they lie alike.
    let own = if brings_weights { Some(pack(&program, &graph)?) } else { None };
    let bits =
        |weights: &PackedWeights| weights.as_slice().iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    let weights = match own {
        Some(own) if bits(&own) != bits(weights) => own,
        Some(_) | None => weights.clone(),
    };
    Ok(Compilation {
        network,
        preprocessing,
        source,
        graph,
        only_packed: true,
        reports,
        loaded: None,
        program,
        weights,
        times,
    })
}

/// Compiles a verified graph whose constants are bound; for tests and tools that make graphs themselves.
///
/// # Errors
/// As [`compile`].
pub fn compile_graph(
    graph: &Graph,
    options: &Options,
) -> Result<(Graph, Vec<Report>, Program, PackedWeights), Diagnostics> {
    graph.verify()?;
    let mut graph = graph.clone();
    let reports = optimise(&mut graph, &options.taps)?;
    let program = generate(&graph, &options.target, &mut Times::default())?;
    let weights = pack(&program, &graph)?;
    Ok((graph, reports, program, weights))
}

/// The graph of a source, weights bound where the source brings them. A `size` is the height and width of the inputs
/// instead of the source's own.
///
/// # Errors
/// Those of the spec, or of the importer.
pub fn read(
    source: Source<'_>,
    batch: usize,
    size: Option<[usize; 2]>,
) -> Result<(Option<Network>, Graph), Diagnostics> {
    match source {
        Source::Spec(text) => {
            let mut network = spec::parse_network(text)?;
            if let Some([height, width]) = size {
                network.input = [network.input[0], height, width];
            }
            let graph = spec::expand(&network, batch)?;
            graph.verify()?;
            Ok((Some(network), graph))
        }
        Source::Onnx { file, folder } => {
            let mut external = |name: &str| read_external(folder, name);
            Ok((None, onnx::import(file, &mut external, &ImportOptions { batch, size })?))
        }
    }
}

/// A file in a model's folder. The importer passes plain relative names; links must not lead out either.
fn read_external(folder: Option<&Path>, name: &str) -> Result<Bytes, String> {
    let folder = folder.ok_or("the model's folder is not known")?;
    let fault = |error: std::io::Error| format!("{name}: {error}");
    let folder = folder.canonicalize().map_err(fault)?;
    let path = folder.join(name).canonicalize().map_err(fault)?;
    if !path.starts_with(&folder) {
        return Err(format!("{name} leads out of the model's folder"));
    }
    // Before it is opened: a pipe would wait for who writes to it.
    let metadata = std::fs::metadata(&path).map_err(fault)?;
    if !metadata.is_file() || metadata.len() > MAX_WEIGHTS_BYTES as u64 {
        return Err(format!("{name} is no file, or too large"));
    }
    let file = std::fs::File::open(&path).map_err(fault)?;
    let mut content = Vec::new();
    file.take(MAX_WEIGHTS_BYTES as u64).read_to_end(&mut content).map_err(fault)?;
    Ok(content.into())
}

/// Gives every constant of the graph of a source its tensor, of a `network` where it is one; zeros where the weights are
/// packed.
///
/// # Errors
/// Those of the weights file; `RX0203` where so many weights would be drawn that nothing could hold them.
pub fn bind(
    graph: &mut Graph,
    network: Option<&Network>,
    weights: &Weights,
) -> Result<Option<Loaded>, Diagnostics> {
    match weights {
        Weights::File(file) => weights::load(graph, network, file).map(Some),
        Weights::Seeded(seed) => {
            limits::check_drawn(graph)?;
            weights::seed(graph, *seed).map(|_| None)
        }
        Weights::Packed(_) | Weights::Zeros => weights::zero(graph).map(|()| None),
    }
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

fn generate(graph: &Graph, target: &Target, times: &mut Times) -> Result<Program, Diagnostics> {
    let lowered = timed(&mut times.lower, || lower(graph, target))?;
    timed(&mut times.plan, || plan(graph, lowered))
}

/// The network's program for each version of a generated module. All have one layout of packed weights, that of
/// [`Compilation::weights`].
///
/// # Errors
/// As [`compile`]; `RX0501` when the layouts differ, a fault of this compiler.
pub fn versions(
    compilation: &Compilation,
    versions: &[Version],
) -> Result<Vec<(Version, Program)>, Diagnostics> {
    programs(&compilation.graph, versions, Some(compilation.program.layout_hash))
}

/// What [`code`] is made of.
#[derive(Debug)]
pub enum Described<'a> {
    /// A spec, as it was understood.
    Network(&'a Network),
    /// An ONNX model.
    Model {
        /// The content of its file.
        file: Bytes,
        /// The folder that external data is read from.
        folder: &'a Path,
    },
}

/// A network's code without its weights: what it counts, and its program for each version of a generated module.
///
/// # Errors
/// As [`versions`].
pub fn code(
    described: &Described<'_>,
    batch: usize,
    versions: &[Version],
) -> Result<(Counts, Vec<(Version, Program)>), Diagnostics> {
    let mut graph = match described {
        Described::Network(network) => spec::expand(network, batch)?,
        Described::Model { file, folder } => {
            read(Source::Onnx { file: file.clone(), folder: Some(folder) }, batch, None)?.1
        }
    };
    graph.verify()?;
    let counts = graph.counts();
    if let Described::Network(_) = described {
        bind(&mut graph, None, &Weights::Zeros)?;
    }
    optimise(&mut graph, &Taps::None)?;
    Ok((counts, programs(&graph, versions, None)?))
}

fn programs(
    graph: &Graph,
    versions: &[Version],
    mut layout_hash: Option<u64>,
) -> Result<Vec<(Version, Program)>, Diagnostics> {
    versions
        .iter()
        .map(|&version| {
            let program = plan(graph, lower(graph, &version.target())?)?;
            if program.layout_hash != *layout_hash.get_or_insert(program.layout_hash) {
                let cause = format!("{} has another layout of the weights", version.name());
                let name = Location::Name(program.name.clone());
                return Err(Diagnostic::new(Code::PlanInvalid, name, cause).into());
            }
            Ok((version, program))
        })
        .collect()
}

fn timed<T>(time: &mut Duration, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = work();
    *time += start.elapsed();
    result
}
