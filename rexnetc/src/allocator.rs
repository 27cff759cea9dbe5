//! Memory that the system refuses ends the program with a code, wherever it was asked for.
//!
//! Little of a program asks for memory in a way that can fail, and without this the standard library aborts. The libraries
//! ask for what is large in such a way, for programs that want to go on.

use rexnet::Code;
use std::alloc::{GlobalAlloc, Layout, System};
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};

/// The system's allocator; when it has nothing the program says `RX0607` and exits with 1.
pub(crate) struct Coded;

static JSON: AtomicBool = AtomicBool::new(false);

/// From now on the fault is told on standard output too, as `--json` tells faults.
pub(crate) fn tell_as_json() {
    // Makes the buffer of standard output while there is memory for it.
    let _ = std::io::stdout().flush();
    JSON.store(true, Ordering::Relaxed);
}

/// The memory, which is there. Nothing here allocates: standard error has no buffer, and that of standard output is there.
fn existing(memory: *mut u8, size: usize) -> *mut u8 {
    if !memory.is_null() {
        return memory;
    }
    let (code, title, mebibytes) = (Code::Memory.code(), Code::Memory.title(), (size >> 20).max(1));
    let help = "make the input, the batch or the network smaller, or allow this process more memory";
    // Nothing is left to say it with when these fail.
    let _ = writeln!(
        std::io::stderr(),
        "error[{code}]: {title}: {mebibytes} MiB are needed at once\n  help: {help}"
    );
    if JSON.load(Ordering::Relaxed) {
        let _ = writeln!(
            std::io::stdout(),
            "{{\"errors\": [{{\"code\": \"{code}\", \"location\": null, \
             \"cause\": \"{mebibytes} MiB are needed at once\", \"help\": \"{help}\"}}]}}"
        );
    }
    std::process::exit(1);
}

// SAFETY: every call is handed to the system's allocator unchanged; no answer but a null pointer is treated otherwise,
// and then there is none.
unsafe impl GlobalAlloc for Coded {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `alloc`.
        existing(unsafe { System.alloc(layout) }, layout.size())
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `alloc_zeroed`.
        existing(unsafe { System.alloc_zeroed(layout) }, layout.size())
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `realloc`.
        existing(unsafe { System.realloc(pointer, layout, size) }, size)
    }
}
