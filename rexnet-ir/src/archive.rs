//! The places of a zip archive's files: its directory, read as APPNOTE 6.3.10 of PKWARE describes it, with the wide
//! fields (zip64) that PyTorch and NumPy write.
//!
//! Files are found, not unpacked: where one is compressed, whoever asked for it decides what that means. Checksums are
//! not compared.

use crate::cursor::{Cursor, EndsEarly};
use std::collections::HashMap;
use std::ops::Range;

const STORED: u16 = 0;
const DEFLATED: u16 = 8;
const LOCAL: u32 = 0x0403_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
const END_64: u32 = 0x0606_4b50;
const LOCATOR_64: u32 = 0x0706_4b50;
const END_BYTES: usize = 22;
const LOCATOR_64_BYTES: usize = 20;
/// The identifier of the extra field with 64-bit lengths and offsets.
const WIDE: u16 = 1;

/// How the content of an archive begins that has a file.
pub const MAGIC: &[u8] = b"PK\x03\x04";

/// Why an archive cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is not what a zip archive is; this is what is wrong.
    Damaged(&'static str),
    /// The file of that name is encrypted, or compressed by another method than Deflate.
    Unsupported(String),
}

impl From<EndsEarly> for Fault {
    fn from(_: EndsEarly) -> Self {
        Fault::Damaged("it ends early")
    }
}

/// A file in an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Where its content is, in bytes of the archive.
    pub range: Range<usize>,
    /// Whether the content is compressed with Deflate.
    pub deflated: bool,
    /// How long the archive says that the content is when it is not compressed; of a compressed one this is a claim.
    pub length: u64,
}

/// The directory of an archive.
#[derive(Debug)]
pub struct Archive<'a> {
    file: &'a [u8],
    entries: HashMap<&'a str, Entry>,
    /// The names in the order of the directory.
    names: Vec<&'a str>,
}

#[derive(Debug)]
struct Entry {
    flags: u16,
    method: u16,
    /// The bytes in the archive, and those of the content.
    stored: u64,
    length: u64,
    /// Where its local header is.
    header: u64,
}

impl<'a> Archive<'a> {
    /// Reads the directory.
    ///
    /// # Errors
    /// [`Fault::Damaged`].
    pub fn read(file: &'a [u8]) -> Result<Self, Fault> {
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
    pub fn names(&self) -> &[&'a str] {
        &self.names
    }

    /// Where a file is; `None` when there is none of that name.
    ///
    /// # Errors
    /// [`Fault::Damaged`] when it would lie outside the archive, [`Fault::Unsupported`].
    pub fn place(&self, name: &str) -> Result<Option<Place>, Fault> {
        let Some(entry) = self.entries.get(name) else { return Ok(None) };
        let deflated = match entry.method {
            _ if entry.flags & 1 != 0 => return Err(Fault::Unsupported(shown(name))),
            STORED => false,
            DEFLATED => true,
            _ => return Err(Fault::Unsupported(shown(name))),
        };
        let mut cursor = Cursor::at(self.file, entry.header)?;
        if cursor.u32()? != LOCAL {
            return Err(Fault::Damaged("a file of the archive has no header"));
        }
        cursor.take(22)?;
        let (name, extra) = (cursor.u16()?, cursor.u16()?);
        cursor.take(usize::from(name) + usize::from(extra))?;
        let start = self.file.len() - cursor.left();
        let content = cursor.take_long(if deflated { entry.stored } else { entry.length })?;
        Ok(Some(Place { range: start..start + content.len(), deflated, length: entry.length }))
    }
}

/// A name as it can be printed.
fn shown(name: &str) -> String {
    name.escape_debug().take(100).collect()
}

/// The number of entries of the directory, and where it starts.
fn directory(file: &[u8]) -> Result<(u64, u64), Fault> {
    let last = file.len().checked_sub(END_BYTES).ok_or(EndsEarly)?;
    let first = last.saturating_sub(usize::from(u16::MAX));
    // After the directory comes a comment of up to 65535 bytes, which may itself look like its end.
    let is_end = |&at: &usize| {
        file[at..].starts_with(&END.to_le_bytes())
            && usize::from(u16::from_le_bytes([file[at + 20], file[at + 21]])) == last - at
    };
    let end = (first..=last).rev().find(is_end).ok_or(Fault::Damaged("the archive has no directory"))?;
    let mut cursor = Cursor::new(&file[end + 8..]);
    let (_here, count, _bytes, start) = (cursor.u16()?, cursor.u16()?, cursor.u32()?, cursor.u32()?);
    if count != u16::MAX && start != u32::MAX {
        return Ok((count.into(), start.into()));
    }
    let locator = end.checked_sub(LOCATOR_64_BYTES).ok_or(Fault::Damaged("the archive has no directory"))?;
    let mut cursor = Cursor::new(&file[locator..]);
    if cursor.u32()? != LOCATOR_64 {
        return Ok((count.into(), start.into()));
    }
    cursor.take(4)?;
    let mut cursor = Cursor::at(file, cursor.u64()?)?;
    if cursor.u32()? != END_64 {
        return Err(Fault::Damaged("the archive has no directory"));
    }
    cursor.take(28)?;
    let (count, _bytes, start) = (cursor.u64()?, cursor.u64()?, cursor.u64()?);
    Ok((count, start))
}

/// One entry of the directory.
fn central<'a>(cursor: &mut Cursor<'a>) -> Result<(&'a str, Entry), Fault> {
    if cursor.u32()? != CENTRAL {
        return Err(Fault::Damaged("the directory of the archive is shorter than it says"));
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
    let name = std::str::from_utf8(name).map_err(|_| Fault::Damaged("a name in the archive is no UTF-8"))?;
    let mut entry =
        Entry { flags, method, stored: stored.into(), length: length.into(), header: header.into() };
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
            entry.stored = field.u64()?;
        }
        if header == u32::MAX {
            entry.header = field.u64()?;
        }
        break;
    }
    Ok((name, entry))
}
