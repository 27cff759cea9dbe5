//! What studies write.

use crate::failure::Failure;
use crate::file;
use std::io;
use std::path::Path;

/// A number with six decimals: enough for any reader, and the same text from the same network everywhere.
pub(super) fn fixed(value: f64) -> String {
    format!("{value:.6}")
}

/// A number rounded to six decimals.
pub(super) fn number(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

/// Comma-separated values with a line of names.
pub(super) fn write_csv(columns: &[&str], rows: impl Iterator<Item = Vec<String>>) -> io::Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(columns)?;
    for row in rows {
        writer.write_record(&row)?;
    }
    writer.into_inner().map_err(|error| error.into_error())
}

/// Writes files into a directory that is there.
///
/// # Errors
/// `RX0701` for the first that cannot be written.
pub(super) fn write_files(folder: &Path, files: &[(&str, Vec<u8>)]) -> Result<(), Failure> {
    for (name, content) in files {
        file::write(&folder.join(name), content)?;
    }
    Ok(())
}
