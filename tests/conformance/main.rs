//! One suite, every back end: each operator, each fusion and each network gives the same bits on every back end
//! and every target of [`backends`], and lies near the f64 reference and PyTorch's values.
//!
//! A back end joins by one entry in [`backends::EVERY`].

mod activation_accuracy;
mod awkward_shapes;
mod backends;
mod batch;
mod comparison;
mod coverage;
#[path = "../executor/mod.rs"]
mod executor;
mod fixtures;
mod fusions;
mod images;
mod inputs;
mod networks;
mod onnx_models;
mod onnx_operators;
mod operations;
mod operators;
mod packed_weights;
mod presets;
mod processor_mode;
mod reference;
mod runnable;
mod shapes;
mod sharing;
mod single_kernel;
mod special_values;
mod structure;
mod taps;
