//! NumPy's archives of arrays: what `numpy.savez` and `numpy.savez_compressed` write. A `.npy` file is taken for an archive
//! of one array.

use crate::file;
use crate::npy::{self, Array};
use miniz_oxide::inflate::decompress_to_vec_with_limit;
use rexnet::{Code, Diagnostic, Location};
use rexnet_ir::archive::{self, Archive, Fault};
use std::path::Path;

/// The most that is unpacked from one file, in bytes: a compressed archive may be a thousandth of its content.
const MAX_UNPACKED: usize = 1 << 30;
const ENDING: &str = ".npy";
/// How to save arrays that can be read.
pub(crate) const SAVE: &str = "save it with numpy.savez(path, NAME=array.astype('<f4', order='C'), …)";

/// The array of a `.npy` file; of an archive that of this name, else the only one.
///
/// # Errors
/// `RX0701` when the file cannot be read, `RX0704` when it is none of the two, damaged, or has several arrays of which none
/// has the name.
pub(crate) fn pick(path: &Path, name: &str) -> Result<Array, Diagnostic> {
    let content = file::read(path, npy::MAX_BYTES)?;
    if !is_archive(&content) {
        return npy::parse(&content).map_err(|cause| npy::broken(path, cause).with_help(npy::SAVE));
    }
    let archive = Opened::new(path, &content)?;
    let wanted = match archive.names()[..] {
        [only] => only,
        ref names if names.contains(&name) => name,
        ref names => {
            let (count, first) = (names.len(), names.iter().take(5).copied().collect::<Vec<_>>().join(", "));
            let cause = format!("it has {count} arrays, none of which is called {name}: {first}");
            return Err(npy::broken(path, cause).with_help(SAVE));
        }
    };
    archive.read(wanted, &mut { MAX_UNPACKED })
}

/// All arrays of an archive whose names are wanted; none of a `.npy` file, which has no names.
///
/// # Errors
/// As [`pick`].
pub(crate) fn named(
    path: &Path,
    is_wanted: &dyn Fn(&str) -> bool,
) -> Result<Vec<(String, Array)>, Diagnostic> {
    let content = file::read(path, npy::MAX_BYTES)?;
    if !is_archive(&content) {
        return Ok(Vec::new());
    }
    let archive = Opened::new(path, &content)?;
    let mut left = MAX_UNPACKED;
    let wanted = archive.names().into_iter().filter(|name| is_wanted(name));
    wanted.map(|name| Ok((name.to_owned(), archive.read(name, &mut left)?))).collect()
}

fn is_archive(content: &[u8]) -> bool {
    content.starts_with(archive::MAGIC)
}

struct Opened<'a> {
    path: &'a Path,
    content: &'a [u8],
    archive: Archive<'a>,
}

impl<'a> Opened<'a> {
    fn new(path: &'a Path, content: &'a [u8]) -> Result<Self, Diagnostic> {
        let archive = Archive::read(content).map_err(|fault| broken(path, fault))?;
        Ok(Self { path, content, archive })
    }

    /// The names of the arrays.
    fn names(&self) -> Vec<&'a str> {
        self.archive.names().iter().filter_map(|name| name.strip_suffix(ENDING)).collect()
    }

    /// An array; what is unpacked for it is taken off `left`.
    fn read(&self, name: &str, left: &mut usize) -> Result<Array, Diagnostic> {
        let broken_array = |cause: String| npy::broken(self.path, format!("{name}: {cause}")).with_help(SAVE);
        let place =
            self.archive.place(&format!("{name}{ENDING}")).map_err(|fault| broken(self.path, fault))?;
        let place = place.ok_or_else(|| broken_array("the archive has no such array".to_owned()))?;
        let stored = &self.content[place.range.clone()];
        if !place.deflated {
            return npy::parse(stored).map_err(broken_array);
        }
        let limit = usize::try_from(place.length).unwrap_or(usize::MAX);
        if limit > *left {
            let cause = format!("more than {MAX_UNPACKED} bytes would have to be unpacked");
            return Err(broken_array(cause));
        }
        *left -= limit;
        let bytes = decompress_to_vec_with_limit(stored, limit)
            .map_err(|_| broken_array("its compressed content is damaged".to_owned()))?;
        npy::parse(&bytes).map_err(broken_array)
    }
}

fn broken(path: &Path, fault: Fault) -> Diagnostic {
    let cause = match fault {
        Fault::Damaged(cause) => format!("the archive cannot be read: {cause}"),
        Fault::Unsupported(name) => {
            format!("{name} is encrypted, or compressed by another method than Deflate")
        }
    };
    Diagnostic::new(Code::ArrayBroken, Location::File(path.display().to_string()), cause).with_help(SAVE)
}
