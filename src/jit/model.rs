//! A compiled network.

use super::{Engine, Options, Session, Source, Weights};
use rexnet_codegen::driver::Compilation;
use rexnet_codegen::emit::image::{About, Image};
use rexnet_codegen::plan::{PackedWeights, Port, Program};
use rexnet_codegen::run::{Executable, MachineCode};
use rexnet_ir::diagnostic::{Code, Diagnostic, Diagnostics, Location};
use rexnet_ir::onnx::channels_last;
use rexnet_ir::spec::preprocessing::Preprocessing;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Code and packed weights of one network. Cloning shares them; the last handle frees them. It may outlive its
/// engine and be used from many threads at once, each with its own [`Session`].
#[derive(Clone, Debug)]
pub struct Model {
    specialised: Arc<Specialised>,
    family: Arc<Family>,
}

/// The extents of an input of rank 4 that may differ between uses of one network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Images in one run; at least 1.
    pub batch: usize,
    /// The height of an image in pixels; at least 1.
    pub height: usize,
    /// The width of an image in pixels; at least 1.
    pub width: usize,
}

/// A network for one shape.
#[derive(Debug)]
struct Specialised {
    content: Content,
    executable: Executable,
    machine_code_time: Duration,
}

#[derive(Debug)]
enum Content {
    Compiled(Box<Compilation>),
    Image(Box<Image>),
}

/// What the specialisations of one network share.
#[derive(Debug)]
struct Family {
    engine: Engine,
    /// What was compiled first.
    first: Arc<Specialised>,
    /// The network's own outputs; taps come after them.
    own_outputs: usize,
    /// `None` where it cannot be compiled again.
    recipe: Option<Recipe>,
    /// What was compiled on demand, the last used first.
    specialised: Mutex<Vec<(Shape, Arc<Specialised>)>>,
}

/// How to compile a network again.
#[derive(Debug)]
struct Recipe {
    source: Source,
    options: Options,
}

impl Model {
    /// A compiled network, and how to compile it again for other shapes.
    pub(super) fn compiled(
        engine: &Engine,
        compilation: Compilation,
        executable: Executable,
        machine_code_time: Duration,
        recipe: Option<(Source, &Options)>,
    ) -> Self {
        let own_outputs = compilation.source.outputs().len();
        let recipe = recipe.map(|(source, options)| Recipe { source, options: options.clone() });
        let content = Content::Compiled(Box::new(compilation));
        Self::first(engine, Specialised { content, executable, machine_code_time }, own_outputs, recipe)
    }

    fn first(engine: &Engine, first: Specialised, own_outputs: usize, recipe: Option<Recipe>) -> Self {
        let first = Arc::new(first);
        let family = Family {
            engine: engine.clone(),
            first: first.clone(),
            own_outputs,
            recipe,
            specialised: Mutex::default(),
        };
        Self { specialised: first, family: Arc::new(family) }
    }

    /// What an image holds, and how to compile it for other shapes where that is known.
    pub(super) fn from_image(
        engine: &Engine,
        image: Image,
        code: MachineCode,
        recipe: Option<(Source, &Options)>,
    ) -> Self {
        let own_outputs = image.about.own_outputs;
        let first = Specialised {
            content: Content::Image(Box::new(image)),
            executable: Executable::MachineCode(code),
            machine_code_time: Duration::ZERO,
        };
        let recipe = recipe.map(|(source, options)| Recipe { source, options: options.clone() });
        Self::first(engine, first, own_outputs, recipe)
    }

    /// The same network for another shape of its input: batch, height, width. It is compiled the first time that it is
    /// asked for, and kept for the next, up to [`Options::kept_shapes`] of them; the weights are shared. What was
    /// dropped to make room still works for those who hold it.
    ///
    /// # Errors
    /// Those of compiling; `RX0706` when the network has not one input of rank 4, or is a graph of another shape, `RX0902`
    /// when it is a model that is fixed to another batch, `RX0306` when the shape needs weights of another layout (a dense layer over the whole map), `RX0605` when
    /// the model came from [`Engine::load_image`]: there is no source then.
    pub fn with_shape(&self, shape: Shape) -> Result<Model, Diagnostics> {
        if self.shape() == Some(shape) {
            return Ok(self.clone());
        }
        let handle = |specialised| Self { specialised, family: self.family.clone() };
        let first = handle(self.family.first.clone());
        if first.shape() == Some(shape) {
            return Ok(first);
        }
        if let Some(known) = self.family.find(shape) {
            return Ok(handle(known));
        }
        let refuse = |code, cause: &str, help: &str| {
            let name = Location::Name(self.program().name.clone());
            Err(Diagnostic::new(code, name, cause.to_owned()).with_help(help).into())
        };
        if self.shape().is_none() {
            let cause = "only networks with one input [images, channels, height, width] have shapes";
            return refuse(Code::RunArguments, cause, "use the model as it is");
        }
        let Some(recipe) = &self.family.recipe else {
            let cause = "there is no source to compile it from again";
            return refuse(Code::CodeImage, cause, "compile it from a spec or an ONNX file");
        };
        let engine = &self.family.engine;
        let Shape { batch, height, width } = shape;
        let weights = Weights::Repacked(self.weights().clone());
        let mut request = recipe.options.request(engine, recipe.source.clone(), weights);
        request.batch = Some(batch);
        request.sizes.size = Some([height, width]);
        let (compilation, executable, machine_code_time) = engine.compile_request(request)?;
        let content = Content::Compiled(Box::new(compilation));
        let specialised = Arc::new(Specialised { content, executable, machine_code_time });
        self.family.keep(shape, &specialised, recipe.options.kept_shapes);
        Ok(handle(specialised))
    }

    /// The shape of its input; `None` unless there is one input of rank 4.
    pub fn shape(&self) -> Option<Shape> {
        let [input] = self.inputs() else { return None };
        let [batch, second, third, fourth] = input.dims[..] else { return None };
        let dims: Vec<Option<usize>> = input.dims.iter().copied().map(Some).collect();
        let is_model = self.compilation().is_some_and(|compilation| compilation.network.is_none());
        let [height, width] =
            if is_model && channels_last(&dims) { [second, third] } else { [third, fourth] };
        Some(Shape { batch, height, width })
    }

    /// The inputs: names and extents, NCHW.
    pub fn inputs(&self) -> &[Port] {
        &self.program().inputs
    }

    /// The outputs: names and extents, NCHW. Taps are not among them.
    pub fn outputs(&self) -> &[Port] {
        &self.program().outputs[..self.family.own_outputs]
    }

    /// How photographs become inputs, if the source says so.
    pub fn preprocessing(&self) -> Option<&Preprocessing> {
        match &self.specialised.content {
            Content::Compiled(compilation) => compilation.preprocessing.as_ref(),
            Content::Image(image) => image.about.preprocessing.as_ref(),
        }
    }

    /// What is run. In a model from an image, kernels have no bodies.
    pub fn program(&self) -> &Program {
        match &self.specialised.content {
            Content::Compiled(compilation) => &compilation.program,
            Content::Image(image) => &image.program,
        }
    }

    /// Its packed weights.
    pub fn weights(&self) -> &PackedWeights {
        match &self.specialised.content {
            Content::Compiled(compilation) => &compilation.weights,
            Content::Image(image) => &image.weights,
        }
    }

    /// The network at every stage of its compilation; `None` of a model that came from an image.
    pub fn compilation(&self) -> Option<&Compilation> {
        match &self.specialised.content {
            Content::Compiled(compilation) => Some(compilation),
            Content::Image(_) => None,
        }
    }

    /// What runs the kernels.
    pub(crate) fn executable(&self) -> &Executable {
        &self.specialised.executable
    }

    /// How long machine code took to make.
    pub fn machine_code_time(&self) -> Duration {
        self.specialised.machine_code_time
    }

    /// The kernels that had to be made by Cranelift instead of the wide tier, and why; of machine code only.
    pub fn refusals(&self) -> &[(String, String)] {
        match &self.specialised.executable {
            Executable::MachineCode(code) => code.refusals(),
            Executable::Library(_) | Executable::Interpreter => &[],
        }
    }

    /// The model as one file: machine code for this processor, packed weights, and what a user has to know. It starts
    /// in a few milliseconds; see [`Engine::load_image`].
    ///
    /// # Errors
    /// `RX0605` when it does not run as machine code, or Cranelift made some of it: an image is for a set of
    /// processor features that its header names, and Cranelift uses all that it finds.
    pub fn to_image(&self) -> Result<Vec<u8>, Diagnostics> {
        self.image_for(0)
    }

    /// As [`Model::to_image`], with the key of a folder of images.
    pub(super) fn image_for(&self, key: u64) -> Result<Vec<u8>, Diagnostics> {
        if let Content::Image(image) = &self.specialised.content {
            return Ok(image.bytes().to_vec());
        }
        let (Some(compilation), Executable::MachineCode(code)) =
            (self.compilation(), &self.specialised.executable)
        else {
            let cause = "only what was compiled to machine code in this process can be written as an image";
            return Err(Diagnostic::new(Code::CodeImage, Location::None, cause)
                .with_help("compile the network with the back end jit")
                .into());
        };
        let about = About {
            title: compilation.network.as_ref().map_or(compilation.program.name.clone(), ToString::to_string),
            preprocessing: compilation.preprocessing.clone(),
            own_outputs: self.family.own_outputs,
        };
        Image::to_bytes(&compilation.program, &compilation.weights, code.tier(), &about, key)
    }

    /// What the source of an image was called; `None` of other models.
    pub fn image_title(&self) -> Option<&str> {
        match &self.specialised.content {
            Content::Compiled(_) => None,
            Content::Image(image) => Some(&image.about.title),
        }
    }

    /// The memory to run it in, on the caller's thread; [`Session::on`] shares the runs with others.
    ///
    /// # Errors
    /// `RX0607` when the system refuses the memory.
    pub fn session(&self) -> Result<Session, Diagnostic> {
        Session::new(self.clone())
    }
}

impl Family {
    /// A specialisation that is kept; it becomes the last used.
    fn find(&self, shape: Shape) -> Option<Arc<Specialised>> {
        let mut kept = self.specialised.lock().unwrap_or_else(PoisonError::into_inner);
        let at = kept.iter().position(|(other, _)| *other == shape)?;
        kept[..=at].rotate_right(1);
        Some(kept[0].1.clone())
    }

    fn keep(&self, shape: Shape, specialised: &Arc<Specialised>, most: usize) {
        let mut kept = self.specialised.lock().unwrap_or_else(PoisonError::into_inner);
        // Another thread may have compiled the same meanwhile.
        kept.retain(|(other, _)| *other != shape);
        kept.insert(0, (shape, specialised.clone()));
        kept.truncate(most);
    }
}
