//! Networks compiled at run time.

mod backend;
mod engine;
mod image_folder;
mod model;
mod session;

pub use backend::Backend;
pub use engine::{Engine, Options};
pub use model::{Model, Shape};
pub use rexnet_codegen::driver::{Sizes, Source, Weights};
pub use session::{Session, Tap};
