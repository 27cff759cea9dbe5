//! `rexnetc verify NET`.

mod against;
mod explanation;
mod figures;
mod page;
mod text;

use crate::arguments::{SizeArguments, WeightsArguments, batch};
use crate::failure::{Exit, Failure};
use crate::file;
use crate::input::{Input, expected, expected_nodes};
use crate::network::Net;
use crate::preprocess::PreprocessArguments;
use crate::runner::backend;
use crate::terminal::{Terminal, print_json};
use crate::weights::Chosen;
use clap::Args;
use explanation::Explanation;
use rexnet::verification::{self, BACKENDS, Report, Request};
use rexnet::{Backend, Diagnostic};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Prove that compiled code computes what the network means.
///
/// The back ends must give the same bits; every output must be within 1e-4 of the range of the f64 reference's
/// outputs, and of the expected ones' if they are given, or within what rounding to f32 does to it; the class of every
/// image must be the same. Where they differ, the first node that does is named. Exit code 3 when the verification fails.
/// docs/verify.md says how to read the reports.
#[derive(Args, Debug)]
pub(crate) struct Verify {
    /// The network.
    net: OsString,
    #[command(flatten)]
    sizes: SizeArguments,
    #[command(flatten)]
    weights: WeightsArguments,
    /// The input: f32 of the shape [images, channels, height, width], of an .npz file the array with the input's name,
    /// else the only one; or a photograph, JPEG or PNG. Without it, one is drawn.
    #[arg(long, value_name = "FILE", conflicts_with = "batch")]
    input: Option<PathBuf>,
    /// The output that another engine gave: f32 of the output's shape. Of a network with several outputs NAME=Y.npy, once
    /// for each of them that is known, or an .npz file with arrays that are called like outputs.
    #[arg(long, value_name = "[NAME=]FILE", requires = "input")]
    expect: Vec<String>,
    /// Intermediate values that another engine gave: an .npz file of arrays that are called like nodes of the spec, or like
    /// values of the ONNX model. The first layer that differs is named.
    #[arg(long, value_name = "X.npz", requires = "input")]
    expect_nodes: Option<PathBuf>,
    /// The back ends, separated by commas; jit, clif and interpret by default. rust is the emitted source, which cargo
    /// builds once and a cache folder keeps: for a large network that takes a minute.
    #[arg(long, value_name = "B", value_delimiter = ',', value_parser = backend())]
    backend: Vec<Backend>,
    /// Images in a drawn input; 1, unless a model is fixed to more.
    #[arg(long, value_name = "N", value_parser = batch)]
    batch: Option<usize>,
    /// Compare every node with the reference: greatest error, distance in representable numbers (ULP), cosine. Takes a
    /// second compilation and a second run of each back end.
    #[arg(long)]
    nodes: bool,
    /// Evaluate the reference after every pass, and name the pass that changed what the network means.
    #[arg(long)]
    bisect_passes: bool,
    /// Write the report as a page that needs no other file, with every node.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    #[command(flatten)]
    preprocess: PreprocessArguments,
    /// Compare two descriptions: another NET, of which the first must be the same network.
    ///
    /// The same means: after the passes, with batch norms folded, the graphs are isomorphic, and the weights are
    /// equal within 1e-5 of the greatest magnitude in their tensors. --weights is for whichever of the two is a
    /// spec; where a spec has no trained weights, the structure alone is compared. Where the networks part, the
    /// layer is named. Exit code 3 when they are not the same.
    ///
    /// With --expect or --expect-nodes the first network is verified as well, and it is said whether the other one gives
    /// what is expected.
    #[arg(long, value_name = "NET")]
    against: Option<OsString>,
}

/// What was verified, with what readers need to know of it.
struct Subject {
    /// The spec as a call, or the model's file.
    title: String,
    weights: String,
    input: Input,
    report: Report,
    /// How another network compares, if one was given.
    explanation: Option<Explanation>,
}

impl Subject {
    fn passed(&self) -> bool {
        self.diagnostic().is_none()
    }

    /// What failed: the verification, else the comparison.
    fn diagnostic(&self) -> Option<Diagnostic> {
        let other = || self.explanation.as_ref()?.comparison.diagnostic();
        let fault = self.report.diagnostic().or_else(other)?;
        Some(match self.explanation.as_ref().and_then(|explanation| explanation.text(&self.report)) {
            Some(explanation) => Diagnostic { cause: format!("{}; {explanation}", fault.cause), ..fault },
            None => fault,
        })
    }

    /// The layer to blame, as far as it is known.
    fn layer(&self) -> Option<&str> {
        let other = || self.explanation.as_ref()?.comparison.layer();
        self.report.layer().or_else(other)
    }
}

/// Verifies and prints every check.
pub(crate) fn verify(arguments: &Verify, terminal: &Terminal) -> Result<Exit, Failure> {
    let expects = !arguments.expect.is_empty() || arguments.expect_nodes.is_some();
    if let Some(other) = &arguments.against
        && !expects
    {
        for (given, flag) in [
            (arguments.input.is_some(), "--input"),
            (!arguments.backend.is_empty(), "--backend"),
            (arguments.nodes, "--nodes"),
            (arguments.bisect_passes, "--bisect-passes"),
            (arguments.html.is_some(), "--html"),
        ] {
            if given {
                let cause = format!(
                    "--against compares descriptions: {flag} needs --expect or --expect-nodes beside it"
                );
                return Err(Failure::Usage(cause));
            }
        }
        return against::against(arguments, other, terminal);
    }
    let mut net = Net::from_argument(&arguments.net)?.sized(&arguments.sizes)?;
    if let Some(page) = &arguments.html {
        let sources = [net.file(), arguments.weights.weights.as_deref(), arguments.input.as_deref()];
        file::keep(page, &sources)?;
    }
    let (facts, input) = match &arguments.input {
        Some(path) => Input::from_file_or_photograph(path, &mut net, &arguments.preprocess)?,
        None => Input::choose(None, &mut net, arguments.batch, arguments.weights.seed())?,
    };
    let weights = Chosen::new(&arguments.weights, facts.network.as_ref())?;
    let expected = expected(&arguments.expect, &facts)?;
    let expected_nodes = arguments.expect_nodes.as_deref().map(expected_nodes).transpose()?;
    let request = Request {
        batch: Some(input.batch),
        sizes: net.sizes().clone(),
        expected: &expected,
        expected_nodes: expected_nodes.as_deref().unwrap_or_default(),
        backends: if arguments.backend.is_empty() { &BACKENDS } else { &arguments.backend },
        nodes: arguments.nodes || arguments.html.is_some(),
        bisect_passes: arguments.bisect_passes,
        ..Request::new(net.source(), weights.source(), &input.data)
    };
    let spinner = terminal.spinner();
    let report = verification::verify(&request, &mut |stage| spinner.set_message(stage.to_owned()));
    let explanation = arguments.against.as_ref().map(|other| {
        spinner.set_message("comparing the networks");
        Explanation::new(arguments, other, &input.data, &expected)
    });
    spinner.finish_and_clear();
    let report = report.map_err(|faults| net.fail(weights.locate(faults)))?;
    let explanation = explanation.transpose()?;
    let subject =
        Subject { title: facts.title.clone(), weights: weights.to_string(), input, report, explanation };
    if let Some(page) = &arguments.html {
        write_page(page, &subject)?;
    }
    if terminal.json {
        print_json(&figures::to_json(&subject))?;
    } else {
        text::print(&mut std::io::stdout().lock(), &subject, arguments.nodes)?;
    }
    match subject.diagnostic() {
        Some(fault) => {
            terminal.note(&fault.to_string());
            Ok(Exit::VerificationFailed)
        }
        None => Ok(Exit::Done),
    }
}

fn write_page(path: &Path, subject: &Subject) -> Result<(), Diagnostic> {
    if let Some(folder) = path.parent().filter(|folder| *folder != Path::new("")) {
        file::make_directory(folder)?;
    }
    file::write(path, page::page(subject).as_bytes())
}
