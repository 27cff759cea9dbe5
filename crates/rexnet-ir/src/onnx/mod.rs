//! ONNX in and out: the only module that knows the format.
//!
//! [`import`] turns a model file into a [`Graph`](crate::graph::Graph) of primitive operators with bound constants;
//! the passes then see in it what they see in a spec. Integer arithmetic on shapes is computed away. What is not
//! covered is reported all at once, by node.

mod attributes;
mod constant;
mod functions;
mod import;
mod messages;
mod operators;

pub use import::{ImportOptions, MAX_MODEL_BYTES, import};
