//! Weights: read from safetensors, or seeded where none are given.

mod safetensors;
mod seeded;

pub use self::safetensors::{Loaded, load};
pub use seeded::seed;
