//! Telling a process from its forks, which have none of its threads but the one that forked.

/// A process.
pub(super) struct Process(u32);

impl Process {
    /// The one that calls.
    pub(super) fn this() -> Self {
        Self(Self::id())
    }

    /// Whether it is the one that calls.
    pub(super) fn is_this(&self) -> bool {
        self.0 == Self::id()
    }

    #[cfg(all(unix, not(loom)))]
    fn id() -> u32 {
        std::process::id()
    }

    /// Without forks all are one.
    #[cfg(not(all(unix, not(loom))))]
    fn id() -> u32 {
        0
    }
}
