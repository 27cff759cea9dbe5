//! One run: its chunks, its stages, its threads.

use crate::{check, soon};
use proptest::prelude::*;
use rexnet_threads::{Alone, Team, Threads, from_fn};
use std::sync::atomic::{AtomicUsize, Ordering};

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

proptest! {
    #[test]
    fn any_stages(count in 1usize..6, stages in proptest::collection::vec(0usize..40, 0..12)) {
        check(&Team::new(count).unwrap(), &stages);
    }
}

#[test]
fn a_team_for_this_machine() {
    let team = Team::for_this_machine().unwrap();
    assert_eq!(team.count(), rexnet_threads::physical_cores());
    check(&team, &[10, 10]);
}

#[test]
fn alone() {
    for stages in STAGES {
        check(&Alone, stages);
    }
}

#[test]
fn one_thread_takes_a_stage_whole() {
    let mut shares = Vec::new();
    rexnet_threads::Progress::new().work(&Alone, &[5, 5, 7], &mut |chunks| shares.push(chunks));
    assert_eq!(shares, [0..5, 5..7]);
}

#[test]
fn threads_brought_from_outside() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    let broadcast = from_fn(3, |work| {
        pool.broadcast(|_| work());
    });
    let spawned = from_fn(4, |work| {
        pool.in_place_scope(|scope| {
            (0..3).for_each(|_| scope.spawn(|_| work()));
            work();
        });
    });
    let started = from_fn(3, |work| {
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
    let more_than_counted = from_fn(2, |work| {
        std::thread::scope(|scope| {
            (0..5).for_each(|_| drop(scope.spawn(work)));
        });
    });
    assert_eq!([broadcast.count(), spawned.count(), started.count(), twice.count()], [3, 4, 3, 1]);
    for stages in STAGES {
        check(&broadcast, stages);
        check(&spawned, stages);
        check(&started, stages);
        check(&twice, stages);
        check(&more_than_counted, stages);
    }
}

#[test]
fn a_worker_that_waits_long_is_told() {
    let team = Team::new(2).unwrap();
    for _ in 0..5 {
        let (entered, told) = (AtomicUsize::new(0), AtomicUsize::new(0));
        team.run(&|| {
            if entered.fetch_add(1, Ordering::Relaxed) == 1 {
                return team.wait(&|| told.load(Ordering::Acquire) == 1);
            }
            assert!(soon(|| entered.load(Ordering::Relaxed) == 2), "a worker comes");
            // The other sleeps by now, most likely.
            std::thread::sleep(std::time::Duration::from_millis(5));
            told.store(1, Ordering::Release);
            team.notify();
        });
    }
}

#[test]
fn the_caller_waits_for_a_worker_that_takes_long() {
    let team = Team::new(2).unwrap();
    for _ in 0..5 {
        let (entered, ended) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let caller = std::thread::current().id();
        team.run(&|| {
            entered.fetch_add(1, Ordering::Relaxed);
            if std::thread::current().id() == caller {
                assert!(soon(|| entered.load(Ordering::Relaxed) == 2), "a worker comes");
            } else {
                std::thread::sleep(std::time::Duration::from_millis(5));
                ended.store(1, Ordering::Relaxed);
            }
        });
        assert_eq!(ended.into_inner(), 1);
    }
}
