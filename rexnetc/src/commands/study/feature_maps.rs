//! What the convolutions of a network give, on images.

use super::spectrum::Gram;
use rexnet::{Code, Diagnostic, Diagnostics, Engine, Location, Options, Session, Weights};
use rexnet_codegen::driver;
use rexnet_ir::graph::{BinaryKind, Conv2d, Function, Graph, NodeId, Op};
use rexnet_ir::passes::LAYERS;
use std::ops::ControlFlow;

/// The most channels of a layer: its singular values take a minute.
const MAX_CHANNELS: usize = 4096;
/// The most sums of products of all layers, of 8 bytes each.
const MAX_PRODUCTS: usize = 1 << 28;
/// The most elements of all maps of an image, of 4 bytes each; they are held twice.
const MAX_MAP_ELEMENTS: usize = 1 << 27;

/// A convolution whose maps have more than one position.
pub(super) struct Layer {
    /// The name of its map in the graph.
    pub(super) name: String,
    /// What it is: `1x1`, `depthwise 3x3`.
    pub(super) kind: String,
    /// Channels that it reads.
    pub(super) input_channels: usize,
    /// Channels that it gives.
    pub(super) output_channels: usize,
    /// Height and width of its map.
    pub(super) size: [usize; 2],
    /// Of its map on all images so far, after batch norm, gate and activation.
    pub(super) gram: Gram,
}

impl Layer {
    /// # Errors
    /// `RX0203` when it has too many channels.
    fn new(name: &str, convolution: &Conv2d, dims: [&[usize]; 3]) -> Result<Self, Diagnostic> {
        let [input, weight, output] = dims;
        let depthwise = convolution.each_channel_alone(input[1], weight);
        let kernel = format!("{}x{}", weight[2], weight[3]);
        let kind = match convolution.groups {
            1 => kernel,
            _ if depthwise => format!("depthwise {kernel}"),
            groups => format!("{kernel} in {groups} groups"),
        };
        if output[1] > MAX_CHANNELS {
            let cause = format!("singular values of {} channels are too many to compute", output[1]);
            return Err(Diagnostic::new(Code::GraphTooLarge, Location::Name(name.to_owned()), cause)
                .with_help(format!("layers of up to {MAX_CHANNELS} channels can be studied")));
        }
        Ok(Self {
            name: name.to_owned(),
            kind,
            input_channels: input[1],
            output_channels: output[1],
            size: [output[2], output[3]],
            gram: Gram::new(output[1]),
        })
    }
}

/// What a convolution's layer gives in the end: after what scales or shifts its channels, be it a gate of squeeze-excite, after
/// activations, and after the rearrangement of a transposed convolution, if nothing else reads what is between.
fn feature_map(graph: &Graph, convolution: NodeId) -> NodeId {
    let mut map = convolution;
    loop {
        let mut users = graph.users(map);
        // It computes the gate.
        users.retain(|&user| !matches!(graph.node(user).op, Op::SqueezeExcite(_)));
        let &[user] = &users[..] else { return map };
        let node = graph.node(user);
        let is_gate = |&id: &NodeId| graph.node(id).ty.elements() == node.ty.batch() * node.ty.channels();
        match node.op {
            Op::Unary(Function::Activate(_) | Function::Clip { .. }) | Op::DepthToSpace(_) => {}
            Op::Binary(BinaryKind::Mul | BinaryKind::Add)
                if node.operands.iter().any(is_gate) && node.ty.dims == graph.node(map).ty.dims => {}
            _ => return map,
        }
        map = user;
    }
}

/// A network whose convolutions are looked at while it runs.
pub(super) struct Observed {
    /// Its convolutions in the order in which they run.
    pub(super) layers: Vec<Layer>,
    session: Session,
    /// One for each output: the network's own, then the layers' maps.
    outputs: Vec<Vec<f32>>,
}

impl Observed {
    /// Compiles a graph for one image whose constants are bound, with the map of every convolution as a further output.
    /// Convolutions after which one value is left of a channel, such as those in a squeeze-excite, have no map.
    ///
    /// # Errors
    /// `RX0203` for a network whose layers have too many channels or too large maps, `RX0706` for one without layers, and those
    /// of the passes and the engine.
    pub(super) fn new(mut graph: Graph) -> Result<Self, Diagnostics> {
        driver::run_passes(&mut graph, LAYERS, &mut |_, _| Ok(ControlFlow::Continue(())))?;
        let mut layers = Vec::new();
        let mut maps = Vec::new();
        let (mut products, mut elements) = (0_usize, 0_usize);
        for id in graph.order() {
            let Op::Conv2d(convolution) = &graph.node(id).op else { continue };
            let operand = |place: usize| &graph.node(graph.node(id).operands[place]).ty.dims[..];
            let map = feature_map(&graph, id);
            let node = graph.node(map);
            if node.ty.height() * node.ty.width() == 1 {
                continue;
            }
            products += node.ty.channels() * node.ty.channels();
            elements += node.ty.elements();
            if products > MAX_PRODUCTS || elements > MAX_MAP_ELEMENTS {
                let cause = "the maps of the layers up to this one are too large to be looked at together";
                let location = Location::Name(node.name.clone());
                let help = "give the network a smaller input, or study a part of it";
                return Err(Diagnostic::new(Code::GraphTooLarge, location, cause).with_help(help).into());
            }
            let dims = [operand(0), operand(1), &node.ty.dims[..]];
            layers.push(Layer::new(&node.name, convolution, dims)?);
            maps.push(map);
        }
        if layers.is_empty() {
            let cause = "no convolution of the network has a map of more than one position";
            return Err(Diagnostic::new(Code::RunArguments, Location::Name(graph.name().to_owned()), cause)
                .with_help("give the network a larger input")
                .into());
        }
        let mut prefix = "feature_map".to_owned();
        while graph.outputs().iter().any(|output| output.name.starts_with(&prefix)) {
            prefix.push('_');
        }
        for (index, id) in maps.into_iter().enumerate() {
            graph.edit().output(format!("{prefix}.{index}"), id);
        }
        let model = Engine::new().compile(graph, Weights::Own, &Options::default())?;
        let outputs = model.outputs().iter().map(|port| vec![0.0; port.elements()]).collect();
        Ok(Self { layers, session: model.session()?, outputs })
    }

    /// The extents of the input.
    pub(super) fn input_dims(&self) -> Vec<usize> {
        self.session.model().inputs().first().map_or(Vec::new(), |port| port.dims.clone())
    }

    /// Runs the network on an image, and adds what its convolutions give.
    ///
    /// # Errors
    /// `RX0706` when the image has another length.
    pub(super) fn look(&mut self, image: &[f32]) -> Result<(), Diagnostics> {
        let mut slices: Vec<&mut [f32]> = self.outputs.iter_mut().map(Vec::as_mut_slice).collect();
        self.session.run(&[image], &mut slices)?;
        let own = self.outputs.len() - self.layers.len();
        for (layer, map) in self.layers.iter_mut().zip(&self.outputs[own..]) {
            layer.gram.add(map);
        }
        Ok(())
    }
}
