//! Teams, and threads from elsewhere, run every chunk once and in the order of stages, whatever else happens.
#![cfg(not(loom))]

mod callers;
mod panics;
mod stages;

use rexnet_threads::{Progress, Threads};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Runs stages of so many chunks on `threads`: each chunk must be executed once, after all of earlier stages.
fn check(threads: &dyn Threads, stages: &[usize]) {
    let ends: Vec<usize> = stages
        .iter()
        .scan(0, |sum, chunks| {
            *sum += chunks;
            Some(*sum)
        })
        .collect();
    let total = ends.last().copied().unwrap_or(0);
    let executed: Vec<AtomicUsize> = (0..total).map(|_| AtomicUsize::new(0)).collect();
    let numbers = AtomicUsize::new(0);
    let progress = Progress::new();
    threads.run(&|| {
        let Some(number) = progress.enter(threads.count()) else { return };
        assert_eq!(numbers.fetch_or(1 << number, Ordering::Relaxed) >> number & 1, 0, "a number twice");
        progress.work(threads, &ends, &mut |chunks| {
            assert!(!chunks.is_empty());
            let stage = ends.iter().position(|&end| chunks.start < end).expect("there is such a chunk");
            assert!(chunks.end <= ends[stage], "chunks of one stage");
            // Relaxed: that earlier chunks are seen is what is tested.
            for (chunk, executed) in executed[..ends[stage] - stages[stage]].iter().enumerate() {
                assert_eq!(executed.load(Ordering::Relaxed), 1, "chunk {chunk} before {chunks:?}");
            }
            for chunk in chunks {
                executed[chunk].fetch_add(1, Ordering::Relaxed);
            }
        });
    });
    for (chunk, executed) in executed.iter().enumerate() {
        assert_eq!(executed.load(Ordering::Relaxed), 1, "chunk {chunk}");
    }
}

/// Looks for ten seconds whether something holds.
fn soon(holds: impl Fn() -> bool) -> bool {
    let begin = Instant::now();
    while !holds() {
        if begin.elapsed() > Duration::from_secs(10) {
            return false;
        }
        std::thread::yield_now();
    }
    true
}
