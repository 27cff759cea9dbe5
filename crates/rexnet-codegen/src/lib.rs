//! How a network is computed: graph → [`lower`] → [`loops`] → [`plan`] → program → [`emit`], run by [`execute`].
//!
//! Start at [`driver::compile`].

#[cfg(feature = "text")]
pub mod build;
pub mod driver;
pub mod emit;
pub mod execute;
mod float_environment;
pub mod invocation;
#[cfg(feature = "jit")]
pub mod jit;
#[cfg(feature = "library")]
pub mod library;
pub mod loops;
pub mod lower;
pub mod memory;
#[cfg(feature = "object")]
pub mod object;
pub mod plan;
pub mod replace;
pub mod target;

#[cfg(feature = "text")]
pub use build::Build;
