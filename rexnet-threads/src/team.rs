//! Threads that wait for work.

mod bell;
mod crew;
mod gate;
mod process;

use crate::protocol::Threads;
use crate::sync::{Arc, thread};
use crew::Crew;
use std::fmt;
use std::io;
use std::panic::RefUnwindSafe;

/// Threads that wait for work, and the caller's.
///
/// Clones share the threads; they end when the last clone is dropped, which waits for them. One caller at a time has
/// them: another meanwhile, or a call from inside a run, does not wait but works on its own thread alone. A team without
/// work uses no processor time. In a process that was forked off, though not from inside a run, the team is the caller's
/// thread alone.
///
/// ```
/// use rexnet_threads::{Team, Threads};
/// use std::sync::atomic::{AtomicUsize, Ordering};
///
/// let team = Team::new(2)?;
/// let left = AtomicUsize::new(100);
/// team.run(&|| {
///     while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {}
/// });
/// assert_eq!(left.into_inner(), 0);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct Team(Arc<Workers>);

/// The workers; dropped, they end.
struct Workers {
    crew: Arc<Crew>,
    handles: Vec<thread::JoinHandle<()>>,
}

/// A panic leaves nothing behind: every run ends as if there had been none.
impl RefUnwindSafe for Workers {}

impl Team {
    /// A team of so many threads, the caller's among them; 0 counts as 1.
    ///
    /// # Errors
    /// When the system refuses a thread, or there are more than 8192.
    pub fn new(threads: usize) -> io::Result<Self> {
        let wanted = threads.saturating_sub(1);
        if wanted > gate::MOST {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{threads} threads are too many"),
            ));
        }
        let mut workers = Workers { crew: Arc::new(Crew::new()), handles: Vec::with_capacity(wanted) };
        for number in 1..=wanted {
            let crew = Arc::clone(&workers.crew);
            let worker = thread::Builder::new().name(format!("rexnet-{number}"));
            workers.handles.push(worker.spawn(move || crew.serve())?);
        }
        Ok(Self(Arc::new(workers)))
    }

    /// A thread for every physical core that this process may use: see [`physical_cores`](crate::physical_cores).
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub fn for_this_machine() -> io::Result<Self> {
        Self::new(crate::physical_cores())
    }
}

impl Threads for Team {
    fn count(&self) -> usize {
        self.0.handles.len() + 1
    }

    fn run(&self, work: &(dyn Fn() + Sync)) {
        if self.0.handles.is_empty() {
            return work();
        }
        self.0.crew.run(work);
    }

    fn wait(&self, ready: &dyn Fn() -> bool) {
        self.0.crew.wait(ready);
    }

    fn notify(&self) {
        self.0.crew.notify();
    }
}

impl fmt::Debug for Team {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Team").field("threads", &self.count()).finish_non_exhaustive()
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        let handles = std::mem::take(&mut self.handles);
        if !self.crew.is_here() {
            // Threads of another process: there is nothing to detach either.
            return std::mem::forget(handles);
        }
        self.crew.stop();
        let this = thread::current().id();
        if handles.iter().any(|worker| worker.thread().id() == this) {
            // One of them drops the team while it works: the others may wait for it.
            return;
        }
        for worker in handles {
            // Workers do not panic.
            let _ = worker.join();
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::Team;
    use std::sync::{Arc, Mutex, PoisonError};
    use std::time::{Duration, Instant};

    /// Looks for ten seconds whether something holds.
    fn soon(holds: impl Fn() -> bool) -> bool {
        let begin = Instant::now();
        while !holds() {
            if begin.elapsed() > Duration::from_secs(10) {
                return false;
            }
            std::thread::yield_now();
        }
        true
    }

    #[test]
    fn a_worker_can_drop_the_last_handle() {
        let team = Mutex::new(Some(Team::new(3).unwrap()));
        let take = || team.lock().unwrap_or_else(PoisonError::into_inner).take();
        let crew = Arc::clone(&team.lock().unwrap().as_ref().unwrap().0.crew);
        let caller = std::thread::current().id();
        crew.run(&|| {
            if std::thread::current().id() == caller {
                assert!(soon(|| team.lock().unwrap().is_none()), "a worker comes and drops the team");
            } else {
                drop(take());
            }
        });
        assert!(soon(|| Arc::strong_count(&crew) == 1), "the workers end");
        // What is left works on the caller's thread.
        let calls = Mutex::new(0);
        crew.run(&|| *calls.lock().unwrap() += 1);
        assert_eq!(calls.into_inner().unwrap(), 1);
    }
}
