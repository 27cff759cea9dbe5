//! The ways to make machine code.

use crate::emit::rust::Version;
use crate::emit::x64::Encoding;
use crate::target::Target;

/// What makes a program's machine code. All give the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tier {
    /// Our assembler, 512-bit vectors: x86-64 with AVX-512 (F, VL, DQ, BW).
    Avx512,
    /// Our assembler, 256-bit vectors: x86-64 with AVX2 and FMA.
    Avx2,
    /// Cranelift, 128-bit vectors: x86-64 and aarch64.
    Clif,
}

impl Tier {
    /// All of them, the widest first.
    pub const ALL: [Tier; 3] = [Tier::Avx512, Tier::Avx2, Tier::Clif];

    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Tier::Avx512 => "avx512",
            Tier::Avx2 => "avx2",
            Tier::Clif => "clif",
        }
    }

    /// What loops are lowered for, so that it runs them best. It runs those of every target.
    pub fn target(self) -> Target {
        let target = match self {
            Tier::Avx512 => Target::AVX512,
            Tier::Avx2 => Target::AVX2,
            Tier::Clif => Target::PORTABLE,
        };
        // Every program is proved before it is translated.
        Target { proves_kernels: false, ..target }
    }

    /// How our assembler encodes its code.
    pub fn encoding(self) -> Option<Encoding> {
        match self {
            Tier::Avx512 => Some(Encoding::Evex),
            Tier::Avx2 => Some(Encoding::Vex),
            Tier::Clif => None,
        }
    }

    /// Whether the processor that this runs on has what its code needs.
    pub fn runs_here(self) -> bool {
        match self {
            Tier::Avx512 => Version::Avx512.runs_here(),
            Tier::Avx2 => Version::Avx2.runs_here(),
            Tier::Clif => true,
        }
    }

    /// The widest that runs here.
    pub fn best_here() -> Self {
        Self::ALL.into_iter().find(|tier| tier.runs_here()).unwrap_or(Tier::Clif)
    }
}
