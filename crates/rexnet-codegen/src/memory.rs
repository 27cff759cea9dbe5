//! Memory aligned for whole vectors.

use crate::lower::ALIGNMENT;

/// f32 memory whose first element is aligned to 64 bytes.
#[derive(Debug)]
pub struct AlignedBuffer {
    storage: Vec<f32>,
    start: usize,
    elements: usize,
}

impl AlignedBuffer {
    /// So many zeros.
    pub fn zeroed(elements: usize) -> Self {
        let storage = vec![0.0f32; elements + ALIGNMENT / 4];
        // A vector's heap block never moves while it is not resized.
        let start = storage.as_ptr().align_offset(ALIGNMENT);
        assert!(start < ALIGNMENT / 4, "f32 memory can always be aligned");
        Self { storage, start, elements }
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
