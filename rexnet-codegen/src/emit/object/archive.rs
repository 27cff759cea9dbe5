//! An object as a static library.

use ar_archive_writer::{ArchiveKind, DEFAULT_OBJECT_READER, NewArchiveMember, write_archive_to_stream};
use rexnet_ir::diagnostic::{Code, Diagnostic, Location};
use std::io::Cursor;

/// A static library whose only member is that object, in the format of the system that this runs on. Equal arguments give
/// equal bytes.
///
/// # Errors
/// `RX0601` when the writer refuses the object.
pub fn archive(name: &str, object: &[u8]) -> Result<Vec<u8>, Diagnostic> {
    let kind = if cfg!(target_vendor = "apple") { ArchiveKind::Darwin } else { ArchiveKind::Gnu };
    let member = NewArchiveMember::new(object, &DEFAULT_OBJECT_READER, format!("{name}.o"));
    let mut file = Cursor::new(Vec::new());
    write_archive_to_stream(&mut file, &[member], kind, false, None).map_err(|error| {
        Diagnostic::new(Code::MachineCode, Location::Name(name.to_owned()), error.to_string())
            .with_help("please report this")
    })?;
    Ok(file.into_inner())
}
