//! How photographs become inputs: what the user says, what lies beside the model, what the spec says.

use crate::facts::Facts;
use crate::failure::Failure;
use crate::file;
use crate::network::Net;
use crate::origin::Origin;
use clap::Args;
use rexnet::{Code, Diagnostic, Location, Preprocessing};
use rexnet_ir::spec;
use std::path::Path;

/// The ending of the file beside a model.
const ENDING: &str = "preprocess";
/// What stands for a file's name where the fields are an argument.
const FLAG: &str = "<preprocess>";
/// What most networks of PyTorch were trained with.
const EXAMPLE: &str = "{ geometry: resize_then_crop(256), interpolation: bicubic, scale: 255, \
                       mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] }";

/// The preprocessing of photographs.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct PreprocessArguments {
    /// How photographs become inputs; outweighs the file MODEL.preprocess beside an ONNX model and the spec.
    ///
    /// A channel's byte x becomes (x / scale - mean) / std. The fields are those of a spec's `preprocess`, in braces:
    ///
    ///   { geometry: resize_then_crop(256), interpolation: bicubic, scale: 255,
    ///     mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] }       timm, torchvision (or bilinear)
    ///
    ///   { geometry: crop_then_resize(0.875), interpolation: bicubic, scale: 127.5,
    ///     mean: [1, 1, 1], std: [1, 1, 1] }                               MobileNetV2 as Keras trains it
    ///
    ///   { geometry: crop_then_resize(0.875), interpolation: bicubic, scale: 1,
    ///     mean: [127, 127, 127], std: [128, 128, 128] }                   EfficientNet-Lite
    #[arg(long, value_name = "FIELDS", verbatim_doc_comment)]
    preprocess: Option<String>,
}

impl PreprocessArguments {
    /// The flag's, else that of the file beside the model, else the spec's or the image's.
    ///
    /// # Errors
    /// All faults of the fields, with spans in their own text; `RX0701` when the file cannot be read.
    pub(crate) fn choose(&self, net: &Net, facts: &Facts) -> Result<Option<Preprocessing>, Failure> {
        let origin = match (&self.preprocess, net.model_file()) {
            (Some(text), _) => Origin { name: FLAG.to_owned(), text: Some(text.clone()) },
            (None, Some(model)) => match beside(&model.with_extension(ENDING))? {
                Some(origin) => origin,
                None => return Ok(facts.preprocessing().cloned()),
            },
            (None, None) => return Ok(facts.preprocessing().cloned()),
        };
        let text = origin.text.as_deref().unwrap_or_default();
        let preprocessing = spec::parse_preprocessing(text, facts.image()?);
        preprocessing.map(Some).map_err(|faults| Failure::Input { faults, origin: Some(Box::new(origin)) })
    }
}

/// The content of a file that may be missing.
fn beside(path: &Path) -> Result<Option<Origin>, Diagnostic> {
    if !path.exists() {
        return Ok(None);
    }
    let name = path.display().to_string();
    match String::from_utf8(file::read(path, spec::MAX_BYTES)?) {
        Ok(text) => Ok(Some(Origin { name, text: Some(text) })),
        Err(_) => {
            let cause = "this is not a text file in UTF-8";
            Err(Diagnostic::new(Code::SpecSyntax, Location::File(name), cause))
        }
    }
}

/// `RX0707`, with what to write and where.
pub(crate) fn missing(net: &Net) -> Diagnostic {
    let (location, place) = match net.model_file() {
        Some(model) => {
            let file = model.with_extension(ENDING);
            let place = format!("give it to --preprocess, or write it into {}", file.display());
            (Location::File(model.display().to_string()), place)
        }
        None => (Location::None, "give it to --preprocess, or add it to the spec as `preprocess`".to_owned()),
    };
    let cause = "nothing says how a photograph becomes the network's input";
    let help = format!(
        "{place}:\n    {EXAMPLE}\n  with the values that the network was trained with \
         (`rexnetc run --help` has three sets); `rexnetc run` takes tensors, too, with --input"
    );
    Diagnostic::new(Code::PreprocessingMissing, location, cause).with_help(help)
}
