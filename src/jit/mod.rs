//! Networks compiled at run time.

use rexnet_codegen::driver::{self, Compilation, Taps};
use rexnet_codegen::emit::rust::Version;
use rexnet_codegen::execute::Executable;
use rexnet_codegen::jit::{MachineCode, Tier};
use rexnet_codegen::library::Library;
use rexnet_codegen::memory::AlignedBuffer;
use rexnet_codegen::plan::{Port, Program};
use rexnet_codegen::target::Target;
use rexnet_ir::diagnostic::{Diagnostic, Diagnostics};
use rexnet_ir::spec::preprocessing::Preprocessing;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use rexnet_codegen::driver::{Source, Weights};

/// What runs the kernels. All give the same bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Backend {
    /// Machine code of the widest vectors that this processor has: our own on x86-64 with AVX2 or AVX-512,
    /// Cranelift's elsewhere.
    #[default]
    Jit,
    /// Cranelift's code for this processor, 128-bit vectors.
    Clif,
    /// The emitted Rust source, compiled by this machine's `cargo` (for minutes where the network is large) and
    /// loaded; what was compiled is kept in [`Engine::cache`].
    Rust,
    /// The loops interpreted: slow, needs no executable memory.
    Interpret,
}

impl Backend {
    /// All of them with their spelling.
    pub const NAMES: &'static [(&'static str, Backend)] = &[
        ("jit", Backend::Jit),
        ("clif", Backend::Clif),
        ("rust", Backend::Rust),
        ("interpret", Backend::Interpret),
    ];

    /// What the loops are lowered for.
    pub(crate) fn target(self) -> Target {
        match self {
            Backend::Jit => Tier::best_here().target(),
            Backend::Clif | Backend::Interpret => Target::PORTABLE,
            Backend::Rust => Version::best_here().target(),
        }
    }

    /// The spelling.
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, backend)| *backend == self).map_or("?", |(name, _)| name)
    }
}

/// What to compile for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Images in one run; at least 1.
    pub batch: usize,
    /// Names of intermediate values to keep for [`Session::tap`], such as `features.3`.
    pub taps: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self { batch: 1, taps: Vec::new() }
    }
}

/// Compiles networks.
///
/// ```
/// use rexnet::{Engine, Options, Weights};
///
/// let engine = Engine::new();
/// let spec = "rexnet(width = 0.5, size = 32, classes = 10)";
/// let model = engine.compile(spec, Weights::Seeded(0), &Options::default())?;
/// let mut session = model.session();
/// let image = vec![0.5; 3 * 32 * 32];
/// let mut logits = [0.0; 10];
/// session.run(&[&image], &mut [&mut logits])?;
/// println!("{logits:?}");
/// # Ok::<(), rexnet::Diagnostics>(())
/// ```
#[derive(Clone, Debug)]
pub struct Engine {
    backend: Backend,
    cache: PathBuf,
}

impl Default for Engine {
    fn default() -> Self {
        Self::with_backend(Backend::default())
    }
}

impl Engine {
    /// An engine for the fastest back end.
    pub fn new() -> Self {
        Self::default()
    }

    /// An engine for that back end.
    pub fn with_backend(backend: Backend) -> Self {
        Self { backend, cache: cache_folder() }
    }

    /// What runs the kernels.
    pub fn backend(&self) -> Backend {
        self.backend
    }

    /// Where [`Backend::Rust`] keeps what it compiled: `rexnet` in the user's cache folder (`$XDG_CACHE_HOME` or
    /// `~/.cache`; the current folder where there is neither: what is loaded from there must not be writable to
    /// others).
    pub fn cache(&self) -> &Path {
        &self.cache
    }

    /// Chooses another such folder.
    #[must_use]
    pub fn with_cache(self, cache: impl Into<PathBuf>) -> Self {
        Self { cache: cache.into(), ..self }
    }

    /// Compiles a network: a preset call such as `rexnet(width = 1.0)`, the text of a `.rexnet` file, or an ONNX
    /// model ([`Source::Onnx`]).
    ///
    /// # Errors
    /// Coded faults of the source, the weights or this machine; all that the first failing stage finds.
    pub fn compile<'a>(
        &self,
        source: impl Into<Source<'a>>,
        weights: Weights,
        options: &Options,
    ) -> Result<Model, Diagnostics> {
        let taps = if options.taps.is_empty() { Taps::None } else { Taps::Named(options.taps.clone()) };
        let options = driver::Options { batch: options.batch, target: self.backend.target(), taps };
        self.load(driver::compile(source, weights, &options)?)
    }

    /// Makes a model of what the driver compiled.
    ///
    /// # Errors
    /// `RX0601` to `RX0603` where there can be no machine code.
    pub fn load(&self, compilation: Compilation) -> Result<Model, Diagnostics> {
        let start = Instant::now();
        let executable = self.executable(&compilation.program)?;
        let own_outputs = compilation.source.outputs().len();
        Ok(Model(Arc::new(Loaded {
            compilation,
            executable,
            own_outputs,
            machine_code_time: start.elapsed(),
        })))
    }

    /// Makes a program runnable that was lowered for this back end.
    pub(crate) fn executable(&self, program: &Program) -> Result<Executable, Diagnostics> {
        Ok(match self.backend {
            Backend::Jit => Executable::MachineCode(MachineCode::compile(program, Tier::best_here())?),
            Backend::Clif => Executable::MachineCode(MachineCode::compile(program, Tier::Clif)?),
            Backend::Rust => Executable::Library(Library::build(program, Version::best_here(), &self.cache)?),
            Backend::Interpret => Executable::Interpreter,
        })
    }
}

fn cache_folder() -> PathBuf {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = variable("XDG_CACHE_HOME").or_else(|| variable("HOME").map(|home| home.join(".cache")));
    cache.unwrap_or_default().join("rexnet")
}

#[derive(Debug)]
struct Loaded {
    compilation: Compilation,
    executable: Executable,
    /// The network's outputs; taps come after them.
    own_outputs: usize,
    machine_code_time: Duration,
}

/// Code and packed weights of one network. Cloning shares them; the last handle frees them. It may outlive its
/// engine and be used from many threads at once, each with its own [`Session`].
#[derive(Clone, Debug)]
pub struct Model(Arc<Loaded>);

impl Model {
    /// The inputs: names and extents, NCHW.
    pub fn inputs(&self) -> &[Port] {
        &self.0.compilation.program.inputs
    }

    /// The outputs: names and extents, NCHW. Taps are not among them.
    pub fn outputs(&self) -> &[Port] {
        &self.0.compilation.program.outputs[..self.0.own_outputs]
    }

    /// How photographs become inputs, if the source says so.
    pub fn preprocessing(&self) -> Option<&Preprocessing> {
        self.0.compilation.preprocessing.as_ref()
    }

    /// The network at every stage of its compilation.
    pub fn compilation(&self) -> &Compilation {
        &self.0.compilation
    }

    /// How long machine code took to make.
    pub fn machine_code_time(&self) -> Duration {
        self.0.machine_code_time
    }

    /// The memory to run it in.
    pub fn session(&self) -> Session {
        let program = &self.0.compilation.program;
        let taps =
            program.outputs[self.0.own_outputs..].iter().map(|port| vec![0.0; port.elements()]).collect();
        Session { arena: AlignedBuffer::zeroed(program.arena_bytes / 4), taps, model: self.clone() }
    }
}

/// The scratch memory of one thread that runs a [`Model`].
#[derive(Debug)]
pub struct Session {
    model: Model,
    arena: AlignedBuffer,
    taps: Vec<Vec<f32>>,
}

/// An intermediate value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tap<'a> {
    /// The extents, in NCHW order.
    pub dims: &'a [usize],
    /// The elements, NCHW, unpadded.
    pub data: &'a [f32],
}

impl Session {
    /// Runs the network once: NCHW f32, unpadded, one slice for each input and output. Nothing is allocated
    /// by machine code unless there are taps.
    ///
    /// # Errors
    /// `RX0706` when a slice has another length than [`Model::inputs`] and [`Model::outputs`] say.
    pub fn run(&mut self, inputs: &[&[f32]], outputs: &mut [&mut [f32]]) -> Result<(), Diagnostic> {
        self.run_observed(inputs, outputs, &mut |_| ())
    }

    /// As [`Session::run`], with a call of `observe` after each step of the program, by its index.
    ///
    /// # Errors
    /// As [`Session::run`].
    pub fn run_observed(
        &mut self,
        inputs: &[&[f32]],
        outputs: &mut [&mut [f32]],
        observe: &mut dyn FnMut(usize),
    ) -> Result<(), Diagnostic> {
        let Loaded { compilation, executable, .. } = &*self.model.0;
        let (program, weights) = (&compilation.program, &compilation.weights);
        if self.taps.is_empty() {
            return executable.run_observed(program, weights, &mut self.arena, inputs, outputs, observe);
        }
        let taps = self.taps.iter_mut().map(Vec::as_mut_slice);
        let mut all: Vec<&mut [f32]> = outputs.iter_mut().map(|output| &mut **output).chain(taps).collect();
        executable.run_observed(program, weights, &mut self.arena, inputs, &mut all, observe)
    }

    /// The value of a tap in the last run; `None` for a name that was not asked for in [`Options::taps`].
    pub fn tap(&self, name: &str) -> Option<Tap<'_>> {
        let own_outputs = self.model.0.own_outputs;
        let ports = &self.model.0.compilation.program.outputs[own_outputs..];
        let index = ports.iter().position(|port| port.name == name)?;
        Some(Tap { dims: &ports[index].dims, data: &self.taps[index] })
    }

    /// The model that it runs.
    pub fn model(&self) -> &Model {
        &self.model
    }
}
