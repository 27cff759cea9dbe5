//! The memory of one run, as addresses that several threads use.

use super::check_arguments;
use crate::memory::AlignedBuffer;
use crate::plan::{PackedWeights, Program};
use rexnet_ir::diagnostic::Diagnostic;

/// Addresses of what a run works on. Nothing borrows it: whoever makes one keeps the memory alive and to itself.
pub(crate) struct Memory {
    pub(crate) arena: *mut f32,
    pub(crate) weights: *const f32,
    /// As many as the program has.
    inputs: *const *const [f32],
    outputs: *const *mut [f32],
    /// Scratch memory of the threads from number 1 on, one after the other.
    private: *mut f32,
    /// How much of it each has.
    private_bytes: usize,
}

// SAFETY: these are addresses; only calls of kernels use them, and each says why it may.
unsafe impl Sync for Memory {}

impl Memory {
    /// That of a program, if it is what the program needs.
    ///
    /// # Errors
    /// As [`check_arguments`].
    pub(crate) fn new(
        program: &Program,
        weights: &PackedWeights,
        arena: &mut AlignedBuffer,
        inputs: &[&[f32]],
        outputs: &mut [&mut [f32]],
    ) -> Result<Self, Diagnostic> {
        check_arguments(program, weights, arena, inputs, outputs)?;
        Ok(Self {
            arena: arena.as_mut_slice().as_mut_ptr(),
            weights: weights.as_slice().as_ptr(),
            // A reference to a slice is stored as a pointer to it is.
            inputs: inputs.as_ptr().cast(),
            outputs: outputs.as_mut_ptr().cast(),
            private: std::ptr::null_mut(),
            private_bytes: 0,
        })
    }

    /// With memory for as many threads as it has room for, besides the first.
    pub(super) fn with_private(self, private: &mut AlignedBuffer, private_bytes: usize) -> Self {
        Self { private: private.as_mut_slice().as_mut_ptr(), private_bytes, ..self }
    }

    /// The scratch memory of the thread of that number; the first has none but the arena's.
    pub(super) fn private(&self, thread: usize) -> *mut f32 {
        match thread {
            0 => std::ptr::null_mut(),
            _ => self.private.wrapping_byte_add((thread - 1) * self.private_bytes),
        }
    }

    /// The address of an input.
    ///
    /// # Safety
    /// The memory lives, and the program has such an input.
    pub(crate) unsafe fn input(&self, index: usize) -> *const f32 {
        // SAFETY: there are as many as the program has.
        unsafe { (*self.inputs.add(index)).cast() }
    }

    /// The address of an output.
    ///
    /// # Safety
    /// The memory lives, and the program has such an output.
    pub(crate) unsafe fn output(&self, index: usize) -> *mut f32 {
        // SAFETY: as for inputs.
        unsafe { (*self.outputs.add(index)).cast() }
    }
}
