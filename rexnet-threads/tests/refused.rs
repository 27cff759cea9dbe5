//! A team that the system refuses some threads: one test, since it limits the whole process.
#![cfg(all(target_os = "linux", not(loom)))]

use rexnet_threads::Team;

/// How much address space this process may have.
fn limit(bytes: libc::rlim_t) -> libc::rlim_t {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: writes the structure that is given.
    assert_eq!(unsafe { libc::getrlimit(libc::RLIMIT_AS, &raw mut limit) }, 0);
    let before = std::mem::replace(&mut limit.rlim_cur, bytes);
    // SAFETY: reads the structure that is given.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &raw const limit) }, 0);
    before
}

#[test]
fn a_team_without_some_of_its_threads_is_refused_and_leaves_none() {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: libc::rlim_t = status.split(' ').next().unwrap().parse().unwrap();
    // Stacks are 2 MiB each: some fit into 64 MiB, 1000 do not.
    let before = limit(pages * 4096 + (64 << 20));
    let refused = Team::new(1000).map(drop);
    limit(before);
    refused.unwrap_err();
    let workers = std::fs::read_dir("/proc/self/task")
        .unwrap()
        .filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("comm")).ok())
        .filter(|name| name.starts_with("rexnet-"))
        .count();
    assert_eq!(workers, 0);
}
