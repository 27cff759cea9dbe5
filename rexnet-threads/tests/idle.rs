//! What a team costs while nothing runs on it: one test, since it looks at the whole process.
#![cfg(all(target_os = "linux", not(loom)))]

use rexnet_threads::{Team, Threads};
use std::time::Duration;

/// The names of this process's threads that a team started.
fn workers() -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir("/proc/self/task")
        .unwrap()
        .filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("comm")).ok())
        .map(|name| name.trim().to_owned())
        .filter(|name| name.starts_with("rexnet-"))
        .collect();
    names.sort();
    names
}

/// The processor time of all threads together.
fn processor_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: it writes the structure that is given.
    assert_eq!(unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) }, 0);
    Duration::new(time.tv_sec.try_into().unwrap(), time.tv_nsec.try_into().unwrap())
}

#[test]
fn a_team_is_its_threads_and_uses_no_processor_time() {
    let one = Team::new(1).unwrap();
    one.run(&|| ());
    assert!(workers().is_empty(), "the caller's thread is a team of one");

    let team = Team::new(4).unwrap();
    team.run(&|| ());
    // Threads name themselves when they begin.
    while workers().len() < 3 {
        std::thread::yield_now();
    }
    assert_eq!(workers(), ["rexnet-1", "rexnet-2", "rexnet-3"]);
    for _ in 0..2 {
        // The time in which workers still look for work is far less than this.
        std::thread::sleep(Duration::from_millis(50));
        let before = processor_time();
        std::thread::sleep(Duration::from_millis(200));
        let used = processor_time() - before;
        assert!(used < Duration::from_millis(20), "{used:?}");
        team.run(&|| ());
    }

    let clone = team.clone();
    drop(team);
    assert_eq!(workers().len(), 3);
    drop(clone);
    assert!(workers().is_empty(), "the last handle waits for the workers");
}
