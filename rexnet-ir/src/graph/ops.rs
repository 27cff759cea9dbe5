//! The op table: one row an operator, or one a family of operators of one form. The enum, the names, the printer, the
//! parser and what later stages ask of an operator come from it.

use super::activation::{Activation, Parameter};
use super::binary::BinaryKind;
use super::function::Function;
use super::indices::Indices;
use super::reshape::Reshape;
use super::resize::{Coordinates, Interpolation};
use super::tensor_type::{Layout, TensorType};
use std::ops::RangeInclusive;

/// How a window of a pooling operator is reduced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PoolKind {
    /// The mean of the elements inside the image; padding is not counted.
    Average,
    /// The largest element inside the image.
    Max,
}

/// How the elements along an axis become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReduceKind {
    /// Their sum.
    Sum,
    /// Their sum divided by their number.
    Mean,
    /// The largest; NaN where one is.
    Max,
    /// The smallest; NaN where one is.
    Min,
    /// Their product.
    Product,
}

/// Where the elements of a block lie among the channels of [`DepthToSpace`]'s operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DepthOrder {
    /// Place in the block first, then channel: `(dy * width + dx) * channels + c` (ONNX mode DCR).
    BlockFirst,
    /// Channel first, then place in the block: `(c * height + dy) * width + dx` (ONNX mode CRD; PyTorch pixel_shuffle).
    ChannelFirst,
}

/// Consecutive channels of a depthwise convolution that have kernels of one size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KernelSlice {
    /// Side of the kernel.
    pub kernel: usize,
    /// How many channels; at least one.
    pub channels: usize,
}

/// An attribute in the text form: how it is spelt and read. `None` is the spelling of a default.
pub(super) trait Attribute: Sized {
    fn print(&self) -> Option<String>;
    fn parse(text: Option<&str>) -> Option<Self>;
}

/// How an operator is written to an ONNX file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exported {
    /// As the ONNX operator of that name.
    As(&'static str),
    /// Made of other operators first: ONNX has none like it.
    WrittenOut,
    /// As an input or a stored tensor.
    Leaf,
}

/// Operators of one form: one variant of [`Op`], several names in the text form.
pub(super) trait Family: Sized {
    /// The names of all members.
    const NAMES: &'static [&'static str];
    fn name(&self) -> &'static str;
    /// The attributes; `None` is the spelling of a default.
    fn attributes(&self) -> Vec<(&'static str, Option<String>)>;
    /// The attributes that the member of that name has.
    fn known(name: &str) -> &'static [&'static str];
    /// The member of that name; the error is the attribute that is missing or wrong.
    fn parse(name: &str, text: &dyn Fn(&str) -> Option<String>) -> Result<Self, &'static str>;
}

impl Attribute for usize {
    fn print(&self) -> Option<String> {
        Some(self.to_string())
    }
    fn parse(text: Option<&str>) -> Option<Self> {
        text?.parse().ok()
    }
}

impl Attribute for f64 {
    fn print(&self) -> Option<String> {
        Some(format!("{self:?}"))
    }
    fn parse(text: Option<&str>) -> Option<Self> {
        text?.parse().ok()
    }
}

impl Attribute for bool {
    fn print(&self) -> Option<String> {
        self.then(|| "true".to_owned())
    }
    fn parse(text: Option<&str>) -> Option<Self> {
        match text {
            None => Some(false),
            Some("true") => Some(true),
            Some(_) => None,
        }
    }
}

impl<const N: usize> Attribute for [usize; N] {
    fn print(&self) -> Option<String> {
        let items: Vec<String> = self.iter().map(usize::to_string).collect();
        Some(format!("[{}]", items.join(",")))
    }
    fn parse(text: Option<&str>) -> Option<Self> {
        let inner = text?.strip_prefix('[')?.strip_suffix(']')?;
        let items: Option<Vec<usize>> = inner.split(',').map(|item| item.trim().parse().ok()).collect();
        items?.try_into().ok()
    }
}

impl Attribute for Vec<usize> {
    fn print(&self) -> Option<String> {
        let items: Vec<String> = self.iter().map(usize::to_string).collect();
        Some(format!("[{}]", items.join(",")))
    }
    fn parse(text: Option<&str>) -> Option<Self> {
        let inner = text?.strip_prefix('[')?.strip_suffix(']')?;
        inner.split(',').map(|item| item.trim().parse().ok()).collect()
    }
}

impl Attribute for Parameter {
    fn print(&self) -> Option<String> {
        Some(format!("{:?}", self.get()))
    }
    fn parse(text: Option<&str>) -> Option<Self> {
        Parameter::new(text?.trim().parse().ok()?)
    }
}

impl Attribute for Option<Parameter> {
    fn print(&self) -> Option<String> {
        self.as_ref().and_then(Parameter::print)
    }
    fn parse(text: Option<&str>) -> Option<Self> {
        text.map_or(Some(None), |text| Parameter::parse(Some(text)).map(Some))
    }
}

/// `[0.25,0.75]`: from, to.
impl Attribute for Option<[Parameter; 2]> {
    fn print(&self) -> Option<String> {
        self.map(|[from, to]| format!("[{:?},{:?}]", from.get(), to.get()))
    }
    fn parse(text: Option<&str>) -> Option<Self> {
        let Some(text) = text else { return Some(None) };
        let (from, to) = text.strip_prefix('[')?.strip_suffix(']')?.split_once(',')?;
        Some(Some([Parameter::parse(Some(from))?, Parameter::parse(Some(to))?]))
    }
}

/// `[3:48,5:48]`: kernel, then channels.
impl Attribute for Vec<KernelSlice> {
    fn print(&self) -> Option<String> {
        let items: Vec<String> =
            self.iter().map(|slice| format!("{}:{}", slice.kernel, slice.channels)).collect();
        (!items.is_empty()).then(|| format!("[{}]", items.join(",")))
    }
    fn parse(text: Option<&str>) -> Option<Self> {
        let Some(text) = text else { return Some(Vec::new()) };
        let item = |item: &str| {
            let (kernel, channels) = item.trim().split_once(':')?;
            Some(KernelSlice { kernel: kernel.parse().ok()?, channels: channels.parse().ok()? })
        };
        text.strip_prefix('[')?.strip_suffix(']')?.split(',').map(item).collect()
    }
}

impl Attribute for Activation {
    fn print(&self) -> Option<String> {
        Some(self.spelling())
    }
    fn parse(text: Option<&str>) -> Option<Self> {
        Activation::from_spelling(text?)
    }
}

impl Attribute for Option<Activation> {
    fn print(&self) -> Option<String> {
        self.map(Activation::spelling)
    }
    fn parse(text: Option<&str>) -> Option<Self> {
        match text {
            None => Some(None),
            Some(text) => Activation::from_spelling(text).map(Some),
        }
    }
}

impl Attribute for Layout {
    fn print(&self) -> Option<String> {
        Some(self.name().to_owned())
    }
    fn parse(text: Option<&str>) -> Option<Self> {
        Layout::from_name(text?)
    }
}

impl PoolKind {
    fn onnx(self) -> &'static str {
        match self {
            PoolKind::Average => "AveragePool",
            PoolKind::Max => "MaxPool",
        }
    }
}

impl ReduceKind {
    fn onnx(self) -> &'static str {
        match self {
            ReduceKind::Sum => "ReduceSum",
            ReduceKind::Mean => "ReduceMean",
            ReduceKind::Max => "ReduceMax",
            ReduceKind::Min => "ReduceMin",
            ReduceKind::Product => "ReduceProd",
        }
    }
}

/// Attributes that are one of a few words.
macro_rules! words {
    ($($ty:ident { $($variant:ident = $word:literal,)* })*) => { $(
        impl Attribute for $ty {
            fn print(&self) -> Option<String> {
                Some(match self { $($ty::$variant => $word,)* }.to_owned())
            }
            fn parse(text: Option<&str>) -> Option<Self> {
                match text? {
                    $($word => Some($ty::$variant),)*
                    _ => None,
                }
            }
        }
    )* };
}

words! {
    PoolKind { Average = "average", Max = "max", }
    ReduceKind { Sum = "sum", Mean = "mean", Max = "max", Min = "min", Product = "product", }
    DepthOrder { BlockFirst = "block_first", ChannelFirst = "channel_first", }
    Interpolation {
        NearestFloor = "nearest_floor",
        NearestCeil = "nearest_ceil",
        NearestPreferFloor = "nearest_prefer_floor",
        NearestPreferCeil = "nearest_prefer_ceil",
        Linear = "linear",
        Cubic = "cubic",
    }
    Coordinates {
        HalfPixel = "half_pixel",
        HalfPixelOrZero = "half_pixel_or_zero",
        HalfPixelSymmetric = "half_pixel_symmetric",
        HalfPixelWhole = "half_pixel_whole",
        AlignCorners = "align_corners",
        Asymmetric = "asymmetric",
        Region = "region",
    }
}

macro_rules! operators {
    (
        plain { $($(#[$plain_doc:meta])* $plain:ident = $plain_name:literal ($plain_arity:expr) $plain_exported:expr,)* }
        families { $(
            $(#[$family_doc:meta])* $family:ident($member:ident) ($family_arity:expr) |$of:pat_param| $family_exported:expr,
        )* }
        attributed { $(
            $(#[$doc:meta])* $op:ident = $name:literal ($arity:expr)
            |$this:pat_param| $exported:expr, $(multiplies [$($weight:literal),*])?
            { $($(#[$field_doc:meta])* $field:ident: $ty:ty,)* }
        )* }
    ) => {
        /// An operator with its attributes. Operands are listed in each variant's documentation, in order;
        /// all tensors are f32.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Op {
            $($(#[$plain_doc])* $plain,)*
            $($(#[$family_doc])* $family($member),)*
            $($(#[$doc])* $op($op),)*
        }

        $(
            $(#[$doc])*
            #[derive(Clone, Debug, PartialEq)]
            pub struct $op { $($(#[$field_doc])* pub $field: $ty,)* }
        )*

        impl Op {
            /// The names of all operators.
            pub fn names() -> impl Iterator<Item = &'static str> {
                let families: &[&[&'static str]] = &[$($member::NAMES,)*];
                let others: &[&'static str] = &[$($plain_name,)* $($name,)*];
                others.iter().chain(families.iter().copied().flatten()).copied()
            }

            /// The spelling in the text form.
            pub fn name(&self) -> &'static str {
                match self {
                    $(Op::$plain => $plain_name,)*
                    $(Op::$family(member) => member.name(),)*
                    $(Op::$op(_) => $name,)*
                }
            }

            /// How many operands there may be.
            pub fn arity(&self) -> RangeInclusive<usize> {
                match self {
                    $(Op::$plain => $plain_arity,)*
                    $(Op::$family(_) => $family_arity,)*
                    $(Op::$op(_) => $arity,)*
                }
            }

            /// How it is written to an ONNX file, once nothing is fused into it.
            pub fn exported(&self) -> Exported {
                match self {
                    $(Op::$plain => $plain_exported,)*
                    $(Op::$family($of) => $family_exported,)*
                    $(Op::$op($this) => $exported,)*
                }
            }

            /// The operands whose elements are weights, each multiplied once at every place of the result's map and in
            /// every image.
            pub fn weights(&self) -> &'static [usize] {
                match self {
                    $($(Op::$op(_) => &[$($weight),*],)?)*
                    _ => &[],
                }
            }

            /// The attributes as `(name, text)`, defaults left out.
            pub fn attributes(&self) -> Vec<(&'static str, String)> {
                let attributes = match self {
                    $(Op::$plain => Vec::new(),)*
                    $(Op::$family(member) => member.attributes(),)*
                    $(Op::$op(op) => vec![$((stringify!($field), op.$field.print()),)*],)*
                };
                attributes.into_iter().filter_map(|(name, text)| Some((name, text?))).collect()
            }

            /// The operator of that name and those attributes; the error says what does not fit.
            pub fn from_text(name: &str, attributes: &[(String, String)]) -> Result<Op, String> {
                let known: &[&str] = match name {
                    $($plain_name => &[],)*
                    $($name => &[$(stringify!($field),)*],)*
                    $(_ if $member::NAMES.contains(&name) => $member::known(name),)*
                    _ => return Err(format!("there is no operator {name}")),
                };
                if let Some((unknown, _)) = attributes.iter().find(|(key, _)| !known.contains(&key.as_str())) {
                    return Err(format!("{name} has no attribute {unknown}"));
                }
                let text = |key: &str| attributes.iter().find(|(k, _)| k == key).map(|(_, v)| v.clone());
                let wrong = |key: &str| format!("attribute {key} of {name} is missing or wrong");
                match name {
                    $($plain_name => Ok(Op::$plain),)*
                    $($name => Ok(Op::$op($op { $(
                        $field: Attribute::parse(text(stringify!($field)).as_deref())
                            .ok_or_else(|| wrong(stringify!($field)))?,
                    )* })),)*
                    $(_ if $member::NAMES.contains(&name) => $member::parse(name, &text).map(Op::$family).map_err(wrong),)*
                    _ => Err(format!("there is no operator {name}")),
                }
            }
        }
    };
}

operators! {
    plain {
        /// A network input. No operands.
        Input = "input" (0..=0) Exported::Leaf,
        /// A named tensor of the graph's constants. No operands.
        Constant = "constant" (0..=0) Exported::Leaf,
        /// `a`, with `b` added to its first channels: `out[:, :b.channels] += b` (ReXNet, section 4).
        PrefixAdd = "prefix_add" (2..=2) Exported::WrittenOut,
        /// The mean over height and width: `[n, c, h, w]` to `[n, c, 1, 1]` (ONNX GlobalAveragePool).
        GlobalAveragePool = "global_average_pool" (1..=1) Exported::As("GlobalAveragePool"),
    }
    families {
        /// An elementwise function of one operand.
        Unary(Function) (1..=1) |function| function.exported(),
        /// An elementwise operator of `a` and `b`. `b` has the shape of `a`, or `[n or 1, c, 1, 1]`.
        Binary(BinaryKind) (2..=2) |kind| kind.exported(),
        /// The same elements in row-major order under other extents.
        Reshape(Reshape) (1..=1) |reshape| reshape.exported(),
    }
    attributed {
        /// Convolution of `x: [n, c, h, w]` with `weight: [m, c/groups, kh, kw]`, cross-correlation as in ONNX
        /// Conv. Operands: x, weight, then bias `[m]`, gate and shortcut where the flags say so. In order:
        /// `x * gate`, the input activation, the convolution, bias, `activation`, the shortcut added to the first
        /// channels.
        Conv2d = "conv2d" (2..=5) |_| Exported::As("Conv"), multiplies [1] {
            /// Step in y and x.
            stride: [usize; 2],
            /// Zero padding: top, left, bottom, right.
            pad: [usize; 4],
            /// Distance of the taps in y and x.
            dilation: [usize; 2],
            /// Number of channel groups.
            groups: usize,
            /// Of a depthwise convolution whose channels have kernels of several sizes (Tan & Le, "MixConv", 2019):
            /// which, in the order of the channels. The weight has the largest; of the smaller ones the taps around
            /// the middle count, the others are left out; the padding reaches around them. Empty where all taps of all
            /// channels count.
            slices: Vec<KernelSlice>,
            /// Whether a bias operand is there.
            bias: bool,
            /// Whether a gate operand `[n, c, 1, 1]` is there.
            gate: bool,
            /// A function applied to the (gated) input.
            input_activation: Option<Activation>,
            /// A function applied to the result.
            activation: Option<Activation>,
            /// Whether a shortcut operand is there: added last, to the first channels.
            shortcut: bool,
        }
        /// `(x - mean) / sqrt(variance + epsilon) * scale + bias` a channel, in inference form (ONNX
        /// BatchNormalization). Operands: x, scale, bias, mean, variance.
        BatchNorm = "batch_norm" (5..=5) |_| Exported::As("BatchNormalization"), {
            /// Added to the variance.
            epsilon: f64,
        }
        /// The elements `start..end` along `axis` (ONNX Slice with step 1).
        Slice = "slice" (1..=1) |_| Exported::As("Slice"), {
            /// Which axis.
            axis: usize,
            /// The first element.
            start: usize,
            /// One past the last.
            end: usize,
        }
        /// The operands one after the other along `axis` (ONNX Concat).
        Concat = "concat" (1..=64) |_| Exported::As("Concat"), {
            /// Which axis.
            axis: usize,
        }
        /// The axes in another order: axis `i` of the result is axis `order[i]` of the operand (ONNX Transpose).
        Transpose = "transpose" (1..=1) |_| Exported::As("Transpose"), {
            /// Each axis once.
            order: Vec<usize>,
        }
        /// Axes of extent 1, also new ones in front, repeated (ONNX Expand).
        Expand = "expand" (1..=1) |_| Exported::As("Expand"), {
            /// The extents of the result.
            dims: Vec<usize>,
        }
        /// All elements along one axis made one; the axis stays, with extent 1 (ONNX ReduceSum, ReduceMean, ReduceMax,
        /// ReduceMin with keepdims 1).
        Reduce = "reduce" (1..=1) |reduce| Exported::As(reduce.kind.onnx()), {
            /// How.
            kind: ReduceKind,
            /// Which axis.
            axis: usize,
        }
        /// `exp(x - m) / sum(exp(x - m))` along one axis, `m` the largest element there (ONNX Softmax, 13).
        Softmax = "softmax" (1..=1) |_| Exported::As("Softmax"), {
            /// Which axis.
            axis: usize,
        }
        /// Rows or columns of a map interpolated to another number of them (ONNX Resize, 19, one axis of it).
        Resize = "resize" (1..=1) |resize| Exported::As(match resize.coordinates {
            Coordinates::HalfPixelWhole => "Gather",
            _ => "Resize",
        }), {
            /// 2 for height, 3 for width.
            axis: usize,
            /// The extent of the result.
            size: usize,
            /// Where a place of the result lies in the operand.
            coordinates: Coordinates,
            /// What stands between elements.
            interpolation: Interpolation,
            /// Places of the result for one of the operand; `size` by the operand's extent, unless stated otherwise.
            scale: f64,
            /// Of lines and cubics: whether all elements that a smaller map leaves out count, too, as PIL has it.
            antialias: bool,
            /// Whether elements outside the operand do not count, instead of being those at the border.
            exclude_outside: bool,
            /// The coefficient of cubics.
            coefficient: Option<Parameter>,
            /// Where the region begins and ends, as parts of the operand; all of it unless stated otherwise.
            region: Option<[Parameter; 2]>,
        }
        /// `[n, c * bh * bw, h, w]` to `[n, c, h * bh, w * bw]`: channels become blocks of the map (ONNX DepthToSpace).
        DepthToSpace = "depth_to_space" (1..=1) |_| Exported::As("DepthToSpace"), {
            /// Height and width of the blocks.
            block: [usize; 2],
            /// Which channel goes where.
            order: DepthOrder,
        }
        /// A value around the map (ONNX Pad, constant mode).
        Pad = "pad" (1..=1) |_| Exported::As("Pad"), {
            /// Top, left, bottom, right.
            pad: [usize; 4],
            /// What stands there.
            value: f64,
        }
        /// Elements along one axis, in any order and as often as they are listed (ONNX Gather with constant indices).
        Gather = "gather" (1..=1) |_| Exported::As("Gather"), {
            /// The axis.
            axis: usize,
            /// Which elements, in the order of the result.
            indices: Indices,
        }
        /// Zeros, then for each window of a maximum pooling in reading order its value at the first of its largest elements
        /// (ONNX MaxUnpool of the places that MaxPool found). Operands: one value a window `[n, c, oh, ow]`, and the map
        /// `[n, c, h, w]` whose windows they are. The result has the shape of the map; a NaN is larger than nothing.
        MaxUnpool = "max_unpool" (2..=2) |_| Exported::As("MaxUnpool"), {
            /// Window height and width.
            kernel: [usize; 2],
            /// Step in y and x.
            stride: [usize; 2],
            /// Padding: top, left, bottom, right; smaller than the window's reach.
            pad: [usize; 4],
            /// Distance of the taps in y and x.
            dilation: [usize; 2],
        }
        /// A window reduced at each step (ONNX AveragePool with count_include_pad 0, MaxPool).
        Pool2d = "pool2d" (1..=1) |pool| Exported::As(pool.kind.onnx()), {
            /// How.
            kind: PoolKind,
            /// Window height and width.
            kernel: [usize; 2],
            /// Step in y and x.
            stride: [usize; 2],
            /// Padding: top, left, bottom, right; smaller than the window's reach.
            pad: [usize; 4],
            /// Distance of the taps in y and x.
            dilation: [usize; 2],
        }
        /// `x: [n, k]` times the transpose of `weight: [m, k]` (or `[m, k, 1, 1]`), plus bias `[m]`, then the activation (ONNX Gemm,
        /// transB = 1). Operands: x, weight, bias where the flag says so.
        Dense = "dense" (2..=3) |_| Exported::As("Gemm"), multiplies [1] {
            /// Whether a bias operand is there.
            bias: bool,
            /// A function applied to the result.
            activation: Option<Activation>,
        }
        /// The gate of a squeeze-excite block (Hu et al., 2018): the mean over the map, a reducing layer, a
        /// function, an expanding layer, the function that makes gates. Operands: x `[n, c, h, w]`, reducing weight `[r, c]` or
        /// `[r, c, 1, 1]` and bias `[r]`, expanding weight `[c, r]` or `[c, r, 1, 1]` and bias `[c]`. The result is `[n, c, 1, 1]`.
        SqueezeExcite = "squeeze_excite" (5..=5) |_| Exported::WrittenOut, multiplies [1, 3] {
            /// The function between the two layers.
            activation: Activation,
            /// The function after them: a sigmoid, or in MobileNetV3 the hard one.
            gate: Activation,
        }
        /// The same tensor in another layout.
        Relayout = "relayout" (1..=1) |_| Exported::WrittenOut, {
            /// The layout of the result.
            layout: Layout,
        }
    }
}

impl From<Activation> for Op {
    fn from(function: Activation) -> Self {
        Op::Unary(Function::Activate(function))
    }
}

impl From<BinaryKind> for Op {
    fn from(kind: BinaryKind) -> Self {
        Op::Binary(kind)
    }
}

/// Which channels a filter of a convolution sums over, and at how many places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConvolutionKind {
    /// A 1×1 kernel at every pixel, over all channels of its group.
    Pointwise,
    /// A filter for each channel, over that channel alone.
    Depthwise,
    /// Any kernel, over the channels of one of several groups.
    Grouped,
    /// Any kernel, over all channels.
    Spatial,
}

impl Conv2d {
    /// The kind of this convolution of `x` with `weight`, as its operands' types have it.
    pub fn kind(&self, x: &TensorType, weight: &TensorType) -> ConvolutionKind {
        let each_alone = self.each_channel_alone(x.channels(), &weight.dims);
        let whole_pixels = self.stride == [1, 1] && self.pad == [0; 4] && weight.dims[2..] == [1, 1];
        if whole_pixels && (self.groups == 1 || !each_alone) {
            ConvolutionKind::Pointwise
        } else if each_alone {
            ConvolutionKind::Depthwise
        } else if self.groups > 1 {
            ConvolutionKind::Grouped
        } else {
            ConvolutionKind::Spatial
        }
    }

    /// Whether each of so many channels has a filter of its own and gives one channel: what makes a convolution depthwise.
    pub fn each_channel_alone(&self, channels: usize, weight: &[usize]) -> bool {
        self.groups == channels && weight[..2] == [channels, 1]
    }

    /// Whether a tap at `position` of the `extent` taps of the kernel's side counts for an output channel.
    pub fn covers(&self, channel: usize, extent: usize, position: usize) -> bool {
        let mut end = 0;
        let slice = self.slices.iter().find(|slice| {
            end += slice.channels;
            channel < end
        });
        slice.is_none_or(|slice| {
            let before = (extent - slice.kernel) / 2;
            (before..before + slice.kernel).contains(&position)
        })
    }

    /// A convolution of stride and dilation 1 without padding, groups, bias or anything fused.
    pub fn pointwise() -> Self {
        Self {
            stride: [1, 1],
            pad: [0; 4],
            dilation: [1, 1],
            groups: 1,
            slices: Vec::new(),
            bias: false,
            gate: false,
            input_activation: None,
            activation: None,
            shortcut: false,
        }
    }
}
