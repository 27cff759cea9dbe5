//! Little-endian fields, read one after the other.

/// There are fewer bytes than somebody needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EndsEarly;

/// What is left to read of some bytes. Every method fails when there is less than it needs.
#[derive(Clone, Copy)]
pub(crate) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    /// At the start of the bytes.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// At an offset, which may be anything.
    pub(crate) fn at(bytes: &'a [u8], offset: u64) -> Result<Self, EndsEarly> {
        let rest = usize::try_from(offset).ok().and_then(|offset| bytes.get(offset..));
        rest.map(Self::new).ok_or(EndsEarly)
    }

    /// How many bytes are left.
    pub(crate) fn left(&self) -> usize {
        self.rest.len()
    }

    /// So many bytes.
    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], EndsEarly> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(EndsEarly)?;
        self.rest = rest;
        Ok(taken)
    }

    /// As many bytes as a number read before says.
    pub(crate) fn take_long(&mut self, count: u64) -> Result<&'a [u8], EndsEarly> {
        self.take(usize::try_from(count).map_err(|_| EndsEarly)?)
    }

    /// The bytes before the next line feed, which is passed over.
    pub(crate) fn line(&mut self) -> Result<&'a [u8], EndsEarly> {
        let length = self.rest.iter().position(|&byte| byte == b'\n').ok_or(EndsEarly)?;
        let line = self.take(length)?;
        self.take(1)?;
        Ok(line)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], EndsEarly> {
        let (&taken, rest) = self.rest.split_first_chunk().ok_or(EndsEarly)?;
        self.rest = rest;
        Ok(taken)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, EndsEarly> {
        self.array().map(u8::from_le_bytes)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, EndsEarly> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, EndsEarly> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, EndsEarly> {
        self.array().map(u64::from_le_bytes)
    }
}
