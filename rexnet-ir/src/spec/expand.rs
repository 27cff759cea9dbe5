//! From a network to a graph of primitive operators, in the form that exporters write: nothing is fused, and
//! the passes find the structure again. Tensors have timm's names for ReXNet.

use super::network::{
    Block, Classifier, Detector, Feature, GatePosition, Network, Padding, Penultimate, SqueezeExcite,
};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Location};
use crate::graph::{
    Activation, BatchNorm, BinaryKind, Concat, Conv2d, Dense, Editor, Function, Graph, NodeId, Op, Reshape,
    Slice,
};

/// The name of the graph's input.
pub const INPUT: &str = "image";
/// The name of the classifier's output.
pub const OUTPUT: &str = "logits";

/// The graph of a network for `batch` images, no tensor bound: input [`INPUT`]; outputs [`OUTPUT`] of the classifier,
/// then `stride_{s}` for each of the features, then `scores_{l}` `[n, anchors·classes, h, w]` and `boxes_{l}`
/// `[n, anchors·4, h, w]` for each map of the detector. The result of block `b` is the node `features.{b}`, that of the
/// stem `stem.act`. Blocks that no output depends on are left out.
///
/// # Errors
/// `RX0103` for a batch of zero, `RX0203` when a tensor is too large.
pub fn expand(network: &Network, batch: usize) -> Result<Graph, Diagnostics> {
    if batch == 0 {
        return Err(Diagnostic::new(
            Code::SpecValue,
            Location::None,
            "a batch of no images computes nothing",
        )
        .into());
    }
    let mut graph = Graph::new(network.name.clone());
    let mut builder = Builder { editor: graph.edit(), network };
    builder.network(batch)?;
    Ok(graph)
}

struct Builder<'a> {
    editor: Editor<'a>,
    network: &'a Network,
}

/// A convolution: `kernel` 1 is pointwise.
struct Convolution {
    channels: usize,
    kernel: usize,
    stride: usize,
    groups: usize,
    bias: bool,
}

impl Convolution {
    fn pointwise(channels: usize) -> Self {
        Self { channels, kernel: 1, stride: 1, groups: 1, bias: false }
    }

    fn depthwise(channels: usize, kernel: usize, stride: usize) -> Self {
        Self { channels, kernel, stride, groups: channels, bias: false }
    }
}

type Built = Result<NodeId, Diagnostic>;

impl Builder<'_> {
    fn network(&mut self, batch: usize) -> Result<(), Diagnostic> {
        let Network { input: [channels, height, width], stem, features, classifier, detector, .. } =
            self.network;
        let image = self.editor.input(INPUT, &[batch, *channels, *height, *width])?;
        let convolution = Convolution {
            channels: stem.channels,
            kernel: stem.kernel,
            stride: stem.stride,
            groups: 1,
            bias: self.network.convolution_bias,
        };
        let mut x = self.convolution(image, "stem.conv", &convolution)?;
        x = self.batch_norm(x, "stem.bn", "stem.bn")?;
        x = self.activation(x, stem.activation, "stem.act")?;
        let blocks = self.network.needed_blocks();
        let mut maps = Vec::with_capacity(blocks.len());
        for (index, block) in blocks.iter().enumerate() {
            x = self.block(x, block, &format!("features.{index}"))?;
            maps.push(x);
        }
        if let Some(classifier) = classifier {
            let logits = self.classifier(x, classifier)?;
            self.editor.output(OUTPUT, logits);
        }
        for &Feature { stride, block } in features {
            self.editor.output(format!("stride_{stride}"), maps[block]);
        }
        if let Some(detector) = detector {
            let taps = detector.taps.iter().map(|tap| maps[tap.block]).collect();
            self.detector(taps, detector)?;
        }
        Ok(())
    }

    fn classifier(&mut self, mut x: NodeId, classifier: &Classifier) -> Built {
        if let Some(penultimate) = &classifier.penultimate {
            let name = format!("features.{}", self.network.blocks.len());
            let convolution = Convolution {
                bias: self.network.convolution_bias,
                ..Convolution::pointwise(penultimate.channels)
            };
            x = self.unit(x, &convolution, penultimate.activation, &name, &name)?;
        }
        x = self.editor.add(Op::GlobalAveragePool, &[x], "head.pool")?;
        if let Some(Penultimate { channels, activation }) = classifier.hidden {
            let convolution = Convolution { bias: true, ..Convolution::pointwise(channels) };
            x = self.unit(x, &convolution, activation, "head.hidden", "head.hidden")?;
        }
        x = self.editor.add(Op::Reshape(Reshape::Flatten), &[x], "head.flatten")?;
        let features = self.editor.graph().node(x).ty.dim(1);
        let weight = self.editor.constant("head.fc.weight", &[classifier.classes, features])?;
        let bias = self.editor.constant("head.fc.bias", &[classifier.classes])?;
        self.editor.add(Op::Dense(Dense { bias: true, activation: None }), &[x, weight, bias], "head.fc")
    }

    /// Further blocks after the last of `maps`, then predictors of classes and boxes on all.
    fn detector(&mut self, mut maps: Vec<NodeId>, detector: &Detector) -> Result<(), Diagnostic> {
        for (index, &channels) in detector.extras.iter().enumerate() {
            let Some(&last) = maps.last() else { break };
            let name = format!("extras.{index}");
            let between = channels.div_ceil(2);
            let layers = [
                ("conv_exp", Convolution::pointwise(between)),
                ("conv_dw", Convolution::depthwise(between, 3, 2)),
                ("conv_pwl", Convolution::pointwise(channels)),
            ];
            let mut x = last;
            for (layer, convolution) in layers {
                let unit = format!("{name}.{layer}");
                let result = if layer == "conv_pwl" { name.clone() } else { format!("{unit}.act") };
                x = self.unit(x, &convolution, detector.activation, &unit, &result)?;
            }
            maps.push(x);
        }
        for (level, (&map, &anchors)) in maps.iter().zip(&detector.anchors).enumerate() {
            for (what, each) in [("scores", detector.classes), ("boxes", 4)] {
                let name = format!("predictors.{level}.{what}");
                let channels = self.editor.graph().node(map).ty.channels();
                let depthwise = Convolution::depthwise(channels, detector.kernel, 1);
                let unit = format!("{name}.conv_dw");
                let x = self.unit(map, &depthwise, detector.activation, &unit, &format!("{unit}.act"))?;
                let last = Convolution { bias: true, ..Convolution::pointwise(anchors * each) };
                let predicted = self.convolution(x, &format!("{name}.conv"), &last)?;
                self.editor.output(format!("{what}_{level}"), predicted);
            }
        }
        Ok(())
    }

    fn block(&mut self, input: NodeId, block: &Block, name: &str) -> Built {
        let mut x = input;
        let bias = self.network.convolution_bias;
        if block.identity {
            return Ok(x);
        }
        if let Some(expand) = &block.expand {
            let convolution =
                Convolution { groups: expand.groups, bias, ..Convolution::pointwise(block.expanded) };
            let unit = format!("{name}.conv_exp");
            x = self.unit(x, &convolution, expand.activation, &unit, &format!("{unit}.act"))?;
        }
        x = self.depthwise(x, block, &format!("{name}.conv_dw.conv"))?;
        let batch_norm = format!("{name}.conv_dw.bn");
        x = self.batch_norm(x, &batch_norm, &batch_norm)?;
        let gate = block.squeeze_excite.as_ref();
        if let Some(gate) = gate.filter(|gate| gate.position == GatePosition::BeforeActivation) {
            x = self.squeeze_excite(x, gate, &format!("{name}.se"))?;
        }
        x = self.activation(x, block.activation, &format!("{name}.act_dw"))?;
        if let Some(gate) = gate.filter(|gate| gate.position == GatePosition::AfterActivation) {
            x = self.squeeze_excite(x, gate, &format!("{name}.se"))?;
        }
        let projection =
            Convolution { groups: block.project_groups, bias, ..Convolution::pointwise(block.channels) };
        let unit = format!("{name}.conv_pwl");
        if !block.shortcut {
            return self.unit(x, &projection, None, &unit, name);
        }
        let out = self.unit(x, &projection, None, &unit, &format!("{unit}.bn"))?;
        self.shortcut(out, input, block, name)
    }

    /// The depthwise convolution: one, or one a slice of the channels, side by side.
    fn depthwise(&mut self, x: NodeId, block: &Block, name: &str) -> Built {
        let bias = self.network.convolution_bias;
        let convolution =
            |channels, kernel| Convolution { bias, ..Convolution::depthwise(channels, kernel, block.stride) };
        if let [only] = block.slices[..] {
            return self.convolution(x, name, &convolution(only.channels, only.kernel));
        }
        let (mut start, mut parts) = (0, Vec::with_capacity(block.slices.len()));
        for (index, slice) in block.slices.iter().enumerate() {
            let end = start + slice.channels;
            let part = self.editor.add(
                Op::Slice(Slice { axis: 1, start, end }),
                &[x],
                format!("{name}.{index}.slice"),
            )?;
            parts.push(self.convolution(
                part,
                &format!("{name}.{index}"),
                &convolution(slice.channels, slice.kernel),
            )?);
            start = end;
        }
        self.editor.add(Op::Concat(Concat { axis: 1 }), &parts, name)
    }

    /// `out`, with the block's input added to its first channels.
    fn shortcut(&mut self, out: NodeId, input: NodeId, block: &Block, name: &str) -> Built {
        if block.input == block.channels {
            return self.editor.add(BinaryKind::Add.into(), &[out, input], name);
        }
        let slice = |start, end| Op::Slice(Slice { axis: 1, start, end });
        let first = self.editor.add(slice(0, block.input), &[out], format!("{name}.first"))?;
        let sum = self.editor.add(BinaryKind::Add.into(), &[first, input], format!("{name}.sum"))?;
        let rest = self.editor.add(slice(block.input, block.channels), &[out], format!("{name}.rest"))?;
        self.editor.add(Op::Concat(Concat { axis: 1 }), &[sum, rest], name)
    }

    /// Scales each channel of `x` by a gate computed from the means of all.
    fn squeeze_excite(&mut self, x: NodeId, gate: &SqueezeExcite, name: &str) -> Built {
        let channels = self.editor.graph().node(x).ty.channels();
        let layer = |channels| Convolution { bias: true, ..Convolution::pointwise(channels) };
        let mut y = self.editor.add(Op::GlobalAveragePool, &[x], format!("{name}.pool"))?;
        y = self.convolution(y, &format!("{name}.fc1"), &layer(gate.channels))?;
        if gate.batch_norm {
            let bn = format!("{name}.bn");
            y = self.batch_norm(y, &bn, &bn)?;
        }
        y = self.activation(y, gate.activation, &format!("{name}.act"))?;
        y = self.convolution(y, &format!("{name}.fc2"), &layer(channels))?;
        y = self.activation(y, Some(gate.gate), &format!("{name}.gate"))?;
        self.editor.add(BinaryKind::Mul.into(), &[x, y], name)
    }

    /// Convolution, batch norm, activation. Tensors are named after `unit`, the last node is `last`.
    fn unit(
        &mut self,
        x: NodeId,
        convolution: &Convolution,
        activation: Option<Activation>,
        unit: &str,
        last: &str,
    ) -> Built {
        let x = self.convolution(x, &format!("{unit}.conv"), convolution)?;
        let bn = format!("{unit}.bn");
        match activation {
            None => self.batch_norm(x, &bn, last),
            Some(_) => {
                let x = self.batch_norm(x, &bn, &bn)?;
                self.activation(x, activation, last)
            }
        }
    }

    fn convolution(&mut self, x: NodeId, name: &str, convolution: &Convolution) -> Built {
        let Convolution { channels, kernel, stride, groups, bias } = *convolution;
        let ty = &self.editor.graph().node(x).ty;
        let per_group = ty.channels() / groups;
        let padding = if kernel == 1 { Padding::Symmetric } else { self.network.padding };
        let [top, bottom] = padding.around(ty.height(), kernel, stride);
        let [left, right] = padding.around(ty.width(), kernel, stride);
        let mut operands = vec![x];
        operands
            .push(self.editor.constant(format!("{name}.weight"), &[channels, per_group, kernel, kernel])?);
        if bias {
            operands.push(self.editor.constant(format!("{name}.bias"), &[channels])?);
        }
        let op = Conv2d {
            stride: [stride; 2],
            pad: [top, left, bottom, right],
            dilation: [1, 1],
            groups,
            slices: Vec::new(),
            bias,
            gate: false,
            input_activation: None,
            activation: None,
            shortcut: false,
        };
        self.editor.add(Op::Conv2d(op), &operands, name)
    }

    /// Tensors are named after `unit`, the node is `name`.
    fn batch_norm(&mut self, x: NodeId, unit: &str, name: &str) -> Built {
        let channels = self.editor.graph().node(x).ty.channels();
        let mut operands = vec![x];
        for tensor in ["weight", "bias", "running_mean", "running_var"] {
            operands.push(self.editor.constant(format!("{unit}.{tensor}"), &[channels])?);
        }
        let op = BatchNorm { epsilon: self.network.batch_norm_epsilon };
        self.editor.add(Op::BatchNorm(op), &operands, name)
    }

    /// The function in primitive operators; `x` itself where there is none.
    fn activation(&mut self, x: NodeId, function: Option<Activation>, name: &str) -> Built {
        match function {
            None => Ok(x),
            Some(Activation::Relu6) => {
                self.editor.add(Op::Unary(Function::Clip { min: 0.0, max: 6.0 }), &[x], name)
            }
            Some(Activation::Silu) => {
                let gate = self.editor.add(Activation::Sigmoid.into(), &[x], format!("{name}.sigmoid"))?;
                self.editor.add(BinaryKind::Mul.into(), &[x, gate], name)
            }
            Some(function) => self.editor.add(function.into(), &[x], name),
        }
    }
}
