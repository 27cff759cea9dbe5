//! 8-bit RGB pixels: owned, and as a rectangle of someone else's.

use super::error::ImageError;
use super::geometry::Region;

/// The longest side, in pixels, of any image here.
pub const MAX_SIDE: usize = 16384;
/// The most bytes of one decoded image, or of one network input in f32.
pub(super) const MAX_BYTES: usize = 512 << 20;

/// An 8-bit RGB image: rows from the top, in each row red, green, blue per pixel (HWC), without gaps.
///
/// Always 1 to [`MAX_SIDE`] pixels wide and high.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rgb8Image {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

impl Rgb8Image {
    /// An image from its `height * width * 3` bytes in HWC order.
    ///
    /// # Errors
    /// [`ImageError::Size`] (RX0703) if a side is 0 or above [`MAX_SIDE`], or `pixels` has another length.
    pub fn new(width: usize, height: usize, pixels: Vec<u8>) -> Result<Self, ImageError> {
        check_sides(width, height)?;
        if pixels.len() != width * height * 3 {
            return Err(ImageError::size(
                format_args!("{} bytes given for {width} × {height} RGB pixels", pixels.len()),
                format_args!("give {} bytes", width * height * 3),
            ));
        }
        Ok(Self { width, height, pixels })
    }

    /// Pixels in a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// The bytes, HWC.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// The bytes, HWC, without copying.
    pub fn into_pixels(self) -> Vec<u8> {
        self.pixels
    }

    /// A network's input before anything is in it.
    pub(super) fn black(width: usize, height: usize) -> Result<Self, ImageError> {
        check_sides(width, height)?;
        if width * height > MAX_BYTES / (3 * size_of::<f32>()) {
            return Err(ImageError::size(
                format_args!("an input of {width} × {height} pixels takes more than {} MiB", MAX_BYTES >> 20),
                "use a smaller network input",
            ));
        }
        Ok(Self { width, height, pixels: vec![0; width * height * 3] })
    }

    /// Copies `part`, whose rows have `part_width` pixels, to `(left, top)`; it must lie inside the image.
    pub(super) fn paste(&mut self, part: &[u8], part_width: usize, left: usize, top: usize) {
        let rows = self.pixels.chunks_exact_mut(self.width * 3).skip(top);
        for (row, from) in rows.zip(part.chunks_exact(part_width * 3)) {
            row[left * 3..][..part_width * 3].copy_from_slice(from);
        }
    }
}

fn check_sides(width: usize, height: usize) -> Result<(), ImageError> {
    let sides = 1..=MAX_SIDE;
    if sides.contains(&width) && sides.contains(&height) {
        return Ok(());
    }
    Err(ImageError::size(
        format_args!("{width} × {height} pixels"),
        format_args!("each side must have 1 to {MAX_SIDE} pixels"),
    ))
}

/// A rectangle of an RGB image, without copying it.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) width: usize,
    pub(super) height: usize,
    /// Bytes from one row to the next in `bytes`.
    stride: usize,
    bytes: &'a [u8],
}

impl<'a> View<'a> {
    pub(super) fn of(image: &'a Rgb8Image) -> Self {
        Self::packed(&image.pixels, image.width, image.height)
    }

    /// `height * width` pixels without gaps; `bytes` has three of each.
    pub(super) fn packed(bytes: &'a [u8], width: usize, height: usize) -> Self {
        Self { width, height, stride: width * 3, bytes }
    }

    /// The rectangle `region` of this one; it must lie inside and have at least one pixel.
    pub(super) fn cut(self, region: Region) -> Self {
        let first = region.top * self.stride + region.left * 3;
        Self { width: region.width, height: region.height, stride: self.stride, bytes: &self.bytes[first..] }
    }

    /// The `3 * width` bytes of row `y`.
    pub(super) fn row(&self, y: usize) -> &'a [u8] {
        &self.bytes[y * self.stride..][..self.width * 3]
    }
}
