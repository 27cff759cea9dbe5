//! `rexnetc bench NET`.

use super::measure::{classes, max_difference, peak_memory, statistics};
use super::serve;
use crate::arguments::{SizeArguments, WeightsArguments, batch, threads};
use crate::failure::{Exit, Failure};
use crate::input::{Input, expected};
use crate::network::Net;
use crate::runner::{How, Runner, Via, via};
use crate::terminal::{Terminal, print_json};
use crate::text::{millions, ms};
use crate::weights::Chosen;
use clap::Args;
use rexnet::Diagnostic;
use serde_json::json;
use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;

/// Measure a network.
///
/// A run goes from the input's f32 to the output's.
#[derive(Args, Debug)]
pub(crate) struct Bench {
    /// The network.
    net: OsString,
    #[command(flatten)]
    sizes: SizeArguments,
    #[command(flatten)]
    weights: WeightsArguments,
    /// The input, f32 of the shape [images, channels, height, width]; without it, one is drawn.
    #[arg(long, value_name = "X.npy")]
    input: Option<PathBuf>,
    /// The output that is expected, f32 of the shape [images, classes], or NAME=Y.npy of several; the distance is
    /// printed.
    #[arg(long, value_name = "[NAME=]Y.npy", requires = "input")]
    expect: Vec<String>,
    /// Timed runs.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    iters: u32,
    /// Runs before those that are timed.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    warmup: u32,
    /// Print one time in milliseconds a line, and `#key value` lines before them.
    #[arg(long, conflicts_with_all = ["serve", "json"])]
    lines: bool,
    /// Run on demand: print `#key value` lines and `#ready`; for every line N on standard input run N times and
    /// print N lines of milliseconds, then `#end`; `quit` ends.
    #[arg(long, conflicts_with = "json")]
    serve: bool,
    /// Print `#key value` lines of the first run and end: what a cold start costs.
    #[arg(long, conflicts_with_all = ["serve", "json", "lines"])]
    once: bool,
    /// What computes the network: jit is the fastest back end that this machine has, clif Cranelift's code, rust the
    /// emitted source, which cargo builds once and a cache folder keeps, interpret the loops interpreted, reference
    /// the f64 evaluator; the last two are slow.
    #[arg(long, value_name = "B", default_value = "jit", value_parser = via())]
    backend: Via,
    /// Images in one run; with an input, as many as it has.
    #[arg(long, value_name = "N", value_parser = batch)]
    batch: Option<usize>,
    /// Threads that share each run; 0 for as many as there are physical cores.
    #[arg(long, value_name = "N", default_value = "1", value_parser = threads)]
    threads: usize,
    /// A model's name that a harness passes on; has no effect.
    #[arg(long, hide = true)]
    model: Option<String>,
}

/// Something to measure.
pub(super) struct Subject {
    runner: Runner,
    input: Input,
    outputs: Vec<Vec<f32>>,
    /// The time of the first run, in ms.
    pub(super) first_ms: f64,
}

impl Subject {
    /// One run, in ms.
    pub(super) fn time(&mut self) -> Result<f64, Diagnostic> {
        self.runner.run(&self.input.data, &mut self.outputs).map(ms)
    }

    /// The greatest distance from what is expected; `None` where nothing is.
    fn max_difference(&self, expected: &[Option<Vec<f32>>]) -> Option<f32> {
        let known = self
            .outputs
            .iter()
            .zip(expected)
            .filter_map(|(output, expected)| Some(max_difference(output, expected.as_ref()?)));
        known.reduce(f32::max)
    }

    /// So many runs, in ms.
    pub(super) fn times(&mut self, count: u32) -> Result<Vec<f64>, Diagnostic> {
        (0..count).map(|_| self.time()).collect()
    }
}

/// Measures and prints.
pub(crate) fn bench(arguments: &Bench, terminal: &Terminal) -> Result<Exit, Failure> {
    let mut net = Net::to_run(&arguments.net)?.sized(&arguments.sizes)?;
    let (path, wanted) = (arguments.input.as_deref(), arguments.batch);
    let (facts, input) = Input::choose(path, &mut net, wanted, arguments.weights.seed())?;
    let weights = Chosen::to_run(&arguments.weights, facts.network.as_ref())?;
    if let (Some(path), Some(wanted)) = (path, wanted)
        && wanted != input.batch
    {
        let cause = format!("it has {} images, --batch says {wanted}", input.batch);
        return Err(crate::npy::broken(path, cause).into());
    }
    let expected = expected(&arguments.expect, &facts)?;
    let how = How { batch: input.batch, via: arguments.backend, threads: arguments.threads };
    let runner = Runner::new(&net, &weights, how, terminal)?;
    weights.warn_of_unused(runner.compilation(), terminal);
    let outputs = runner.buffers();
    let mut subject = Subject { runner, input, outputs, first_ms: 0.0 };
    subject.first_ms = subject.time()?;

    let mut out = std::io::stdout().lock();
    if arguments.lines || arguments.serve || arguments.once {
        writeln!(out, "#load_ms {:.3}", ms(subject.runner.compile_time))?;
        writeln!(out, "#first_ms {:.3}", subject.first_ms)?;
        if let Some(bytes) = peak_memory() {
            writeln!(out, "#peak_rss_mb {:.1}", bytes as f64 / 1e6)?;
        }
        if let Some(distance) = subject.max_difference(&expected) {
            writeln!(out, "#maxdiff {distance:e}")?;
        }
        if let (Some(Some(expected)), Some(output)) = (expected.first(), subject.outputs.first()) {
            let count = facts.classes();
            let equal = classes(output, count) == classes(expected, count);
            writeln!(out, "#argmax_ok {}", u8::from(equal))?;
        }
    }
    if arguments.once {
        // The system takes the memory back sooner than it could be freed piece by piece.
        std::mem::forget(subject);
        return Ok(Exit::Done);
    }
    if arguments.serve {
        return serve::serve(&mut subject, &mut std::io::stdin().lock(), &mut out);
    }
    subject.times(arguments.warmup)?;
    let times = subject.times(arguments.iters)?;
    if arguments.lines {
        for time in &times {
            writeln!(out, "{time:.6}")?;
        }
        return Ok(Exit::Done);
    }
    let macs = subject.runner.multiply_accumulates();
    let [min, median, mean] = statistics(&times);
    // MACs a millisecond are thousandths of GMACs a second.
    let rate = |time: f64| macs as f64 / time / 1e6;
    if terminal.json {
        print_json(&json!({
            "network": facts.title,
            "weights": weights.to_string(),
            "batch": subject.input.batch,
            "threads": arguments.threads,
            "runs": times.len(),
            "min_ms": min,
            "median_ms": median,
            "mean_ms": mean,
            "macs": macs,
            "gmacs_per_s": rate(min),
            "gmacs_per_s_median": rate(median),
            "compile_ms": ms(subject.runner.compile_time),
            "first_ms": subject.first_ms,
            "peak_rss_bytes": peak_memory(),
            "max_abs_error": subject.max_difference(&expected),
        }))?;
    } else {
        let threads = match arguments.threads {
            1 => "1 thread".to_owned(),
            several => format!("{several} threads"),
        };
        let batch = subject.input.batch;
        writeln!(out, "{}, batch {batch}, {threads}; weights: {weights}", facts.title)?;
        writeln!(out, "  min {min:.3} ms, median {median:.3} ms, mean {mean:.3} ms of {} runs", times.len())?;
        writeln!(out, "  {:.2} GMAC/s at the minimum, {:.2} at the median", rate(min), rate(median))?;
        let (compile, first) = (ms(subject.runner.compile_time), subject.first_ms);
        writeln!(out, "  {} MACs; compiled in {compile:.0} ms, first run {first:.3} ms", millions(macs))?;
        if let Some(distance) = subject.max_difference(&expected) {
            writeln!(out, "  max |error| {distance:.3e}")?;
        }
    }
    Ok(Exit::Done)
}
