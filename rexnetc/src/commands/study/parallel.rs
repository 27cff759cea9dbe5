//! Work on several threads, whose results do not depend on how many there are.

use rexnet::{Code, Diagnostic, Diagnostics, Location};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

/// The results of `work` for each number below `count`, in their order. After a fault no more is begun.
///
/// # Errors
/// The faults of the first number that has any of those that were begun; `RX0606` when a thread cannot be started.
pub(super) fn in_order<T: Send>(
    count: usize,
    threads: usize,
    work: impl Fn(usize) -> Result<T, Diagnostics> + Sync,
) -> Result<Vec<T>, Diagnostics> {
    let next = AtomicUsize::new(0);
    let failed = AtomicBool::new(false);
    let take = || {
        let mut done = Vec::new();
        while !failed.load(Ordering::Relaxed) {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                break;
            }
            let result = work(number);
            failed.fetch_or(result.is_err(), Ordering::Relaxed);
            done.push((number, result));
        }
        done
    };
    let mut results = thread::scope(|scope| {
        let mut others = Vec::new();
        for _ in 1..threads.min(count) {
            let other = thread::Builder::new().spawn_scoped(scope, take).map_err(|error| {
                failed.store(true, Ordering::Relaxed);
                let cause = format!("{threads} threads cannot be started: {error}");
                let fault = Diagnostic::new(Code::Threads, Location::None, cause);
                fault.with_help("give a smaller number to --threads")
            })?;
            others.push(other);
        }
        let mut results = take();
        for other in others {
            results.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        Ok::<_, Diagnostic>(results)
    })?;
    results.sort_by_key(|(number, _)| *number);
    results.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_order_on_any_number_of_threads() {
        for threads in [1, 2, 5, 100] {
            let squares = in_order(23, threads, |number| Ok(number * number)).unwrap();
            assert_eq!(squares, (0..23).map(|number| number * number).collect::<Vec<_>>());
        }
        assert!(in_order(0, 4, Ok).unwrap().is_empty());
    }

    #[test]
    fn the_first_fault_is_told() {
        let refuse = |number: usize| match number {
            3.. => Err(Diagnostic::new(Code::RunArguments, Location::None, number.to_string()).into()),
            fine => Ok(fine),
        };
        for threads in [1, 4] {
            let faults = in_order(50, threads, refuse).unwrap_err();
            assert_eq!(faults.list[0].cause, "3");
        }
    }
}
