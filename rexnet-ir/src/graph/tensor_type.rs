//! The types of tensors.

use std::fmt;

/// The largest number of elements of one tensor: every byte offset stays below 2^31.
pub const MAX_ELEMENTS: usize = 1 << 29;

/// How many lanes the channels of an [`Layout::Nhwc8`] tensor are padded to.
pub const CHANNEL_PADDING: usize = 8;

/// How the elements of a tensor lie in memory. Dimensions are always named in NCHW order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Layout {
    /// Row-major in the order of the dimensions, unpadded: what users, `.npy` and ONNX see.
    Nchw,
    /// Channels innermost, padded to a multiple of 8; the padding holds zeros. Tensors of rank 2 are
    /// `[n, c]` with `c` padded likewise.
    Nhwc8,
}

impl Layout {
    /// The spelling in the text form.
    pub fn name(self) -> &'static str {
        match self {
            Layout::Nchw => "nchw",
            Layout::Nhwc8 => "nhwc8",
        }
    }

    /// The layout of that spelling.
    pub fn from_name(name: &str) -> Option<Self> {
        [Layout::Nchw, Layout::Nhwc8].into_iter().find(|layout| layout.name() == name)
    }
}

/// Dimensions (NCHW order) and layout of an f32 tensor.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TensorType {
    /// The extents; rank 1 to 4, none of them zero.
    pub dims: Vec<usize>,
    /// The order in memory.
    pub layout: Layout,
}

impl TensorType {
    /// A tensor in the users' layout.
    pub fn nchw(dims: impl Into<Vec<usize>>) -> Self {
        Self { dims: dims.into(), layout: Layout::Nchw }
    }

    /// The number of logical elements, without padding.
    pub fn elements(&self) -> usize {
        self.dims.iter().product()
    }

    /// The number of elements in memory, padding included.
    pub fn stored_elements(&self) -> usize {
        match self.layout {
            Layout::Nchw => self.elements(),
            Layout::Nhwc8 => self.elements() / self.channels() * self.padded_channels(),
        }
    }

    /// The extent of axis `axis`, or 1 past the last: a `[n, c]` tensor is `[n, c, 1, 1]`.
    pub fn dim(&self, axis: usize) -> usize {
        self.dims.get(axis).copied().unwrap_or(1)
    }

    /// The batch extent.
    pub fn batch(&self) -> usize {
        self.dim(0)
    }

    /// The channel extent.
    pub fn channels(&self) -> usize {
        self.dim(1)
    }

    /// The channel extent rounded up to [`CHANNEL_PADDING`].
    pub fn padded_channels(&self) -> usize {
        self.channels().next_multiple_of(CHANNEL_PADDING)
    }

    /// The height in pixels.
    pub fn height(&self) -> usize {
        self.dim(2)
    }

    /// The width in pixels.
    pub fn width(&self) -> usize {
        self.dim(3)
    }

    /// Whether both layouts store exactly the same elements in the same order.
    pub fn layouts_coincide(&self) -> bool {
        self.height() * self.width() == 1 && self.channels() == self.padded_channels()
    }
}

impl fmt::Display for TensorType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dims: Vec<String> = self.dims.iter().map(usize::to_string).collect();
        write!(f, "f32[{}] {}", dims.join(","), self.layout.name())
    }
}
