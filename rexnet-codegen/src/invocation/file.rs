//! Files of the user's crate.

use super::fault;
use rexnet_ir::diagnostic::Code;
use rexnet_ir::spec::Fault;
use rexnet_ir::spec::syntax::Spanned;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

/// The file that a path relative to the crate's Cargo.toml leads to.
///
/// # Errors
/// `RX0103` for a path that leads nowhere in the crate, `RX0701` where cargo does not say where the crate is.
pub(super) fn in_crate(
    Spanned { node: path, span }: &Spanned<String>,
    folder: Option<&Path>,
    example: &str,
) -> Result<PathBuf, Fault> {
    let relative = Path::new(path);
    let plain =
        |component| matches!(component, Component::Normal(_) | Component::ParentDir | Component::CurDir);
    if path.is_empty() || !relative.components().all(plain) {
        let cause = format!("`{path}` is no path relative to the crate's Cargo.toml");
        return Err(fault(Code::SpecValue, *span, cause, format!("give one such as \"{example}\"")));
    }
    match folder {
        Some(folder) => Ok(folder.join(relative)),
        None => {
            let cause = "cargo does not say where the crate is";
            Err(fault(Code::FileUnreadable, *span, cause, "build the crate with cargo"))
        }
    }
}

/// Why a file could not be read, at the path; `help` where there is none.
pub(super) fn unreadable(
    Spanned { node: path, span }: &Spanned<String>,
    error: &io::Error,
    help: &str,
) -> Fault {
    let (cause, help) = match error.kind() {
        io::ErrorKind::NotFound => (format!("there is no file `{path}` in the crate"), help),
        _ => (format!("`{path}` cannot be read: {error}"), ""),
    };
    fault(Code::FileUnreadable, *span, cause, help)
}

/// The content of a file of the crate of at most `limit` bytes.
///
/// # Errors
/// As [`in_crate`]; `RX0701` for a file that cannot be read, or is longer.
pub(super) fn read(
    path: &Spanned<String>,
    folder: Option<&Path>,
    example: &str,
    limit: usize,
) -> Result<Vec<u8>, Fault> {
    let place = in_crate(path, folder, example)?;
    let content = || {
        let file = File::open(&place)?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::other("it is no file"));
        }
        let mut content = Vec::new();
        file.take(limit as u64 + 1).read_to_end(&mut content)?;
        if content.len() > limit { Err(io::Error::other("it is too long")) } else { Ok(content) }
    };
    content().map_err(|error| unreadable(path, &error, "paths are relative to Cargo.toml"))
}
