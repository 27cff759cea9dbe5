//! Several callers, several handles.

use crate::{check, soon};
use rexnet_threads::{Team, Threads};
use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

#[test]
fn several_callers_at_once() {
    let team = Team::new(3).unwrap();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..500).for_each(|_| check(&team, &[3, 1, 5])));
        }
    });
}

#[test]
fn a_second_caller_works_alone() {
    let team = Team::new(2).unwrap();
    for _ in 0..100 {
        let second = AtomicBool::new(false);
        team.run(&|| {
            // Whoever is first, the caller or a worker, has another call while this run goes on.
            if !second.swap(true, Ordering::Relaxed) {
                thread::scope(|scope| {
                    scope.spawn(|| {
                        let threads = Mutex::new(Vec::new());
                        team.run(&|| threads.lock().unwrap().push(thread::current().id()));
                        assert_eq!(threads.into_inner().unwrap(), [thread::current().id()]);
                    });
                });
            }
        });
    }
}

#[test]
fn a_call_from_inside_works_alone() {
    let team = Team::new(3).unwrap();
    for _ in 0..100 {
        let calls = AtomicUsize::new(0);
        let outer = AtomicUsize::new(0);
        team.run(&|| {
            outer.fetch_add(1, Ordering::Relaxed);
            team.run(&|| {
                calls.fetch_add(1, Ordering::Relaxed);
            });
            check(&team, &[2, 3]);
        });
        assert_eq!(calls.into_inner(), outer.into_inner());
    }
}

#[test]
fn a_team_of_one_runs_on_the_callers_thread() {
    let team = Team::new(1).unwrap();
    let threads = Mutex::new(Vec::new());
    team.run(&|| threads.lock().unwrap().push(thread::current().id()));
    assert_eq!(threads.into_inner().unwrap(), [thread::current().id()]);
}

#[test]
fn workers_have_names() {
    let team = Team::new(3).unwrap();
    let names = Mutex::new(HashSet::new());
    let caller = thread::current().id();
    team.run(&|| {
        if thread::current().id() != caller {
            names.lock().unwrap().insert(thread::current().name().map(str::to_owned));
        }
        assert!(soon(|| names.lock().unwrap().len() == 2), "all workers come");
    });
    let expected = ["rexnet-1", "rexnet-2"].map(|name| Some(name.to_owned()));
    assert_eq!(names.into_inner().unwrap(), HashSet::from(expected));
}

#[test]
fn clones_share_the_workers() {
    let team = Team::new(3).unwrap();
    let clone = team.clone();
    drop(team);
    check(&clone, &[5, 5]);
    thread::scope(|scope| {
        for _ in 0..4 {
            let clone = clone.clone();
            scope.spawn(move || (0..100).for_each(|_| check(&clone, &[3, 1, 5])));
        }
        drop(clone);
    });
}

#[test]
fn teams_come_and_go() {
    for count in 0..200 {
        let team = Team::new(count % 5).unwrap();
        if count % 3 == 0 {
            check(&team, &[3, 3]);
        }
    }
}

#[test]
fn too_many_threads_are_refused() {
    let error = Team::new(usize::MAX).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput, "{error}");
}

#[test]
fn a_team_says_how_many_it_is() {
    assert_eq!(format!("{:?}", Team::new(2).unwrap()), "Team { threads: 2, .. }");
}
