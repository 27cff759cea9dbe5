//! A resolved network as plain data: every block with its numbers, nothing left to evaluate.

use super::preprocessing::Preprocessing;
use crate::graph::Activation;
pub use crate::graph::KernelSlice;
use std::fmt;

/// The most blocks of a network.
pub const MAX_BLOCKS: usize = 512;
/// The most channels of a layer, and the most classes.
pub const MAX_CHANNELS: usize = 65536;
/// The largest side of an input image, in pixels.
pub const MAX_SIDE: usize = 8192;
/// The largest side of a kernel; kernels have odd sides.
pub const MAX_KERNEL: usize = 63;
/// The largest stride.
pub const MAX_STRIDE: usize = 16;
/// The most predictors of a detector, and the most of its further blocks.
pub const MAX_LEVELS: usize = 16;
/// The most boxes that a predictor gives at a place of its map.
pub const MAX_ANCHORS: usize = 64;

/// A network of inverted-residual blocks.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    /// The name in its definition.
    pub name: String,
    /// The parameters with the values they had, in the order of the definition.
    pub arguments: Vec<(String, f64)>,
    /// What the call says beside parameters: names and values as text.
    pub settings: Vec<(String, String)>,
    /// Whether its blocks were fitted to published counts, because their authors' definition is not public.
    pub stand_in: bool,
    /// Channels, height and width of the input.
    pub input: [usize; 3],
    /// How a photograph becomes the input; `None` for networks that take tensors only.
    pub preprocessing: Option<Preprocessing>,
    /// Where the zeros around a map go.
    pub padding: Padding,
    /// Added to the variance in every batch norm.
    pub batch_norm_epsilon: f64,
    /// Whether convolutions that a batch norm follows have a bias of their own all the same.
    pub convolution_bias: bool,
    /// The first convolution.
    pub stem: Stem,
    /// The blocks in order; at least one.
    pub blocks: Vec<Block>,
    /// The maps that are outputs of their own, with increasing strides.
    pub features: Vec<Feature>,
    /// What makes a classifier of it; a backbone has none.
    pub classifier: Option<Classifier>,
    /// What makes a detector of it.
    pub detector: Option<Detector>,
}

/// A map that is an output: what the last block of a stride gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Feature {
    /// Pixels of the image from one position of the map to the next.
    pub stride: usize,
    /// The block, from 0.
    pub block: usize,
}

/// The layers after the blocks: last convolution, mean over the map, hidden layer, classes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Classifier {
    /// The 1×1 convolution before the pooling, if there is one.
    pub penultimate: Option<Penultimate>,
    /// The layer between pooling and classes, if there is one.
    pub hidden: Option<Penultimate>,
    /// The number of classes.
    pub classes: usize,
}

/// SSDLite: maps of decreasing size, each with a predictor of classes and one of boxes (Sandler et al., "MobileNetV2",
/// section 6.2; the further blocks are torchvision's: 1×1, depthwise 3×3 of stride 2, 1×1, with an activation each).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detector {
    /// The maps of the backbone that have predictors, with increasing strides; the further blocks follow the last.
    pub taps: Vec<Feature>,
    /// The output channels of the further blocks; half as many between their layers.
    pub extras: Vec<usize>,
    /// Side of the depthwise kernel before each predictor.
    pub kernel: usize,
    /// The function after each batch norm of the detector.
    pub activation: Option<Activation>,
    /// Boxes at a place, for each map: those of `taps`, then those of `extras`.
    pub anchors: Vec<usize>,
    /// The number of classes, the background counted.
    pub classes: usize,
}

/// The rule for the zeros around a map. Either way a layer of stride `s` gives `ceil(extent / s)` positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    /// `kernel / 2` on each side (PyTorch).
    Symmetric,
    /// As few as needed, the odd one after the map (TensorFlow's SAME).
    Same,
}

impl Padding {
    /// The spelling in specs.
    pub fn name(self) -> &'static str {
        match self {
            Padding::Symmetric => "symmetric",
            Padding::Same => "same",
        }
    }

    /// Zeros before and after a map of `extent` positions under an odd kernel.
    pub fn around(self, extent: usize, kernel: usize, stride: usize) -> [usize; 2] {
        match self {
            Padding::Symmetric => [kernel / 2; 2],
            Padding::Same => {
                let reach = extent.div_ceil(stride).saturating_sub(1) * stride + kernel;
                let total = reach.saturating_sub(extent);
                [total / 2, total - total / 2]
            }
        }
    }
}

/// The first convolution, with batch norm and activation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stem {
    /// Output channels.
    pub channels: usize,
    /// Side of the kernel.
    pub kernel: usize,
    /// Step in both directions.
    pub stride: usize,
    /// The function after the batch norm.
    pub activation: Option<Activation>,
}

/// An inverted residual: expand, depthwise, squeeze-excite, project, shortcut (MobileNetV2, section 3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The stage it belongs to, from 0.
    pub stage: usize,
    /// Input channels.
    pub input: usize,
    /// Channels between expansion and projection.
    pub expanded: usize,
    /// Output channels.
    pub channels: usize,
    /// The expansion; `None` where the depthwise convolution works on the block's input.
    pub expand: Option<Expand>,
    /// Consecutive channels of the depthwise convolution and their kernels; their channels add up to `expanded`.
    pub slices: Vec<KernelSlice>,
    /// Step of the depthwise convolution.
    pub stride: usize,
    /// The function after the depthwise convolution; where the gate stands relative to it is the gate's matter.
    pub activation: Option<Activation>,
    /// The gate, if there is one.
    pub squeeze_excite: Option<SqueezeExcite>,
    /// Whether the block's input is added to the first channels of its output; then the stride is 1 and
    /// `input <= channels`.
    pub shortcut: bool,
    /// Groups of channels in the projection.
    pub project_groups: usize,
    /// Whether the block gives its input and has no layers, whatever the rest says.
    pub identity: bool,
}

impl Block {
    /// The stride of the block as a whole.
    pub fn step(&self) -> usize {
        if self.identity { 1 } else { self.stride }
    }
}

/// A 1×1 convolution with batch norm that widens a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expand {
    /// The function after the batch norm.
    pub activation: Option<Activation>,
    /// Groups of channels.
    pub groups: usize,
}

/// A squeeze-excite gate: pool, reduce, function, expand, the gate's function, multiply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqueezeExcite {
    /// Channels between its two layers.
    pub channels: usize,
    /// The function between its two layers.
    pub activation: Option<Activation>,
    /// Whether a batch norm follows the first layer.
    pub batch_norm: bool,
    /// The function after its two layers: a sigmoid, or in MobileNetV3 the hard one.
    pub gate: Activation,
    /// Whether the gate comes before or after the depthwise activation.
    pub position: GatePosition,
}

/// Where a squeeze-excite gate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GatePosition {
    /// Between the depthwise batch norm and its activation (ReXNet).
    BeforeActivation,
    /// After the depthwise activation (MobileNetV3, EfficientNet).
    AfterActivation,
}

impl GatePosition {
    /// The spelling in specs.
    pub fn name(self) -> &'static str {
        match self {
            GatePosition::BeforeActivation => "before_activation",
            GatePosition::AfterActivation => "after_activation",
        }
    }
}

/// A 1×1 convolution with batch norm after the blocks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Penultimate {
    /// Output channels.
    pub channels: usize,
    /// The function after the batch norm.
    pub activation: Option<Activation>,
}

impl Network {
    /// The blocks up to the last that an output depends on.
    pub fn needed_blocks(&self) -> &[Block] {
        let tapped = self.features.iter().chain(self.detector.iter().flat_map(|detector| &detector.taps));
        let needed = match self.classifier {
            Some(_) => self.blocks.len(),
            None => tapped.map(|feature| feature.block + 1).max().unwrap_or(self.blocks.len()),
        };
        &self.blocks[..needed]
    }

    /// Pixels of the image from one position of a block's map to the next.
    pub fn stride(&self, block: usize) -> usize {
        self.blocks[..=block].iter().map(Block::step).fold(self.stem.stride, |product, step| product * step)
    }
}

/// The network as a call: `rexnet(width = 1, depth = 1, classes = 1000, size = 224)`.
impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let settings = self.settings.iter().map(|(name, value)| format!("{name} = {value}"));
        let arguments: Vec<String> =
            self.arguments.iter().map(|(name, value)| format!("{name} = {value}")).chain(settings).collect();
        write!(f, "{}", self.name)?;
        if arguments.is_empty() { Ok(()) } else { write!(f, "({})", arguments.join(", ")) }
    }
}
