//! A compiled network as one file: what it is called with, machine code, packed weights.
//!
//! ```text
//! header (64 bytes, little endian)
//!   "rexnet\0i"  format and tier  compiler  key  checksum  length of the description  offset of the code  of the weights
//! description (protobuf)
//! code of all kernels, each at a multiple of 64
//! packed weights at a multiple of 64, to the end
//! ```
//!
//! The checksum, XXH3, covers everything else. It finds damage, not malice: whoever may write an image may run code in
//! the process that loads it.

mod message;

use crate::emit::machine::{Tier, check_buffers, fault, native_isa, translate};
use crate::memory::ALIGNMENT;
use crate::plan::{self, PackedWeights, Program, Work};
use message::Description;
use rexnet_ir::Bytes;
use rexnet_ir::diagnostic::{Code, Diagnostic, Diagnostics, Location};
use rexnet_ir::spec::preprocessing::Preprocessing;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

pub use super::IMAGE_MAGIC;

/// The version of the format.
const FORMAT: u32 = 3;
/// The length of the header.
const HEADER: usize = 64;
/// Changes with the sources of this compiler.
const COMPILER: &str = env!("REXNET_COMPILER");

/// What a user of a network has to know that its program does not say.
#[derive(Clone, Debug, PartialEq)]
pub struct About {
    /// How the network was described.
    pub title: String,
    /// How photographs become inputs, if known.
    pub preprocessing: Option<Preprocessing>,
    /// The network's own outputs; taps come after them.
    pub own_outputs: usize,
}

/// A compiled network that was read from a file, not yet in executable memory.
#[derive(Debug)]
pub struct Image {
    /// What a user has to know.
    pub about: About,
    /// The program; its kernels have no bodies.
    pub program: Program,
    /// Its weights, in the file where that is aligned.
    pub weights: PackedWeights,
    /// What made the code.
    pub tier: Tier,
    /// The code of all kernels.
    pub(crate) code: Bytes,
    /// The sections of each kernel, and where their code begins.
    pub(crate) sections: Vec<Vec<(Work, usize)>>,
    /// What the image was made from; see [`Image::to_bytes`].
    pub key: u64,
    /// The whole file.
    file: Bytes,
}

fn compiler() -> u64 {
    COMPILER.parse().unwrap_or_default()
}

impl Image {
    /// Translates a program and writes it with its weights. `key` is kept for the reader, to tell by it what the image
    /// was made from.
    ///
    /// # Errors
    /// As [`MachineCode::compile`](crate::run::MachineCode::compile); `RX0605` when Cranelift made a kernel's code: it
    /// uses whatever this processor has, which no tier names.
    pub fn to_bytes(
        program: &Program,
        weights: &PackedWeights,
        tier: Tier,
        about: &About,
        key: u64,
    ) -> Result<Vec<u8>, Diagnostics> {
        let isa = native_isa()?;
        let kernels = translate(program, tier, &isa)?;
        let (mut code, mut sections) = (Vec::new(), Vec::new());
        for (kernel, translated) in program.kernels.iter().zip(kernels) {
            let mut own = Vec::with_capacity(translated.sections.len());
            for section in translated.sections {
                if section.by_cranelift {
                    let cause = "Cranelift made its code, for this very processor";
                    return Err(
                        Diagnostic::new(Code::CodeImage, Location::Name(kernel.name.clone()), cause).into()
                    );
                }
                code.resize(code.len().next_multiple_of(ALIGNMENT), 0);
                own.push((section.work, code.len()));
                code.extend_from_slice(&section.bytes);
            }
            sections.push(own);
        }
        let description = Description::new(program, about, &sections, code.len()).encode();
        let code_offset = (HEADER + description.len()).next_multiple_of(ALIGNMENT);
        let weights_offset = (code_offset + code.len()).next_multiple_of(ALIGNMENT);
        let elements = weights.as_slice();
        let mut file = Vec::with_capacity(weights_offset + 4 * elements.len());
        file.extend_from_slice(IMAGE_MAGIC);
        file.extend_from_slice(&FORMAT.to_le_bytes());
        file.extend_from_slice(&(tier as u32).to_le_bytes());
        for word in [compiler(), key, 0, description.len() as u64, code_offset as u64, weights_offset as u64]
        {
            file.extend_from_slice(&word.to_le_bytes());
        }
        file.extend_from_slice(&description);
        file.resize(code_offset, 0);
        file.extend_from_slice(&code);
        file.resize(weights_offset, 0);
        file.extend(elements.iter().flat_map(|value| value.to_le_bytes()));
        let checksum = checksum(&file);
        file[CHECKSUM].copy_from_slice(&checksum.to_le_bytes());
        Ok(file)
    }

    /// The file that it was read from.
    pub fn bytes(&self) -> &Bytes {
        &self.file
    }

    /// Reads an image and checks all that can be checked: its format, that this compiler made it, that this processor
    /// runs it, its checksum, and that the program is sound for the sizes of its buffers.
    ///
    /// # Errors
    /// `RX0605` for each of these.
    pub fn read(file: &Bytes) -> Result<Self, Diagnostics> {
        let refuse = |cause: &str| {
            Diagnostics::from(
                Diagnostic::new(Code::CodeImage, Location::None, cause.to_owned())
                    .with_help("compile the network again: rexnetc compile NET --emit image"),
            )
        };
        let Some(header) = file.first_chunk::<HEADER>().filter(|header| header.starts_with(IMAGE_MAGIC))
        else {
            return Err(refuse("the file does not begin as a compiled network does"));
        };
        let word = |at: usize| header[at..].first_chunk::<8>().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        let tier = Tier::ALL.into_iter().find(|&tier| word(8) == u64::from(FORMAT) | (tier as u64) << 32);
        let Some(tier) = tier.filter(|_| word(16) == compiler()) else {
            return Err(refuse("another version of the compiler made it"));
        };
        if !tier.runs_here() {
            return Err(refuse("this processor lacks the instructions that it was made for"));
        }
        if word(32) != checksum(file) {
            return Err(refuse("it is damaged: the checksum differs"));
        }
        let damaged = || refuse("it is damaged: its parts do not fit");
        let at = |word: u64| usize::try_from(word).ok().filter(|&at| at <= file.len());
        let (Some(description), Some(code), Some(weights)) = (at(word(40)), at(word(48)), at(word(56)))
        else {
            return Err(damaged());
        };
        if HEADER + description > code || code > weights {
            return Err(damaged());
        }
        let read = Description::decode(&file[HEADER..HEADER + description]).and_then(Description::read);
        let (program, about, sections, code_length) = read.ok_or_else(damaged)?;
        let is_inside = |&(_, offset): &(Work, usize)| offset < code_length;
        if code_length > weights - code || !sections.iter().flatten().all(is_inside) {
            return Err(damaged());
        }
        program.kernels.iter().try_for_each(check_buffers)?;
        plan::check_unaligned(&program)?;
        let weights = PackedWeights::from_content(file.slice(weights..), &program).ok_or_else(damaged)??;
        Ok(Self {
            about,
            program,
            weights,
            tier,
            code: file.slice(code..code + code_length),
            sections,
            key: word(24),
            file: file.clone(),
        })
    }
}

/// Where the checksum stands.
const CHECKSUM: std::ops::Range<usize> = 32..40;

/// That of a file with a whole header, whatever stands in the place of its checksum.
fn checksum(file: &[u8]) -> u64 {
    let (header, rest) = file.split_at(HEADER.min(file.len()));
    let mut header = header.to_vec();
    if let Some(own) = header.get_mut(CHECKSUM) {
        own.fill(0);
    }
    xxh3_64_with_seed(rest, xxh3_64(&header))
}

/// A name for what an image is made from: equal inputs of a compilation have equal keys.
#[derive(Clone, Debug)]
pub struct ImageKey(u64);

impl ImageKey {
    /// Nothing but the compiler and the tier yet.
    pub fn new(tier: Tier) -> Self {
        Self(xxh3_64_with_seed(tier.name().as_bytes(), compiler()))
    }

    /// With one more input.
    #[must_use]
    pub fn with(self, input: &[u8]) -> Self {
        // The length tells two inputs from one.
        let length = xxh3_64_with_seed(&(input.len() as u64).to_le_bytes(), self.0);
        Self(xxh3_64_with_seed(input, length))
    }

    /// The key.
    pub fn value(&self) -> u64 {
        self.0
    }
}

/// The fault of code that cannot be kept.
pub(crate) fn unkept(cause: &str) -> Diagnostic {
    fault(Code::CodeImage, cause)
}
