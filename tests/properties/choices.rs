//! Random numbers as a tape, so that proptest makes a failing case smaller by shortening and lowering the tape.

use proptest::prelude::*;

/// Choices in order; all zeros after the end.
#[derive(Clone, Debug)]
pub(crate) struct Choices {
    tape: Vec<u16>,
    at: usize,
}

impl Choices {
    /// These, in order.
    pub(crate) fn of(tape: Vec<u16>) -> Self {
        Self { tape, at: 0 }
    }

    /// Tapes of at most so many choices.
    pub(crate) fn strategy(length: usize) -> impl Strategy<Value = Choices> {
        proptest::collection::vec(any::<u16>(), 0..length).prop_map(Choices::of)
    }

    /// A number below `count`.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        let choice = self.tape.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        usize::from(choice) % count.max(1)
    }

    /// A number from `low` to `high`, both included.
    pub(crate) fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.below((high - low + 1) as usize) as i64
    }

    /// One of several.
    pub(crate) fn one_of<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }

    /// Whether the tape is not yet at its end.
    pub(crate) fn more(&self) -> bool {
        self.at < self.tape.len()
    }
}
