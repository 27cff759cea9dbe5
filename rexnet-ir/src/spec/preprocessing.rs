//! How a photograph becomes the input of a network: a description only, without pixels.

/// Which part of the photograph the network sees, and at what size.
#[derive(Debug, Clone, PartialEq)]
pub enum Geometry {
    /// Resize the whole image so that its short side has this many pixels, then cut the network's input from
    /// the centre (timm, torchvision).
    ResizeThenCrop {
        /// Pixels of the short side after resizing; at least 1.
        short_side: u32,
    },
    /// Cut a square from the centre, then resize it to the network's input (TensorFlow's models).
    CropThenResize {
        /// Side of the square as a part of the image's short side; above 0, at most 1.
        fraction: f64,
    },
}

/// The filter of a resize. Both are antialiased: when shrinking, their support grows with the scale (Pillow).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interpolation {
    /// The triangle filter, support 1.
    Bilinear,
    /// The cubic filter with a = -0.5, support 2.
    Bicubic,
}

/// The whole way from an 8-bit RGB image to the network's input.
///
/// A channel's byte `x` becomes `((x / scale) - mean) / std`, each operation rounded to f32, in that order.
/// `scale`, `mean` and `std` are therefore in different units: a network trained on `x / 255` has its `mean`
/// in 0..=1, one trained on `x - 127` has `scale` 1 and its `mean` in 0..=255.
#[derive(Debug, Clone, PartialEq)]
pub struct Preprocessing {
    /// Which part of the image, and in what order it is cut and resized.
    pub geometry: Geometry,
    /// The filter of the resize.
    pub interpolation: Interpolation,
    /// What a byte (0..=255) is divided by first.
    pub scale: f32,
    /// What is subtracted next, per channel in the order red, green, blue.
    pub mean: [f32; 3],
    /// What the difference is divided by, per channel in the order red, green, blue.
    pub std: [f32; 3],
}
