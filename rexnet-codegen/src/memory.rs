//! Memory aligned for whole vectors.

use rexnet_ir::diagnostic::{Code, Diagnostic, Location};
use std::alloc::{Layout, alloc_zeroed};

/// The alignment of everything in the arena and in packed weights, in bytes.
pub(crate) const ALIGNMENT: usize = 64;

/// f32 memory whose first element is aligned to 64 bytes.
#[derive(Debug)]
pub struct AlignedBuffer {
    storage: Vec<f32>,
    start: usize,
    elements: usize,
}

impl AlignedBuffer {
    /// So many zeros.
    ///
    /// # Panics
    /// When the system refuses the memory; see [`AlignedBuffer::try_zeroed`].
    pub fn zeroed(elements: usize) -> Self {
        Self::try_zeroed(elements).unwrap_or_else(|fault| panic!("{fault}"))
    }

    /// So many zeros, whose pages the system need not have until they are touched.
    ///
    /// # Errors
    /// `RX0607` when the system refuses the memory.
    pub fn try_zeroed(elements: usize) -> Result<Self, Diagnostic> {
        let storage =
            elements.checked_add(ALIGNMENT / 4).and_then(try_zeros).ok_or_else(|| refused(elements))?;
        // A vector's heap block never moves while it is not resized.
        let start = storage.as_ptr().align_offset(ALIGNMENT);
        assert!(start < ALIGNMENT / 4, "f32 memory can always be aligned");
        Ok(Self { storage, start, elements })
    }

    /// The elements.
    pub fn as_slice(&self) -> &[f32] {
        &self.storage[self.start..self.start + self.elements]
    }

    /// The elements.
    pub fn as_mut_slice(&mut self) -> &mut [f32] {
        &mut self.storage[self.start..self.start + self.elements]
    }
}

/// As many zeros as `vec![0.0; elements]`, of which there is at least one; `None` when the system refuses the memory.
pub fn try_zeros(elements: usize) -> Option<Vec<f32>> {
    let layout = Layout::array::<f32>(elements.max(1)).ok()?;
    // SAFETY: the layout has at least one element.
    let memory = unsafe { alloc_zeroed(layout) };
    if memory.is_null() {
        return None;
    }
    // SAFETY: the global allocator gave the memory for this many f32, all of whose bytes are zero, and nobody else has it.
    Some(unsafe { Vec::from_raw_parts(memory.cast::<f32>(), elements, elements.max(1)) })
}

/// `RX0607` for so many f32.
pub fn refused(elements: usize) -> Diagnostic {
    let cause = format!("{} MiB are needed at once", (elements >> 18).max(1));
    Diagnostic::new(Code::Memory, Location::None, cause)
        .with_help("make the input, the batch or the network smaller, or allow this process more memory")
}
