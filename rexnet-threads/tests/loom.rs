//! All orders in which threads can go, within a bound on preemptions.
//!
//! `RUSTFLAGS="--cfg loom" cargo test -p rexnet-threads --test loom --release`
#![cfg(loom)]

use loom::cell::UnsafeCell;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;
use rexnet_threads::{Progress, Team, Threads};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Tries all orders with at most so many preemptions.
fn explore(preemptions: usize, test: impl Fn() + Sync + Send + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(preemptions);
    model.check(test);
}

/// Threads that the test starts.
enum Started {
    /// Two, who wait by letting the other go: nothing orders them but what is tested.
    Two,
    /// Three, who sleep: loom cannot follow two that let each other go.
    Three(Mutex<()>, Condvar),
}

impl Threads for Started {
    fn count(&self) -> usize {
        match self {
            Self::Two => 2,
            Self::Three(..) => 3,
        }
    }

    fn run(&self, _: &(dyn Fn() + Sync)) {
        unreachable!("the test starts the threads")
    }

    fn wait(&self, ready: &dyn Fn() -> bool) {
        match self {
            Self::Two => {
                while !ready() {
                    thread::yield_now();
                }
            }
            Self::Three(lock, told) => {
                let mut guard = lock.lock().unwrap();
                while !ready() {
                    guard = told.wait(guard).unwrap();
                }
            }
        }
    }

    fn notify(&self) {
        if let Self::Three(lock, told) = self {
            drop(lock.lock().unwrap());
            told.notify_all();
        }
    }
}

/// What chunks write: loom finds two that write one place, and any that reads what does not happen before.
struct Cells(Vec<UnsafeCell<usize>>);

// SAFETY: loom checks every access.
unsafe impl Sync for Cells {}
// SAFETY: as above.
unsafe impl Send for Cells {}

impl Cells {
    fn new(chunks: usize) -> Self {
        Self((0..chunks).map(|_| UnsafeCell::new(0)).collect())
    }

    /// Adds one; it was zero.
    fn write(&self, chunk: usize) {
        self.0[chunk].with_mut(|cell| {
            // SAFETY: loom has checked that nobody else accesses it.
            let cell = unsafe { &mut *cell };
            assert_eq!(*cell, 0, "a chunk twice");
            *cell = 1;
        });
    }

    /// It is one.
    fn read(&self, chunk: usize) {
        // SAFETY: loom has checked that nobody writes it.
        self.0[chunk].with(|cell| assert_eq!(unsafe { *cell }, 1, "a chunk too early"));
    }
}

/// Executes chunks that read all of earlier stages.
fn work(progress: &Progress, threads: &dyn Threads, ends: &[usize], cells: &Cells) {
    progress.work(threads, ends, &mut |chunks| {
        let first = ends.iter().copied().filter(|&end| end <= chunks.start).max().unwrap_or(0);
        (0..first).for_each(|chunk| cells.read(chunk));
        chunks.for_each(|chunk| cells.write(chunk));
    });
}

/// Threads that the test starts go through stages.
fn progress(preemptions: usize, threads: fn() -> Started, ends: &'static [usize]) {
    explore(preemptions, move || {
        let total = ends.last().copied().unwrap_or(0);
        let shared = Arc::new((Progress::new(), threads(), Cells::new(total)));
        let others: Vec<_> = (1..shared.1.count())
            .map(|_| {
                let shared = Arc::clone(&shared);
                thread::spawn(move || work(&shared.0, &shared.1, ends, &shared.2))
            })
            .collect();
        work(&shared.0, &shared.1, ends, &shared.2);
        others.into_iter().for_each(|other| other.join().unwrap());
        (0..total).for_each(|chunk| shared.2.read(chunk));
    });
}

#[test]
fn two_threads_go_through_stages() {
    progress(3, || Started::Two, &[2, 2, 4, 5]);
}

#[test]
fn two_threads_share_a_large_stage() {
    progress(2, || Started::Two, &[6, 7]);
}

#[test]
fn three_threads_go_through_stages() {
    progress(2, || Started::Three(Mutex::new(()), Condvar::new()), &[2, 3]);
}

#[test]
fn numbers_of_threads_differ() {
    explore(4, || {
        let progress = Arc::new(Progress::new());
        let other = {
            let progress = Arc::clone(&progress);
            thread::spawn(move || (progress.enter(2), progress.enter(2)))
        };
        let this = progress.enter(2);
        let (first, second) = other.join().unwrap();
        let mut numbers: Vec<_> = [this, first, second].into_iter().flatten().collect();
        numbers.sort_unstable();
        assert_eq!(numbers, [0, 1]);
        assert_eq!(progress.enter(2), None);
    });
}

/// One run of a team: chunks that read all of earlier stages.
fn run(team: &Team, ends: &[usize]) {
    let total = ends.last().copied().unwrap_or(0);
    let (progress, cells) = (Progress::new(), Cells::new(total));
    team.run(&|| work(&progress, team, ends, &cells));
    (0..total).for_each(|chunk| cells.read(chunk));
}

#[test]
fn a_team_starts_and_ends() {
    explore(3, || drop(Team::new(2).unwrap()));
}

#[test]
fn a_team_runs_once() {
    explore(3, || run(&Team::new(2).unwrap(), &[1, 2]));
}

#[test]
fn a_team_runs_twice() {
    explore(2, || {
        let team = Team::new(2).unwrap();
        run(&team, &[2]);
        run(&team, &[1]);
    });
}

#[test]
fn a_team_of_three_runs() {
    explore(2, || run(&Team::new(3).unwrap(), &[1, 2]));
}

#[test]
fn nobody_is_inside_after_a_run() {
    explore(3, || {
        let team = Team::new(2).unwrap();
        let cells = Cells::new(1);
        let inside = AtomicUsize::new(0);
        team.run(&|| {
            // The second reads what the first wrote; the caller reads it whoever wrote it.
            if inside.fetch_add(1, Ordering::Relaxed) == 0 {
                cells.write(0);
            }
        });
        cells.read(0);
    });
}

#[test]
fn no_call_is_missed() {
    explore(3, || {
        let team = Team::new(2).unwrap();
        let entered = AtomicUsize::new(0);
        let told = AtomicUsize::new(0);
        team.run(&|| {
            if entered.fetch_add(1, Ordering::Relaxed) == 0 {
                // Alone or with another: who is first tells, the second waits.
                told.store(1, Ordering::Release);
                team.notify();
            } else {
                team.wait(&|| told.load(Ordering::Acquire) == 1);
            }
        });
    });
}

#[test]
fn every_worker_is_called() {
    explore(3, || {
        let team = Team::new(2).unwrap();
        for _ in 0..2 {
            let inside = AtomicUsize::new(0);
            team.run(&|| {
                inside.fetch_add(1, Ordering::Relaxed);
                team.notify();
                team.wait(&|| inside.load(Ordering::Relaxed) == 2);
            });
        }
    });
}

#[test]
fn a_panic_reaches_the_caller_and_ends_there() {
    explore(3, || {
        let team = Team::new(2).unwrap();
        let inside = AtomicUsize::new(0);
        let end = catch_unwind(AssertUnwindSafe(|| {
            team.run(&|| {
                if inside.fetch_add(1, Ordering::Relaxed) == 1 {
                    resume_unwind(Box::new("second"));
                }
            });
        }));
        assert_eq!(end.is_err(), inside.load(Ordering::Relaxed) == 2);
        run(&team, &[1]);
    });
}

#[test]
fn two_callers_at_once() {
    explore(2, || {
        let team = Team::new(2).unwrap();
        let other = {
            let team = team.clone();
            thread::spawn(move || run(&team, &[1]))
        };
        run(&team, &[1]);
        drop(team);
        other.join().unwrap();
    });
}
