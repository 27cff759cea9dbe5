//! Packed weights: all of a network's constants in one blob, in reading order, and the `.rxw` file around it.

use super::{PlacedTensor, Program};
use crate::lower::{ALIGNMENT, PANEL, Packing};
use crate::memory::AlignedBuffer;
use rexnet_ir::diagnostic::{Code, Diagnostic, Location};
use rexnet_ir::graph::{CHANNEL_PADDING, Graph, Tensor};
use std::fmt::Write;
use xxhash_rust::xxh3::xxh3_64;
use xxhash_rust::xxh64::xxh64;

/// Packed weights in memory, aligned to 64 bytes. Their layout is that of the program that they were packed
/// for.
#[derive(Debug)]
pub struct PackedWeights {
    buffer: AlignedBuffer,
    layout_hash: u64,
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

/// Packs the tensors that the graph binds.
///
/// # Errors
/// `RX0302` when a constant has no tensor.
pub fn pack(program: &Program, graph: &Graph) -> Result<PackedWeights, Diagnostic> {
    let mut buffer = AlignedBuffer::zeroed(program.weight_bytes / 4);
    let tensor = |name: &str| {
        graph.constant(name).ok_or_else(|| {
            Diagnostic::new(
                Code::WeightsMissing,
                Location::Name(name.to_owned()),
                "no weights are bound to it",
            )
        })
    };
    for placed in &program.weights {
        let start = placed.offset / 4;
        let target = &mut buffer.as_mut_slice()[start..start + placed.tensor.elements];
        match &placed.tensor.packing {
            Packing::Plain { constant } => target.copy_from_slice(tensor(constant)?.data()),
            Packing::Panels { weight, bias } => {
                let bias = bias.as_deref().map(tensor).transpose()?;
                panels(target, tensor(weight)?, bias);
            }
            Packing::Rows { weight, bias } => {
                let bias = bias.as_deref().map(tensor).transpose()?;
                rows(target, tensor(weight)?, bias);
            }
        }
    }
    Ok(PackedWeights { buffer, layout_hash: program.layout_hash })
}

/// Fills zeroed panels; see `lower/columns.rs` for their layout.
fn panels(target: &mut [f32], weight: &Tensor, bias: Option<&Tensor>) {
    let (m, channels) = (weight.dims()[0], weight.dims()[1]);
    let taps: usize = weight.dims()[2..].iter().product();
    let reduction = taps * channels;
    let padded = m.next_multiple_of(CHANNEL_PADDING);
    for first in (0..padded).step_by(PANEL) {
        let width = PANEL.min(padded - first);
        let panel = &mut target[first * (reduction + 1)..][..width * (reduction + 1)];
        for lane in 0..width.min(m - first) {
            let filter = first + lane;
            panel[lane] = bias.map_or(0.0, |bias| bias.data()[filter]);
            let source = &weight.data()[filter * reduction..][..reduction];
            for (c, of_channel) in source.chunks(taps).enumerate() {
                for (tap, &value) in of_channel.iter().enumerate() {
                    panel[(tap * channels + c + 1) * width + lane] = value;
                }
            }
        }
    }
}

/// Fills one filter after the other.
fn rows(target: &mut [f32], weight: &Tensor, bias: Option<&Tensor>) {
    let channels = weight.dims()[1];
    let taps: usize = weight.dims()[2..].iter().product();
    let reduction = taps * channels;
    let filters = weight.data().chunks(reduction);
    for (filter, (row, source)) in target.chunks_mut(reduction + 1).zip(filters).enumerate() {
        row[0] = bias.map_or(0.0, |bias| bias.data()[filter]);
        for (c, of_channel) in source.chunks(taps).enumerate() {
            for (tap, &value) in of_channel.iter().enumerate() {
                row[1 + tap * channels + c] = value;
            }
        }
    }
}

/// Depends on everything that decides where a weight lies, and on nothing else.
pub(super) fn layout_hash(weights: &[PlacedTensor]) -> u64 {
    let mut text = String::from("panels of 16, tail of 8, bias first\n");
    for placed in weights {
        let PlacedTensor { tensor, offset } = placed;
        // Writing to a string cannot fail.
        let _ = match &tensor.packing {
            Packing::Plain { constant } => writeln!(text, "{offset} {} plain {constant:?}", tensor.elements),
            Packing::Panels { weight, bias } => {
                writeln!(text, "{offset} {} panels {weight:?} {bias:?}", tensor.elements)
            }
            Packing::Rows { weight, bias } => {
                writeln!(text, "{offset} {} rows {weight:?} {bias:?}", tensor.elements)
            }
        };
    }
    xxh3_64(text.as_bytes())
}

impl PackedWeights {
    /// The blob as f32.
    pub fn as_slice(&self) -> &[f32] {
        self.buffer.as_slice()
    }

    /// The hash of the layout that they were packed for.
    pub fn layout_hash(&self) -> u64 {
        self.layout_hash
    }

    /// The `.rxw` file: a header of 64 bytes (magic, version, layout hash, XXH64 checksum of the content, its
    /// length; little endian), then the blob.
    pub fn to_rxw(&self) -> Vec<u8> {
        let content: Vec<u8> = self.as_slice().iter().flat_map(|value| value.to_le_bytes()).collect();
        let mut file = Vec::with_capacity(PACKED_HEADER_BYTES + content.len());
        file.extend_from_slice(PACKED_MAGIC);
        file.extend_from_slice(&PACKED_VERSION.to_le_bytes());
        file.extend_from_slice(&(ALIGNMENT as u32).to_le_bytes());
        file.extend_from_slice(&self.layout_hash.to_le_bytes());
        file.extend_from_slice(&xxh64(&content, 0).to_le_bytes());
        file.extend_from_slice(&(content.len() as u64).to_le_bytes());
        file.resize(PACKED_HEADER_BYTES, 0);
        file.extend_from_slice(&content);
        file
    }

    /// Reads a `.rxw` file that was packed for `program`. The layout hash, the length and the checksum are
    /// checked; the checksum costs about 0.1 ms a MiB.
    ///
    /// # Errors
    /// `RX0306` when one of them differs.
    pub fn from_rxw(file: &[u8], program: &Program) -> Result<Self, Diagnostic> {
        let refuse = |cause: String| {
            Err(Diagnostic::new(Code::PackedHeader, Location::None, cause)
                .with_help("pack the weights again for this network with this version"))
        };
        let Some((header, content)) = file.split_first_chunk() else {
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
        let mut buffer = AlignedBuffer::zeroed(program.weight_bytes / 4);
        for (value, bytes) in buffer.as_mut_slice().iter_mut().zip(content.as_chunks::<4>().0) {
            *value = f32::from_le_bytes(*bytes);
        }
        Ok(Self { buffer, layout_hash: program.layout_hash })
    }
}
