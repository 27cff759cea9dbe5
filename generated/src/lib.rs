//! Networks as `rexnetc compile --emit rust` writes them, to read and to test. The modules are never edited: a test of
//! the command line finds them stale, and names the command that writes them.

#[rustfmt::skip]
pub mod mobilenet_v2;
#[rustfmt::skip]
pub mod tiny;
