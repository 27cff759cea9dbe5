//! `rexnetc pack NET --weights FILE`.

use crate::arguments::{SizeArguments, WeightsArguments};
use crate::failure::{Exit, Failure};
use crate::file;
use crate::network::Net;
use crate::terminal::{Terminal, print_json};
use crate::text::{grouped, ms};
use crate::weights::Chosen;
use clap::Args;
use rexnet::Bytes;
use rexnet_codegen::driver;
use rexnet_codegen::plan::PackedWeights;
use serde_json::json;
use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

/// The ending of files of packed weights.
const ENDING: &str = "rxw";

/// Pack weights for emitted Rust: what it includes or loads is a .rxw file.
///
/// A file of packed weights belongs to one network, whatever the processor and the batch: its header holds a hash of
/// their layout, which is checked before anything is computed, and a checksum of the content.
#[derive(Args, Debug)]
pub(crate) struct Pack {
    /// The network.
    net: OsString,
    #[command(flatten)]
    sizes: SizeArguments,
    #[command(flatten)]
    weights: WeightsArguments,
    /// The file to write; without it, one beside the weights or the model, with the ending .rxw.
    #[arg(short, long, value_name = "FILE.rxw")]
    output: Option<PathBuf>,
}

/// Packs, writes and reads back.
pub(crate) fn pack(arguments: &Pack, terminal: &Terminal) -> Result<Exit, Failure> {
    let net = Net::from_argument(&arguments.net)?.sized(&arguments.sizes)?;
    let facts = net.facts(None)?;
    let weights = Chosen::new(&arguments.weights, facts.network.as_ref())?.shippable(&arguments.weights)?;
    let request = net.request(weights.source(), Some(facts.batch()));
    let compilation = driver::compile(request).map_err(|faults| net.fail(weights.locate(faults)))?;
    weights.warn_of_unused(Some(&compilation), terminal);
    let program = &compilation.program;
    let beside = arguments.weights.weights.as_deref().or(net.model_file());
    let path = arguments.output.clone().unwrap_or_else(|| match beside {
        Some(source) => source.with_extension(ENDING),
        None => PathBuf::from(&program.name).with_extension(ENDING),
    });
    file::keep(&path, &[net.file(), arguments.weights.weights.as_deref()])?;
    let bytes = Bytes::from(compilation.weights.to_rxw());
    let start = Instant::now();
    PackedWeights::from_rxw(bytes.clone(), program)?;
    let check = start.elapsed();
    file::write(&path, &bytes)?;
    let layout = format!("{:016x}", program.layout_hash);
    if terminal.json {
        print_json(&json!({
            "path": path,
            "bytes": bytes.len(),
            "weight_bytes": program.weight_bytes,
            "layout_hash": layout,
            "check_ms": ms(check),
            "weights": weights.to_string(),
        }))?;
    } else {
        let mut out = std::io::stdout().lock();
        writeln!(out, "{}; weights: {weights}", facts.title)?;
        writeln!(out, "  {:>12} bytes  {}", grouped(bytes.len() as u64), path.display())?;
        writeln!(out, "  layout {layout}; checking the sum and copying takes {:.1} ms", ms(check))?;
    }
    Ok(Exit::Done)
}
