//! From a photograph to the input of a network, bit for bit as Pillow, torchvision and timm make it.
//!
//! Three steps, apart so that a caller can time or skip each: [`read`] or [`decode`] a JPEG or PNG, bring it
//! to the network's size in 8 bits ([`prepare_pixels`]), and [`normalise`] it to f32. [`prepare`] is the last
//! two in one.
//!
//! From the same RGB bytes, sizes, pixels and f32 values are those of Pillow 13 on x86-64. Earlier versions
//! of Pillow differ by rounding where an image loses more than twice as many rows as columns, such as a
//! portrait higher than two widths. PNG files decode to the same bytes; a JPEG decoder has freedom in its
//! inverse DCT and chroma upsampling, and pixels may differ from libjpeg's by a few units.

mod decode;
mod error;
mod geometry;
mod normalise;
mod pixels;
mod resample;

pub use decode::{decode, read};
pub use error::ImageError;
pub use normalise::{normalise, table};
pub use pixels::{MAX_SIDE, Rgb8Image};

use geometry::Plan;
use pixels::View;
use rexnet_ir::spec::preprocessing::{Interpolation, Preprocessing};

/// Cuts, resizes and normalises `image` to a network's input of `height` × `width` pixels.
///
/// Returns `3 * height * width` values in NCHW order (N = 1): all red, then all green, then all blue, rows
/// from the top.
///
/// # Errors
/// Those of [`prepare_pixels`].
pub fn prepare(
    image: &Rgb8Image,
    preprocessing: &Preprocessing,
    height: usize,
    width: usize,
) -> Result<Vec<f32>, ImageError> {
    Ok(normalise(&prepare_pixels(image, preprocessing, height, width)?, preprocessing))
}

/// Cuts and resizes `image` to `height` × `width` pixels; the values stay bytes.
///
/// Where the resized image is smaller than the network's input, black is added around it, as torchvision
/// does.
///
/// # Errors
/// [`ImageError::Size`] (RX0703) if `height` or `width` is 0 or above [`MAX_SIDE`], or if the geometry leaves
/// no pixel of the image or asks for more than it has.
pub fn prepare_pixels(
    image: &Rgb8Image,
    preprocessing: &Preprocessing,
    height: usize,
    width: usize,
) -> Result<Rgb8Image, ImageError> {
    let mut out = Rgb8Image::black(width, height)?;
    let plan = Plan::new(image.width(), image.height(), &preprocessing.geometry, height, width)?;
    let source = View::of(image).cut(plan.source);
    let part = resample::resample(source, plan.target, plan.window, preprocessing.interpolation);
    out.paste(&part, plan.window.width, plan.left, plan.top);
    Ok(out)
}

/// Resizes the whole `image` to `height` × `width` pixels, whatever its proportions (Pillow's
/// `Image.resize`).
///
/// # Errors
/// [`ImageError::Size`] (RX0703) if `height` or `width` is 0 or above [`MAX_SIDE`].
pub fn resize(
    image: &Rgb8Image,
    interpolation: Interpolation,
    height: usize,
    width: usize,
) -> Result<Rgb8Image, ImageError> {
    let mut out = Rgb8Image::black(width, height)?;
    let whole = geometry::Region { left: 0, top: 0, width, height };
    let target = (width as u64, height as u64);
    out.paste(&resample::resample(View::of(image), target, whole, interpolation), width, 0, 0);
    Ok(out)
}
