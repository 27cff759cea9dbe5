//! The executor of assembled kernels against plain arithmetic and against the processor.

#[path = "../executor/mod.rs"]
mod executor;
