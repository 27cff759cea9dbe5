//! What one compilation of a hostile network may cost.

use crate::memory::peak;
use std::time::{Duration, Instant};

/// Longer is taken for a hang. This is no measurement: what ends at all ends in a second or two on an idle machine.
const HANG: Duration = Duration::from_secs(10);
const MAX_BYTES: usize = 1 << 30;

/// What this thread has computed so far: other processes of a busy machine do not count. Where no system tells, the time
/// that went by.
fn spent(start: Instant) -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let computed = told.and_then(|told| told.split(' ').next()?.parse().ok());
    computed.map_or_else(|| start.elapsed(), Duration::from_nanos)
}

/// The result of a compilation that ends within the bounds of time and memory.
pub(crate) fn bounded<T>(name: &str, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let before = spent(start);
    let (result, bytes) = peak(work);
    let time = spent(start).saturating_sub(before);
    assert!(time < HANG, "{name} took {time:?}");
    assert!(bytes < MAX_BYTES, "{name} held {} MiB", bytes >> 20);
    if std::env::var_os("REXNET_FIGURES").is_some() {
        println!("{name}: {time:?}, {} MiB", bytes >> 20);
    }
    result
}
