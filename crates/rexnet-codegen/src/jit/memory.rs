//! The memory of one run, as addresses that several threads use.

use super::MAX_BUFFERS;
use crate::loops::Role;
use crate::memory::AlignedBuffer;
use crate::plan::{PackedWeights, Place, Program};

/// Addresses of what a run works on. Nothing borrows it: whoever makes one keeps the memory alive and to itself.
pub(super) struct Memory {
    arena: *mut f32,
    weights: *mut f32,
    inputs: *const *const [f32],
    outputs: *const *mut [f32],
    /// Scratch memory of the threads from number 1 on, one after the other.
    pub(super) private: *mut f32,
    /// How much of it each has.
    pub(super) private_bytes: usize,
}

// SAFETY: these are addresses; only calls of kernels use them, and each says why it may.
unsafe impl Sync for Memory {}

impl Memory {
    pub(super) fn new(
        weights: &PackedWeights,
        arena: &mut AlignedBuffer,
        inputs: &[&[f32]],
        outputs: &mut [&mut [f32]],
    ) -> Self {
        Self {
            arena: arena.as_mut_slice().as_mut_ptr(),
            weights: weights.as_slice().as_ptr().cast_mut(),
            inputs: inputs.as_ptr().cast(),
            outputs: outputs.as_mut_ptr().cast(),
            private: std::ptr::null_mut(),
            private_bytes: 0,
        }
    }

    /// Writes the addresses of a step's buffers, as the thread of that number finds them.
    pub(super) fn fill(
        &self,
        table: &mut [*mut f32; MAX_BUFFERS],
        program: &Program,
        step: usize,
        thread: usize,
    ) {
        let step = &program.steps[step];
        let kernel = &program.kernels[step.kernel];
        let mut private = thread.saturating_sub(1) * self.private_bytes;
        for ((entry, buffer), &place) in table.iter_mut().zip(&kernel.buffers).zip(&step.arguments) {
            *entry = match place {
                Place::Arena(_) if thread > 0 && buffer.role == Role::Scratch => {
                    let own = self.private.wrapping_byte_add(private);
                    private += (4 * buffer.elements).next_multiple_of(64);
                    own
                }
                Place::Arena(offset) => self.arena.wrapping_byte_add(offset),
                Place::Weights(offset) => self.weights.wrapping_byte_add(offset),
                // SAFETY: the program was proved to have no more inputs and outputs than it says, and the caller gave
                // as many. A reference to a slice is stored as a pointer to it is.
                Place::Input(index) => unsafe { (*self.inputs.add(index)).cast::<f32>().cast_mut() },
                // SAFETY: as above.
                Place::Output(index) => unsafe { (*self.outputs.add(index)).cast::<f32>() },
            };
        }
    }
}
