//! Loops → machine code of x86-64 with 256-bit vectors (AVX2 and FMA, VEX encoding) or 512-bit ones (AVX-512, EVEX
//! encoding), which Cranelift does not make.
//!
//! ```text
//! Kernel ─select─> operations on virtual registers ─constants, allocate, pointers─> numbers ─assemble─> bytes
//! ```
//!
//! What the loop text says is what is emitted: its loops, its unrolling, its order of operations. A section of a kernel
//! becomes one position-independent function with its constants behind it,
//!
//! ```text
//! extern "sysv64" fn section(buffers: *const *mut f32, outer: i64, begin: i64, end: i64)
//! ```
//!
//! that runs one pass of the section's outer loop and the passes `begin..end`, at least one, of its inner loop, and
//! leaves the upper halves of the first sixteen vector registers clear, so that what follows is not slowed. No vector is ever spilled: a kernel that needs more
//! registers than there are is refused.

mod allocate;
mod assemble;
mod constants;
mod instruction;
mod listing;
mod lives;
mod nest;
mod operation;
mod pointers;
mod select;

pub use listing::listing;

use crate::loops::{Kernel, Section};

/// How instructions are encoded, and with that what registers there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// 16 registers of 8 lanes; needs AVX2 and FMA.
    Vex,
    /// 32 registers of 16 lanes; needs AVX-512F and VL.
    Evex,
}

impl Encoding {
    /// Lanes of the widest register.
    fn lanes(self) -> usize {
        match self {
            Encoding::Vex => 8,
            Encoding::Evex => 16,
        }
    }

    /// The number of vector registers.
    fn registers(self) -> usize {
        match self {
            Encoding::Vex => 16,
            Encoding::Evex => 32,
        }
    }
}

/// How operations are selected.
#[derive(Clone, Copy, Debug)]
struct Options {
    encoding: Encoding,
    /// Whether a 512-bit division stays one: slower, but needs no registers for halves.
    whole_divisions: bool,
}

/// The alignment that [`Function::bytes`] needs in memory: its constants are read as whole vectors, and its loops
/// begin where the processor's decoder does.
pub const ALIGNMENT: usize = 64;

/// A kernel's machine code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Instructions from the entry on, then constants.
    pub bytes: Vec<u8>,
    /// The length of the instructions.
    pub code_length: usize,
    /// Where the code of a statement begins: offset and the statement's place in the kernel's text.
    pub(self) statements: Vec<(u32, u32)>,
}

/// The function of a section of a verified kernel.
///
/// # Errors
/// Why there is none: vector or general registers do not suffice, or a distance does not fit an instruction.
pub fn function(kernel: &Kernel, section: &Section, encoding: Encoding) -> Result<Function, String> {
    let with = |whole_divisions| {
        let mut nest = select::select(kernel, section, Options { encoding, whole_divisions })?;
        constants::place_constants(&mut nest, encoding.registers());
        let numbers = allocate::allocate(&nest, encoding.registers())
            .map_err(|missing| format!("{missing} more vector registers would be needed"))?;
        let pointers = pointers::place_pointers(&nest, assemble::GENERAL_REGISTERS.len())?;
        assemble::assemble(&nest, &numbers, &pointers, encoding)
    };
    with(false).or_else(|fault| if encoding == Encoding::Evex { with(true) } else { Err(fault) })
}
