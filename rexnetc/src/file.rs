//! Files: read whole or mapped up to a limit, written whole or not at all.

use memmap2::MmapOptions;
use rexnet::{Bytes, Code, Diagnostic, Location};
use rexnet_codegen::replace::replace;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

/// Reads a regular file of at most `limit` bytes.
///
/// # Errors
/// `RX0701` when there is none, it is of another kind or longer.
pub(crate) fn read(path: &Path, limit: usize) -> Result<Vec<u8>, Diagnostic> {
    let (file, _) = open(path, limit)?;
    let mut bytes = Vec::new();
    file.take(limit as u64 + 1).read_to_end(&mut bytes).map_err(|error| unreadable(path, &error))?;
    if bytes.len() > limit {
        return Err(too_long(path, limit));
    }
    Ok(bytes)
}

/// The first bytes of a regular file, as many as tell kinds of files apart.
///
/// # Errors
/// `RX0701` when there is none or it is of another kind.
pub(crate) fn beginning(path: &Path) -> Result<Vec<u8>, Diagnostic> {
    let (file, _) = open(path, usize::MAX)?;
    let mut bytes = Vec::new();
    file.take(8).read_to_end(&mut bytes).map_err(|error| unreadable(path, &error))?;
    Ok(bytes)
}

/// Maps a regular file of at most `limit` bytes into memory, all of its pages at once: whoever maps weights reads them.
///
/// The file must stay as it is while the map lives. When somebody writes into it the network computes with other
/// weights; when somebody shortens it the system ends this process with a bus error. Writing beside it and renaming, as
/// [`write()`] does, is harmless.
///
/// # Errors
/// `RX0701` when there is none, it is of another kind or longer.
pub(crate) fn map(path: &Path, limit: usize) -> Result<Bytes, Diagnostic> {
    let (file, length) = open(path, limit)?;
    if length == 0 {
        return Ok(Bytes::new());
    }
    // SAFETY: the map is read only. What is read from it is taken for bytes from anywhere: every parser checks them, and
    // no bound of a loop depends on weights. The file's content is the user's to keep, as said above.
    let map =
        unsafe { MmapOptions::new().populate().map(&file) }.map_err(|error| unreadable(path, &error))?;
    if map.len() > limit {
        return Err(too_long(path, limit));
    }
    Ok(Bytes::from_owner(map))
}

/// Opens a regular file and says how long it is.
fn open(path: &Path, limit: usize) -> Result<(File, u64), Diagnostic> {
    // Before it is opened: a pipe would wait for who writes to it.
    let metadata = fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    if metadata.is_dir() {
        return Err(refuse(path, "this is a directory, not a file", ""));
    }
    if !metadata.is_file() {
        return Err(refuse(path, "this is no regular file", "copy its content into one"));
    }
    if metadata.len() > limit as u64 {
        return Err(too_long(path, limit));
    }
    let file = File::open(path).map_err(|error| unreadable(path, &error))?;
    Ok((file, metadata.len()))
}

fn too_long(path: &Path, limit: usize) -> Diagnostic {
    refuse(path, &format!("the file is longer than {limit} bytes"), "")
}

/// Replaces the file whole, so that no half-written one is ever seen. Follows links; writes to
/// devices and pipes directly.
///
/// # Errors
/// `RX0701` when the system refuses.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), Diagnostic> {
    let refuse = |error: io::Error| refuse(path, &format!("cannot be written: {error}"), "");
    match fs::metadata(path) {
        Ok(metadata) if !metadata.is_file() => {
            return OpenOptions::new()
                .write(true)
                .open(path)
                .and_then(|mut file| file.write_all(bytes))
                .map_err(refuse);
        }
        Ok(_) | Err(_) => {}
    }
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    replace(&target, &options, |file| {
        file.write_all(bytes)?;
        file.sync_all()
    })
    .map_err(refuse)
}

/// Makes a directory, and those above it, where there is none.
///
/// # Errors
/// `RX0701` when there can be no such directory.
pub(crate) fn make_directory(path: &Path) -> Result<(), Diagnostic> {
    fs::create_dir_all(path)
        .map_err(|error| refuse(path, &format!("no directory can be made here: {error}"), ""))
}

/// A name as that of a file: what is no letter, digit, `.`, `-` or `_` becomes `_`.
pub(crate) fn plain_name(name: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_');
    name.chars().map(|letter| if plain(letter) { letter } else { '_' }).collect()
}

/// Refuses to replace what something was read from.
///
/// # Errors
/// `RX0701` when the file is one of the sources.
pub(crate) fn keep(target: &Path, sources: &[Option<&Path>]) -> Result<(), Diagnostic> {
    let Ok(target) = target.canonicalize() else { return Ok(()) };
    for source in sources.iter().flatten() {
        if source.canonicalize().is_ok_and(|source| source == target) {
            let cause = "the network was read from this file, which would be replaced";
            return Err(refuse(&target, cause, "choose another place with -o"));
        }
    }
    Ok(())
}

/// `RX0701` with the system's own words, and ours where we know better ones.
fn unreadable(path: &Path, error: &io::Error) -> Diagnostic {
    match error.kind() {
        io::ErrorKind::NotFound => refuse(path, "no such file", "check the path"),
        _ => refuse(path, &format!("cannot be read: {error}"), "check the path and its permissions"),
    }
}

fn refuse(path: &Path, cause: &str, help: &str) -> Diagnostic {
    Diagnostic::new(Code::FileUnreadable, Location::File(path.display().to_string()), cause).with_help(help)
}
