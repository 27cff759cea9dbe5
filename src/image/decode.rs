//! JPEG and PNG to RGB bytes, as Pillow's `Image.open(...).convert("RGB")` gives them.

use super::error::ImageError;
use super::pixels::{MAX_BYTES, MAX_SIDE, Rgb8Image};
use png::{BitDepth, ColorType, DecodingError, Transformations};
use std::fs::File;
use std::io::{Cursor, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

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
    match bytes {
        [] => Err(ImageError::undecodable("no bytes")),
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => decode_png(bytes),
        // The decoder fills what is missing with grey.
        [0xff, 0xd8, 0xff, ..] if !jpeg_is_whole(bytes) => {
            Err(ImageError::undecodable("the JPEG ends early"))
        }
        [0xff, 0xd8, 0xff, ..] => decode_jpeg(bytes),
        _ => Err(ImageError::undecodable("another format")),
    }
}

fn too_large() -> ImageError {
    let cause = format_args!("larger than {MAX_SIDE} × {MAX_SIDE} pixels or {} MiB decoded", MAX_BYTES >> 20);
    ImageError::size(cause, "use a smaller image")
}

/// Refuses an image of too many bytes before there is memory for it.
fn check_size(width: usize, height: usize, bytes: Option<usize>) -> Result<(), ImageError> {
    let fits = width <= MAX_SIDE && height <= MAX_SIDE && bytes.is_some_and(|bytes| bytes <= MAX_BYTES);
    if fits { Ok(()) } else { Err(too_large()) }
}

fn decode_png(bytes: &[u8]) -> Result<Rgb8Image, ImageError> {
    let fault = |error| match error {
        DecodingError::LimitsExceeded => too_large(),
        error => ImageError::undecodable(error),
    };
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(bytes), png::Limits { bytes: MAX_BYTES });
    // Palettes and fewer than 8 bits become bytes.
    decoder.set_transformations(Transformations::EXPAND);
    let header = decoder.read_header_info().map_err(fault)?;
    check_size(header.width as usize, header.height as usize, Some(0))?;
    let mut reader = decoder.read_info().map_err(fault)?;
    let (width, height) = (reader.info().width as usize, reader.info().height as usize);
    let size = reader.output_buffer_size();
    check_size(width, height, size)?;
    let mut content = vec![0; size.unwrap_or(0)];
    reader.next_frame(&mut content).map_err(fault)?;
    let (colours, depth) = reader.output_color_type();
    let rgb = match (colours, depth) {
        (ColorType::Grayscale, BitDepth::Sixteen) => {
            let clipped = |&[high, low]: &[u8; 2]| if high == 0 { low } else { 255 };
            grey(content.as_chunks().0.iter().map(clipped))
        }
        (ColorType::GrayscaleAlpha, BitDepth::Sixteen) => grey(content.chunks_exact(4).map(|pixel| pixel[0])),
        (ColorType::Rgb, BitDepth::Sixteen) => content.chunks_exact(2).map(|value| value[0]).collect(),
        (ColorType::Rgba, BitDepth::Sixteen) => {
            content.chunks_exact(8).flat_map(|pixel| [pixel[0], pixel[2], pixel[4]]).collect()
        }
        (ColorType::Grayscale, BitDepth::Eight) => grey(content.iter().copied()),
        (ColorType::GrayscaleAlpha, BitDepth::Eight) => grey(content.chunks_exact(2).map(|pixel| pixel[0])),
        (ColorType::Rgb, BitDepth::Eight) => content,
        (ColorType::Rgba, BitDepth::Eight) => {
            content.chunks_exact(4).flat_map(|pixel| &pixel[..3]).copied().collect()
        }
        (colours, depth) => {
            return Err(ImageError::undecodable(format_args!("{colours:?} of {depth:?} bits")));
        }
    };
    Rgb8Image::new(width, height, rgb)
}

fn decode_jpeg(bytes: &[u8]) -> Result<Rgb8Image, ImageError> {
    let options = DecoderOptions::default().set_strict_mode(false);
    let options = options.set_max_width(usize::MAX).set_max_height(usize::MAX);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(ImageError::undecodable)?;
    let Some((width, height)) = decoder.dimensions() else {
        return Err(ImageError::undecodable("it has no size"));
    };
    check_size(width, height, width.checked_mul(height).and_then(|pixels| pixels.checked_mul(3)))?;
    let is_grey = decoder.input_colorspace() == Some(ColorSpace::Luma);
    let colours = if is_grey { ColorSpace::Luma } else { ColorSpace::RGB };
    decoder.set_options(options.jpeg_set_out_colorspace(colours));
    if !brightness_is_finest(bytes) {
        return Err(ImageError::undecodable("a colour is sampled finer than the brightness"));
    }
    // What the decoder holds to be impossible ends this photograph, not the program.
    let decode = AssertUnwindSafe(|| decoder.decode());
    let decoded = catch_unwind(decode).map_err(|_| ImageError::undecodable("the decoder failed"))?;
    let content = decoded.map_err(ImageError::undecodable)?;
    Rgb8Image::new(width, height, if is_grey { grey(content.into_iter()) } else { content })
}

fn grey(values: impl Iterator<Item = u8>) -> Vec<u8> {
    values.flat_map(|value| [value; 3]).collect()
}

/// Whether no colour is sampled finer than the brightness, which stands first. The decoder is not made for others.
fn brightness_is_finest(bytes: &[u8]) -> bool {
    // All that begin a frame: without tables of Huffman and arithmetic codes, and what is reserved.
    let begins_frame = |marker: u8| (0xc0..=0xcf).contains(&marker) && !matches!(marker, 0xc4 | 0xc8 | 0xcc);
    for frame in segments(bytes).filter(|&(marker, _)| begins_frame(marker)).map(|(_, content)| content) {
        // Precision, two extents and the number of components; then an identity, the sampling and a table for each.
        let [_, _, _, _, _, _, components @ ..] = frame else { return false };
        let samplings = components.as_chunks::<3>().0.iter().map(|&[_, sampling, _]| sampling);
        let finest = |shift: u8| samplings.clone().map(|sampling| sampling >> shift & 15).max();
        let first = |shift: u8| samplings.clone().next().map(|sampling| sampling >> shift & 15);
        if [0, 4].into_iter().any(|shift| first(shift) != finest(shift)) {
            return false;
        }
    }
    true
}

/// Whether the file reaches its end-of-image marker, walking its segments so that an embedded thumbnail does
/// not count.
fn jpeg_is_whole(bytes: &[u8]) -> bool {
    segments(bytes).any(|(marker, _)| marker == END_OF_IMAGE)
}

const END_OF_IMAGE: u8 = 0xd9;

/// The markers of a file that it gets to, with what their segments hold; a scan's data are stepped over.
fn segments(bytes: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    const START_OF_SCAN: u8 = 0xda;
    // Stuffed zeros and restarts belong to a scan; all three kinds stand alone, without a length.
    let stands_alone = |marker: u8| matches!(marker, 0x00 | 0x01 | 0xd0..=0xd8);
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let start = rest.windows(2).position(|pair| pair[0] == 0xff && pair[1] != 0xff)?;
        let marker = rest[start + 1];
        rest = &rest[start + 2..];
        if stands_alone(marker) || matches!(marker, START_OF_SCAN | END_OF_IMAGE) {
            return Some((marker, &[][..]));
        }
        let length = usize::from(u16::from_be_bytes(*rest.first_chunk()?));
        let after = rest.get(length..)?;
        let content = rest.get(2..length).unwrap_or_default();
        rest = after;
        Some((marker, content))
    })
}
