//! The places of a zip archive's files: its directory, read as APPNOTE 6.3.10 of PKWARE describes it, with the wide
//! fields (zip64) that PyTorch writes. Only files that are stored as they are can be placed.

use super::cursor::Cursor;
use super::{damaged, unsupported};
use crate::diagnostic::Diagnostic;
use std::collections::HashMap;
use std::ops::Range;

const LOCAL: u32 = 0x0403_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
const END_64: u32 = 0x0606_4b50;
const LOCATOR_64: u32 = 0x0706_4b50;
const END_BYTES: usize = 22;
const LOCATOR_64_BYTES: usize = 20;
/// The identifier of the extra field with 64-bit lengths and offsets.
const WIDE: u16 = 1;

/// The directory of an archive.
pub(super) struct Archive<'a> {
    file: &'a [u8],
    entries: HashMap<&'a str, Entry>,
    /// The names in the order of the directory.
    names: Vec<&'a str>,
}

struct Entry {
    flags: u16,
    method: u16,
    length: u64,
    /// Where its local header is.
    header: u64,
}

impl<'a> Archive<'a> {
    /// Reads the directory.
    ///
    /// # Errors
    /// `RX0301` when it is damaged.
    pub(super) fn read(file: &'a [u8]) -> Result<Self, Diagnostic> {
        let (count, start) = directory(file)?;
        let mut cursor = Cursor::at(file, start)?;
        let mut archive = Self { file, entries: HashMap::new(), names: Vec::new() };
        for _ in 0..count {
            let (name, entry) = central(&mut cursor)?;
            archive.entries.insert(name, entry);
            archive.names.push(name);
        }
        Ok(archive)
    }

    /// All names, in the order of the directory.
    pub(super) fn names(&self) -> &[&'a str] {
        &self.names
    }

    /// Where the content of a file is; `None` when there is no file of that name.
    ///
    /// # Errors
    /// `RX0301` when it would lie outside the archive, `RX0309` when it is compressed or encrypted.
    pub(super) fn place(&self, name: &str) -> Result<Option<Range<usize>>, Diagnostic> {
        let Some(entry) = self.entries.get(name) else { return Ok(None) };
        if entry.method != 0 || entry.flags & 1 != 0 {
            let name: String = name.escape_debug().take(100).collect();
            let cause = format!("its file {name} is compressed or encrypted");
            return Err(unsupported(cause, "unpack the archive and pack it again without compression"));
        }
        let mut cursor = Cursor::at(self.file, entry.header)?;
        if cursor.u32()? != LOCAL {
            return Err(damaged("a file of the archive has no header"));
        }
        cursor.take(22)?;
        let (name, extra) = (cursor.u16()?, cursor.u16()?);
        cursor.take(usize::from(name) + usize::from(extra))?;
        let start = self.file.len() - cursor.left();
        let content = cursor.take_long(entry.length)?;
        Ok(Some(start..start + content.len()))
    }
}

/// The number of entries of the directory, and where it starts.
fn directory(file: &[u8]) -> Result<(u64, u64), Diagnostic> {
    let last = file.len().checked_sub(END_BYTES).ok_or_else(|| damaged("it ends early"))?;
    let first = last.saturating_sub(usize::from(u16::MAX));
    // After the directory comes a comment of up to 65535 bytes, which may itself look like its end.
    let is_end = |&at: &usize| {
        file[at..].starts_with(&END.to_le_bytes())
            && usize::from(u16::from_le_bytes([file[at + 20], file[at + 21]])) == last - at
    };
    let end = (first..=last).rev().find(is_end).ok_or_else(|| damaged("the archive has no directory"))?;
    let mut cursor = Cursor::new(&file[end + 8..]);
    let (_here, count, _bytes, start) = (cursor.u16()?, cursor.u16()?, cursor.u32()?, cursor.u32()?);
    if count != u16::MAX && start != u32::MAX {
        return Ok((count.into(), start.into()));
    }
    let locator = end.checked_sub(LOCATOR_64_BYTES).ok_or_else(|| damaged("the archive has no directory"))?;
    let mut cursor = Cursor::new(&file[locator..]);
    if cursor.u32()? != LOCATOR_64 {
        return Ok((count.into(), start.into()));
    }
    cursor.take(4)?;
    let mut cursor = Cursor::at(file, cursor.u64()?)?;
    if cursor.u32()? != END_64 {
        return Err(damaged("the archive has no directory"));
    }
    cursor.take(28)?;
    let (count, _bytes, start) = (cursor.u64()?, cursor.u64()?, cursor.u64()?);
    Ok((count, start))
}

/// One entry of the directory.
fn central<'a>(cursor: &mut Cursor<'a>) -> Result<(&'a str, Entry), Diagnostic> {
    if cursor.u32()? != CENTRAL {
        return Err(damaged("the directory of the archive is shorter than it says"));
    }
    cursor.take(4)?;
    let (flags, method) = (cursor.u16()?, cursor.u16()?);
    cursor.take(8)?;
    let (stored, length) = (cursor.u32()?, cursor.u32()?);
    let (name, extra, comment) = (cursor.u16()?, cursor.u16()?, cursor.u16()?);
    cursor.take(8)?;
    let header = cursor.u32()?;
    let name = cursor.take(name.into())?;
    let mut extra = Cursor::new(cursor.take(extra.into())?);
    cursor.take(comment.into())?;
    let name = std::str::from_utf8(name).map_err(|_| damaged("a name in the archive is no UTF-8"))?;
    let mut entry = Entry { flags, method, length: length.into(), header: header.into() };
    while [stored, length, header].contains(&u32::MAX) && extra.left() >= 4 {
        let (kind, bytes) = (extra.u16()?, extra.u16()?);
        let mut field = Cursor::new(extra.take(bytes.into())?);
        if kind != WIDE {
            continue;
        }
        // It holds those of the numbers that are all ones above, in this order.
        if length == u32::MAX {
            entry.length = field.u64()?;
        }
        if stored == u32::MAX {
            field.u64()?;
        }
        if header == u32::MAX {
            entry.header = field.u64()?;
        }
        break;
    }
    Ok((name, entry))
}
