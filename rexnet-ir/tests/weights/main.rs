//! Weights files: what PyTorch and safetensors wrote is read as they read it; what is damaged, hostile or of another
//! form ends in coded faults, within bounded time and memory.

mod bombs;
mod check;
mod checkpoints;
mod encode;
mod loading;
#[path = "../hostile_onnx/memory.rs"]
mod memory;
mod mutations;
mod naming;
mod pickles;
mod refusals;
mod zips;

#[global_allocator]
static ALLOCATOR: memory::Counting = memory::Counting;
