//! rexnet compiles lightweight vision networks to specialised CPU code.
//!
//! - Feature `jit`: machine code at run time. [`Engine`] compiles, a [`Model`] is code and weights shared
//!   between threads, a [`Session`] is the memory of one of them.
//! - Feature `image`: photographs to network inputs exactly as PIL and timm make them, in [`image`].
//!
//! [`softmax`] and [`top`] turn a classifier's output into answers; [`labels`] names ImageNet's classes.

#[cfg(feature = "image")]
pub mod image;
#[cfg(feature = "jit")]
mod jit;
pub mod labels;
mod probabilities;
#[cfg(feature = "jit")]
pub mod verification;

#[cfg(feature = "jit")]
pub use jit::{Backend, Engine, Model, Options, Session, Source, Tap, Weights};
pub use probabilities::{Prediction, softmax, top};
pub use rexnet_ir::diagnostic::{Code, Diagnostic, Diagnostics, Location};
pub use rexnet_ir::spec::preprocessing::{Geometry, Interpolation, Preprocessing};
