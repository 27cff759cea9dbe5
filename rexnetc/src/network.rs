//! The argument NET: a spec, or a file that holds one, or an ONNX model, or a compiled network.

use crate::arguments::SizeArguments;
use crate::facts::Facts;
use crate::failure::Failure;
use crate::file;
use crate::origin::Origin;
use rexnet::{Bytes, Code, Diagnostic, Diagnostics, Engine, Location, Model, Sizes, Source};
use rexnet_codegen::driver::{
    self, Described, FileKind, Named, Request, STANDARD_INPUT, Weights, read_standard_input,
};
use rexnet_ir::spec;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// What stands for a file's name where the spec is an argument.
const SPEC: &str = "<spec>";

/// A network as the user named it.
#[derive(Clone, Debug)]
pub(crate) struct Net {
    /// The file; `None` for a spec that is an argument, and for standard input.
    path: Option<PathBuf>,
    /// The file's name, `<spec>` or `<standard input>`.
    name: String,
    content: Content,
    /// Extents of inputs.
    sizes: Sizes,
}

#[derive(Clone, Debug)]
enum Content {
    Source(Source),
    Image { model: Model, title: String },
}

impl Net {
    /// A spec as it is.
    pub(crate) fn spec(text: impl Into<String>) -> Self {
        Self {
            path: None,
            name: SPEC.to_owned(),
            content: Content::Source(Source::Spec(text.into())),
            sizes: Sizes::default(),
        }
    }

    /// As [`Net::from_argument`], and compiled networks too: the network is only run.
    ///
    /// # Errors
    /// As [`Net::from_argument`]; `RX0605` and `RX0602` when an image cannot be used.
    pub(crate) fn to_run(argument: &OsStr) -> Result<Self, Failure> {
        let (content, path) = match content(argument)? {
            Given::Spec(text) => return Ok(Self::spec(text)),
            Given::File { kind: FileKind::Image, content, path } => (content, path),
            Given::File { kind, content, path } => return Ok(Self::of_content(kind, content, path)?),
        };
        let name = name(path.as_deref());
        // SAFETY: to run an image is what the user asked for, as of any program; what its file must keep to while it
        // is mapped is said at `file::map`.
        let model = unsafe { Engine::new().load_image(content) }.map_err(|mut faults| {
            faults.list.iter_mut().for_each(|fault| fault.location = Location::File(name.clone()));
            faults
        })?;
        let title = model.image_title().unwrap_or_default().to_owned();
        Ok(Self { path, name, content: Content::Image { model, title }, sizes: Sizes::default() })
    }

    /// The compiled network, where the argument was an image.
    pub(crate) fn image(&self) -> Option<&Model> {
        match &self.content {
            Content::Image { model, .. } => Some(model),
            Content::Source(_) => None,
        }
    }

    /// Reads the argument by the driver's rule: `-` is standard input, what ends in `.rexnet` or `.onnx` a file, everything
    /// else a spec.
    ///
    /// # Errors
    /// `RX0701` when the file is missing or too long, `RX0101` when a spec is no text, `RX0605` for an image.
    pub(crate) fn from_argument(argument: &OsStr) -> Result<Self, Diagnostic> {
        match content(argument)? {
            Given::Spec(text) => Ok(Self::spec(text)),
            Given::File { kind, content, path } => Self::of_content(kind, content, path),
        }
    }

    fn of_content(kind: FileKind, content: Bytes, path: Option<PathBuf>) -> Result<Self, Diagnostic> {
        let name = name(path.as_deref());
        let content = Content::Source(Source::of_content(kind, content, path.as_deref())?);
        Ok(Self { path, name, content, sizes: Sizes::default() })
    }

    /// For the compiler. An image is not compiled; its source would be what it was made from.
    pub(crate) fn source(&self) -> Source {
        match &self.content {
            Content::Source(source) => source.clone(),
            Content::Image { title, .. } => Source::Spec(title.clone()),
        }
    }

    /// The same with other extents of its inputs.
    ///
    /// # Errors
    /// Wrong usage for an image, whose extents are fixed.
    pub(crate) fn sized(mut self, arguments: &SizeArguments) -> Result<Self, Failure> {
        if arguments.are_given() && self.image().is_some() {
            let cause = "a compiled network runs as it is: leave --size and --bind out";
            return Err(Failure::Usage(cause.to_owned()));
        }
        self.sizes = arguments.sizes();
        Ok(self)
    }

    /// Binds what is free in the only input by the shape of the tensor that it will be given.
    pub(crate) fn bind_shape(&mut self, dims: &[usize]) {
        self.sizes.shapes = vec![(String::new(), dims.to_vec())];
    }

    /// Extents of inputs.
    pub(crate) fn sizes(&self) -> &Sizes {
        &self.sizes
    }

    /// The name of the only input, which is known while its extents are free; `None` where there are several.
    ///
    /// # Errors
    /// As [`Net::facts`].
    pub(crate) fn input_name(&self) -> Result<Option<String>, Failure> {
        let names = match &self.content {
            Content::Source(source) => source.input_names()?,
            Content::Image { .. } => None,
        };
        match names.as_deref() {
            Some([only]) => Ok(Some(only.clone())),
            Some(_) => Ok(None),
            None => Ok(Some(self.facts(None)?.input_name()?.to_owned())),
        }
    }

    /// What to compile, of so many images a run; without, of as many as the model is fixed to, else 1.
    pub(crate) fn request(&self, weights: Weights, batch: Option<usize>) -> Request {
        Request { batch, sizes: self.sizes.clone(), ..Request::new(self.source(), weights) }
    }

    /// The file of an ONNX model or an image; `None` for a spec.
    pub(crate) fn model_file(&self) -> Option<&Path> {
        match &self.content {
            Content::Source(Source::Onnx { .. }) | Content::Image { .. } => self.path.as_deref(),
            Content::Source(_) => None,
        }
    }

    /// The file; `None` for a spec that is an argument, and for standard input.
    pub(crate) fn file(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// The file's name, or what stands for it.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// What files made from an ONNX model are called: its graph may be named anything.
    pub(crate) fn stem(&self) -> Option<String> {
        Some(self.model_file()?.file_stem()?.to_string_lossy().into_owned())
    }

    /// What was compiled, for readers of generated files: the call of a preset with all its arguments, the text of a
    /// network, the name of a model's file.
    pub(crate) fn description(&self, facts: &Facts) -> String {
        match &self.content {
            Content::Source(Source::Spec(text)) if text.contains('{') => text.trim().to_owned(),
            Content::Source(Source::Onnx { .. }) => {
                let name = self.path.as_deref().and_then(Path::file_name);
                name.map_or(self.name.clone(), |name| name.to_string_lossy().into_owned())
            }
            Content::Source(_) | Content::Image { .. } => facts.title.clone(),
        }
    }

    /// The graph as the source says it, weights bound where the source brings them. Without `batch` it is the
    /// model's own, and 1 where that is free.
    ///
    /// # Errors
    /// All faults of the spec or the model; `RX0902` when the model is fixed to another batch.
    pub(crate) fn describe(&self, batch: Option<usize>) -> Result<Described, Failure> {
        driver::describe(&self.request(Weights::Own, batch)).map_err(|faults| self.refuse(faults))
    }

    /// What can be known before compiling.
    ///
    /// # Errors
    /// As [`Net::describe`].
    pub(crate) fn facts(&self, batch: Option<usize>) -> Result<Facts, Failure> {
        if let Some(model) = self.image() {
            let facts = Facts::of_model(&self.name, model);
            if let Some(wanted) = batch.filter(|&wanted| wanted != facts.batch()) {
                let own = facts.batch();
                let cause = format!("it was compiled for a batch of {own}, {wanted} is wanted");
                let location = Location::File(self.name.clone());
                return Err(Diagnostic::new(Code::CodeImage, location, cause)
                    .with_help("compile it with --batch")
                    .into());
            }
            return Ok(facts);
        }
        let Described { network, graph } = self.describe(batch)?;
        Ok(Facts::new(&self.name, network, &graph))
    }

    /// What is wrong with a spec that is no network: the spec, or that it is a file of another kind.
    fn refuse(&self, faults: Diagnostics) -> Failure {
        if let (Content::Source(Source::Spec(text)), None) = (&self.content, &self.path)
            && Path::new(text).is_file()
        {
            let location = Location::File(text.clone());
            return Diagnostic::new(Code::SpecSyntax, location, "this file is not taken for a network")
                .with_help(
                    "the names of files that hold a spec end in .rexnet, those of ONNX models in .onnx",
                )
                .into();
        }
        self.fail(faults)
    }

    /// Faults whose spans point into this spec, or whose names are those of this model's nodes.
    pub(crate) fn fail(&self, faults: Diagnostics) -> Failure {
        let text = match &self.content {
            Content::Source(Source::Spec(text)) => Some(text.clone()),
            Content::Source(_) | Content::Image { .. } => None,
        };
        let origin = Origin { name: self.name.clone(), text };
        Failure::Input { faults, origin: Some(Box::new(origin)) }
    }
}

/// What an argument stands for.
enum Given {
    Spec(String),
    /// A file, or standard input, which has no path.
    File {
        kind: FileKind,
        content: Bytes,
        path: Option<PathBuf>,
    },
}

fn content(argument: &OsStr) -> Result<Given, Diagnostic> {
    Ok(match Named::new(argument)? {
        Named::Spec(text) => Given::Spec(text),
        Named::File(kind, path) => {
            Given::File { kind, content: file::map(&path, kind.max_bytes())?, path: Some(path) }
        }
        Named::StandardInput => {
            let content = read_standard_input()?;
            Given::File { kind: FileKind::of_content(&content), content: content.into(), path: None }
        }
    })
}

fn name(path: Option<&Path>) -> String {
    path.map_or(STANDARD_INPUT.to_owned(), |path| path.display().to_string())
}

/// Whether the first argument of `run` is a network and not a photograph. `-`, what ends in `.rexnet`, `.onnx` or `.rxi` and
/// the name of a preset is; any other existing file is not; of the rest, what has a file's ending (`.` and a letter,
/// then letters and digits) or is a path without brackets is meant to be an image.
pub(crate) fn is_network(argument: &OsStr) -> bool {
    let argument = match Named::new(argument) {
        Ok(Named::File(..) | Named::StandardInput) => return true,
        Ok(Named::Spec(text)) => text,
        // The name of a file that is no text.
        Err(_) => return false,
    };
    if spec::PRESETS.iter().any(|preset| preset.name == argument) {
        return true;
    }
    if Path::new(&argument).is_file() {
        return false;
    }
    let ending = argument.rsplit_once('.').map_or("", |(_, ending)| ending);
    let file_ending = ending.starts_with(|first: char| first.is_ascii_alphabetic())
        && ending.chars().all(|letter| letter.is_ascii_alphanumeric());
    let bare_path = argument.contains(['/', '\\']) && !argument.contains(['(', '<', '{']);
    !(file_ending || bare_path)
}

#[cfg(test)]
mod tests {
    use super::is_network;

    #[test]
    fn networks_are_told_from_images() {
        for network in [
            "rexnet",
            "rexnet(width = 1.0)",
            "rexnet(width = 0.5, classes = 1.e3)",
            "<width=1.0>",
            "rexnet(width = 1 / 2)",
            "rexnet(width = 1.0",
            "no/such/file.rexnet",
            "no/such/file.onnx",
            "no/such/FILE.ONNX",
            "no/such/file.RxI",
            "-",
            "network x { }",
        ] {
            assert!(is_network(network.as_ref()), "{network}");
        }
        for image in ["photo.jgp", "photo (1).jpg", "photos/coffee.png", "photos/coffee", "/", "a.b.jpeg"] {
            assert!(!is_network(image.as_ref()), "{image}");
        }
    }
}
