//! ONNX files that are damaged, hostile, or not what we cover: each ends in coded faults, within bounded time and
//! memory.
//!
//! The files are written byte by byte, not with the importer's own messages.

mod arithmetic;
mod bombs;
mod check;
mod encode;
mod format;
mod functions;
mod heads;
mod indices;
mod memory;
mod mutations;
mod names;
mod report;
mod scatter;
mod shapes;
mod tensors;
mod views;
mod windows;

#[global_allocator]
static ALLOCATOR: memory::Counting = memory::Counting;
