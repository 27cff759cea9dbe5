//! `rexnetc verify NET`.

use super::against::against;
use crate::arguments::{WeightsArguments, batch};
use crate::failure::{Exit, Failure};
use crate::input::{Input, expected};
use crate::network::Net;
use crate::runner::backend;
use crate::terminal::{Terminal, print_json};
use crate::weights::Chosen;
use clap::Args;
use rexnet::Backend;
use rexnet::verification::{self, BACKENDS, Check, Divergence, Report, Request, TOLERANCE};
use serde_json::{Value, json};
use std::io::{self, Write};
use std::path::PathBuf;

/// Prove that compiled code computes what the network means.
///
/// The back ends must give the same bits; every output must be within 1e-4 of the range of the f64 reference's
/// outputs, and of the expected ones' if they are given; the class of every image must be the same. Where they
/// differ, the first node that does is named. Exit code 3 when the verification fails.
#[derive(Args, Debug)]
pub(crate) struct Verify {
    /// The network.
    pub(super) net: String,
    #[command(flatten)]
    pub(super) weights: WeightsArguments,
    /// The input, f32 of the shape [images, channels, height, width]; without it, one is drawn.
    #[arg(long, value_name = "X.npy", conflicts_with = "batch")]
    input: Option<PathBuf>,
    /// The output that is expected, f32 of the shape [images, classes]; of a network with several outputs NAME=Y.npy,
    /// once for each of them that is known.
    #[arg(long, value_name = "[NAME=]Y.npy", requires = "input")]
    expect: Vec<String>,
    /// The back ends, separated by commas; clif and interpret by default. rust is the emitted source, which cargo
    /// builds once and a cache folder keeps: for a large network that takes a minute.
    #[arg(long, value_name = "B", value_delimiter = ',', value_parser = backend())]
    backend: Vec<Backend>,
    /// Images in a drawn input; 1, unless a model is fixed to more.
    #[arg(long, value_name = "N", value_parser = batch)]
    pub(super) batch: Option<usize>,
    /// Compare two descriptions instead: another NET, of which the first must be the same network.
    ///
    /// The same means: after the passes, with batch norms folded, the graphs are isomorphic, and the weights are
    /// equal within 1e-5 of the greatest magnitude in their tensors. --weights is for whichever of the two is a
    /// spec; where a spec has no trained weights, the structure alone is compared. Where the networks part, the
    /// first difference is named. Exit code 3 when they are not the same.
    #[arg(long, value_name = "NET", conflicts_with_all = ["input", "backend"])]
    against: Option<String>,
}

/// Verifies and prints every check.
pub(crate) fn verify(arguments: &Verify, terminal: &Terminal) -> Result<Exit, Failure> {
    if let Some(other) = &arguments.against {
        return against(arguments, other, terminal);
    }
    let net = Net::from_argument(&arguments.net)?;
    let (path, seed) = (arguments.input.as_deref(), arguments.weights.seed());
    let (facts, input) = Input::choose(path, &net, arguments.batch, seed)?;
    let weights = Chosen::new(&arguments.weights, facts.network.as_ref())?;
    let expected = expected(&arguments.expect, &facts)?;
    let request = Request {
        source: net.source(),
        weights: weights.source(),
        batch: input.batch,
        input: &input.data,
        expected: &expected,
        backends: if arguments.backend.is_empty() { &BACKENDS } else { &arguments.backend },
    };
    let spinner = terminal.spinner();
    let report = verification::verify(&request, &mut |stage| spinner.set_message(stage.to_owned()));
    spinner.finish_and_clear();
    let report = report.map_err(|faults| net.fail(weights.locate(faults)))?;
    if terminal.json {
        print_json(&to_json(&report, &input, &weights))?;
    } else {
        print(&mut std::io::stdout().lock(), &facts.title, &report, &input, &weights)?;
    }
    match report.diagnostic() {
        Some(fault) => {
            terminal.note(&fault.to_string());
            Ok(Exit::VerificationFailed)
        }
        None => Ok(Exit::Done),
    }
}

fn to_json(report: &Report, input: &Input, weights: &Chosen) -> Value {
    let check = |check: &Check| {
        json!({
            "backend": check.backend.name(),
            "output": check.output,
            "against": check.standard.to_string(),
            "passed": check.difference.passed(),
            "max_abs_error": check.difference.max_abs_error,
            "tolerance": check.difference.tolerance,
            "different_elements": check.difference.elements,
            "different_classes": check.difference.classes,
        })
    };
    let divergence = |found: &Divergence| {
        json!({
            "node": found.node,
            "operator": found.operator,
            "backend": found.backend.name(),
            "against": found.standard.to_string(),
            "max_abs_error": found.difference.max_abs_error,
            "tolerance": found.difference.tolerance,
            "different_elements": found.difference.elements,
        })
    };
    json!({
        "passed": report.passed(),
        "max_abs_error": report.max_abs_error,
        "tolerance_of_range": TOLERANCE,
        "first_divergent": report.first_divergent.as_ref().map(|found| &found.node),
        "divergence": report.first_divergent.as_ref().map(divergence),
        "checks": report.checks.iter().map(check).collect::<Vec<_>>(),
        "input": input.origin,
        "images": input.batch,
        "weights": weights.to_string(),
        "reason": report.diagnostic().map(|fault| fault.cause),
    })
}

fn print(
    out: &mut impl Write,
    network: &str,
    report: &Report,
    input: &Input,
    weights: &Chosen,
) -> io::Result<()> {
    writeln!(out, "{network}")?;
    writeln!(out, "  weights: {weights}; input: {}, images: {}", input.origin, input.batch)?;
    let several = report.checks.iter().any(|check| check.output != report.checks[0].output);
    for check in &report.checks {
        let verdict = if check.difference.passed() { "ok  " } else { "FAIL" };
        let (backend, standard) = (check.backend.name(), check.standard.to_string());
        let output = if several { format!("{:<10} ", check.output) } else { String::new() };
        writeln!(out, "  {verdict} {output}{backend:<9} against {standard:<9}  {}", check.difference)?;
    }
    let verdict = if report.passed() { "verified" } else { "not verified" };
    writeln!(out, "{verdict}: max |error| {:.3e}, {TOLERANCE:e} of the range allowed", report.max_abs_error)
}
