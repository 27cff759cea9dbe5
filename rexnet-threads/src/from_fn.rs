//! Threads that are there already.

use crate::protocol::Threads;
use crate::spin;
use std::fmt;
use std::time::Duration;

/// How long a thread looks whether a stage is open before it lets other threads have the processor.
const BUSY: Duration = Duration::from_micros(20);

/// Threads brought from outside; made by [`from_fn`].
#[derive(Clone, Copy)]
pub struct FromFn<F> {
    count: usize,
    run: F,
}

/// Threads brought from outside: `run` calls what it is given on up to `count` threads at once and returns when none is
/// inside, as [`Threads::run`] must; 0 counts as 1.
///
/// A pool of rayon's:
/// ```
/// use rexnet_threads::{Threads, from_fn};
///
/// let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
/// let threads = from_fn(2, |work| {
///     pool.in_place_scope(|scope| {
///         scope.spawn(|_| work());
///         work();
///     });
/// });
/// threads.run(&|| println!("on this thread and the pool's"));
/// # Ok::<(), rayon::ThreadPoolBuildError>(())
/// ```
///
/// Threads started for every run:
/// ```
/// use rexnet_threads::{Threads, from_fn};
///
/// let threads = from_fn(2, |work| {
///     std::thread::scope(|scope| {
///         scope.spawn(work);
///         work();
///     });
/// });
/// threads.run(&|| println!("on this thread and another"));
/// ```
pub fn from_fn<F>(count: usize, run: F) -> FromFn<F>
where
    F: Fn(&(dyn Fn() + Sync)) + Sync,
{
    FromFn { count: count.max(1), run }
}

impl<F> Threads for FromFn<F>
where
    F: Fn(&(dyn Fn() + Sync)) + Sync,
{
    fn count(&self) -> usize {
        self.count
    }

    fn run(&self, work: &(dyn Fn() + Sync)) {
        (self.run)(work);
    }

    fn wait(&self, ready: &dyn Fn() -> bool) {
        if spin::until(BUSY, ready) {
            return;
        }
        while !ready() {
            std::thread::yield_now();
        }
    }
}

impl<F> fmt::Debug for FromFn<F> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("FromFn").field("threads", &self.count).finish_non_exhaustive()
    }
}

/// The caller's thread alone.
#[derive(Clone, Copy, Debug, Default)]
pub struct Alone;

impl Threads for Alone {
    fn count(&self) -> usize {
        1
    }

    fn run(&self, work: &(dyn Fn() + Sync)) {
        work();
    }
}
