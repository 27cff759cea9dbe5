//! Little-endian fields, read one after the other.

use super::damaged;
use crate::diagnostic::Diagnostic;

/// What is left to read of some bytes. Every method fails with `RX0301` when there is less than it needs.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    /// At the start of the bytes.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// At an offset, which may be anything.
    pub(super) fn at(bytes: &'a [u8], offset: u64) -> Result<Self, Diagnostic> {
        let rest = usize::try_from(offset).ok().and_then(|offset| bytes.get(offset..));
        rest.map(Self::new).ok_or_else(ends_early)
    }

    /// How many bytes are left.
    pub(super) fn left(&self) -> usize {
        self.rest.len()
    }

    /// So many bytes.
    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], Diagnostic> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or_else(ends_early)?;
        self.rest = rest;
        Ok(taken)
    }

    /// As many bytes as a number read before says.
    pub(super) fn take_long(&mut self, count: u64) -> Result<&'a [u8], Diagnostic> {
        self.take(usize::try_from(count).map_err(|_| ends_early())?)
    }

    /// The bytes before the next line feed, which is passed over.
    pub(super) fn line(&mut self) -> Result<&'a [u8], Diagnostic> {
        let length = self.rest.iter().position(|&byte| byte == b'\n').ok_or_else(ends_early)?;
        let line = self.take(length)?;
        self.take(1)?;
        Ok(line)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Diagnostic> {
        let (&taken, rest) = self.rest.split_first_chunk().ok_or_else(ends_early)?;
        self.rest = rest;
        Ok(taken)
    }

    pub(super) fn u8(&mut self) -> Result<u8, Diagnostic> {
        self.array().map(u8::from_le_bytes)
    }

    pub(super) fn u16(&mut self) -> Result<u16, Diagnostic> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Diagnostic> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, Diagnostic> {
        self.array().map(u64::from_le_bytes)
    }
}

fn ends_early() -> Diagnostic {
    damaged("it ends early")
}
