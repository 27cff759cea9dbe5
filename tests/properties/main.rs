//! What holds of all inputs, tried on random ones: convolutions, nests of the loop language, graphs, specs, and
//! texts that are nothing.

#[path = "../conformance/backends.rs"]
mod backends;
#[path = "../conformance/batch.rs"]
mod batch;
mod choices;
#[path = "../conformance/comparison.rs"]
mod comparison;
mod convolutions;
#[path = "../executor/mod.rs"]
mod executor;
#[path = "../conformance/inputs.rs"]
mod inputs;
mod kernels;
mod nests;
mod networks;
mod plans;
mod random_graph;
#[path = "../conformance/runnable.rs"]
mod runnable;
mod sections;
#[path = "../conformance/single_kernel.rs"]
mod single_kernel;
mod texts;

/// So many random cases, and no files of past failures: the message holds the smallest one found.
fn cases(count: u32) -> proptest::test_runner::Config {
    proptest::test_runner::Config { cases: count, failure_persistence: None, ..Default::default() }
}
