//! Weights: read from safetensors files and PyTorch checkpoints, written as safetensors, or seeded where none are given.

mod load;
mod names;
mod pytorch;
mod safetensors;
mod seeded;
mod state_dict;

pub use self::safetensors::{labels, to_safetensors};
pub use load::{Loaded, bound, load};
pub use names::Scheme;
pub use seeded::{seed, zero};
pub use state_dict::{Entry, StateDict};
