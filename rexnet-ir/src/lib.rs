//! What a network is: the declarative [`spec`], the [`graph`], the [`passes`] over it, its [`weights`] and
//! the f64 [`mod@reference`] evaluator that says what it computes.
//!
//! This crate knows no target and no kernel. Every fault it finds in somebody's input is a
//! [`diagnostic::Diagnostic`] with a stable code.

pub mod archive;
mod cursor;
pub mod diagnostic;
mod file_kind;
pub mod graph;
pub mod labels;
pub mod onnx;
pub mod passes;
pub mod reference;
pub mod spec;
pub mod weights;

/// The content of a file, shared: from a `Vec<u8>`, a `&'static [u8]`, or what owns a memory map
/// ([`Bytes::from_owner`]).
pub use bytes::Bytes;
