//! Back ends: each prints the loops as they are. None optimises, none has kernels of its own.

#[cfg(feature = "jit")]
pub mod clif;
pub mod rust;
#[cfg(feature = "x64")]
pub mod x64;
