//! Running on a warm team allocates nothing, on no thread: a counting allocator proves it.
#![cfg(not(loom))]

use rexnet_threads::{Progress, Team, Threads};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The system's allocator; counts calls on threads that ask for it.
struct Counting;

thread_local! {
    /// Whether this thread's calls count.
    static COUNTS: Cell<bool> = const { Cell::new(false) };
}

static CALLS: AtomicUsize = AtomicUsize::new(0);

fn count() {
    if COUNTS.get() {
        CALLS.fetch_add(1, Ordering::Relaxed);
    }
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

#[test]
fn run_allocates_nothing() {
    let team = Team::new(3).unwrap();
    // The workers count from their first job on.
    let inside = AtomicUsize::new(0);
    team.run(&|| {
        COUNTS.set(true);
        inside.fetch_add(1, Ordering::Relaxed);
        team.wait(&|| inside.load(Ordering::Relaxed) == 3);
        team.notify();
    });
    drop(std::hint::black_box(vec![0u8; 100]));
    assert_eq!(CALLS.swap(0, Ordering::Relaxed), 2, "the allocator counts");
    for pause in [0, 0, 0, 2, 2, 2] {
        // Workers that sleep, and workers that do not yet.
        std::thread::sleep(std::time::Duration::from_millis(pause));
        let progress = Progress::new();
        team.run(&|| {
            progress
                .work(&team, &[4, 8, 9], &mut |_| std::thread::sleep(std::time::Duration::from_micros(200)));
        });
    }
    assert_eq!(CALLS.load(Ordering::Relaxed), 0);
    COUNTS.set(false);
}
