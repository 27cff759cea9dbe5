//! What a model can be run on.

use rexnet_codegen::emit::machine::Tier;
use rexnet_codegen::emit::rust::Version;
use rexnet_codegen::target::Target;

/// What runs the kernels. All give the same bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Backend {
    /// Machine code of the widest vectors that this processor has: our own on x86-64 with AVX2 or AVX-512,
    /// Cranelift's elsewhere.
    #[default]
    Jit,
    /// Cranelift's code for this processor, 128-bit vectors.
    Clif,
    /// The emitted Rust source, compiled by this machine's `cargo` (for minutes where the network is large) and
    /// loaded; what was compiled is kept in [`Engine::cache`](super::Engine::cache).
    Rust,
    /// The loops interpreted: slow, needs no executable memory.
    Interpret,
}

impl Backend {
    /// All of them with their spelling.
    pub const NAMES: &'static [(&'static str, Backend)] = &[
        ("jit", Backend::Jit),
        ("clif", Backend::Clif),
        ("rust", Backend::Rust),
        ("interpret", Backend::Interpret),
    ];

    /// What the loops are lowered for.
    pub(crate) fn target(self) -> Target {
        match self {
            Backend::Jit => Tier::best_here().target(),
            Backend::Clif | Backend::Interpret => Target::PORTABLE,
            Backend::Rust => Version::best_here().target(),
        }
    }

    /// The spelling.
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, backend)| *backend == self).map_or("?", |(name, _)| name)
    }
}
