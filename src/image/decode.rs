//! JPEG and PNG to RGB bytes, as Pillow's `Image.open(...).convert("RGB")` gives them.

use super::error::ImageError;
use super::pixels::{MAX_BYTES, MAX_SIDE, Rgb8Image};
use ::image::{DynamicImage, ImageFormat, ImageReader, Limits};
use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;

/// Reads and decodes the JPEG or PNG file at `path`; see [`decode`].
///
/// # Errors
/// [`ImageError::Unreadable`] (RX0701) if the file cannot be read, and those of [`decode`], with the path.
pub fn read(path: impl AsRef<Path>) -> Result<Rgb8Image, ImageError> {
    let path = path.as_ref();
    let mut bytes = Vec::new();
    // One byte more than allowed tells a file that is too long from one that just fits.
    let limit = MAX_BYTES as u64 + 1;
    File::open(path)
        .and_then(|file| file.take(limit).read_to_end(&mut bytes))
        .map_err(|cause| ImageError::Unreadable { path: path.to_path_buf(), cause })?;
    if bytes.len() > MAX_BYTES {
        let cause = format_args!("the file is longer than {} MiB", MAX_BYTES >> 20);
        return Err(ImageError::size(cause, "use a smaller image").in_file(path));
    }
    decode(&bytes).map_err(|error| error.in_file(path))
}

/// Decodes a JPEG or PNG; which of them, its first bytes tell.
///
/// Grey is repeated in the three channels and a palette is looked up. Alpha is dropped, not blended. Of 16
/// bits the upper 8 are kept, except in a grey PNG without alpha, where Pillow replaces values above 255 by
/// 255. EXIF orientation and colour profiles are not applied: timm and torchvision do not either.
///
/// # Errors
/// [`ImageError::Undecodable`] (RX0702) if the bytes are of another format, broken or truncated;
/// [`ImageError::Size`] (RX0703) if a side is above [`MAX_SIDE`] or the pixels take more than 512 MiB.
pub fn decode(bytes: &[u8]) -> Result<Rgb8Image, ImageError> {
    let format = match ::image::guess_format(bytes) {
        Ok(format @ (ImageFormat::Jpeg | ImageFormat::Png)) => format,
        _ if bytes.is_empty() => return Err(ImageError::undecodable("no bytes")),
        _ => return Err(ImageError::undecodable("another format")),
    };
    // The decoder fills what is missing with grey.
    if format == ImageFormat::Jpeg && !jpeg_is_whole(bytes) {
        return Err(ImageError::undecodable("the JPEG ends early"));
    }
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::no_limits();
    limits.max_image_width = Some(MAX_SIDE as u32);
    limits.max_image_height = Some(MAX_SIDE as u32);
    limits.max_alloc = Some(MAX_BYTES as u64);
    reader.limits(limits);
    let image = reader.decode().map_err(|error| match error {
        ::image::ImageError::Limits(_) => ImageError::size(
            format_args!("larger than {MAX_SIDE} × {MAX_SIDE} pixels or {} MiB decoded", MAX_BYTES >> 20),
            "use a smaller image",
        ),
        error => ImageError::undecodable(error),
    })?;
    let (width, height) = (image.width() as usize, image.height() as usize);
    Rgb8Image::new(width, height, rgb(image))
}

/// HWC bytes of any decoded image.
fn rgb(image: DynamicImage) -> Vec<u8> {
    match image {
        DynamicImage::ImageRgb8(image) => image.into_raw(),
        DynamicImage::ImageLuma8(image) => grey(image.as_raw().iter().copied()),
        DynamicImage::ImageLumaA8(image) => grey(image.as_raw().chunks_exact(2).map(|pixel| pixel[0])),
        DynamicImage::ImageLuma16(image) => grey(image.as_raw().iter().map(|&value| value.min(255) as u8)),
        DynamicImage::ImageLumaA16(image) => {
            grey(image.as_raw().chunks_exact(2).map(|pixel| upper(pixel[0])))
        }
        DynamicImage::ImageRgb16(image) => image.as_raw().iter().copied().map(upper).collect(),
        DynamicImage::ImageRgba8(image) => {
            image.as_raw().chunks_exact(4).flat_map(|pixel| &pixel[..3]).copied().collect()
        }
        DynamicImage::ImageRgba16(image) => {
            image.as_raw().chunks_exact(4).flat_map(|pixel| &pixel[..3]).copied().map(upper).collect()
        }
        // Float images come from other formats only.
        other => other.into_rgb8().into_raw(),
    }
}

fn grey(values: impl Iterator<Item = u8>) -> Vec<u8> {
    values.flat_map(|value| [value; 3]).collect()
}

fn upper(value: u16) -> u8 {
    (value >> 8) as u8
}

/// Whether the file reaches its end-of-image marker, walking its segments so that an embedded thumbnail does
/// not count.
fn jpeg_is_whole(bytes: &[u8]) -> bool {
    const END_OF_IMAGE: u8 = 0xd9;
    const START_OF_SCAN: u8 = 0xda;
    // Stuffed zeros and restarts belong to a scan; all three kinds stand alone, without a length.
    let stands_alone = |marker: u8| matches!(marker, 0x00 | 0x01 | 0xd0..=0xd8);
    let mut rest = bytes;
    loop {
        let Some(start) = rest.windows(2).position(|pair| pair[0] == 0xff && pair[1] != 0xff) else {
            return false;
        };
        let marker = rest[start + 1];
        rest = &rest[start + 2..];
        if marker == END_OF_IMAGE {
            return true;
        }
        if stands_alone(marker) || marker == START_OF_SCAN {
            continue;
        }
        let Some(&[high, low]) = rest.first_chunk() else { return false };
        let Some(after) = rest.get(usize::from(u16::from_be_bytes([high, low]))..) else { return false };
        rest = after;
    }
}
