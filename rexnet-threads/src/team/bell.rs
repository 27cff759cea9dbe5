//! Waiting with the system's help: sleepers whom nobody who has something to tell them misses.

use crate::atomic::{AtomicUsize, Ordering, fence};
use crate::sync::{Condvar, Mutex, lock};
use std::sync::PoisonError;

/// Where threads sleep until something holds.
///
/// Who makes it hold rings afterwards: one fence and one load while nobody sleeps.
pub(super) struct Bell {
    /// How many threads sleep or are about to; changes under the lock.
    sleepers: AtomicUsize,
    lock: Mutex<()>,
    rung: Condvar,
}

// Why no sleeper is missed. A sleeper adds itself to `sleepers`, fences, then looks whether `ready` holds; a ringer makes
// it hold, fences, then looks at `sleepers`. The fences are in one order. If the sleeper's is first, the ringer sees the
// sleeper, and its lock waits until that one waits on the condition variable, because the sleeper holds the lock from
// before its look until then. If the ringer's is first, the sleeper sees that `ready` holds.

impl Bell {
    pub(super) fn new() -> Self {
        Self { sleepers: AtomicUsize::new(0), lock: Mutex::new(()), rung: Condvar::new() }
    }

    /// Sleeps until `ready` holds, which must neither wait nor ring here.
    pub(super) fn sleep_until(&self, ready: impl Fn() -> bool) {
        let mut guard = lock(&self.lock);
        self.sleepers.fetch_add(1, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        while !ready() {
            guard = self.rung.wait(guard).unwrap_or_else(PoisonError::into_inner);
        }
        self.sleepers.fetch_sub(1, Ordering::Relaxed);
    }

    /// Called when what sleepers wait for may hold: whether there may be any, and [`Bell::ring`] is due.
    pub(super) fn is_due(&self) -> bool {
        fence(Ordering::SeqCst);
        self.sleepers.load(Ordering::Relaxed) > 0
    }

    /// Wakes all sleepers to look again.
    pub(super) fn ring(&self) {
        drop(lock(&self.lock));
        self.rung.notify_all();
    }
}
