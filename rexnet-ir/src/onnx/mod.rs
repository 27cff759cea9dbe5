//! ONNX in and out: the only module that knows the format.
//!
//! [`import`] turns a model file into a [`Graph`](crate::graph::Graph) of primitive operators with bound constants;
//! the passes then see in it what they see in a spec. Integer arithmetic on shapes is computed away. What is not
//! covered is reported all at once, by node; [`check`] reports the other nodes, too. [`export`] writes a graph as a model for other engines.

mod attributes;
mod check;
mod constant;
mod export;
mod extents;
mod faults;
mod functions;
mod import;
mod limits;
mod messages;
mod nodes;
mod operators;

pub use check::{Checked, CheckedNode, Verdict, check};
pub use export::export;
pub use extents::{ImportOptions, Sizes, channels_last};
pub use import::{MAX_MODEL_BYTES, import, input_names};
