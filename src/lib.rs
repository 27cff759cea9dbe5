//! rexnet compiles lightweight vision networks to specialised CPU code.
//!
//! - Feature `std` (default): everything but the macros needs it. Without it this crate is for `no_std`.
//! - Feature `macros` (default): [`rexnet!`] and [`network!`] compile a network with your crate.
//! - Feature `asm` (default): their kernels as machine code on x86-64, whatever the profile; as Rust without it.
//! - Feature `pack`: `pack` makes the packed weights of such a network from a file of safetensors or
//!   PyTorch.
//! - Feature `jit`: machine code at run time. [`Engine`] compiles, a [`Model`] is code and weights shared
//!   between threads, a [`Session`] is the memory of one of them.
//! - Feature `threads`: teams of threads that a network runs on, in [`threads`].
//! - Feature `image`: photographs to network inputs exactly as PIL and timm make them, in [`image`].
//!
//! [`softmax`] and [`top`] turn a classifier's output into answers; [`labels`] names ImageNet's classes.

#![cfg_attr(not(feature = "std"), no_std)]

#[cfg(feature = "image")]
pub mod image;
#[cfg(feature = "jit")]
mod jit;
#[cfg(feature = "std")]
pub mod labels;
#[cfg(feature = "macros")]
mod macros;
#[cfg(feature = "pack")]
mod packing;
#[cfg(feature = "std")]
mod probabilities;
#[cfg(feature = "jit")]
pub mod profile;
/// Threads that a network runs on: teams of our own, and pools that are there already.
#[cfg(feature = "threads")]
pub mod threads {
    /// What the code of the macros deals out chunks with.
    #[doc(hidden)]
    pub use rexnet_threads::Progress;
    pub use rexnet_threads::{Alone, FromFn, Team, Threads, from_fn, physical_cores};
}
#[cfg(feature = "jit")]
pub mod verification;

#[cfg(feature = "jit")]
pub use jit::{Backend, Engine, Model, Options, Session, Shape, Sizes, Source, Tap, Weights};
#[cfg(feature = "macros")]
pub use macros::{network, rexnet};
#[cfg(feature = "pack")]
pub use packing::pack;
#[cfg(feature = "std")]
pub use probabilities::{Prediction, softmax, top};
#[cfg(feature = "std")]
pub use rexnet_ir::Bytes;
#[cfg(feature = "std")]
pub use rexnet_ir::diagnostic::{Code, Diagnostic, Diagnostics, Location};
#[cfg(feature = "std")]
pub use rexnet_ir::spec::preprocessing::{Geometry, Interpolation, Preprocessing};

/// The README's examples.
#[cfg(all(doctest, feature = "jit"))]
#[doc = include_str!("../README.md")]
struct Readme;

/// How photographs become the inputs of a network, if its spec says so: of a `SPEC` constant, for example.
///
/// # Errors
/// Those of the spec, `RX0101` to `RX0106`.
#[cfg(feature = "std")]
pub fn preprocessing(spec: &str) -> Result<Option<Preprocessing>, Diagnostics> {
    Ok(rexnet_ir::spec::parse_network(spec)?.preprocessing)
}
