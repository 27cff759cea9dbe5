//! `rexnetc profile NET`.

mod bars;
mod figures;
mod page;
mod roofline;
mod table;

use crate::arguments::{SizeArguments, WeightsArguments, batch, threads};
use crate::failure::{Exit, Failure};
use crate::file;
use crate::input::Input;
use crate::network::Net;
use crate::runner::{self, compiled_backend};
use crate::terminal::{Terminal, print_json};
use crate::text::grouped;
use crate::weights::Chosen;
use clap::Args;
use rexnet::profile::{Profile, ThreadsModel, model_threads, profile};
use rexnet::{Backend, Diagnostic, Engine, Options};
use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Time every step of a network, beside what this machine can do at most.
///
/// The machine's peaks are measured in the same run and on the same thread: multiply-adds, divisions, and reads of
/// buffers of several sizes, by loops that the same back end compiles. A step's roofline is the least time that all its
/// arithmetic and its bytes, each moved once, take at these peaks; steps below 70 % of theirs are marked.
#[derive(Args, Debug)]
pub(crate) struct ProfileArguments {
    /// The network.
    net: OsString,
    #[command(flatten)]
    sizes: SizeArguments,
    #[command(flatten)]
    weights: WeightsArguments,
    /// What computes the network: rust is the emitted source, which cargo builds once and a cache folder keeps, clif
    /// Cranelift's code, jit the fastest back end that needs no cargo.
    #[arg(long, value_name = "B", default_value = "rust", value_parser = compiled_backend())]
    backend: Backend,
    /// Images in one run; 1, unless a model is fixed to more.
    #[arg(long, value_name = "N", value_parser = batch)]
    batch: Option<usize>,
    /// Rounds of two runs, one as a whole and one with a look at the clock after each step.
    #[arg(long, value_name = "N", default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    iters: u32,
    /// Also model the time on up to so many threads, from the steps' times and what beginning a stage was measured to
    /// take; where there are as many cores, the time itself is measured, too. 0 for as many as there are physical cores.
    #[arg(long, value_name = "N", value_parser = threads)]
    threads: Option<usize>,
    /// Where pictures go: a directory for profile.html and profile.svg, or a file that ends in .html or .svg.
    #[arg(short, long, value_name = "DIR|FILE")]
    output: Option<PathBuf>,
}

/// What was measured, with what readers need to know of it.
struct Subject {
    /// The spec as a call, or the model's file.
    title: String,
    weights: String,
    backend: Backend,
    batch: usize,
    profile: Profile,
    /// The time on several threads, if that was asked for.
    threads: Option<ThreadsModel>,
}

impl Subject {
    /// `rust, avx512`.
    fn version(&self) -> String {
        format!("{}, {}", self.backend.name(), self.profile.target)
    }
}

/// Measures, prints and draws.
pub(crate) fn run(arguments: &ProfileArguments, terminal: &Terminal) -> Result<Exit, Failure> {
    let mut net = Net::from_argument(&arguments.net)?.sized(&arguments.sizes)?;
    let (facts, input) = Input::choose(None, &mut net, arguments.batch, arguments.weights.seed())?;
    let weights = Chosen::to_run(&arguments.weights, facts.network.as_ref())?;
    let output = arguments.output.as_deref();
    let kinds = output.map(products).transpose()?.unwrap_or_default();
    for (path, _) in &kinds {
        file::keep(path, &[net.file(), arguments.weights.weights.as_deref()])?;
    }

    let engine = Engine::with_backend(arguments.backend);
    let spinner = runner::spinner(&engine, terminal);
    let options = Options { batch: Some(input.batch), ..Options::sized(net.sizes()) };
    let model = engine.compile(net.source(), weights.source(), &options);
    let measured = model.map_err(|faults| weights.locate(faults)).and_then(|model| {
        weights.warn_of_unused(model.compilation(), terminal);
        spinner.set_message("measuring");
        let profile = profile(&engine, &model, &[&input.data], arguments.iters as usize)?;
        let counts = arguments.threads.map(counts_up_to).unwrap_or_default();
        let threads = match counts[..] {
            [] => None,
            _ => model_threads(&profile, &model, &[&input.data], &counts)?,
        };
        Ok((profile, threads))
    });
    spinner.finish_and_clear();
    let (profile, threads) = measured.map_err(|faults| net.fail(faults))?;
    let subject = Subject {
        title: facts.title.clone(),
        weights: weights.to_string(),
        backend: arguments.backend,
        batch: input.batch,
        profile,
        threads,
    };

    let mut files = Vec::new();
    for (path, kind) in kinds {
        let text = match kind {
            Kind::Page => page::page(&subject),
            Kind::Picture => roofline::picture(&subject),
        };
        file::write(&path, text.as_bytes())?;
        files.push((path, text.len()));
    }
    if terminal.json {
        print_json(&figures::to_json(&subject, &files))?;
    } else {
        let mut out = std::io::stdout().lock();
        table::print(&subject, &mut out)?;
        for (path, bytes) in &files {
            writeln!(out, "  {:>12} bytes  {}", grouped(*bytes as u64), path.display())?;
        }
    }
    Ok(Exit::Done)
}

/// 1, 2, 4, 8 … and the number itself.
fn counts_up_to(most: usize) -> Vec<usize> {
    let mut counts: Vec<usize> =
        std::iter::successors(Some(1), |count| Some(2 * count)).take_while(|&count| count < most).collect();
    counts.push(most);
    counts
}

/// A kind of file.
#[derive(Clone, Copy, Debug)]
enum Kind {
    /// HTML with everything.
    Page,
    /// The roofline alone, as SVG.
    Picture,
}

/// The files to write. A directory is made where there is none, before minutes are spent on measuring.
///
/// # Errors
/// `RX0701` when there can be no such directory.
fn products(output: &Path) -> Result<Vec<(PathBuf, Kind)>, Diagnostic> {
    let ending = output.extension().and_then(|ending| ending.to_str());
    let (directory, files) = match ending {
        Some("html") => (output.parent(), vec![(output.to_path_buf(), Kind::Page)]),
        Some("svg") => (output.parent(), vec![(output.to_path_buf(), Kind::Picture)]),
        Some(_) | None => {
            let page = (output.join("profile.html"), Kind::Page);
            (Some(output), vec![page, (output.join("profile.svg"), Kind::Picture)])
        }
    };
    if let Some(directory) = directory.filter(|directory| *directory != Path::new("")) {
        file::make_directory(directory)?;
    }
    Ok(files)
}
