//! What compiles networks.

use super::image_folder::ImageFolder;
use super::{Backend, Model, Source, Weights};
use rexnet_codegen::driver::{self, Compilation, Request, Sizes, Taps};
use rexnet_codegen::emit::image::Image;
use rexnet_codegen::emit::machine::Tier;
use rexnet_codegen::emit::rust::Version;
use rexnet_codegen::plan::Program;
use rexnet_codegen::run::emitted::Library;
use rexnet_codegen::run::{Executable, MachineCode};
use rexnet_ir::Bytes;
use rexnet_ir::diagnostic::Diagnostics;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What to compile for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Images in one run. Without it, those of a source that is fixed to a number, else 1.
    pub batch: Option<usize>,
    /// Height and width of the inputs, each at least 1; those of the source without.
    pub size: Option<[usize; 2]>,
    /// Free extents of a model by the names that it gives them, or as `INPUT[AXIS]`: `("width".to_owned(), 320)`.
    pub bindings: Vec<(String, usize)>,
    /// The shapes of tensors that inputs of a model will be given, by the inputs' names: they bind what is free otherwise.
    pub shapes: Vec<(String, Vec<usize>)>,
    /// Names of intermediate values to keep for [`Session::tap`](super::Session::tap), such as `features.3`.
    pub taps: Vec<String>,
    /// How many shapes [`Model::with_shape`] keeps beside the first.
    pub kept_shapes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            batch: None,
            size: None,
            bindings: Vec::new(),
            shapes: Vec::new(),
            taps: Vec::new(),
            kept_shapes: 8,
        }
    }
}

impl Options {
    /// For such extents of the inputs.
    pub fn sized(sizes: &Sizes) -> Self {
        let Sizes { size, bindings, shapes } = sizes.clone();
        Self { size, bindings, shapes, ..Self::default() }
    }

    /// What the driver is asked for.
    pub(super) fn request(&self, engine: &Engine, source: Source, weights: Weights) -> Request {
        let Self { batch, size, bindings, shapes, taps, kept_shapes: _ } = self;
        Request {
            targets: vec![engine.backend.target()],
            taps: if taps.is_empty() { Taps::None } else { Taps::Named(taps.clone()) },
            batch: *batch,
            sizes: Sizes { size: *size, bindings: bindings.clone(), shapes: shapes.clone() },
            ..Request::new(source, weights)
        }
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
/// let mut session = model.session()?;
/// let image = vec![0.5; 3 * 32 * 32];
/// let mut logits = [0.0; 10];
/// session.run_one(&image, &mut logits)?;
/// println!("{logits:?}");
/// # Ok::<(), rexnet::Diagnostics>(())
/// ```
#[derive(Clone, Debug)]
pub struct Engine {
    backend: Backend,
    cache: PathBuf,
    images: Option<ImageFolder>,
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
        Self { backend, cache: cache_folder(), images: None }
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

    /// Keeps what [`Backend::Jit`] compiles as images in this folder, and takes it from there the next time: a network
    /// with the same source, weights and options, for the same vectors, by the same compiler. Whatever does not fit or
    /// is damaged is compiled again and replaced. Files there may be removed at any time; none is ever removed by
    /// itself.
    ///
    /// ONNX models that are given a folder for external data are always compiled. What is kept has no
    /// [`Model::compilation`] when it is taken from there.
    ///
    /// Code in that folder runs in this process, so nobody else may write to it: it is made for its owner alone, and
    /// a folder or file that another user owns or can write to is not used; neither may the folders above be others' to
    /// rename. Keys are 64 bits of XXH3: they tell networks apart, but not from one that somebody made to collide.
    #[must_use]
    pub fn with_images(self, folder: impl Into<PathBuf>) -> Self {
        Self { images: Some(ImageFolder::new(folder.into())), ..self }
    }

    /// Compiles a network: a preset call such as `rexnet(width = 1.0)`, the text of a `.rexnet` file, an ONNX model
    /// ([`Source::Onnx`]), a file of either ([`Source::open`]), or a graph whose constants are bound ([`Source::Graph`], with
    /// [`Weights::Own`]).
    ///
    /// # Errors
    /// Coded faults of the source, the weights or this machine; all that the first failing stage finds.
    pub fn compile(
        &self,
        source: impl Into<Source>,
        weights: Weights,
        options: &Options,
    ) -> Result<Model, Diagnostics> {
        let source = source.into();
        let images = self.images.as_ref().filter(|_| self.backend == Backend::Jit);
        let key = images.and_then(|images| Some((images, images.key(&source, &weights, options)?)));
        let Some((images, key)) = key else { return self.compile_now(source, weights, options) };
        if let Some(image) = images.find(&key) {
            // SAFETY: the folder is this user's alone, as `with_images` says and `find` checks, and the file is what
            // this compiler wrote for this key, by its checksum.
            if let Ok(code) = unsafe { MachineCode::from_image(&image) } {
                return Ok(Model::from_image(self, image, code, Some((source, options))));
            }
        }
        let model = self.compile_now(source, weights, options)?;
        images.keep(&key, &model);
        Ok(model)
    }

    fn compile_now(&self, source: Source, weights: Weights, options: &Options) -> Result<Model, Diagnostics> {
        let request = options.request(self, source.clone(), weights);
        let (compilation, executable, time) = self.compile_request(request)?;
        Ok(Model::compiled(self, compilation, executable, time, Some((source, options))))
    }

    /// Compiles for this back end, and says how long machine code took.
    pub(super) fn compile_request(
        &self,
        request: Request,
    ) -> Result<(Compilation, Executable, Duration), Diagnostics> {
        let compilation = driver::compile(request)?;
        let start = Instant::now();
        let executable = self.executable(&compilation.program)?;
        Ok((compilation, executable, start.elapsed()))
    }

    /// Makes a model of what the driver compiled. It has the one shape that it was compiled for.
    ///
    /// # Errors
    /// `RX0601` to `RX0603` where there can be no machine code.
    pub fn load(&self, compilation: Compilation) -> Result<Model, Diagnostics> {
        let start = Instant::now();
        let executable = self.executable(&compilation.program)?;
        Ok(Model::compiled(self, compilation, executable, start.elapsed(), None))
    }

    /// Loads what [`Model::to_image`] or `rexnetc compile --emit image` wrote. A memory map is used as it is.
    ///
    /// # Errors
    /// `RX0605` when the file is none, damaged, made by another version of this compiler or for vectors that this
    /// processor lacks; `RX0602` when the system refuses executable memory.
    ///
    /// # Safety
    /// The file is code, like a shared library: its checksum finds damage, not malice. Nobody untrusted may have
    /// written it, and nobody may write to it while a model made from it lives.
    pub unsafe fn load_image(&self, file: impl Into<Bytes>) -> Result<Model, Diagnostics> {
        let image = Image::read(&file.into())?;
        // SAFETY: the caller vouches for the file.
        let code = unsafe { MachineCode::from_image(&image) }?;
        Ok(Model::from_image(self, image, code, None))
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

#[cfg(test)]
mod tests {
    use super::*;
    use rexnet_ir::diagnostic::Code;
    use rexnet_ir::graph::{Conv2d, Graph, Op, Tensor};

    /// Two channels of a pixel, `[a, b]`, as `[2a - b, a]`.
    fn graph(weight: Option<Tensor>) -> Graph {
        let mut graph = Graph::new("by hand");
        let mut editor = graph.edit();
        let input = editor.input("input", &[1, 2, 1, 1]).unwrap();
        let weight = match weight {
            Some(tensor) => editor.bound_constant("weight", tensor).unwrap(),
            None => editor.constant("weight", &[2, 2, 1, 1]).unwrap(),
        };
        let output = editor.add(Op::Conv2d(Conv2d::pointwise()), &[input, weight], "output").unwrap();
        editor.output("output", output);
        graph
    }

    #[test]
    fn graphs_made_by_hand_run() {
        let weight = Tensor::new([2, 2, 1, 1], vec![2.0, -1.0, 1.0, 0.0]);
        let engine = Engine::with_backend(Backend::Interpret);
        let model = engine.compile(graph(weight), Weights::Own, &Options::default()).unwrap();
        let mut output = [0.0; 2];
        model.session().unwrap().run(&[&[3.0, 5.0]], &mut [&mut output]).unwrap();
        assert_eq!(output, [1.0, 3.0]);
    }

    #[test]
    fn constants_without_tensors_are_refused() {
        let engine = Engine::with_backend(Backend::Interpret);
        let faults = engine.compile(graph(None), Weights::Own, &Options::default()).unwrap_err();
        assert!(faults.contains(Code::WeightsMissing), "{faults}");
    }
}
