//! Processes that are forked off have none of the workers: their teams are their own thread.
#![cfg(all(unix, not(loom)))]

use rexnet_threads::{Progress, Team, Threads};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

/// Runs this in a forked process: whether it came to its end within ten seconds.
fn succeeds_in_a_fork(child: impl FnOnce()) -> bool {
    // SAFETY: the child runs on its only thread, with an allocator that survives forks, and ends without returning.
    match unsafe { libc::fork() } {
        -1 => false,
        0 => {
            // SAFETY: ends the process if it hangs.
            unsafe { libc::alarm(10) };
            let end = catch_unwind(AssertUnwindSafe(child));
            // SAFETY: ends the process.
            unsafe { libc::_exit(i32::from(end.is_err())) }
        }
        child => {
            let mut status = 0;
            // SAFETY: waits for the child and writes its status.
            assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
            status == 0
        }
    }
}

/// Two stages; all chunks must have been executed, by this thread where that is wanted.
fn run(team: &Team, alone: bool) {
    let executed = AtomicUsize::new(0);
    let progress = Progress::new();
    let caller = thread::current().id();
    team.run(&|| {
        if alone {
            assert_eq!(thread::current().id(), caller);
        }
        progress.work(team, &[10, 20], &mut |chunks| {
            executed.fetch_add(chunks.len(), Ordering::Relaxed);
        });
    });
    assert_eq!(executed.into_inner(), 20);
}

#[test]
fn a_fork_runs_alone_and_drops_its_handles() {
    let team = Team::new(3).unwrap();
    for _ in 0..20 {
        run(&team, false);
        let clone = team.clone();
        assert!(succeeds_in_a_fork(|| {
            run(&clone, true);
            drop(clone);
        }));
    }
    let mut team = Some(team);
    assert!(succeeds_in_a_fork(|| {
        run(team.as_ref().unwrap(), true);
        // The last handle.
        team = None;
        // A team of its own.
        run(&Team::new(3).unwrap(), false);
    }));
    run(team.as_ref().unwrap(), false);
}

#[test]
fn a_fork_amid_runs_of_others() {
    let team = Team::new(3).unwrap();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                // Stages with one long chunk: the others sleep, and locks are held now and then.
                let progress = Progress::new();
                team.run(&|| {
                    progress.work(&team, &[1, 2, 3], &mut |_| {
                        thread::sleep(std::time::Duration::from_micros(300))
                    });
                });
            }
        });
        let all = (0..50).all(|_| succeeds_in_a_fork(|| (0..10).for_each(|_| run(&team, true))));
        stop.store(true, Ordering::Relaxed);
        assert!(all);
    });
    run(&team, false);
}
