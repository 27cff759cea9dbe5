//! Everything that is made of a program: source, machine code, files. Back ends print the loops as they are; none
//! optimises, none has kernels of its own.

#[cfg(feature = "jit")]
pub mod clif;
#[cfg(feature = "jit")]
pub mod image;
#[cfg(feature = "jit")]
pub mod machine;
#[cfg(feature = "object")]
pub mod object;
pub mod rust;
#[cfg(feature = "x64")]
pub mod x64;

/// The first bytes of a compiled network.
pub const IMAGE_MAGIC: &[u8; 8] = b"rexnet\0i";
