//! Who is inside a job, in one word.

use crate::atomic::{AtomicUsize, Ordering};

/// Set while workers may enter.
const OPEN: usize = 1;
/// Set once the team is dissolved.
const STOPPED: usize = 2;
/// One worker inside.
const INSIDE: usize = 4;
/// The most workers that can be inside.
pub(super) const MOST: usize = (1 << 13) - 1;
/// One job: the bits from here on are its number. When they run over, a worker that has slept through all numbers
/// misses one job.
const JOB: usize = INSIDE * (MOST + 1);

/// Which job is open, and how many workers are inside.
pub(super) struct Gate(AtomicUsize);

/// A job's number.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Number(usize);

/// What the gate said to a worker.
pub(super) enum Answer {
    /// It is inside and must leave.
    Entered(Number),
    /// There is no job that it has not had.
    Closed,
    /// It must end.
    Stopped,
}

fn number(word: usize) -> Number {
    Number(word / JOB)
}

fn inside(word: usize) -> usize {
    (word / INSIDE) & MOST
}

impl Gate {
    /// Closed, before the first job; a worker that has had none had the number given with it.
    pub(super) fn new() -> (Self, Number) {
        (Self(AtomicUsize::new(0)), number(0))
    }

    /// Opens the next job. Whoever enters sees what was written before.
    ///
    /// The gate is closed and nobody is inside.
    pub(super) fn open(&self) {
        self.0.fetch_add(JOB + OPEN, Ordering::Release);
    }

    /// Lets nobody in any more.
    pub(super) fn close(&self) {
        self.0.fetch_and(!OPEN, Ordering::Relaxed);
    }

    /// Whether nobody is inside. If so, what those did who left happened before.
    pub(super) fn is_empty(&self) -> bool {
        inside(self.0.load(Ordering::Acquire)) == 0
    }

    /// Tells all workers to end.
    pub(super) fn stop(&self) {
        self.0.fetch_or(STOPPED, Ordering::Relaxed);
    }

    /// Whether a worker whose last job was `last` has something to do here.
    pub(super) fn calls(&self, last: Number) -> bool {
        let word = self.0.load(Ordering::Relaxed);
        word & STOPPED != 0 || (word & OPEN != 0 && number(word) != last)
    }

    /// Enters the job that is open, unless it is `last`.
    pub(super) fn enter(&self, last: Number) -> Answer {
        let entered = self.0.fetch_update(Ordering::Acquire, Ordering::Relaxed, |word| {
            let may = word & STOPPED == 0 && word & OPEN != 0 && number(word) != last;
            may.then_some(word + INSIDE)
        });
        match entered {
            Ok(word) => Answer::Entered(number(word)),
            Err(word) if word & STOPPED != 0 => Answer::Stopped,
            Err(_) => Answer::Closed,
        }
    }

    /// Leaves the job that was entered: whether somebody may wait for it, since it is closed and this was the last.
    pub(super) fn leave(&self) -> bool {
        let before = self.0.fetch_sub(INSIDE, Ordering::Release);
        inside(before) == 1 && before & OPEN == 0
    }
}
