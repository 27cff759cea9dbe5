//! Every chunk once and in the order of stages, whoever the threads are.
#![cfg(not(loom))]

use rexnet_threads::{Alone, Progress, Team, Threads, from_fn};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Runs stages with so many chunks on `threads`: each chunk must be executed once, after all of earlier stages.
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
    let progress = Progress::new();
    threads.run(&|| {
        progress.work(threads, &ends, &mut |chunks| {
            assert!(!chunks.is_empty());
            let stage = ends.iter().position(|&end| chunks.start < end).expect("there is such a chunk");
            assert!(chunks.end <= ends[stage], "chunks of one stage");
            let first = ends[stage] - stages[stage];
            // Relaxed: that earlier chunks are seen is what is tested.
            for (chunk, executed) in executed[..first].iter().enumerate() {
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

const STAGES: &[&[usize]] =
    &[&[], &[0], &[1], &[0, 0, 1, 0], &[7], &[1, 1, 1, 1], &[20, 1, 20, 0, 0, 3], &[100, 50], &[1, 300, 1]];

#[test]
fn every_chunk_once_and_in_order() {
    for count in [0, 1, 2, 3, 8, 17] {
        let team = Team::new(count).unwrap();
        assert_eq!(team.count(), count.max(1));
        for _ in 0..20 {
            for stages in STAGES {
                check(&team, stages);
            }
        }
    }
}

#[test]
fn alone() {
    for stages in STAGES {
        check(&Alone, stages);
    }
}

#[test]
fn threads_brought_from_outside() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    let rayon = from_fn(3, |work| {
        pool.broadcast(|_| work());
    });
    let scope = from_fn(3, |work| {
        std::thread::scope(|scope| {
            scope.spawn(work);
            scope.spawn(work);
            work();
        });
    });
    let twice = from_fn(0, |work| {
        work();
        work();
    });
    for stages in STAGES {
        check(&rayon, stages);
        check(&scope, stages);
        check(&twice, stages);
    }
}
