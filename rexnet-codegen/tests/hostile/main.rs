//! Legal networks that ask for much, and files that are damaged, through the whole compiler.

mod bounds;
mod demanding;
#[path = "../../../rexnet-ir/tests/hostile_onnx/memory.rs"]
mod memory;
mod mutations;

#[global_allocator]
static ALLOCATOR: memory::Counting = memory::Counting;
