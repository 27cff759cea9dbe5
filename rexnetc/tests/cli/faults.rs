//! A system that fails: full disks, folders that cannot be written to, processes killed in the middle, no memory. What a
//! system does not let us provoke is skipped with a message.
#![cfg(target_os = "linux")]

use crate::binary::{SMALL, command, file, rexnetc, scratch};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

/// Its packed weights are some MiB.
const LARGE: &str = "rexnet(size = 32)";
/// What a script ends with when the system does not let it provoke the fault.
const IMPOSSIBLE: i32 = 77;
const SIGXFSZ: i32 = 25;

/// Runs a script of `sh`, in which `"$@"` is the program with its arguments.
fn script(text: &str, arguments: &[&str]) -> Output {
    let program = command(arguments);
    let mut shell = Command::new("sh");
    shell.args(["-c", text, "sh"]).arg(program.get_program()).args(program.get_args());
    shell.current_dir(program.get_current_dir().unwrap()).output().unwrap()
}

/// As [`script`], in a name space of mounts of its own; `None` where the system has none for us.
fn script_with_mounts(text: &str, arguments: &[&str]) -> Option<Output> {
    let inner = format!("unshare --map-root-user --mount sh -c '{text}' sh \"$@\" || exit $?");
    let output = script(&inner, arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.code() == Some(IMPOSSIBLE) || said.contains("unshare") {
        println!("skipped: no file system can be mounted here: {said}");
        return None;
    }
    Some(output)
}

#[track_caller]
fn says(output: &Output, code: &str) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && text.contains(code), "{code}: {output:?}");
    assert!(!text.contains("panicked"), "{text}");
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_full_device_is_told_of() {
    says(&script("exec \"$@\"", &["pack", SMALL, "--seed", "0", "-o", "/dev/full"]), "RX0701");
    says(&script("exec \"$@\" > /dev/full", &["compile", SMALL, "--emit", "loops"]), "RX0701");
    says(&script("exec \"$@\" > /dev/full", &["info", SMALL, "--json"]), "RX0701");
}

#[test]
fn a_full_disk_leaves_the_old_file() {
    let folder = scratch("faults_full");
    let target = folder.join("w.rxw");
    let mount = format!(
        "mount -t tmpfs -o size=128k none {0} || exit {IMPOSSIBLE}
         echo old > {1}
         \"$@\"; code=$?
         ls -A {0}; cat {1}
         exit $code",
        text(&folder),
        text(&target)
    );
    let Some(output) = script_with_mounts(&mount, &["pack", LARGE, "--seed", "0", "-o", text(&target)])
    else {
        return;
    };
    says(&output, "RX0701");
    let left = String::from_utf8_lossy(&output.stdout);
    assert_eq!(left, "w.rxw\nold\n");
}

#[test]
fn a_folder_that_cannot_be_written_to_is_told_of() {
    says(&script("exec \"$@\"", &["pack", SMALL, "--seed", "0", "-o", "/proc/w.rxw"]), "RX0701");
    says(&script("exec \"$@\"", &["compile", SMALL, "--emit", "plan,loops", "-o", "/proc/folder"]), "RX0701");
    let folder = scratch("faults_read_only");
    file(&folder, "w.rxw", "old");
    let mount = format!(
        "mount --bind {0} {0} && mount -o remount,bind,ro {0} || exit {IMPOSSIBLE}
         exec \"$@\"",
        text(&folder)
    );
    let target = folder.join("w.rxw");
    let Some(output) = script_with_mounts(&mount, &["pack", LARGE, "--seed", "0", "-o", text(&target)])
    else {
        return;
    };
    says(&output, "RX0701");
    assert_eq!(std::fs::read(&target).unwrap(), b"old");
    assert_eq!(names(&folder), ["w.rxw"]);
}

#[test]
fn a_pipe_is_not_waited_for() {
    let pipe = scratch("faults_pipe").join("pipe.rexnet");
    let made = Command::new("mkfifo").arg(&pipe).status();
    if !made.is_ok_and(|status| status.success()) {
        println!("skipped: no pipe can be made here");
        return;
    }
    says(&script("exec \"$@\"", &["info", text(&pipe)]), "RX0701");
    says(&script("exec \"$@\"", &["info", SMALL, "--weights", text(&pipe)]), "RX0701");
}

/// The limit on the size of files ends a process in the middle of writing one, always at the same byte.
#[test]
fn killed_in_the_middle_the_old_file_stays_and_the_next_run_cleans_up() {
    let folder = scratch("faults_killed");
    let target = folder.join("w.rxw");
    let pack = ["pack", LARGE, "--seed", "0", "-o", text(&target)];
    std::fs::write(&target, "old").unwrap();
    let killed = script("ulimit -f 200; exec \"$@\"", &pack);
    assert_eq!(killed.status.signal(), Some(SIGXFSZ), "{killed:?}");
    assert_eq!(std::fs::read(&target).unwrap(), b"old");
    let left = names(&folder);
    assert!(left.len() == 2 && left[0].starts_with(".w.rxw.") && left[0].ends_with(".partial"), "{left:?}");

    says(&script("trap '' XFSZ; ulimit -f 200; exec \"$@\"", &pack), "RX0701");
    assert_eq!(names(&folder), ["w.rxw"], "what could not be written, and what was left before, is gone");
    assert_eq!(std::fs::read(&target).unwrap(), b"old");

    assert_eq!(script("ulimit -f 200; exec \"$@\"", &pack).status.signal(), Some(SIGXFSZ));
    rexnetc(&pack).exits(0);
    assert_eq!(names(&folder), ["w.rxw"]);
    assert!(std::fs::metadata(&target).unwrap().len() > 1 << 20);
}

#[test]
fn killed_at_any_time_a_file_is_old_or_new() {
    let folder = scratch("faults_any_time");
    let target = folder.join("w.rxw");
    let pack = ["pack", LARGE, "--seed", "0", "-o", text(&target)];
    rexnetc(&pack).exits(0);
    let new = std::fs::read(&target).unwrap();
    for at in 0..12 {
        std::fs::write(&target, "old").unwrap();
        let mut child = command(&pack).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(at * 12));
        child.kill().unwrap();
        child.wait().unwrap();
        let found = std::fs::read(&target).unwrap();
        assert!(found == b"old" || found == new, "{} bytes after {at} steps", found.len());
    }
    rexnetc(&pack).exits(0);
    let left = names(&folder);
    let with_content =
        left.iter().filter(|name| std::fs::metadata(folder.join(name)).unwrap().len() > 0).count();
    assert_eq!(with_content, 1, "{left:?}");
}

/// Whatever the limit on the address space is, the program ends with its work or with a code.
#[test]
fn out_of_address_space_is_told_of() {
    let wide = "rexnet(width = 2.0, size = 32)";
    let large = "rexnet(width = 0.25, size = 512)";
    let (mut refused, mut coded, mut done) = (0, 0, 0);
    for arguments in [
        &["pack", wide, "--seed", "0", "-o", "/dev/null"][..],
        &["bench", large, "--iters", "1", "--warmup", "0", "--lines"],
        &["bench", large, "--iters", "1", "--warmup", "0", "--backend", "clif", "--json"],
    ] {
        for mebibytes in [48, 64, 80, 100, 140, 240, 2000] {
            let limit = format!("ulimit -v {}; exec \"$@\"", mebibytes << 10);
            if script(&limit, &["--version"]).status.code() != Some(0) {
                continue;
            }
            let output = script(&limit, arguments);
            match output.status.code() {
                Some(0) => done += 1,
                Some(1) => {
                    refused += 1;
                    let told = String::from_utf8_lossy(&output.stderr);
                    coded += usize::from(told.contains("RX0607"));
                    assert!(told.contains("error[RX"), "{mebibytes} MiB, {arguments:?}: {output:?}");
                    if arguments.contains(&"--json") {
                        let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
                        assert!(json["errors"][0]["code"].is_string(), "{json:#}");
                    }
                }
                _ => panic!("{mebibytes} MiB, {arguments:?}: {output:?}"),
            }
        }
    }
    println!("{refused} refused, {coded} of them by RX0607; {done} done");
    assert!(coded > 0 && done > 0);
}

#[test]
fn threads_that_cannot_be_started_are_told_of() {
    let limit = format!("ulimit -v {}; exec \"$@\"", 700 << 10);
    says(&script(&limit, &["bench", LARGE, "--threads", "1024"]), "RX0606");
}
