//! A resolved network as plain data: every block with its numbers, nothing left to evaluate.

use super::preprocessing::Preprocessing;
use crate::graph::Activation;
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

/// A network of inverted-residual blocks.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    /// The name in its definition.
    pub name: String,
    /// The parameters with the values they had, in the order of the definition.
    pub arguments: Vec<(String, f64)>,
    /// Channels, height and width of the input.
    pub input: [usize; 3],
    /// How a photograph becomes the input; `None` for networks that take tensors only.
    pub preprocessing: Option<Preprocessing>,
    /// Where the zeros around a map go.
    pub padding: Padding,
    /// Added to the variance in every batch norm.
    pub batch_norm_epsilon: f64,
    /// The first convolution.
    pub stem: Stem,
    /// The blocks in order; at least one.
    pub blocks: Vec<Block>,
    /// The 1×1 convolution before the pooling, if there is one.
    pub penultimate: Option<Penultimate>,
    /// The number of classes.
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
    /// Side of the depthwise kernel.
    pub kernel: usize,
    /// Step of the depthwise convolution.
    pub stride: usize,
    /// The function after the depthwise convolution; where the gate stands relative to it is the gate's matter.
    pub activation: Option<Activation>,
    /// The gate, if there is one.
    pub squeeze_excite: Option<SqueezeExcite>,
    /// Whether the block's input is added to the first channels of its output; then the stride is 1 and
    /// `input <= channels`.
    pub shortcut: bool,
}

/// A 1×1 convolution with batch norm that widens a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expand {
    /// The function after the batch norm.
    pub activation: Option<Activation>,
}

/// A squeeze-excite gate: pool, reduce, function, expand, sigmoid, multiply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqueezeExcite {
    /// Channels between its two layers.
    pub channels: usize,
    /// The function between its two layers.
    pub activation: Option<Activation>,
    /// Whether a batch norm follows the first layer.
    pub batch_norm: bool,
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

/// The last convolution, 1×1, with batch norm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Penultimate {
    /// Output channels.
    pub channels: usize,
    /// The function after the batch norm.
    pub activation: Option<Activation>,
}

/// The network as a call: `rexnet(width = 1, depth = 1, classes = 1000, size = 224)`.
impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arguments: Vec<String> =
            self.arguments.iter().map(|(name, value)| format!("{name} = {value}")).collect();
        write!(f, "{}", self.name)?;
        if arguments.is_empty() { Ok(()) } else { write!(f, "({})", arguments.join(", ")) }
    }
}
