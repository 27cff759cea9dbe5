//! Bytes to f32, by a table of the 256 values each channel can take.

use super::pixels::Rgb8Image;
use rexnet_ir::spec::preprocessing::Preprocessing;

/// The f32 value of every byte, per channel in the order red, green, blue: `((x / scale) - mean) / std`, each
/// operation rounded to f32, as NumPy and PyTorch round them.
pub fn table(preprocessing: &Preprocessing) -> [[f32; 256]; 3] {
    let Preprocessing { scale, mean, std, .. } = preprocessing;
    std::array::from_fn(|c| std::array::from_fn(|x| ((x as f32 / scale) - mean[c]) / std[c]))
}

/// Converts `image` to `3 * height * width` f32 values in NCHW order (N = 1), by [`table`].
pub fn normalise(image: &Rgb8Image, preprocessing: &Preprocessing) -> Vec<f32> {
    let table = table(preprocessing);
    let mut out = Vec::with_capacity(image.pixels().len());
    for (c, values) in table.iter().enumerate() {
        out.extend(image.pixels().chunks_exact(3).map(|pixel| values[usize::from(pixel[c])]));
    }
    out
}
