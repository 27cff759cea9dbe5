//! Weights: read from safetensors and written, or seeded where none are given.

mod safetensors;
mod seeded;

pub use self::safetensors::{Loaded, bound, load, to_safetensors};
pub use seeded::{seed, zero};
