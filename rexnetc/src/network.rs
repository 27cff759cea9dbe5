//! The argument NET: a spec, or a file that holds one, or an ONNX model, or a compiled network.

use crate::facts::Facts;
use crate::failure::Failure;
use crate::file;
use crate::origin::Origin;
use rexnet::{Bytes, Code, Diagnostic, Diagnostics, Engine, Location, Model, Source};
use rexnet_codegen::driver;
use rexnet_ir::graph::Graph;
use rexnet_ir::onnx;
use rexnet_ir::spec::{self, Network};
use std::path::{Path, PathBuf};

/// The ending of files that hold a spec.
const SPEC_ENDING: &str = "rexnet";
/// The ending of ONNX models.
const MODEL_ENDING: &str = "onnx";
/// The ending of compiled networks.
pub(crate) const IMAGE_ENDING: &str = "rxi";
/// The longest image that is read, in bytes.
const MAX_IMAGE_BYTES: usize = 8 << 30;
/// What stands for a file's name where the spec is an argument.
const SPEC: &str = "<spec>";

/// A network as the user named it.
#[derive(Clone, Debug)]
pub(crate) struct Net {
    /// The file's name, or `<spec>`.
    name: String,
    content: Content,
}

#[derive(Clone, Debug)]
enum Content {
    Spec(String),
    Model { file: Bytes, folder: PathBuf },
    Image { model: Model, title: String },
}

impl Net {
    /// A spec as it is.
    pub(crate) fn spec(text: impl Into<String>) -> Self {
        Self { name: SPEC.to_owned(), content: Content::Spec(text.into()) }
    }

    /// As [`Net::from_argument`], and compiled networks too, whose names end in `.rxi`: the network is only run.
    ///
    /// # Errors
    /// As [`Net::from_argument`]; `RX0605` and `RX0602` when an image cannot be used.
    pub(crate) fn to_run(argument: &str) -> Result<Self, Failure> {
        let path = Path::new(argument);
        if !has_ending(path, IMAGE_ENDING) {
            return Ok(Self::from_argument(argument)?);
        }
        let file = file::map(path, MAX_IMAGE_BYTES)?;
        // SAFETY: to run an image is what the user asked for, as of any program; what its file must keep to while it
        // is mapped is said at `file::map`.
        let model = unsafe { Engine::new().load_image(file) }.map_err(|mut faults| {
            faults.list.iter_mut().for_each(|fault| fault.location = Location::File(argument.to_owned()));
            faults
        })?;
        let title = model.image_title().unwrap_or_default().to_owned();
        Ok(Self { name: argument.to_owned(), content: Content::Image { model, title } })
    }

    /// The compiled network, where the argument was an image.
    pub(crate) fn image(&self) -> Option<&Model> {
        match &self.content {
            Content::Image { model, .. } => Some(model),
            Content::Spec(_) | Content::Model { .. } => None,
        }
    }

    /// Reads the argument: what ends in `.rexnet` or `.onnx` is a file, everything else a spec.
    ///
    /// # Errors
    /// `RX0701` when the file is missing or too long, `RX0101` when a spec is no text.
    pub(crate) fn from_argument(argument: &str) -> Result<Self, Diagnostic> {
        let (path, name) = (Path::new(argument), argument.to_owned());
        if has_ending(path, MODEL_ENDING) {
            let file = file::map(path, onnx::MAX_MODEL_BYTES)?;
            let folder = match path.parent() {
                Some(folder) if folder != Path::new("") => folder.to_path_buf(),
                Some(_) | None => PathBuf::from("."),
            };
            return Ok(Self { name, content: Content::Model { file, folder } });
        }
        if has_ending(path, IMAGE_ENDING) {
            let cause = "a compiled network can only be run: `rexnetc run` and `rexnetc bench` take it";
            return Err(Diagnostic::new(Code::CodeImage, Location::File(name), cause)
                .with_help("give the spec or the model that it was compiled from"));
        }
        if !has_ending(path, SPEC_ENDING) {
            return Ok(Self::spec(argument));
        }
        match String::from_utf8(file::read(path, spec::MAX_BYTES)?) {
            Ok(text) => Ok(Self { name, content: Content::Spec(text) }),
            Err(_) => Err(Diagnostic::new(
                Code::SpecSyntax,
                Location::File(name),
                "this is not a text file in UTF-8",
            )),
        }
    }

    /// For the compiler. An image is not compiled; its source would be what it was made from.
    pub(crate) fn source(&self) -> Source<'_> {
        match &self.content {
            Content::Spec(text) | Content::Image { title: text, .. } => Source::Spec(text),
            Content::Model { file, folder } => Source::Onnx { file: file.clone(), folder: Some(folder) },
        }
    }

    /// The file of an ONNX model or an image; `None` for a spec.
    pub(crate) fn model_file(&self) -> Option<&Path> {
        match &self.content {
            Content::Spec(_) => None,
            Content::Model { .. } | Content::Image { .. } => Some(Path::new(&self.name)),
        }
    }

    /// The file; `None` for a spec that is an argument.
    pub(crate) fn file(&self) -> Option<&Path> {
        (self.name != SPEC).then_some(Path::new(&self.name))
    }

    /// What files made from an ONNX model are called: its graph may be named anything.
    pub(crate) fn stem(&self) -> Option<String> {
        Some(self.model_file()?.file_stem()?.to_string_lossy().into_owned())
    }

    /// What was compiled, for readers of generated files: the call of a preset with all its arguments, the text of a
    /// network, the name of a model's file.
    pub(crate) fn description(&self, facts: &Facts) -> String {
        match &self.content {
            Content::Spec(text) if text.contains('{') => text.trim().to_owned(),
            Content::Spec(_) | Content::Image { .. } => facts.title.clone(),
            Content::Model { .. } => {
                let name = Path::new(&self.name).file_name().unwrap_or_default();
                name.to_string_lossy().into_owned()
            }
        }
    }

    /// The graph as the source says it, weights bound where the source brings them. Without `batch` it is the
    /// model's own, and 1 where that is free.
    ///
    /// # Errors
    /// All faults of the spec or the model; `RX0902` when the model is fixed to another batch.
    pub(crate) fn graph(&self, batch: Option<usize>) -> Result<(Option<Network>, Graph), Failure> {
        let (network, graph) =
            driver::read(self.source(), batch.unwrap_or(1), None).map_err(|faults| self.refuse(faults))?;
        for input in graph.inputs().into_iter().map(|id| graph.node(id)) {
            if let Some(wanted) = batch.filter(|&wanted| wanted != input.ty.batch()) {
                let own = input.ty.batch();
                let cause = format!("the model is fixed to a batch of {own}, {wanted} is wanted");
                let fault = Diagnostic::new(Code::OnnxUnsupported, Location::Name(input.name.clone()), cause)
                    .with_help("export the model again with a dynamic first extent");
                return Err(self.fail(fault.into()));
            }
        }
        Ok((network, graph))
    }

    /// What can be known before compiling.
    ///
    /// # Errors
    /// As [`Net::graph`].
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
        let (network, graph) = self.graph(batch)?;
        Ok(Facts::new(&self.name, network, &graph))
    }

    /// What is wrong with a spec that is no network: the spec, or that it is a file of another kind.
    fn refuse(&self, faults: Diagnostics) -> Failure {
        if let Content::Spec(text) = &self.content
            && self.name == SPEC
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
            Content::Spec(text) => Some(text.clone()),
            Content::Model { .. } | Content::Image { .. } => None,
        };
        let origin = Origin { name: self.name.clone(), text };
        Failure::Input { faults, origin: Some(Box::new(origin)) }
    }
}

/// Whether the first argument of `run` is a network and not a photograph. What ends in `.rexnet`, `.onnx` or `.rxi` or
/// is the name of a preset is; any other existing file is not; of the rest, what has a file's ending (`.` and a letter,
/// then letters and digits) or is a path without brackets is meant to be an image.
pub(crate) fn is_network(argument: &str) -> bool {
    let path = Path::new(argument);
    if has_ending(path, SPEC_ENDING)
        || has_ending(path, MODEL_ENDING)
        || has_ending(path, IMAGE_ENDING)
        || spec::PRESETS.iter().any(|preset| preset.name == argument)
    {
        return true;
    }
    if path.is_file() {
        return false;
    }
    let ending = argument.rsplit_once('.').map_or("", |(_, ending)| ending);
    let file_ending = ending.starts_with(|first: char| first.is_ascii_alphabetic())
        && ending.chars().all(|letter| letter.is_ascii_alphanumeric());
    let bare_path = argument.contains(['/', '\\']) && !argument.contains(['(', '<', '{']);
    !(file_ending || bare_path)
}

fn has_ending(path: &Path, wanted: &str) -> bool {
    path.extension().is_some_and(|ending| ending == wanted)
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
            "network x { }",
        ] {
            assert!(is_network(network), "{network}");
        }
        for image in ["photo.jgp", "photo (1).jpg", "photos/coffee.png", "photos/coffee", "/", "a.b.jpeg"] {
            assert!(!is_network(image), "{image}");
        }
    }
}
