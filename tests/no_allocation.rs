//! Running a session allocates nothing: a counting allocator proves it.

use rexnet::{Backend, Engine, Options, Weights};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator; counts calls on threads that ask for it.
struct Counting;

thread_local! {
    /// `Some(calls)` while this thread counts.
    static CALLS: Cell<Option<usize>> = const { Cell::new(None) };
}

fn count() {
    CALLS.set(CALLS.get().map(|calls| calls + 1));
}

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promises are the system allocator's requirements.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count();
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How often this thread allocates, reallocates or frees while it works.
fn calls_during(work: impl FnOnce()) -> usize {
    CALLS.set(Some(0));
    work();
    CALLS.take().unwrap_or_default()
}

#[test]
fn the_allocator_counts() {
    assert_eq!(calls_during(|| drop(std::hint::black_box(vec![0u8; 100]))), 2);
    assert_eq!(calls_during(|| ()), 0);
}

#[test]
fn run_allocates_nothing() {
    // The interpreter copies buffers; it is for comparing.
    for backend in [Backend::Jit, Backend::Clif] {
        for spec in [
            "rexnet(width = 0.25, size = 32, classes = 10)",
            "efficientnet_lite0(width = 0.25, size = 32, classes = 16)",
        ] {
            for batch in [1, 2] {
                let options = Options { batch: Some(batch), ..Options::default() };
                let engine = Engine::with_backend(backend);
                let model = engine.compile(spec, Weights::Seeded(0), &options).unwrap();
                let mut session = model.session().unwrap();
                let image = vec![0.25; batch * 3 * 32 * 32];
                let mut logits = vec![0.0; model.outputs()[0].elements()];
                for run in 0..3 {
                    let calls = calls_during(|| {
                        session.run(&[&image], &mut [&mut logits]).expect("the lengths are right");
                    });
                    assert_eq!(calls, 0, "{spec}, batch {batch}, run {run}");
                }
            }
        }
    }
}
