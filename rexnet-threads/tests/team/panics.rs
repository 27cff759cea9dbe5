//! Work that panics: on the caller's thread, on a worker's, on both.

use crate::{check, soon};
use rexnet_threads::{Progress, Team, Threads};
use std::any::Any;
use std::panic::{UnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Runs work that panics, without a message, where it says so: with what the caller unwinds.
///
/// No thread ends before all of the team are inside.
fn panic_on(
    team: &Team,
    panics: impl Fn(bool) -> Option<&'static str> + Sync + UnwindSafe,
) -> Box<dyn Any + Send> {
    let caller = thread::current().id();
    let (inside, left) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let end = catch_unwind(std::panic::AssertUnwindSafe(|| {
        team.run(&|| {
            inside.fetch_add(1, Ordering::Relaxed);
            assert!(soon(|| inside.load(Ordering::Relaxed) == team.count()), "all workers come");
            let panics = panics(thread::current().id() == caller);
            left.fetch_add(1, Ordering::Relaxed);
            if let Some(payload) = panics {
                resume_unwind(Box::new(payload));
            }
        });
    }));
    assert_eq!(left.into_inner(), team.count(), "nobody is inside");
    end.expect_err("the caller unwinds")
}

fn text(payload: &(dyn Any + Send)) -> &str {
    payload.downcast_ref::<&str>().expect("a text")
}

#[test]
fn the_caller_panics() {
    let team = Team::new(3).unwrap();
    for _ in 0..10 {
        let payload = panic_on(&team, |caller| caller.then_some("caller"));
        assert_eq!(text(&*payload), "caller");
        check(&team, &[5, 5]);
    }
}

#[test]
fn workers_panic() {
    let team = Team::new(3).unwrap();
    for _ in 0..10 {
        let payload = panic_on(&team, |caller| (!caller).then_some("worker"));
        assert_eq!(text(&*payload), "worker");
        check(&team, &[5, 5]);
    }
}

#[test]
fn all_panic() {
    let team = Team::new(3).unwrap();
    for _ in 0..10 {
        let payload = panic_on(&team, |caller| Some(if caller { "caller" } else { "worker" }));
        assert_eq!(text(&*payload), "caller");
        check(&team, &[5, 5]);
    }
}

/// Panics when it is dropped.
struct Grenade;

impl Drop for Grenade {
    fn drop(&mut self) {
        panic!("what a panic carries is not dropped");
    }
}

#[test]
fn what_nobody_unwinds_with_is_not_dropped() {
    let team = Team::new(3).unwrap();
    let inside = AtomicUsize::new(0);
    let end = catch_unwind(std::panic::AssertUnwindSafe(|| {
        team.run(&|| {
            inside.fetch_add(1, Ordering::Relaxed);
            assert!(soon(|| inside.load(Ordering::Relaxed) == team.count()), "all workers come");
            resume_unwind(Box::new(Grenade));
        });
    }));
    std::mem::forget(end.expect_err("the caller unwinds"));
    check(&team, &[5, 5]);
}

#[test]
fn a_chunk_that_panics_holds_up_nobody() {
    let team = Team::new(3).unwrap();
    for bad in 0..6 {
        let executed = AtomicUsize::new(0);
        let progress = Progress::new();
        let end = catch_unwind(std::panic::AssertUnwindSafe(|| {
            team.run(&|| {
                progress.work(&team, &[2, 5, 6], &mut |chunks| {
                    executed.fetch_add(chunks.len(), Ordering::Relaxed);
                    if chunks.contains(&bad) {
                        resume_unwind(Box::new("chunk"));
                    }
                });
            });
        }));
        assert_eq!(text(&*end.expect_err("the caller unwinds")), "chunk");
        check(&team, &[5, 5]);
    }
}

#[test]
fn a_team_crosses_unwinding() {
    fn crosses<T: Send + Sync + UnwindSafe + std::panic::RefUnwindSafe>(_: &T) {}
    crosses(&Team::new(1).unwrap());
}
