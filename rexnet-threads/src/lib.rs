//! What runs a network on several threads: [`Progress`] deals out its chunks of work, [`Threads`] is who does them.
//!
//! A [`Team`] is threads that wait for work; [`from_fn`] makes [`Threads`] of a pool that exists already; [`Alone`] is
//! the caller's thread. There is no compiler in this crate, and nothing knows what a chunk computes.
//!
//! All orders in which the threads may go are tried with
//! `RUSTFLAGS="--cfg loom" cargo test -p rexnet-threads --test loom --release`.

mod atomic;
mod cores;
mod from_fn;
mod protocol;
mod spin;
mod sync;
mod team;

pub use cores::physical_cores;
pub use from_fn::{Alone, FromFn, from_fn};
pub use protocol::{Progress, Threads};
pub use team::Team;

/// The text of the module that holds [`Progress`] and [`Threads`], for programs that do not depend on this crate.
///
/// It needs `core` and a module `atomic` beside it with `AtomicUsize` and `Ordering`.
pub const PROTOCOL_SOURCE: &str = include_str!("protocol.rs");
