//! How threads share one run through a network: stages of chunks, each chunk executed once, no stage begun before the
//! one ahead of it is done.
//!
//! Nobody waits for a thread that holds no chunk: one that comes late, or that the system has put aside, delays the
//! others only by the work that it took.

use super::atomic::{AtomicUsize, Ordering};
use core::ops::Range;

/// Threads on which a network may run.
pub trait Threads: Sync {
    /// The most threads that are inside `work` at once, the caller's among them; at least 1.
    fn count(&self) -> usize;

    /// Calls `work` on this thread, and on others that are free; returns when none of them is inside.
    ///
    /// `work` may be called any number of times, at least once; a call that finds nothing to do returns at once. What
    /// the calls did happens before the return. If one panics, so does this, when none is inside any more.
    fn run(&self, work: &(dyn Fn() + Sync));

    /// Called inside `work`: returns when `ready` does hold, which another thread inside brings about.
    ///
    /// Until [`notify`](Threads::notify) is implemented too, this must look again by itself, as the default does: it
    /// spins.
    fn wait(&self, ready: &dyn Fn() -> bool) {
        while !ready() {
            core::hint::spin_loop();
        }
    }

    /// Called inside `work` when what others wait for may hold.
    fn notify(&self) {}
}

/// A number that threads write often, on cache lines of its own: processors fetch them in pairs of 64 bytes.
#[repr(align(128))]
struct Apart(AtomicUsize);

/// How far one run through a network has come.
pub struct Progress {
    /// The first chunk that nobody has claimed.
    next: Apart,
    /// How many chunks are done.
    done: Apart,
    /// How many threads have a number.
    entered: Apart,
}

// Why a chunk sees what the chunks of earlier stages wrote. Let a stage begin at chunk `first`.
//
// `done` changes by read-modify-write alone, and each of them releases: so each continues the release sequences of all
// before it, and a load that acquires and reads n synchronises with every one of the additions that make up n.
//
// When that load reads `first` or more, the additions are those of all chunks below `first`: the earliest addition, in
// the order of changes of `done`, for a chunk from `first` on comes after the load that opened the stage for it, so what
// that load read had been added up by chunks below `first` alone, each of them once, and there are `first` of them.
//
// `next` only deals out numbers; it publishes nothing and is relaxed.

impl Progress {
    /// Nothing claimed, nobody entered.
    pub fn new() -> Self {
        let zero = || Apart(AtomicUsize::new(0));
        Self { next: zero(), done: zero(), entered: zero() }
    }

    /// A number for a thread that enters, for memory of its own: 0, 1, 2, …; `None` once `most` threads have entered.
    pub fn enter(&self, most: usize) -> Option<usize> {
        self.entered
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |entered| {
                (entered < most).then_some(entered + 1)
            })
            .ok()
    }

    /// How many of the `left` chunks of a stage one of so many threads claims at once: all when it is alone; else large
    /// shares first, so that claims are few, and small ones last, so that all threads end together.
    pub fn share(left: usize, threads: usize) -> usize {
        match threads {
            0 | 1 => left,
            several => (left / several.saturating_mul(2)).max(1),
        }
    }

    /// Executes chunks until all are claimed: when no thread is inside any more, all are done.
    ///
    /// Chunks are numbered through. `ends` holds for each stage the number of chunks up to its end, ascending; a stage
    /// may be empty. A chunk begins only when all chunks of earlier stages are done, and sees what they wrote.
    /// `execute` is given a range of consecutive chunks of one stage. Should it unwind, its chunks count as done.
    ///
    /// `threads` is what this runs on; `ends` is the same for all of them.
    pub fn work(&self, threads: &dyn Threads, ends: &[usize], execute: &mut dyn FnMut(Range<usize>)) {
        let count = threads.count();
        let mut stage = 0;
        let mut next = self.next.0.load(Ordering::Relaxed);
        loop {
            while ends.get(stage).is_some_and(|&end| end <= next) {
                stage += 1;
            }
            let Some(&end) = ends.get(stage) else { return };
            let first = if stage == 0 { 0 } else { ends[stage - 1] };
            let open = || self.done.0.load(Ordering::Acquire) >= first;
            if !open() {
                threads.wait(&open);
                next = self.next.0.load(Ordering::Relaxed);
                continue;
            }
            let many = Self::share(end - next, count);
            match self.next.0.compare_exchange_weak(next, next + many, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => {
                    let claim = Claim { done: &self.done.0, many, end, threads };
                    execute(next..next + many);
                    drop(claim);
                    next = self.next.0.load(Ordering::Relaxed);
                }
                Err(seen) => next = seen,
            }
        }
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}

/// Chunks that a thread executes: done when this is dropped, so that nobody waits for ever for one that unwinds.
struct Claim<'a> {
    done: &'a AtomicUsize,
    many: usize,
    /// The end of their stage.
    end: usize,
    threads: &'a dyn Threads,
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        let before = self.done.fetch_add(self.many, Ordering::AcqRel);
        if before + self.many == self.end {
            self.threads.notify();
        }
    }
}
