//! Executable memory without Cranelift's module: for code that came from an image.

use super::machine_code::SectionFunction;
use crate::emit::machine::fault;
use rexnet_ir::diagnostic::{Code, Diagnostic};

/// Pages of code: written once, then executable and not writable any more. Freed when dropped.
pub(super) struct Pages(region::Allocation);

// SAFETY: nothing writes to the pages after they were made, and they are freed when the only owner goes.
unsafe impl Send for Pages {}
// SAFETY: as above; what is shared is read and executed only.
unsafe impl Sync for Pages {}

impl Pages {
    /// Memory with this code, whose alignment is a page's.
    ///
    /// # Errors
    /// `RX0602` when the system refuses.
    pub(super) fn new(code: &[u8]) -> Result<Self, Diagnostic> {
        let refused = |error: region::Error| {
            fault(Code::ExecutableMemory, format!("the code cannot be made executable: {error}"))
        };
        let mut pages = region::alloc(code.len().max(1), region::Protection::READ_WRITE).map_err(refused)?;
        // SAFETY: the pages were allocated just now, are writable and at least as long; nothing else refers to them.
        unsafe { std::ptr::copy_nonoverlapping(code.as_ptr(), pages.as_mut_ptr::<u8>(), code.len()) };
        // SAFETY: the pages are this allocation's and nothing refers to them.
        unsafe { region::protect(pages.as_ptr::<u8>(), pages.len(), region::Protection::READ_EXECUTE) }
            .map_err(refused)?;
        Ok(Self(pages))
    }

    /// The function that begins at this offset; `None` outside.
    ///
    /// # Safety
    /// Code of a function of that type begins there.
    pub(super) unsafe fn function(&self, offset: usize) -> Option<SectionFunction> {
        (offset < self.0.len()).then(|| {
            let address = self.0.as_ptr::<u8>().wrapping_add(offset);
            // SAFETY: the caller says that such a function is there.
            unsafe { std::mem::transmute::<*const u8, SectionFunction>(address) }
        })
    }
}
