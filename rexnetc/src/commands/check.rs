//! `rexnetc check MODEL.onnx`.

use crate::arguments::{self, SizeArguments};
use crate::failure::{Exit, Failure};
use crate::file;
use crate::report;
use crate::terminal::{Terminal, print_json};
use clap::Args;
use rexnet_codegen::driver::{self, Request, Source, Weights, read_standard_input};
use rexnet_ir::onnx::{Checked, CheckedNode, MAX_MODEL_BYTES, Verdict};
use serde_json::{Value, json};
use std::io::{self, Write};
use std::path::PathBuf;

/// Say of every node of an ONNX model whether it is supported, and what could stand for it where it is not.
///
/// Weights in other files are not read. Exit code 1 when anything is not supported.
#[derive(Args, Debug)]
pub(crate) struct Check {
    /// The model; - is standard input.
    model: PathBuf,
    /// How many images a free batch is bound to; 1 without.
    #[arg(long, value_name = "N", value_parser = arguments::batch)]
    batch: Option<usize>,
    #[command(flatten)]
    sizes: SizeArguments,
}

/// Prints the verdicts, equal operators together, those that are not supported first.
pub(crate) fn check(arguments: &Check, terminal: &Terminal) -> Result<Exit, Failure> {
    let file = match arguments.model.as_os_str() == "-" {
        true => read_standard_input()?.into(),
        false => file::map(&arguments.model, MAX_MODEL_BYTES)?,
    };
    let request = Request {
        batch: arguments.batch,
        sizes: arguments.sizes.sizes(),
        ..Request::new(Source::onnx(file), Weights::Zeros)
    };
    let mut checked = driver::check(&request)?;
    // Stable, so that equal operators stay in the order of the network.
    checked.nodes.sort_by_key(|node| (rank(&node.verdict), node.operator.clone()));
    let supported = checked.nodes.iter().filter(|node| node.verdict == Verdict::Covered).count();
    let all = supported == checked.nodes.len() && checked.faults.list.is_empty();
    if terminal.json {
        print_json(&json!({
            "supported": all,
            "nodes": checked.nodes.iter().map(to_json).collect::<Vec<Value>>(),
            "errors": report::errors(&checked.faults, None),
        }))?;
    } else {
        print(&checked, supported, &mut io::stdout().lock())?;
    }
    Ok(if all { Exit::Done } else { Exit::Input })
}

fn rank(verdict: &Verdict) -> u8 {
    match verdict {
        Verdict::Refused { .. } => 0,
        Verdict::Open => 1,
        Verdict::Covered => 2,
    }
}

fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Refused { .. } => "no",
        Verdict::Open => "open",
        Verdict::Covered => "yes",
    }
}

fn to_json(node: &CheckedNode) -> Value {
    let (reason, instead) = match &node.verdict {
        Verdict::Refused { reason, instead } => (Some(reason), *instead),
        Verdict::Open | Verdict::Covered => (None, None),
    };
    json!({
        "verdict": word(&node.verdict),
        "operator": node.operator,
        "opset": node.opset,
        "name": node.name,
        "reason": reason,
        "instead": instead,
    })
}

/// One line a node; reason and replacement stand once below nodes that share them.
fn print(checked: &Checked, supported: usize, out: &mut impl Write) -> io::Result<()> {
    let nodes = &checked.nodes;
    let width = nodes.iter().map(|node| node.operator.chars().count()).max().unwrap_or(0);
    for (place, node) in nodes.iter().enumerate() {
        let CheckedNode { operator, opset, name, verdict, .. } = node;
        writeln!(out, "{:<4}  {operator:<width$}  opset {opset:<2}  {name}", word(verdict))?;
        let next = nodes.get(place + 1);
        let last = next.is_none_or(|next| (&next.operator, &next.verdict) != (operator, verdict));
        if let Verdict::Refused { reason, instead } = verdict
            && last
        {
            writeln!(out, "        {reason}")?;
            if let Some(instead) = instead {
                writeln!(out, "        instead: {instead}")?;
            }
        }
    }
    for fault in &checked.faults.list {
        writeln!(out, "no    {fault}")?;
    }
    writeln!(out, "{supported} of {} nodes are supported", nodes.len())?;
    if nodes.iter().any(|node| node.verdict == Verdict::Open) {
        writeln!(
            out,
            "open: the operator is known; whether this use is supported depends on a node that is not"
        )?;
    }
    Ok(())
}
