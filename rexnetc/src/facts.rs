//! What can be known of a network before it is compiled.

use rexnet::{Code, Diagnostic, Location, Model, Preprocessing};
use rexnet_codegen::plan::Port;
use rexnet_ir::graph::Graph;
use rexnet_ir::spec::Network;

/// What every listing says of a stand-in.
pub(crate) const STAND_IN: &str = "fitted to published widths and counts; its authors' blocks are not public";

/// Name and shapes.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    /// The spec as a call, or the model's file.
    pub(crate) title: String,
    /// The spec's meaning; `None` for an ONNX model and an image.
    pub(crate) network: Option<Network>,
    /// How photographs become inputs, if the spec or the image says so.
    preprocessing: Option<Preprocessing>,
    /// Names and extents of the inputs.
    inputs: Vec<(String, Vec<usize>)>,
    /// Names and extents of the outputs.
    outputs: Vec<(String, Vec<usize>)>,
}

impl Facts {
    /// Those of a graph as its source says it.
    pub(crate) fn new(file: &str, network: Option<Network>, graph: &Graph) -> Self {
        let dims = |id| graph.node(id).ty.dims.clone();
        Self {
            title: network.as_ref().map_or(file.to_owned(), Network::to_string),
            preprocessing: network.as_ref().and_then(|network| network.preprocessing.clone()),
            network,
            inputs: graph.inputs().into_iter().map(|id| (graph.node(id).name.clone(), dims(id))).collect(),
            outputs: graph.outputs().iter().map(|out| (out.name.clone(), out.dims.clone())).collect(),
        }
    }

    /// Those of a compiled network.
    pub(crate) fn of_model(file: &str, model: &Model) -> Self {
        let ports =
            |ports: &[Port]| ports.iter().map(|port| (port.name.clone(), port.dims.clone())).collect();
        Self {
            title: format!("{}, from {file}", model.image_title().unwrap_or("a network")),
            network: None,
            preprocessing: model.preprocessing().cloned(),
            inputs: ports(model.inputs()),
            outputs: ports(model.outputs()),
        }
    }

    /// How photographs become inputs, if the spec or the image says so.
    pub(crate) fn preprocessing(&self) -> Option<&Preprocessing> {
        self.preprocessing.as_ref()
    }

    /// Whether the network only stands in for a published one.
    pub(crate) fn stand_in(&self) -> bool {
        self.network.as_ref().is_some_and(|network| network.stand_in)
    }

    /// The extents of the input.
    ///
    /// # Errors
    /// `RX0706` when there is not one.
    pub(crate) fn input(&self) -> Result<&[usize], Diagnostic> {
        single(&self.inputs, "inputs")
    }

    /// The name of the input.
    ///
    /// # Errors
    /// `RX0706` when there is not one.
    pub(crate) fn input_name(&self) -> Result<&str, Diagnostic> {
        self.input()?;
        Ok(self.inputs.first().map_or("", |(name, _)| name))
    }

    /// The extents of the output.
    ///
    /// # Errors
    /// `RX0706` when there is not one.
    pub(crate) fn output(&self) -> Result<&[usize], Diagnostic> {
        single(&self.outputs, "outputs")
    }

    /// Names and extents of the outputs.
    pub(crate) fn outputs(&self) -> &[(String, Vec<usize>)] {
        &self.outputs
    }

    /// Images in one run.
    pub(crate) fn batch(&self) -> usize {
        self.inputs.first().and_then(|(_, dims)| dims.first()).copied().unwrap_or(1)
    }

    /// The extents of an image: channels, height, width.
    ///
    /// # Errors
    /// `RX0706` when the input is no image.
    pub(crate) fn image(&self) -> Result<[usize; 3], Diagnostic> {
        match *self.input()? {
            [_, channels, height, width] => Ok([channels, height, width]),
            ref other => {
                let cause = format!("its extents are {other:?}, not those of images");
                let name = self.inputs.first().map_or(String::new(), |(name, _)| name.clone());
                Err(Diagnostic::new(Code::RunArguments, Location::Name(name), cause)
                    .with_help("`rexnetc run` takes tensors, with --input"))
            }
        }
    }

    /// Whether the only output has the shape of scores of classes: one vector for each of the input's images,
    /// `[images, classes]`, with extents of 1 behind it at most.
    pub(crate) fn is_classifier(&self) -> bool {
        let [(_, dims)] = &self.outputs[..] else { return false };
        let [images, classes, rest @ ..] = &dims[..] else { return false };
        *images == self.batch() && *classes > 1 && rest.iter().all(|&extent| extent == 1)
    }

    /// Whether the source says that the network classifies: a spec does, and the image of one.
    pub(crate) fn is_known_classifier(&self) -> bool {
        self.is_classifier() && (self.network.is_some() || self.preprocessing.is_some())
    }

    /// The values that the network gives for an image.
    pub(crate) fn classes(&self) -> usize {
        let elements: usize = self.outputs.first().map_or(0, |(_, dims)| dims.iter().product());
        elements / self.batch().max(1)
    }
}

fn single<'a>(ports: &'a [(String, Vec<usize>)], what: &str) -> Result<&'a [usize], Diagnostic> {
    if let [(_, dims)] = ports {
        return Ok(dims);
    }
    let cause = format!("the network has {} {what}, and this needs one", ports.len());
    let help = "`info`, `compile`, `dump`, `pack`, `bench` and `verify` take any number of outputs";
    Err(Diagnostic::new(Code::RunArguments, Location::None, cause).with_help(help))
}
