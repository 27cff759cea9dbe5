//! How many threads a machine can compute with at once.

/// The physical cores that this process may use; at least 1.
pub fn physical_cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
