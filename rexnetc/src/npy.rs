//! NumPy's array files (format 1.0 to 3.0): f32, little-endian, C order.

use crate::file;
use rexnet::{Code, Diagnostic, Location};
use std::path::Path;

/// The longest file of arrays that is read.
pub(crate) const MAX_BYTES: usize = 2 << 30;
const MAGIC: &[u8] = b"\x93NUMPY";
/// Where the elements begin is a multiple of this.
const ALIGNMENT: usize = 64;

/// An array in row-major order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Array {
    /// The extents.
    pub(crate) dims: Vec<usize>,
    /// The elements.
    pub(crate) data: Vec<f32>,
}

/// How to save an array that can be read.
pub(crate) const SAVE: &str = "save it with numpy.save(path, array.astype('<f4', order='C'))";

/// Writes an array beside the file and renames.
///
/// # Errors
/// `RX0701` when the file cannot be written.
pub(crate) fn write(path: &Path, dims: &[usize], data: &[f32]) -> Result<(), Diagnostic> {
    file::write(path, &print(dims, data))
}

/// `RX0704` for a file.
pub(crate) fn broken(path: &Path, cause: impl Into<String>) -> Diagnostic {
    Diagnostic::new(Code::ArrayBroken, Location::File(path.display().to_string()), cause)
}

pub(crate) fn print(dims: &[usize], data: &[f32]) -> Vec<u8> {
    let shape: String = dims.iter().map(|dim| format!("{dim}, ")).collect();
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}), }}", shape.trim_end());
    let before = MAGIC.len() + 4;
    let padded = (before + header.len() + 1).next_multiple_of(ALIGNMENT) - before;
    header.extend(std::iter::repeat_n(' ', padded - 1 - header.len()));
    header.push('\n');
    let mut bytes = MAGIC.to_vec();
    bytes.extend([1, 0]);
    // Tensors have few axes: the header is short.
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(data.iter().flat_map(|value| value.to_le_bytes()));
    bytes
}

/// The array that the content of a file is.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn parse(bytes: &[u8]) -> Result<Array, String> {
    let rest = bytes.strip_prefix(MAGIC).ok_or("it does not begin as .npy files do")?;
    let (version, rest) = rest.split_first_chunk::<2>().ok_or("it ends early")?;
    let (length, rest) = match version[0] {
        1 => rest.split_first_chunk().map(|(length, rest)| (u32::from(u16::from_le_bytes(*length)), rest)),
        2 | 3 => rest.split_first_chunk().map(|(length, rest)| (u32::from_le_bytes(*length), rest)),
        other => return Err(format!("its format is version {other}; 1 to 3 are known")),
    }
    .ok_or("it ends early")?;
    let (header, content) = rest.split_at_checked(length as usize).ok_or("it ends within its header")?;
    let header = std::str::from_utf8(header).map_err(|_| "its header is no text")?;
    let element = value(header, "descr")?;
    if !element.starts_with("'<f4'") {
        let element = element.split([',', '}']).next().unwrap_or_default().trim();
        return Err(format!("its elements are {element}, not '<f4'"));
    }
    if !value(header, "fortran_order")?.starts_with("False") {
        return Err("its elements are in Fortran order".to_owned());
    }
    let shape = value(header, "shape")?;
    let shape = shape.strip_prefix('(').and_then(|shape| shape.split_once(')')).ok_or("it has no shape")?.0;
    let dims: Vec<usize> = shape
        .split(',')
        .map(str::trim)
        .filter(|dim| !dim.is_empty())
        .map(|dim| dim.parse().map_err(|_| format!("{dim} is no extent")))
        .collect::<Result<_, _>>()?;
    let needed = dims.iter().try_fold(4usize, |product, &dim| product.checked_mul(dim));
    if needed != Some(content.len()) {
        return Err(format!("its shape is {dims:?}, but {} bytes follow its header", content.len()));
    }
    let data = content.as_chunks::<4>().0.iter().map(|&four| f32::from_le_bytes(four)).collect();
    Ok(Array { dims, data })
}

/// What follows a key in the header, a Python dictionary.
fn value<'a>(header: &'a str, key: &str) -> Result<&'a str, String> {
    let (_, rest) = header.split_once(&format!("'{key}'")).ok_or(format!("its header has no {key}"))?;
    Ok(rest.trim_start().strip_prefix(':').unwrap_or(rest).trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_read_back() {
        for dims in [vec![], vec![3], vec![1, 2, 3], vec![0, 4], vec![1; 40]] {
            let count = dims.iter().product();
            let data: Vec<f32> = (0..count).map(|i| i as f32 * 0.1 - 0.5).collect();
            let bytes = print(&dims, &data);
            assert_eq!((bytes.len() - 4 * count) % ALIGNMENT, 0);
            assert_eq!(parse(&bytes), Ok(Array { dims, data }));
        }
    }

    #[test]
    fn no_prefix_and_no_single_byte_change_panics() {
        let bytes = print(&[2, 3], &[1.0; 6]);
        for length in 0..bytes.len() {
            assert!(parse(&bytes[..length]).is_err());
        }
        for at in 0..bytes.len() {
            for byte in [0, b'(', b'\'', 0xff] {
                let mut changed = bytes.clone();
                changed[at] = byte;
                let _ = parse(&changed);
            }
        }
    }

    #[test]
    fn hostile_extents_are_refused() {
        let mut bytes = print(&[2, 3], &[1.0; 6]);
        let huge = b"(9999999999,9999999999,9999999999,)";
        let at = bytes.windows(3).position(|window| window == b"(2,").unwrap_or_default();
        bytes[at..at + huge.len()].copy_from_slice(huge);
        assert!(parse(&bytes).is_err_and(|cause| cause.contains("bytes follow")));
    }
}
