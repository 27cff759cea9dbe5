//! What a function under test can do wrong.

use std::fmt;

/// Why a run ended without a result.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fault {
    /// An instruction or a form of it that the executor does not know.
    Unsupported(&'static str),
    /// Bytes outside of all memory that the function was given.
    Outside { address: u64, length: usize },
    /// A write to memory that may only be read.
    ReadOnly { address: u64 },
    /// An address that must be a multiple of `alignment`.
    Unaligned { address: u64, alignment: usize },
    /// Control left the code.
    JumpOutside(u64),
    /// A decision on a flag that no instruction set.
    UndefinedFlag,
    /// A callee-saved register differs at the return.
    Clobbered(&'static str),
    /// More than 128 bits of a vector register were written after the last `vzeroupper`.
    DirtyUpperHalves,
    /// As many instructions ran as may.
    TooLong(u64),
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Unsupported(reason) => write!(formatter, "unsupported: {reason}"),
            Fault::Outside { address, length } => {
                write!(formatter, "{length} bytes at {address:#x} are outside of all memory")
            }
            Fault::ReadOnly { address } => write!(formatter, "a write to read-only memory at {address:#x}"),
            Fault::Unaligned { address, alignment } => {
                write!(formatter, "{address:#x} is not a multiple of {alignment}")
            }
            Fault::JumpOutside(address) => write!(formatter, "control leaves the code, to {address:#x}"),
            Fault::UndefinedFlag => formatter.write_str("a decision on an undefined flag"),
            Fault::Clobbered(register) => write!(formatter, "the return with a changed {register}"),
            Fault::DirtyUpperHalves => formatter.write_str("the return without vzeroupper"),
            Fault::TooLong(limit) => write!(formatter, "more than {limit} instructions"),
        }
    }
}
