//! Where the time of a network goes, step by step, beside what the machine can do at most.
//!
//! The peaks are measured in the same process and on the same thread, by loops that the same back end compiles: bursts
//! of multiply-adds and of divisions, and reads of buffers of several sizes. A step's *roofline* is the least time that
//! these leave it: the greater of
//!
//! - all its arithmetic, that of activations and of padding included ([`Peaks::arithmetic_seconds`]);
//! - its bytes, each moved once, at the bandwidth for all of them together; and its weights, which the whole network
//!   has driven out since the last run, at the bandwidth for the memory of the whole network.
//!
//! ```no_run
//! use rexnet::profile::profile;
//! use rexnet::{Engine, Options, Weights};
//!
//! let engine = Engine::new();
//! let model = engine.compile("rexnet(width = 0.5)", Weights::Seeded(0), &Options::default())?;
//! let profile = profile(&engine, &model, &[&vec![0.5; 3 * 224 * 224]], 20)?;
//! for step in &profile.steps {
//!     println!("{}: {:.0} % of its roofline", step.name, 100.0 * step.roofline_share());
//! }
//! # Ok::<(), rexnet::Diagnostics>(())
//! ```

mod kernels;
mod kind;
mod peaks;
mod threads;

use crate::jit::{Engine, Model};
use peaks::Gauge;
use rexnet_codegen::loops::{Operations, Role, count};
use rexnet_codegen::plan::{Program, Step};
use rexnet_ir::diagnostic::Diagnostics;
use std::time::Instant;

pub use peaks::{Peaks, ReadPeak};
pub use threads::{ThreadsEstimate, ThreadsModel, model_threads};

/// The share of its roofline below which a step asks for an explanation.
pub const EXPECTED_SHARE: f64 = 0.7;

/// How often the peaks are measured before the network, and again after it.
const PEAK_ROUNDS: usize = 16;
/// Runs before those that are timed.
const WARM_UP: usize = 3;

/// Times in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Timing {
    /// The least.
    pub min: f64,
    /// The middle one; of an even number, the mean of the two in the middle.
    pub median: f64,
}

impl Timing {
    /// Of times in any order; zero of none.
    fn of(times: &mut [f64]) -> Self {
        times.sort_unstable_by(f64::total_cmp);
        let middle = times.len() / 2;
        match (times.first(), times.get(middle.wrapping_sub(1)), times.get(middle)) {
            (Some(&min), Some(&low), Some(&high)) if times.len().is_multiple_of(2) => {
                Self { min, median: f64::midpoint(low, high) }
            }
            (Some(&min), _, Some(&median)) => Self { min, median },
            _ => Self::default(),
        }
    }
}

/// One step of a network.
#[derive(Clone, Debug, PartialEq)]
pub struct StepProfile {
    /// The node that it computes.
    pub name: String,
    /// Its kernel.
    pub kernel: String,
    /// The operators of the kernel, such as `pointwise`.
    pub kind: String,
    /// The multiply-accumulates of the node.
    pub multiply_accumulates: u64,
    /// Bytes read or written at least once: those of its operands, weights and results. Scratch is not counted.
    pub bytes: usize,
    /// Those of its weights alone.
    pub weight_bytes: usize,
    /// What the kernel executes, in vectors of [`Peaks::lanes`].
    pub operations: Operations,
    /// From the end of the step before.
    pub time: Timing,
    /// The least seconds that all its arithmetic takes.
    pub arithmetic_seconds: f64,
    /// The least seconds that moving its bytes takes.
    pub memory_seconds: f64,
    /// The bandwidth for its bytes.
    pub read: ReadPeak,
}

impl StepProfile {
    /// The least seconds that the machine leaves it.
    pub fn roofline_seconds(&self) -> f64 {
        self.arithmetic_seconds.max(self.memory_seconds)
    }

    /// The part of its least time that the machine had to take; 1 where it is at its limit. A little more is possible:
    /// clocks vary.
    pub fn roofline_share(&self) -> f64 {
        ratio(self.roofline_seconds(), self.time.min)
    }

    /// Multiply-accumulates a second.
    pub fn rate(&self) -> f64 {
        ratio(self.multiply_accumulates as f64, self.time.min)
    }

    /// Bytes a second.
    pub fn bandwidth(&self) -> f64 {
        ratio(self.bytes as f64, self.time.min)
    }

    /// Multiply-accumulates a byte.
    pub fn intensity(&self) -> f64 {
        ratio(self.multiply_accumulates as f64, self.bytes as f64)
    }
}

/// All steps of one kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// The kind.
    pub kind: String,
    /// How many steps.
    pub steps: usize,
    /// Their multiply-accumulates.
    pub multiply_accumulates: u64,
    /// Their least times together, in seconds.
    pub seconds: f64,
    /// Their rooflines together, in seconds.
    pub roofline_seconds: f64,
}

/// A network's profile.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// The name of what the loops were lowered for.
    pub target: &'static str,
    /// What the machine can do.
    pub peaks: Peaks,
    /// In the order of execution.
    pub steps: Vec<StepProfile>,
    /// Runs of the whole network, in which no step was timed.
    pub run: Timing,
    /// How often the network was timed, both ways.
    pub rounds: usize,
}

impl Profile {
    /// The network's multiply-accumulates.
    pub fn multiply_accumulates(&self) -> u64 {
        self.steps.iter().map(|step| step.multiply_accumulates).sum()
    }

    /// The least times of all steps together, in seconds.
    pub fn step_seconds(&self) -> f64 {
        self.steps.iter().map(|step| step.time.min).sum()
    }

    /// The least seconds of the multiply-accumulates alone.
    pub fn floor_seconds(&self) -> f64 {
        ratio(self.multiply_accumulates() as f64, self.peaks.multiply_adds_per_second)
    }

    /// The least seconds of all arithmetic, that of activations and of padding included.
    pub fn arithmetic_seconds(&self) -> f64 {
        self.steps.iter().map(|step| step.arithmetic_seconds).sum()
    }

    /// The rooflines of all steps together, in seconds.
    pub fn roofline_seconds(&self) -> f64 {
        self.steps.iter().map(StepProfile::roofline_seconds).sum()
    }

    /// The part of the multiply-add peak that a rate is.
    pub fn share_of_peak(&self, multiply_accumulates_per_second: f64) -> f64 {
        ratio(multiply_accumulates_per_second, self.peaks.multiply_adds_per_second)
    }

    /// The steps by kind, the one that takes longest first.
    pub fn groups(&self) -> Vec<Group> {
        let mut groups: Vec<Group> = Vec::new();
        for step in &self.steps {
            let known = groups.iter().position(|group| group.kind == step.kind);
            let index = known.unwrap_or_else(|| {
                let kind = step.kind.clone();
                groups.push(Group {
                    kind,
                    steps: 0,
                    multiply_accumulates: 0,
                    seconds: 0.0,
                    roofline_seconds: 0.0,
                });
                groups.len() - 1
            });
            let group = &mut groups[index];
            group.steps += 1;
            group.multiply_accumulates += step.multiply_accumulates;
            group.seconds += step.time.min;
            group.roofline_seconds += step.roofline_seconds();
        }
        groups.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
        groups
    }
}

/// A quotient; 0 where there is nothing to divide by.
fn ratio(a: f64, b: f64) -> f64 {
    if b > 0.0 { a / b } else { 0.0 }
}

/// Measures a model that this engine compiled: the peaks, the network for so many rounds, the peaks again. Each round
/// runs the network twice, once as a whole and once with a look at the clock after each step.
///
/// # Errors
/// `RX0706` when an input has another length than [`Model::inputs`] says, or the back end is the interpreter; what the
/// back end says of the loops that find the peaks.
pub fn profile(
    engine: &Engine,
    model: &Model,
    inputs: &[&[f32]],
    rounds: usize,
) -> Result<Profile, Diagnostics> {
    let program = &model.program();
    let mut gauge = Gauge::new(engine)?;
    let mut session = model.session()?;
    let mut outputs: Vec<Vec<f32>> = model.outputs().iter().map(|port| vec![0.0; port.elements()]).collect();
    let mut outputs: Vec<&mut [f32]> = outputs.iter_mut().map(Vec::as_mut_slice).collect();
    for _ in 0..PEAK_ROUNDS {
        gauge.run()?;
    }
    let mut runs = Vec::with_capacity(rounds);
    let mut steps: Vec<Vec<f64>> = program.steps.iter().map(|_| Vec::with_capacity(rounds)).collect();
    for _ in 0..WARM_UP {
        session.run(inputs, &mut outputs)?;
    }
    for _ in 0..rounds {
        let start = Instant::now();
        session.run(inputs, &mut outputs)?;
        runs.push(start.elapsed().as_secs_f64());
        let mut before = Instant::now();
        session.run_observed(inputs, &mut outputs, &mut |step| {
            let now = Instant::now();
            steps[step].push((now - before).as_secs_f64());
            before = now;
        })?;
    }
    for _ in 0..PEAK_ROUNDS {
        gauge.run()?;
    }
    let peaks = gauge.peaks();
    let resident = peaks.read(program.weight_bytes + program.arena_bytes);
    let times = steps.iter_mut().map(|times| Timing::of(times));
    let steps = program.steps.iter().zip(times);
    Ok(Profile {
        target: engine.backend().target().name,
        steps: steps.map(|(step, time)| describe(program, step, time, &peaks, resident)).collect(),
        peaks,
        run: Timing::of(&mut runs),
        rounds,
    })
}

/// A step's work and limits; `resident` is the bandwidth for the memory of the whole network.
fn describe(program: &Program, step: &Step, time: Timing, peaks: &Peaks, resident: ReadPeak) -> StepProfile {
    let kernel = &program.kernels[step.kernel];
    let bytes_of = |counts: &dyn Fn(Role) -> bool| -> usize {
        kernel.buffers.iter().filter(|buffer| counts(buffer.role)).map(|buffer| 4 * buffer.elements).sum()
    };
    let bytes = bytes_of(&|role| !matches!(role, Role::Shared | Role::Scratch));
    let weight_bytes = bytes_of(&|role| role == Role::Const);
    let operations = count(kernel).in_vectors_of(peaks.lanes);
    let read = peaks.read(bytes);
    StepProfile {
        name: step.name.clone(),
        kernel: kernel.name.clone(),
        kind: kind::kind(&kernel.name),
        multiply_accumulates: step.multiply_accumulates,
        bytes,
        weight_bytes,
        operations,
        time,
        arithmetic_seconds: peaks.arithmetic_seconds(&operations),
        memory_seconds: (bytes as f64 / read.bytes_per_second)
            .max(weight_bytes as f64 / resident.bytes_per_second),
        read,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timings_of_odd_even_and_no_counts() {
        assert_eq!(Timing::of(&mut [3.0, 1.0, 5.0]), Timing { min: 1.0, median: 3.0 });
        assert_eq!(Timing::of(&mut [4.0, 1.0, 2.0, 5.0]), Timing { min: 1.0, median: 3.0 });
        assert_eq!(Timing::of(&mut []), Timing::default());
    }
}
