//! How a network is computed: graph → [`lower`] → [`loops`] → [`plan`] → program → [`emit`], run by [`run`].
//!
//! Start at [`driver::compile`].

#[cfg(feature = "text")]
pub mod build;
pub mod driver;
pub mod emit;
pub mod invocation;
pub mod loops;
pub mod lower;
pub mod memory;
pub mod plan;
pub mod replace;
pub mod run;
pub mod target;

#[cfg(feature = "text")]
pub use build::Build;
