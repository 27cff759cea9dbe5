//! Photographs as the network takes them.

use rexnet::image::{self, ImageError, Rgb8Image};
use rexnet::{Code, Diagnostic, Location, Preprocessing};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

/// A photograph ready for the network.
pub(crate) struct Photograph {
    /// The file.
    pub(crate) name: String,
    /// NCHW, as the network takes it.
    pub(crate) input: Vec<f32>,
    /// Reading and decoding.
    pub(crate) decode: Duration,
    /// Cutting, resizing, normalising.
    pub(crate) prepare: Duration,
}

/// Reads and prepares a photograph for an input of those extents, `[images, channels, height, width]`.
///
/// # Errors
/// `RX0701` to `RX0703` for the file.
pub(crate) fn read(
    dims: &[usize],
    preprocessing: &Preprocessing,
    path: &Path,
) -> Result<Photograph, Diagnostic> {
    let fault = |error| fault(error, path);
    let start = Instant::now();
    let picture = image::read(path).map_err(fault)?;
    let decode = start.elapsed();
    let start = Instant::now();
    let input = match *dims {
        [_, _, height, width] => image::prepare(&picture, preprocessing, height, width).map_err(fault)?,
        _ => Vec::new(),
    };
    Ok(Photograph { name: path.display().to_string(), input, decode, prepare: start.elapsed() })
}

/// Reads a photograph, and prepares it whole and in `per_side` by `per_side` parts that overlap, each half as high and wide,
/// for an input of those extents, `[images, channels, height, width]`.
///
/// # Errors
/// As [`read`].
pub(crate) fn read_with_parts(
    dims: &[usize],
    preprocessing: &Preprocessing,
    path: &Path,
    per_side: usize,
) -> Result<Vec<Vec<f32>>, Diagnostic> {
    let fault = |error| fault(error, path);
    let [_, _, height, width] = *dims else { return Ok(Vec::new()) };
    let picture = image::read(path).map_err(fault)?;
    let mut inputs = vec![image::prepare(&picture, preprocessing, height, width).map_err(fault)?];
    let part_height = picture.height().div_ceil(2);
    let part_width = picture.width().div_ceil(2);
    for place in 0..per_side * per_side {
        // A single part is the one in the middle.
        let offset = |room: usize, place: usize| match per_side {
            1 => room / 2,
            _ => room * place / (per_side - 1),
        };
        let top = offset(picture.height() - part_height, place / per_side);
        let left = offset(picture.width() - part_width, place % per_side);
        let rows = picture.pixels().chunks_exact(3 * picture.width()).skip(top).take(part_height);
        let pixels = rows.flat_map(|row| &row[3 * left..3 * (left + part_width)]).copied().collect();
        let part = Rgb8Image::new(part_width, part_height, pixels).map_err(fault)?;
        inputs.push(image::prepare(&part, preprocessing, height, width).map_err(fault)?);
    }
    Ok(inputs)
}

/// Whether a file begins as JPEG or PNG files do.
pub(crate) fn is_photograph(content: &[u8]) -> bool {
    content.starts_with(b"\xff\xd8\xff") || content.starts_with(b"\x89PNG")
}

/// What is wrong with a file, by the library's own code.
pub(crate) fn fault(error: ImageError, path: &Path) -> Diagnostic {
    let code = Code::ALL.iter().copied().find(|code| code.code() == error.code());
    let (cause, help) = match &error {
        ImageError::Unreadable { cause, .. } if cause.kind() == io::ErrorKind::NotFound => {
            ("no such file".to_owned(), "check the path".to_owned())
        }
        ImageError::Unreadable { cause, .. } => {
            (format!("cannot be read: {cause}"), "check the path and its permissions".to_owned())
        }
        ImageError::Undecodable { cause, .. } => {
            (format!("not a readable JPEG or PNG: {cause}"), "save it again as a JPEG or PNG file".to_owned())
        }
        ImageError::Size { cause, help, .. } => (cause.clone(), help.clone()),
        other => (other.to_string(), String::new()),
    };
    let location = Location::File(path.display().to_string());
    Diagnostic::new(code.unwrap_or(Code::ImageBroken), location, cause).with_help(help)
}
