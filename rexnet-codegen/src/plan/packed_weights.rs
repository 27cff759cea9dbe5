//! Packed weights in memory, and the `.rxw` file around them.

use super::Program;
use crate::memory::ALIGNMENT;
use crate::memory::AlignedBuffer;
use rexnet_ir::Bytes;
use rexnet_ir::diagnostic::{Code, Diagnostic, Location};
use std::sync::Arc;
use xxhash_rust::xxh64::xxh64;
use zerocopy::FromBytes;

/// Packed weights in memory, aligned to 64 bytes. Their layout is that of the program that they were packed
/// for. Cloning shares them.
#[derive(Clone, Debug)]
pub struct PackedWeights {
    storage: Storage,
    layout_hash: u64,
}

#[derive(Clone, Debug)]
enum Storage {
    Buffer(Arc<AlignedBuffer>),
    /// The content of a `.rxw` file, aligned, of whole elements, on a little-endian machine.
    File(Bytes),
}

/// The first bytes of a `.rxw` file.
pub const PACKED_MAGIC: &[u8; 8] = b"rexnet\0w";
/// The version of the `.rxw` format.
pub const PACKED_VERSION: u32 = 2;
/// The length of the header of a `.rxw` file.
pub const PACKED_HEADER_BYTES: usize = 64;

/// What the header of a `.rxw` file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PackedHeader {
    /// Identifies the layout of the weights.
    pub layout_hash: u64,
    /// XXH64 of the content, seed 0.
    pub checksum: u64,
    /// The bytes after the header.
    pub content_bytes: u64,
}

impl PackedHeader {
    /// Reads the first bytes of a file.
    ///
    /// # Errors
    /// A sentence when they are no header, or that of another version of the format.
    pub fn read(header: &[u8; PACKED_HEADER_BYTES]) -> Result<Self, &'static str> {
        let word = |at: usize| header[at..].first_chunk::<8>().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        if !header.starts_with(PACKED_MAGIC) {
            return Err("the file does not begin as packed weights do");
        }
        if word(8) != u64::from(PACKED_VERSION) | (ALIGNMENT as u64) << 32 {
            return Err("the file is of another version");
        }
        Ok(Self { layout_hash: word(16), checksum: word(24), content_bytes: word(32) })
    }
}

impl PackedWeights {
    pub(super) fn new(buffer: AlignedBuffer, layout_hash: u64) -> Self {
        Self { storage: Storage::Buffer(Arc::new(buffer)), layout_hash }
    }

    /// Zeros in the layout of a program.
    ///
    /// # Errors
    /// `RX0607` when the system refuses the memory.
    pub fn zeros(program: &Program) -> Result<Self, Diagnostic> {
        Ok(Self::new(AlignedBuffer::try_zeroed(program.weight_bytes / 4)?, program.layout_hash))
    }

    /// The blob as f32.
    pub fn as_slice(&self) -> &[f32] {
        match &self.storage {
            Storage::Buffer(buffer) => buffer.as_slice(),
            Storage::File(content) => <[f32]>::ref_from_bytes(content).unwrap_or_default(),
        }
    }

    /// The hash of the layout that they were packed for.
    pub fn layout_hash(&self) -> u64 {
        self.layout_hash
    }

    /// The `.rxw` file: a header of 64 bytes (magic, version, layout hash, XXH64 checksum of the content, its
    /// length; little endian), then the blob.
    pub fn to_rxw(&self) -> Vec<u8> {
        let elements = self.as_slice();
        let mut file = Vec::with_capacity(PACKED_HEADER_BYTES + 4 * elements.len());
        file.extend_from_slice(PACKED_MAGIC);
        file.extend_from_slice(&PACKED_VERSION.to_le_bytes());
        file.extend_from_slice(&(ALIGNMENT as u32).to_le_bytes());
        file.extend_from_slice(&self.layout_hash.to_le_bytes());
        file.resize(PACKED_HEADER_BYTES, 0);
        file.extend(elements.iter().flat_map(|value| value.to_le_bytes()));
        let checksum = xxh64(&file[PACKED_HEADER_BYTES..], 0);
        file[24..32].copy_from_slice(&checksum.to_le_bytes());
        file[32..40].copy_from_slice(&(4 * elements.len() as u64).to_le_bytes());
        file
    }

    /// Reads a `.rxw` file that was packed for `program`. The layout hash, the length and the checksum are
    /// checked; the checksum costs about 0.1 ms a MiB. A file aligned to 64 bytes, as a memory map is, is kept as it is
    /// (what maps it must not change it), any other copied.
    ///
    /// # Errors
    /// `RX0306` when one of them differs, `RX0607` when the system refuses the memory for a copy.
    pub fn from_rxw(file: impl Into<Bytes>, program: &Program) -> Result<Self, Diagnostic> {
        let file = file.into();
        let refuse = |cause: String| {
            Err(Diagnostic::new(Code::PackedHeader, Location::None, cause)
                .with_help("pack the weights again for this network with this version"))
        };
        let Some((header, content)) = file.split_first_chunk::<PACKED_HEADER_BYTES>() else {
            return refuse("the file is shorter than its header".to_owned());
        };
        let header = match PackedHeader::read(header) {
            Ok(header) => header,
            Err(cause) => return refuse(cause.to_owned()),
        };
        if header.layout_hash != program.layout_hash {
            return refuse(format!(
                "it was packed for layout {:016x}, not {:016x}",
                header.layout_hash, program.layout_hash
            ));
        }
        if header.content_bytes != content.len() as u64 || content.len() != program.weight_bytes {
            return refuse(format!("it holds {} bytes, {} are needed", content.len(), program.weight_bytes));
        }
        if xxh64(content, 0) != header.checksum {
            return refuse("its content is damaged: the checksum differs".to_owned());
        }
        Self::of_content(file.slice_ref(content), program)
    }

    /// The content of a file whose hash and checksum were checked; `None` when it has another length.
    ///
    /// # Errors
    /// `RX0607` when the system refuses the memory for a copy.
    #[cfg(feature = "jit")]
    pub(crate) fn from_content(content: Bytes, program: &Program) -> Option<Result<Self, Diagnostic>> {
        (content.len() == program.weight_bytes).then(|| Self::of_content(content, program))
    }

    /// The bytes themselves where they are aligned, else a copy.
    fn of_content(content: Bytes, program: &Program) -> Result<Self, Diagnostic> {
        let aligned = content.as_ptr().addr().is_multiple_of(ALIGNMENT);
        let storage =
            if aligned && cfg!(target_endian = "little") && <[f32]>::ref_from_bytes(&content).is_ok() {
                Storage::File(content)
            } else {
                let mut buffer = AlignedBuffer::try_zeroed(program.weight_bytes / 4)?;
                for (value, bytes) in buffer.as_mut_slice().iter_mut().zip(content.as_chunks::<4>().0) {
                    *value = f32::from_le_bytes(*bytes);
                }
                Storage::Buffer(Arc::new(buffer))
            };
        Ok(Self { storage, layout_hash: program.layout_hash })
    }
}
