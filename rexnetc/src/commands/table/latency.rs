//! The time of a run, measured here.

use super::rows::Row;
use crate::commands::measure::statistics;
use crate::failure::Failure;
use crate::runner;
use crate::terminal::Terminal;
use crate::text::ms;
use rexnet::verification::seeded_input;
use rexnet::{Diagnostics, Engine, Options, Weights};
use rexnet_codegen::emit::machine::Tier;
use std::time::Instant;

/// Runs before those that are timed.
const WARMUP: u32 = 3;

/// Times of runs, in ms.
#[derive(Clone, Copy, Debug)]
pub(super) struct Latency {
    pub(super) min: f64,
    pub(super) median: f64,
}

/// How times were measured.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measurement {
    /// The vectors of the machine code.
    pub(super) target: &'static str,
    /// Threads that share a run.
    pub(super) threads: usize,
    /// Timed runs of each network.
    pub(super) runs: u32,
}

/// Compiles every network with seeded weights and times it, on a batch of one.
///
/// # Errors
/// Faults of compiling and of running.
pub(super) fn measure(
    rows: &mut [Row],
    threads: usize,
    runs: u32,
    terminal: &Terminal,
) -> Result<Measurement, Failure> {
    let engine = Engine::new();
    let bar = terminal.bar(rows.len());
    for row in rows {
        bar.set_message(row.call.clone());
        let latency = one(&engine, row, threads, runs);
        if latency.is_err() {
            bar.finish_and_clear();
        }
        row.latency = Some(latency?);
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(Measurement { target: Tier::best_here().name(), threads, runs })
}

fn one(engine: &Engine, row: &Row, threads: usize, runs: u32) -> Result<Latency, Failure> {
    let fail = |faults: Diagnostics| row.net.fail(faults);
    let model = engine.compile(row.net.source(), Weights::Seeded(0), &Options::default()).map_err(fail)?;
    let elements = |dims: &[usize]| dims.iter().product::<usize>();
    let inputs: Vec<Vec<f32>> =
        model.inputs().iter().map(|port| seeded_input(elements(&port.dims), 0)).collect();
    let mut outputs: Vec<Vec<f32>> =
        model.outputs().iter().map(|port| vec![0.0; elements(&port.dims)]).collect();
    let mut session = runner::session(&model, threads)?;
    let mut time = || {
        let inputs: Vec<&[f32]> = inputs.iter().map(Vec::as_slice).collect();
        let mut outputs: Vec<&mut [f32]> = outputs.iter_mut().map(Vec::as_mut_slice).collect();
        let start = Instant::now();
        session.run(&inputs, &mut outputs).map_err(|fault| fail(fault.into()))?;
        Ok::<f64, Failure>(ms(start.elapsed()))
    };
    for _ in 0..WARMUP {
        time()?;
    }
    let times = (0..runs).map(|_| time()).collect::<Result<Vec<f64>, Failure>>()?;
    let [min, median, _] = statistics(&times);
    Ok(Latency { min, median })
}
