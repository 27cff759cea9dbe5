//! Files replaced whole or not at all.
//!
//! The content is written beside the file, under a name that ends in `.partial`, and renamed. Who writes holds the lock of
//! the file that it writes: what has content and no lock was left by a process that was killed, and the next that
//! replaces the same file removes it, so that no disk fills with leftovers.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// What unfinished files end in.
const ENDING: &str = ".partial";

/// Replaces `target` by what `fill` writes into a new file that `options` open. Before the end, and after an error,
/// `target` is what it was.
///
/// # Errors
/// The system's: of opening, writing or renaming.
pub fn replace(
    target: &Path,
    options: &OpenOptions,
    fill: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<()> {
    remove_leftovers(target);
    let beside = beside(target);
    let written = options.open(&beside).and_then(|mut file| {
        // Where a file system has no locks, leftovers stay.
        let _ = file.try_lock();
        fill(&mut file)?;
        fs::rename(&beside, target)
    });
    if written.is_err() {
        // The first error is the one to tell.
        let _ = fs::remove_file(&beside);
    }
    written
}

/// What the names of unfinished files of a target begin with.
fn beginning(target: &Path) -> String {
    format!(".{}.", target.file_name().unwrap_or_default().to_string_lossy())
}

/// A name that no other file being written has.
fn beside(target: &Path) -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    target.with_file_name(format!("{}{}.{number}{ENDING}", beginning(target), std::process::id()))
}

/// Removes unfinished files of this target whose writers are gone. They are a matter of space only: what cannot be removed
/// stays.
fn remove_leftovers(target: &Path) {
    let beginning = beginning(target);
    let is_unfinished = |name: &str| {
        let numbers = name.strip_prefix(&beginning).and_then(|rest| rest.strip_suffix(ENDING));
        numbers.is_some_and(|numbers| numbers.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'))
    };
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten().filter(|entry| entry.file_name().to_str().is_some_and(is_unfinished)) {
        // A file that is still empty may be about to be locked.
        let has_content = entry.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() > 0);
        if has_content && File::open(entry.path()).is_ok_and(|file| file.try_lock().is_ok()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn options() -> OpenOptions {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        options
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap().flatten();
        let mut names: Vec<String> =
            entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_old_or_new_and_leftovers_go() {
        let folder = std::env::temp_dir().join(format!("rexnet-replace-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let target = folder.join("file");
        replace(&target, &options(), |file| file.write_all(b"old")).unwrap();
        let fault = replace(&target, &options(), |file| {
            file.write_all(b"half")?;
            Err(io::Error::from(io::ErrorKind::StorageFull))
        });
        assert_eq!(fault.unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(fs::read(&target).unwrap(), b"old");
        assert_eq!(names(&folder), ["file"]);

        for (name, content) in [
            (".file.1.0.partial", "left by a process that was killed"),
            (".file.2.0.partial", ""),
            (".file.old.partial", "somebody's own"),
            (".other.1.0.partial", "left while another file was written"),
        ] {
            fs::write(folder.join(name), content).unwrap();
        }
        let mut busy = File::create(folder.join(".file.3.0.partial")).unwrap();
        busy.lock().unwrap();
        busy.write_all(b"being written").unwrap();
        replace(&target, &options(), |file| file.write_all(b"new")).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"new");
        let kept =
            [".file.2.0.partial", ".file.3.0.partial", ".file.old.partial", ".other.1.0.partial", "file"];
        assert_eq!(names(&folder), kept);
        fs::remove_dir_all(&folder).unwrap();
    }
}
