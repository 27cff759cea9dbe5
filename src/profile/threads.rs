//! A model of the time on several threads, from what the steps take on one.
//!
//! The run is played as it would go: chunks are claimed as [`Progress`] deals them out, each takes its part of its step's
//! measured time, and claiming one or beginning a stage takes what was measured between threads of this machine. Left out
//! are what threads take from each other: memory bandwidth, shared caches, clocks that fall when more cores are busy.

use super::{Profile, Timing};
use crate::jit::Model;
use rexnet_codegen::plan::Schedule;
use rexnet_ir::diagnostic::Diagnostics;
use rexnet_threads::{Progress, Team, Threads, physical_cores};
use std::hint::black_box;
use std::time::Instant;

/// What a network takes on so many threads.
#[derive(Clone, Debug, PartialEq)]
pub struct ThreadsEstimate {
    /// The number of threads.
    pub threads: usize,
    /// By the model, in seconds.
    pub modelled: f64,
    /// How many times faster than the model says of one thread.
    pub speed_up: f64,
    /// Measured, where there are as many cores.
    pub measured: Option<Timing>,
}

/// The model of a network's time on several threads.
#[derive(Clone, Debug, PartialEq)]
pub struct ThreadsModel {
    /// The stages of a run.
    pub stages: usize,
    /// The chunks that they are cut into.
    pub chunks: usize,
    /// Seconds from the end of a stage's last chunk to the next stage's first.
    pub barrier: f64,
    /// Whether that was measured; else it is a guess, for there is one core.
    pub barrier_is_measured: bool,
    /// In the order asked for.
    pub estimates: Vec<ThreadsEstimate>,
}

/// Models a profiled network on these numbers of threads.
///
/// # Errors
/// `RX0706` when an input has another length than [`Model::inputs`] says.
pub fn model_threads(
    profile: &Profile,
    model: &Model,
    inputs: &[&[f32]],
    threads: &[usize],
) -> Result<Option<ThreadsModel>, Diagnostics> {
    let Some(schedule) = model.executable().schedule() else { return Ok(None) };
    let cores = physical_cores();
    let measured = if cores > 1 { measure_barrier() } else { None };
    let barrier = measured.unwrap_or(BARRIER_GUESS);
    let stages = stages(profile, schedule);
    let alone = play(&stages, 1, barrier);
    let mut estimates = Vec::new();
    for threads in threads.iter().map(|&threads| threads.max(1)) {
        let modelled = if schedule.is_worth_sharing() { play(&stages, threads, barrier) } else { alone };
        let team = if threads <= cores { Team::new(threads).ok() } else { None };
        let measured = team.map(|team| measure(model, team, inputs, profile.rounds)).transpose()?;
        estimates.push(ThreadsEstimate { threads, modelled, speed_up: alone / modelled, measured });
    }
    Ok(Some(ThreadsModel {
        stages: schedule.ends().len(),
        chunks: schedule.ends().last().copied().unwrap_or(0),
        barrier,
        barrier_is_measured: measured.is_some(),
        estimates,
    }))
}

/// Seconds to begin a stage where there is nothing to measure it with.
const BARRIER_GUESS: f64 = 300e-9;

/// The seconds of each chunk, stage by stage: a step's time goes to its chunks by the model of their cycles.
fn stages(profile: &Profile, schedule: &Schedule) -> Vec<Vec<f64>> {
    let mut cycles = vec![0u64; profile.steps.len()];
    schedule.execute_all(&mut |passes| {
        let own = schedule.calls()[passes.call].cycles;
        cycles[passes.step] += own * (passes.inner.end - passes.inner.start).unsigned_abs();
    });
    let mut begin = 0;
    let of_stage = |&end: &usize| {
        let chunks = (begin..end).map(|chunk| {
            let mut seconds = 0.0;
            schedule.execute(chunk..chunk + 1, &mut |passes| {
                let own = schedule.calls()[passes.call].cycles;
                let part = own * (passes.inner.end - passes.inner.start).unsigned_abs();
                seconds += profile.steps[passes.step].time.min * part as f64 / cycles[passes.step] as f64;
            });
            seconds
        });
        let chunks = chunks.collect();
        begin = end;
        chunks
    };
    schedule.ends().iter().map(of_stage).collect()
}

/// The seconds of a run on so many threads.
fn play(stages: &[Vec<f64>], threads: usize, barrier: f64) -> f64 {
    if threads == 1 {
        return stages.iter().flatten().sum();
    }
    // Half of a barrier is to see that the stage is open, half to claim; one thread after the other claims.
    let (open, claim) = (barrier / 2.0, barrier / 2.0);
    let mut end = 0.0;
    for chunks in stages {
        let mut free = vec![end + open; threads];
        let (mut counter, mut next) = (end + open, 0);
        let mut last = end;
        while next < chunks.len() {
            let first = (0..threads).min_by(|&a, &b| free[a].total_cmp(&free[b])).unwrap_or(0);
            let many = Progress::share(chunks.len() - next, threads);
            counter = f64::max(counter, free[first]) + claim;
            free[first] = counter + chunks[next..next + many].iter().sum::<f64>();
            last = f64::max(last, free[first]);
            next += many;
        }
        end = last;
    }
    end
}

/// What a stage takes on a team of two beyond the work of its chunks, in seconds.
fn measure_barrier() -> Option<f64> {
    const STAGES: usize = 400;
    const ROUNDS: usize = 15;
    let team = Team::new(2).ok()?;
    // About two microseconds of work that no memory is needed for.
    let work = || {
        let mut sum = 1.0f32;
        (0..2000).for_each(|_| sum = black_box(sum.mul_add(0.5, 1.0)));
    };
    let least = |time: &mut dyn FnMut() -> f64| (0..ROUNDS).map(|_| time()).fold(f64::INFINITY, f64::min);
    let alone = least(&mut || {
        let start = Instant::now();
        (0..STAGES).for_each(|_| work());
        start.elapsed().as_secs_f64()
    });
    let ends: Vec<usize> = (1..=STAGES).map(|stage| 2 * stage).collect();
    let shared = least(&mut || {
        let (progress, start) = (Progress::new(), Instant::now());
        team.run(&|| {
            progress.work(&team, &ends, &mut |chunks| chunks.for_each(|_| work()));
        });
        start.elapsed().as_secs_f64()
    });
    Some(((shared - alone) / STAGES as f64).max(10e-9))
}

/// Runs the network on a team.
fn measure(model: &Model, team: Team, inputs: &[&[f32]], rounds: usize) -> Result<Timing, Diagnostics> {
    let mut session = model.session()?.on(team)?;
    let mut outputs: Vec<Vec<f32>> = model.outputs().iter().map(|port| vec![0.0; port.elements()]).collect();
    let mut outputs: Vec<&mut [f32]> = outputs.iter_mut().map(Vec::as_mut_slice).collect();
    let mut times = Vec::with_capacity(rounds);
    for round in 0..super::WARM_UP + rounds {
        let start = Instant::now();
        session.run(inputs, &mut outputs)?;
        if round >= super::WARM_UP {
            times.push(start.elapsed().as_secs_f64());
        }
    }
    Ok(Timing::of(&mut times))
}

#[cfg(test)]
mod tests {
    use super::play;

    fn is_near(actual: f64, expected: f64) {
        assert!((actual - expected).abs() < 1e-9, "{actual} is not {expected}");
    }

    #[test]
    fn chunks_are_shared_and_stages_wait() {
        let stages = [vec![1.0; 8], vec![3.0], vec![2.0, 2.0]];
        is_near(play(&stages, 1, 0.0), 15.0);
        is_near(play(&stages, 2, 0.0), 4.0 + 3.0 + 2.0);
        is_near(play(&stages, 8, 0.0), 1.0 + 3.0 + 2.0);
        is_near(play(&stages, 64, 0.0), 1.0 + 3.0 + 2.0);
    }

    #[test]
    fn stages_and_claims_cost() {
        // One opens the stage and claims; the second claims after it.
        is_near(play(&[vec![1.0, 1.0]], 2, 0.2), 0.1 + 0.2 + 1.0);
        is_near(play(&[vec![1.0], vec![1.0]], 2, 0.2), 2.0 * (0.2 + 1.0));
        // With one thread there is nobody to wait for.
        is_near(play(&[vec![1.0], vec![1.0]], 1, 0.2), 2.0);
    }
}
