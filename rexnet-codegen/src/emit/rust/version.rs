//! The versions of a generated module: one a set of processor features, all with the same bits.

use crate::target::Target;
use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;

/// A set of processor features that code is generated for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// x86-64 with AVX-512 (F, VL, DQ, BW): 32 registers of 16 lanes.
    Avx512,
    /// x86-64 with AVX2 and FMA: 16 registers of 8 lanes.
    Avx2,
    /// aarch64: 32 registers of 4 lanes.
    Neon,
    /// Any processor, in plain Rust. Without an instruction for it, `fma` is computed in f64: exact and slow.
    Portable,
}

impl Version {
    /// All versions, the widest first; dispatch takes the first that the processor has.
    pub const ALL: [Version; 4] = [Version::Avx512, Version::Avx2, Version::Neon, Version::Portable];

    /// The name in options and generated code.
    pub fn name(self) -> &'static str {
        match self {
            Version::Avx512 => "avx512",
            Version::Avx2 => "avx2",
            Version::Neon => "neon",
            Version::Portable => "portable",
        }
    }

    /// The version of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.name() == name)
    }

    /// What its loops are lowered for.
    pub fn target(self) -> Target {
        match self {
            Version::Avx512 => Target::AVX512,
            Version::Avx2 => Target::AVX2,
            Version::Neon => Target::NEON,
            Version::Portable => Target::PLAIN,
        }
    }

    /// Whether the processor that this runs on has its features.
    pub fn runs_here(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Version::Avx512 => {
                is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512vl")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512bw")
                    && Version::Avx2.runs_here()
            }
            #[cfg(target_arch = "x86_64")]
            Version::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "aarch64")]
            Version::Neon => true,
            Version::Portable => true,
            #[cfg(not(target_arch = "x86_64"))]
            Version::Avx512 | Version::Avx2 => false,
            #[cfg(not(target_arch = "aarch64"))]
            Version::Neon => false,
        }
    }

    /// The version that dispatch takes on the processor that this runs on.
    pub fn best_here() -> Self {
        Self::ALL.into_iter().find(|version| version.runs_here()).unwrap_or(Version::Portable)
    }

    /// The variant of the generated `Version` enumeration.
    pub(super) fn variant(self) -> Ident {
        let name = match self {
            Version::Avx512 => "Avx512",
            Version::Avx2 => "Avx2",
            Version::Neon => "Neon",
            Version::Portable => "Portable",
        };
        Ident::new(name, Span::call_site())
    }

    /// The generated module.
    pub(super) fn module(self) -> Ident {
        Ident::new(self.name(), Span::call_site())
    }

    /// The architecture that it is compiled for; `None` for all.
    pub(super) fn architecture(self) -> Option<&'static str> {
        match self {
            Version::Avx512 | Version::Avx2 => Some("x86_64"),
            Version::Neon => Some("aarch64"),
            Version::Portable => None,
        }
    }

    /// `#[cfg(target_arch = …)]`, or nothing.
    pub(super) fn cfg(self) -> TokenStream {
        self.architecture().map_or_else(TokenStream::new, |name| quote!(#[cfg(target_arch = #name)]))
    }

    /// `#[target_feature(enable = …)]`, or nothing.
    pub(super) fn target_feature(self) -> TokenStream {
        match self {
            Version::Avx512 => {
                quote!(#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma")])
            }
            Version::Avx2 => quote!(#[target_feature(enable = "avx2,fma")]),
            Version::Neon => quote!(#[target_feature(enable = "neon")]),
            Version::Portable => TokenStream::new(),
        }
    }

    /// The lanes that its registers hold.
    pub(super) fn native_lanes(self) -> &'static [usize] {
        match self {
            Version::Avx512 => &[4, 8, 16],
            Version::Avx2 => &[4, 8],
            Version::Neon => &[4],
            Version::Portable => &[],
        }
    }
}
