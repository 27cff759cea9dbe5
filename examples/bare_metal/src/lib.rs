//! A classifier for a microcontroller: weights in flash, scratch memory in a `static`, no heap, no operating system.
//!
//! ```sh
//! rustup target add thumbv7em-none-eabihf
//! cargo build --release --target thumbv7em-none-eabihf --manifest-path examples/bare_metal/Cargo.toml
//! ```
//!
//! makes a static library with the function `classify` for a firmware in any language.
#![no_std]

use core::sync::atomic::{AtomicBool, Ordering};

rexnet::network! {
    /// Sixteen by sixteen pixels, four classes.
    struct Tiny;
    "models/tiny.rexnet",
    weights = "models/tiny.rxw",
    std = false,
    targets = [portable],
}

// What a product promises is checked when it is compiled: here, 16 KiB of RAM and 8 KiB of flash for numbers.
const _: () = assert!(Tiny::ARENA_BYTES <= 16 << 10 && Tiny::WEIGHT_BYTES <= 8 << 10);

const PIXELS: usize = Tiny::INPUT[1] * Tiny::INPUT[2] * Tiny::INPUT[3];

/// The memory that a run needs, and whether one is under way.
struct Memory(core::cell::UnsafeCell<tiny::Scratch>, AtomicBool);

// SAFETY: the flag lets one run at a time have the memory.
unsafe impl Sync for Memory {}

static MEMORY: Memory = Memory(core::cell::UnsafeCell::new(tiny::Scratch::new()), AtomicBool::new(false));

/// The most probable class of an image of three planes of 16 rows of 16 pixels; -1 while another run is under way.
///
/// # Safety
/// `image` points to so many f32 values.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn classify(image: *const f32) -> i32 {
    if MEMORY.1.swap(true, Ordering::Acquire) {
        return -1;
    }
    let mut logits = [0.0; Tiny::OUTPUT[1]];
    // SAFETY: the caller has an image of that size, and the flag gives this run the memory.
    let (image, scratch) = unsafe { (&*image.cast::<[f32; PIXELS]>(), &mut *MEMORY.0.get()) };
    Tiny::new().run(scratch, image, &mut logits);
    MEMORY.1.store(false, Ordering::Release);
    let mut best = 0;
    for (class, value) in logits.iter().enumerate() {
        if *value > logits[best] {
            best = class;
        }
    }
    best as i32
}

#[panic_handler]
fn halt(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        core::hint::spin_loop();
    }
}
