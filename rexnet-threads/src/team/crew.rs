//! What a team's handles and workers share, and how a job goes.

use super::bell::Bell;
use super::gate::{Answer, Gate, Number};
use super::process::Process;
use crate::atomic::{AtomicBool, Ordering};
use crate::spin;
use crate::sync::{Mutex, UnsafeCell, lock};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

/// How long a worker without a job looks for one before it sleeps: longer than a caller needs between two runs, and
/// than the system takes to wake somebody.
const IDLE: Duration = Duration::from_micros(50);
/// How long a thread inside a job looks whether a stage is open, and the leader whether all have left, before they
/// sleep.
const BUSY: Duration = Duration::from_micros(50);

/// What a job calls, its lifetime forgotten.
type Work = dyn Fn() + Sync;

/// What the workers and all handles of a team share.
pub(super) struct Crew {
    process: Process,
    /// Set while somebody leads a job.
    led: AtomicBool,
    gate: Gate,
    /// The number before the first job's.
    none: Number,
    job: Slot,
    /// Idle workers sleep here.
    opened: Bell,
    /// The leader sleeps here.
    emptied: Bell,
    /// Those inside sleep here.
    notified: Bell,
    /// What the first worker that panicked in this job panicked with.
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

/// The job's work. Written only by the leader while the gate is closed and nobody is inside; read only inside.
struct Slot(UnsafeCell<Option<*const Work>>);

// SAFETY: the gate orders writing and reading, see `Slot`; what the pointer leads to is `Sync`.
unsafe impl Sync for Slot {}
// SAFETY: as above.
unsafe impl Send for Slot {}

impl Crew {
    pub(super) fn new() -> Self {
        let (gate, none) = Gate::new();
        Self {
            process: Process::this(),
            led: AtomicBool::new(false),
            gate,
            none,
            job: Slot(UnsafeCell::new(None)),
            opened: Bell::new(),
            emptied: Bell::new(),
            notified: Bell::new(),
            panic: Mutex::new(None),
        }
    }

    /// Whether this process is the one that started the workers, and not a fork of it, which has none.
    pub(super) fn is_here(&self) -> bool {
        self.process.is_this()
    }

    /// Calls `work` here and on workers that come in time; here only, where somebody leads already or nobody can come.
    pub(super) fn run(&self, work: &(dyn Fn() + Sync)) {
        if !self.is_here() || self.led.swap(true, Ordering::Acquire) {
            return work();
        }
        // SAFETY: only the lifetime changes. The pointer is followed inside the gate only, and this returns, or unwinds,
        // only after the gate was closed and nobody was inside: `work` outlives that.
        let erased = unsafe { std::mem::transmute::<&(dyn Fn() + Sync), *const Work>(work) };
        self.job.0.with_mut(|job| {
            // SAFETY: this thread leads, the gate is closed and nobody is inside.
            unsafe { *job = Some(erased) }
        });
        self.gate.open();
        if self.opened.is_due() {
            self.opened.ring();
        }
        let own = catch_unwind(AssertUnwindSafe(work));
        self.gate.close();
        if !spin::until(BUSY, || self.gate.is_empty()) {
            self.emptied.sleep_until(|| self.gate.is_empty());
        }
        let others = lock(&self.panic).take();
        self.led.store(false, Ordering::Release);
        match (own, others) {
            (Ok(()), None) => (),
            (Ok(()), Some(payload)) => resume_unwind(payload),
            (Err(payload), others) => {
                // Dropping it could panic.
                std::mem::forget(others);
                resume_unwind(payload)
            }
        }
    }

    /// What a worker does all its life.
    pub(super) fn serve(&self) {
        let mut last = self.none;
        loop {
            if !spin::until(IDLE, || self.gate.calls(last)) {
                self.opened.sleep_until(|| self.gate.calls(last));
            }
            match self.gate.enter(last) {
                Answer::Entered(number) => last = number,
                Answer::Closed => continue,
                Answer::Stopped => return,
            }
            // SAFETY: this thread is inside, so the leader has written the slot and does not now.
            let work = self.job.0.with(|job| unsafe { *job });
            // SAFETY: this thread is inside, and until it leaves the leader keeps what the pointer leads to.
            let work = work.map(|work| unsafe { &*work });
            let end = catch_unwind(AssertUnwindSafe(|| work.map_or((), |work| work())));
            if let Err(payload) = end {
                let mut first = lock(&self.panic);
                match *first {
                    None => *first = Some(payload),
                    // Dropping it could panic.
                    Some(_) => std::mem::forget(payload),
                }
            }
            if self.gate.leave() && self.emptied.is_due() {
                self.emptied.ring();
            }
        }
    }

    /// Sends the workers home.
    pub(super) fn stop(&self) {
        self.gate.stop();
        if self.opened.is_due() {
            self.opened.ring();
        }
    }

    /// Returns when `ready` holds.
    pub(super) fn wait(&self, ready: &dyn Fn() -> bool) {
        if spin::until(BUSY, ready) {
            return;
        }
        if self.is_here() {
            self.notified.sleep_until(ready);
        } else {
            while !ready() {
                std::thread::yield_now();
            }
        }
    }

    /// Wakes those who wait to look again.
    pub(super) fn notify(&self) {
        // In a fork a lock may be held by a thread that is not there.
        if self.notified.is_due() && self.is_here() {
            self.notified.ring();
        }
    }
}
