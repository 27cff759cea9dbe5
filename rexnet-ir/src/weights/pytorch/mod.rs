//! PyTorch checkpoints, as `torch.save` writes them: zip archives since PyTorch 1.6, before that a row of pickles.
//!
//! A pickle is a program that may call anything. Here nothing is called: numbers, text, lists, tuples and dicts are
//! understood, the constructors of tensors stand for themselves, and every other name is refused. Elements are not
//! copied but where a tensor's strides demand it. Checksums of archives are not compared, as that would read all weights.

mod content;
mod element;
mod globals;
mod legacy;
mod machine;
mod pickle;
mod value;
mod view;

use self::value::{Heap, Value};
use super::StateDict;
use crate::archive::{self, Archive};
use crate::cursor::{Cursor, EndsEarly};
use crate::diagnostic::{Code, Diagnostic, Location};
use bytes::Bytes;
use std::collections::HashMap;
use std::ops::Range;

/// Where each storage is in the file, by its key.
type Places<'a> = HashMap<&'a str, Range<usize>>;

/// The longest name of a tensor or key of a storage in bytes, so that comparing them takes no time.
const MAX_NAME: usize = 1024;

/// Whether this is how a pickle of protocols 2 to 5 begins.
pub(super) fn is_pickle(file: &[u8]) -> bool {
    matches!(file, [0x80, 2..=5, ..])
}

/// The state dict of a checkpoint in either form.
///
/// # Errors
/// `RX0301` when the file is damaged, `RX0307` when something would have to be called to read it, `RX0308` when it holds
/// no state dict, `RX0309` when it is stored in a way that is not read, `RX0310` when reading it would take far more
/// memory than the file.
pub(super) fn read(file: &Bytes) -> Result<StateDict, Diagnostic> {
    let mut heap = Heap::new(file.len());
    let (object, places) = match file.starts_with(archive::MAGIC) {
        true => read_archive(file, &mut heap)?,
        false => legacy::read(file, &mut heap)?,
    };
    content::state_dict(file, object, &places, &mut heap)
}

/// The object in `NAME/data.pkl`, and the storages in `NAME/data/KEY`.
fn read_archive<'a>(file: &'a [u8], heap: &mut Heap<'a>) -> Result<(Value<'a>, Places<'a>), Diagnostic> {
    let archive = Archive::read(file).map_err(of_archive)?;
    let folder_of = |name: &&'a str| name.strip_suffix("/data.pkl").filter(|folder| !folder.contains('/'));
    let folder = archive
        .names()
        .iter()
        .find_map(folder_of)
        .ok_or_else(|| damaged("it is a zip archive, but none of torch.save: it has no NAME/data.pkl"))?;
    let place = |name: &str| place(&archive, name);
    if let Some(order) = place(&format!("{folder}/byteorder"))?
        && &file[order] != b"little"
    {
        return Err(unsupported("its numbers are big endian", "save it on a machine that is little endian"));
    }
    let mut places = Places::new();
    for name in archive.names() {
        let key = name.strip_prefix(folder).and_then(|rest| rest.strip_prefix("/data/"));
        if let (Some(key), Some(place)) = (key, place(name)?) {
            places.insert(key, place);
        }
    }
    let pickle = place(&format!("{folder}/data.pkl"))?;
    let mut input = Cursor::new(&file[pickle.unwrap_or_default()]);
    Ok((pickle::unpickle(&mut input, true, heap)?, places))
}

/// Where a file of the archive is that is stored as it is.
fn place(archive: &Archive<'_>, name: &str) -> Result<Option<Range<usize>>, Diagnostic> {
    match archive.place(name).map_err(of_archive)? {
        Some(place) if place.deflated => Err(of_archive(archive::Fault::Unsupported(name.to_owned()))),
        place => Ok(place.map(|place| place.range)),
    }
}

fn of_archive(fault: archive::Fault) -> Diagnostic {
    match fault {
        archive::Fault::Damaged(cause) => damaged(cause),
        archive::Fault::Unsupported(name) => unsupported(
            format!("its file {name} is compressed or encrypted"),
            "unpack the archive and pack it again without compression",
        ),
    }
}

/// Nothing but checkpoints is read field by field into a [`Diagnostic`].
impl From<EndsEarly> for Diagnostic {
    fn from(_: EndsEarly) -> Self {
        damaged("it ends early")
    }
}

fn damaged(cause: impl AsRef<str>) -> Diagnostic {
    let cause = format!("the checkpoint cannot be read: {}", cause.as_ref());
    Diagnostic::new(Code::WeightsFormat, Location::None, cause)
        .with_help("give a complete file that torch.save has written")
}

fn unsupported(cause: impl AsRef<str>, help: &str) -> Diagnostic {
    let cause = format!("the checkpoint cannot be read: {}", cause.as_ref());
    Diagnostic::new(Code::CheckpointForm, Location::None, cause).with_help(help)
}
