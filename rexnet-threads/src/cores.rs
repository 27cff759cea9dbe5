//! How many threads a machine can compute with at once.

/// The physical cores that this thread may use, and those it starts; at least 1.
///
/// Two threads on one core share its arithmetic units, which networks keep busy. On Linux these are the cores of the
/// processors in the affinity mask, as far as the system says which share a core, and no more than the quota of the
/// control group allows; elsewhere what [`std::thread::available_parallelism`] says.
#[must_use]
pub fn physical_cores() -> usize {
    let most = std::thread::available_parallelism().map_or(1, usize::from);
    allowed_cores().map_or(most, |cores| cores.clamp(1, most))
}

/// The cores of the affinity mask.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn allowed_cores() -> Option<usize> {
    use rustix::thread::{CpuSet, sched_getaffinity};

    let mask = sched_getaffinity(None).ok()?;
    let processors = (0..CpuSet::MAX_CPU).filter(|&processor| mask.is_set(processor));
    Some(topology::cores(processors, |processor, file| {
        std::fs::read_to_string(format!("/sys/devices/system/cpu/cpu{processor}/topology/{file}")).ok()
    }))
}

/// Not known.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn allowed_cores() -> Option<usize> {
    None
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod topology {
    use std::collections::HashSet;

    /// What two processors have in common if they share a core, and only then.
    #[derive(PartialEq, Eq, Hash)]
    enum Core {
        /// All processors of the core.
        Siblings(String),
        /// Package, die and number of the core.
        Number([Option<String>; 2], String),
        /// A processor of which nothing is known is a core.
        Processor(usize),
    }

    /// On how many cores these processors are. `read` gives the content of a file about a processor.
    pub(super) fn cores(
        processors: impl Iterator<Item = usize>,
        read: impl Fn(usize, &str) -> Option<String>,
    ) -> usize {
        let core = |processor| {
            let read = |file| {
                read(processor, file).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
            };
            if let Some(siblings) = read("thread_siblings_list") {
                return Core::Siblings(siblings);
            }
            match read("core_id") {
                Some(number) => Core::Number([read("physical_package_id"), read("die_id")], number),
                None => Core::Processor(processor),
            }
        };
        processors.map(core).collect::<HashSet<_>>().len()
    }
}

#[cfg(all(test, any(target_os = "linux", target_os = "android"), not(loom)))]
mod tests {
    use super::physical_cores;
    use super::topology::cores;
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    /// The cores of these processors, given the files of some.
    fn count(processors: &[usize], files: &[(usize, &str, &str)]) -> usize {
        cores(processors.iter().copied(), |processor, name| {
            let file = files.iter().find(|file| (file.0, file.1) == (processor, name));
            file.map(|file| format!("{}\n", file.2))
        })
    }

    #[test]
    fn two_processors_a_core() {
        // As Linux numbers them on PCs: the second threads come after all first ones.
        let files: Vec<_> = (0..8)
            .map(|processor| (processor, "thread_siblings_list", ["0,4", "1,5", "2,6", "3,7"][processor % 4]))
            .collect();
        assert_eq!(count(&[0, 1, 2, 3, 4, 5, 6, 7], &files), 4);
        assert_eq!(count(&[0, 1, 2, 3], &files), 4);
        assert_eq!(count(&[0, 4], &files), 1);
        assert_eq!(count(&[3, 4, 7], &files), 2);
    }

    #[test]
    fn performance_cores_with_two_processors_and_others_with_one() {
        let files: Vec<_> = ["0-1", "0-1", "2-3", "2-3", "4", "5"]
            .into_iter()
            .enumerate()
            .map(|(processor, siblings)| (processor, "thread_siblings_list", siblings))
            .collect();
        assert_eq!(count(&[0, 1, 2, 3, 4, 5], &files), 4);
        assert_eq!(count(&[1, 2, 5], &files), 3);
    }

    #[test]
    fn a_sibling_that_is_off_line_is_in_no_list() {
        let files = [
            (0, "thread_siblings_list", "0,2"),
            (2, "thread_siblings_list", "0,2"),
            (1, "thread_siblings_list", "1"),
        ];
        assert_eq!(count(&[0, 1, 2], &files), 2);
    }

    #[test]
    fn numbers_of_cores_repeat_in_every_package() {
        let files: Vec<_> =
            [("0", "0"), ("0", "0"), ("0", "1"), ("0", "1"), ("1", "0"), ("1", "0"), ("1", "1"), ("1", "1")]
                .into_iter()
                .enumerate()
                .flat_map(|(processor, (package, core))| {
                    [(processor, "physical_package_id", package), (processor, "core_id", core)]
                })
                .collect();
        assert_eq!(count(&[0, 1, 2, 3, 4, 5, 6, 7], &files), 4);
        assert_eq!(count(&[0, 2, 4, 6], &files), 4);
        assert_eq!(count(&[4, 5], &files), 1);
    }

    #[test]
    fn numbers_of_cores_repeat_in_every_die() {
        let files: Vec<_> = [("0", "0"), ("0", "1"), ("1", "0"), ("1", "0")]
            .into_iter()
            .enumerate()
            .flat_map(|(processor, (die, core))| {
                [
                    (processor, "physical_package_id", "0"),
                    (processor, "die_id", die),
                    (processor, "core_id", core),
                ]
            })
            .collect();
        assert_eq!(count(&[0, 1, 2, 3], &files), 3);
    }

    #[test]
    fn processors_of_which_nothing_is_known_are_cores() {
        assert_eq!(count(&[0, 1, 2], &[]), 3);
        assert_eq!(
            count(&[0, 1, 2], &[(0, "thread_siblings_list", ""), (1, "thread_siblings_list", "1-2")]),
            3
        );
        assert_eq!(count(&[], &[]), 0);
    }

    #[test]
    fn this_machine_has_cores() {
        assert!((1..=std::thread::available_parallelism().unwrap().get()).contains(&physical_cores()));
    }

    #[test]
    fn a_thread_that_may_use_one_processor_has_one_core() {
        std::thread::spawn(|| {
            let mask = sched_getaffinity(None).unwrap();
            let processor = (0..CpuSet::MAX_CPU).find(|&processor| mask.is_set(processor)).unwrap();
            let mut one = CpuSet::new();
            one.set(processor);
            sched_setaffinity(None, &one).unwrap();
            assert_eq!(physical_cores(), 1);
        })
        .join()
        .unwrap();
    }
}
