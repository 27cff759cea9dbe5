//! One network, ready to run on a chosen back end.

use crate::failure::Failure;
use crate::network::Net;
use crate::terminal::Terminal;
use crate::weights::Chosen;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use indicatif::ProgressBar;
use rexnet::threads::Team;
use rexnet::{Backend, Code, Diagnostic, Engine, Location, Model, Options, Session};
use rexnet_codegen::driver::{self, Compilation};
use rexnet_codegen::plan::{Port, Program};
use rexnet_ir::reference;
use std::time::{Duration, Instant};

/// What computes the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Via {
    /// Kernels, on a back end.
    Backend(Backend),
    /// The f64 reference evaluator, on the network as its source says it.
    Reference,
}

/// Reads a back end or `reference`.
pub(crate) fn via() -> impl TypedValueParser<Value = Via> {
    let names = Backend::NAMES.iter().map(|(name, _)| *name).chain(["reference"]);
    PossibleValuesParser::new(names).map(|name| find(&name).map_or(Via::Reference, Via::Backend))
}

/// Reads a back end.
pub(crate) fn backend() -> impl TypedValueParser<Value = Backend> {
    let names = Backend::NAMES.iter().map(|(name, _)| *name);
    PossibleValuesParser::new(names).map(|name| find(&name).unwrap_or_default())
}

/// Reads a back end that compiles kernels.
pub(crate) fn compiled_backend() -> impl TypedValueParser<Value = Backend> {
    let compiled = |(_, backend): &&(&str, Backend)| *backend != Backend::Interpret;
    let names = Backend::NAMES.iter().filter(compiled).map(|(name, _)| *name);
    PossibleValuesParser::new(names).map(|name| find(&name).unwrap_or_default())
}

/// What a terminal shows while an engine compiles, where that may take long.
pub(crate) fn spinner(engine: &Engine, terminal: &Terminal) -> ProgressBar {
    if engine.backend() != Backend::Rust {
        return ProgressBar::hidden();
    }
    let spinner = terminal.spinner();
    let cache = engine.cache().display();
    spinner.set_message(format!("cargo builds the emitted Rust, once: it is kept in {cache}"));
    spinner
}

fn find(name: &str) -> Option<Backend> {
    Backend::NAMES.iter().find(|(other, _)| *other == name).map(|(_, backend)| *backend)
}

/// How a network is run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct How {
    /// Images in one run.
    pub(crate) batch: usize,
    /// What computes it.
    pub(crate) via: Via,
    /// Threads that share a run.
    pub(crate) threads: usize,
}

/// The memory to run a model in, on so many threads.
///
/// # Errors
/// `RX0606` when the threads cannot be started, `RX0607` when the system refuses the memory.
pub(crate) fn session(model: &Model, threads: usize) -> Result<Session, Failure> {
    if threads == 1 {
        return Ok(model.session()?);
    }
    let team = Team::new(threads).map_err(|error| {
        let cause = format!("{threads} threads cannot be started: {error}");
        let fault = Diagnostic::new(Code::Threads, Location::None, cause);
        Failure::from(fault.with_help("give a smaller number to --threads"))
    })?;
    Ok(model.session()?.on(team)?)
}

/// A compiled network with the memory to run it.
#[derive(Debug)]
pub(crate) struct Runner {
    kind: Kind,
    /// From source and weights to something that runs.
    pub(crate) compile_time: Duration,
}

#[derive(Debug)]
enum Kind {
    Session(Session),
    Reference(Box<Compilation>),
}

impl Runner {
    /// Compiles. Where that may take long, a terminal says what is going on.
    ///
    /// # Errors
    /// All faults of source and weights.
    pub(crate) fn new(net: &Net, weights: &Chosen, how: How, terminal: &Terminal) -> Result<Self, Failure> {
        let How { batch, via, threads } = how;
        if threads > 1 && matches!(via, Via::Reference | Via::Backend(Backend::Interpret)) {
            return Err(Failure::Usage("--threads is for compiled code: the oracles run on one".to_owned()));
        }
        let start = Instant::now();
        if let Some(model) = net.image() {
            if via != Via::Backend(Backend::Jit) {
                return Err(Failure::Usage(
                    "a compiled network runs as it is: leave --backend out".to_owned(),
                ));
            }
            let kind = Kind::Session(session(model, threads)?);
            return Ok(Self { kind, compile_time: start.elapsed() });
        }
        let kind = match via {
            Via::Backend(backend) => {
                let options = Options { batch: Some(batch), ..Options::sized(net.sizes()) };
                let engine = Engine::with_backend(backend);
                let spinner = spinner(&engine, terminal);
                let model = engine.compile(net.source(), weights.source(), &options);
                spinner.finish_and_clear();
                match model {
                    Ok(model) => Ok(Kind::Session(session(&model, threads)?)),
                    Err(faults) => Err(faults),
                }
            }
            Via::Reference => {
                driver::compile(net.request(weights.source(), Some(batch))).and_then(|compilation| {
                    compilation.require_weights()?;
                    Ok(Kind::Reference(Box::new(compilation)))
                })
            }
        };
        let kind = kind.map_err(|faults| weights.locate(faults)).map_err(|faults| net.fail(faults))?;
        Ok(Self { kind, compile_time: start.elapsed() })
    }

    /// The network at every stage; `None` of an image.
    pub(crate) fn compilation(&self) -> Option<&Compilation> {
        match &self.kind {
            Kind::Session(session) => session.model().compilation(),
            Kind::Reference(compilation) => Some(compilation),
        }
    }

    fn program(&self) -> &Program {
        match &self.kind {
            Kind::Session(session) => session.model().program(),
            Kind::Reference(compilation) => &compilation.program,
        }
    }

    /// Multiply-accumulates of a run.
    pub(crate) fn multiply_accumulates(&self) -> u64 {
        match self.compilation() {
            Some(compilation) => compilation.source.counts().multiply_accumulates,
            None => self.program().steps.iter().map(|step| step.multiply_accumulates).sum(),
        }
    }

    /// The extents of the input.
    pub(crate) fn input_dims(&self) -> &[usize] {
        self.program().inputs.first().map_or(&[], |port| &port.dims)
    }

    /// The images of a run.
    pub(crate) fn batch(&self) -> usize {
        self.input_dims().first().map_or(1, |&batch| batch.max(1))
    }

    /// Names and extents of the outputs.
    pub(crate) fn outputs(&self) -> &[Port] {
        &self.program().outputs
    }

    /// A buffer for each output.
    pub(crate) fn buffers(&self) -> Vec<Vec<f32>> {
        self.outputs().iter().map(|port| vec![0.0; port.elements()]).collect()
    }

    /// Runs the network once and says how long it took.
    ///
    /// # Errors
    /// `RX0706` when a buffer has another length.
    pub(crate) fn run(&mut self, input: &[f32], outputs: &mut [Vec<f32>]) -> Result<Duration, Diagnostic> {
        let start = Instant::now();
        match &mut self.kind {
            Kind::Session(session) => {
                let mut slices: Vec<&mut [f32]> = outputs.iter_mut().map(Vec::as_mut_slice).collect();
                session.run(&[input], &mut slices)?;
            }
            Kind::Reference(compilation) => {
                let arrays = reference::evaluate_outputs(&compilation.source, &[input]).map_err(|name| {
                    Diagnostic::new(Code::RunArguments, Location::Name(name), "there is no value for it")
                })?;
                for (output, exact) in outputs.iter_mut().zip(arrays) {
                    *output = exact.data.iter().map(|&exact| exact as f32).collect();
                }
            }
        }
        Ok(start.elapsed())
    }
}
