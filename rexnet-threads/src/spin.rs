//! Waiting without the system's help, for a bounded time.

use std::time::{Duration, Instant};

/// How often a condition is looked at between two looks at the clock: half a microsecond to three, by processor, many
/// times what the clock costs.
const LOOKS: u32 = 64;

/// Spins until `ready` holds; false when `limit` is over before.
pub(crate) fn until(limit: Duration, ready: impl Fn() -> bool) -> bool {
    if cfg!(loom) {
        return ready();
    }
    let mut begin = None;
    loop {
        for _ in 0..LOOKS {
            if ready() {
                return true;
            }
            std::hint::spin_loop();
        }
        if begin.get_or_insert_with(Instant::now).elapsed() >= limit {
            return ready();
        }
    }
}
