//! `rexnetc dump NET`.

use crate::arguments::{SizeArguments, WeightsArguments, batch};
use crate::failure::{Exit, Failure};
use crate::file;
use crate::network::Net;
use crate::terminal::{Terminal, print_json};
use crate::weights::Chosen;
use clap::Args;
use rexnet_codegen::driver;
use rexnet_ir::passes::{PIPELINE, Refusal, Report};
use serde_json::{Value, json};
use std::ffi::OsString;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::PathBuf;

/// Print the graph as the source says it, or after a pass.
///
/// The passes run in their order, each with a line on standard error: how many nodes it rewrote, or that it left the
/// graph unchanged.
#[derive(Args, Debug)]
pub(crate) struct Dump {
    /// The network.
    net: OsString,
    #[command(flatten)]
    sizes: SizeArguments,
    /// The last pass to run, such as fold_batch_norm; an unknown name lists all. One that stands several times runs
    /// to its last place.
    #[arg(long, value_name = "PASS")]
    after: Option<String>,
    /// Say of every pass which nodes it considered and left, and why; of all passes without --after.
    #[arg(long)]
    explain: bool,
    /// Write the graph here instead of to standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    weights: WeightsArguments,
    /// Images in one run; 1, unless a model is fixed to more.
    #[arg(long, value_name = "N", value_parser = batch)]
    batch: Option<usize>,
}

/// Runs passes and prints.
pub(crate) fn dump(arguments: &Dump, terminal: &Terminal) -> Result<Exit, Failure> {
    let count = passes_to_run(arguments)?;
    let net = Net::from_argument(&arguments.net)?.sized(&arguments.sizes)?;
    let mut described = net.describe(arguments.batch)?;
    let weights = Chosen::new(&arguments.weights, described.network.as_ref())?;
    described.bind(&weights.source()).map_err(|faults| net.fail(weights.locate(faults)))?;
    let mut graph = described.graph;
    let mut reports = Vec::with_capacity(count);
    driver::run_passes(&mut graph, &PIPELINE[..count], &mut |_, report| {
        if !terminal.json {
            tell(report, arguments.explain, terminal);
        }
        reports.push(report.clone());
        Ok(ControlFlow::Continue(()))
    })?;
    if let Some(after) = &arguments.after {
        let places = PIPELINE.iter().filter(|pass| pass.name == after).count();
        if places > 1 && !terminal.json {
            terminal.note(&format!("{after} stands {places} times; this is the graph after the last"));
        }
    }
    let text = graph.to_string();
    if let Some(path) = &arguments.output {
        file::write(path, text.as_bytes())?;
    }
    if terminal.json {
        print_json(&json!({ "passes": reports.iter().map(to_json).collect::<Vec<_>>(), "graph": text }))?;
    } else if arguments.output.is_none() {
        std::io::stdout().lock().write_all(text.as_bytes())?;
    }
    Ok(Exit::Done)
}

/// How many passes of the pipeline run.
fn passes_to_run(arguments: &Dump) -> Result<usize, Failure> {
    let Some(name) = &arguments.after else {
        return Ok(if arguments.explain { PIPELINE.len() } else { 0 });
    };
    PIPELINE.iter().rposition(|pass| pass.name == name).map(|last| last + 1).ok_or_else(|| {
        let mut list = String::new();
        for (index, pass) in PIPELINE.iter().enumerate() {
            if PIPELINE[..index].iter().all(|earlier| earlier.name != pass.name) {
                list += &format!("\n  {:<26} {}", pass.name, pass.summary);
            }
        }
        Failure::Usage(format!("there is no pass {name:?}; there are:{list}"))
    })
}

fn tell(report: &Report, explain: bool, terminal: &Terminal) {
    terminal.note(&match report.acted.len() {
        0 => format!("{}: unchanged", report.pass),
        1 => format!("{}: 1 node rewritten", report.pass),
        count => format!("{}: {count} nodes rewritten", report.pass),
    });
    if explain {
        for Refusal { node, reason } in &report.refusals {
            terminal.note(&format!("  {node}: {reason}"));
        }
    }
}

fn to_json(report: &Report) -> Value {
    let refusal = |Refusal { node, reason }: &Refusal| json!({ "node": node, "reason": reason });
    json!({
        "name": report.pass,
        "acted": report.acted,
        "refusals": report.refusals.iter().map(refusal).collect::<Vec<_>>(),
        "micros": u64::try_from(report.time.as_micros()).unwrap_or(u64::MAX),
    })
}
