//! `rexnetc compile NET --emit … -o DIR`.

use crate::arguments::{WeightsArguments, batch};
use crate::failure::{Exit, Failure};
use crate::file;
use crate::network::Net;
use crate::terminal::{Terminal, print_json};
use crate::text::grouped;
use crate::weights::Chosen;
use clap::{Args, ValueEnum};
use rexnet::{Code, Diagnostic, Diagnostics, Location};
use rexnet_codegen::driver::{self, Compilation};
use rexnet_codegen::jit::clif_text;
use rexnet_ir::{onnx, weights};
use serde_json::json;
use std::fmt::Write as _;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Write what the network becomes at each stage.
///
/// Each file is written beside its place and renamed, so that none is ever seen half-written. The same network,
/// weights and options give the same bytes.
#[derive(Args, Debug)]
pub(crate) struct Compile {
    /// The network.
    net: String,
    /// The forms to write, separated by commas.
    #[arg(long, value_enum, value_delimiter = ',', required = true)]
    emit: Vec<Form>,
    /// The directory to write to; without it, a single text form goes to standard output.
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    #[command(flatten)]
    weights: WeightsArguments,
    /// Images in one run; 1, unless a model is fixed to more.
    #[arg(long, value_name = "N", value_parser = batch)]
    batch: Option<usize>,
}

/// A form of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// NAME.graph, the optimised graph, and NAME.source.graph, the one that the source says.
    Graph,
    /// NAME.loops, all kernels as loop nests.
    Loops,
    /// NAME.plan, the calls and the memory plan.
    Plan,
    /// NAME.dot, the optimised graph for Graphviz.
    Dot,
    /// NAME.clif, all kernels in Cranelift's IR.
    Clif,
    /// NAME.rxw, the packed weights.
    Weights,
    /// NAME.onnx, the network as the source says it, as an ONNX model of opset 17.
    Onnx,
    /// NAME.safetensors, its weights under their names.
    Safetensors,
}

impl Form {
    fn is_text(self) -> bool {
        !matches!(self, Form::Weights | Form::Onnx | Form::Safetensors)
    }
}

/// Compiles and writes.
pub(crate) fn compile(arguments: &Compile, terminal: &Terminal) -> Result<Exit, Failure> {
    let on_stdout = match (&arguments.output, &arguments.emit[..]) {
        (Some(_), _) => None,
        (None, [form]) if form.is_text() => Some(*form),
        (None, [_]) => return Err(Failure::Usage("this form is no text: say where with -o".into())),
        (None, _) => return Err(Failure::Usage("several forms need a directory: say which with -o".into())),
    };
    let net = Net::from_argument(&arguments.net)?;
    let facts = net.facts(arguments.batch)?;
    let weights = Chosen::new(&arguments.weights, facts.network.as_ref())?;
    let options = driver::Options { batch: facts.batch(), ..Default::default() };
    let compilation = driver::compile(net.source(), weights.source(), &options)
        .map_err(|faults| net.fail(weights.locate(faults)))?;
    weights.warn_of_unused(&compilation, terminal);
    let name = net.stem().unwrap_or_else(|| compilation.program.name.clone());
    if let Some(form) = on_stdout {
        // The first file is the form itself; what the source says stands beside it only in a directory.
        if let Some((name, bytes)) = files(form, &name, &compilation)?.into_iter().next() {
            if terminal.json {
                print_json(&json!({ "name": name, "text": String::from_utf8_lossy(&bytes) }))?;
            } else {
                std::io::stdout().lock().write_all(&bytes)?;
            }
        }
        return Ok(Exit::Done);
    }
    let directory = arguments.output.as_deref().unwrap_or(Path::new("."));
    std::fs::create_dir_all(directory).map_err(|error| {
        let location = Location::File(directory.display().to_string());
        Diagnostic::new(Code::FileUnreadable, location, format!("no directory can be made here: {error}"))
    })?;
    let mut written: Vec<(PathBuf, usize)> = Vec::new();
    for (index, form) in arguments.emit.iter().enumerate() {
        if arguments.emit[..index].contains(form) {
            continue;
        }
        for (name, bytes) in files(*form, &name, &compilation)? {
            let path = directory.join(name);
            keep(&path, net.file())?;
            keep(&path, arguments.weights.weights.as_deref())?;
            file::write(&path, &bytes)?;
            written.push((path, bytes.len()));
        }
    }
    if terminal.json {
        let files: Vec<_> =
            written.iter().map(|(path, bytes)| json!({ "path": path, "bytes": bytes })).collect();
        print_json(&json!({ "files": files, "weights": weights.to_string() }))?;
    } else {
        let mut out = std::io::stdout().lock();
        writeln!(out, "{}; weights: {weights}", facts.title)?;
        for (path, bytes) in &written {
            writeln!(out, "  {:>12} bytes  {}", grouped(*bytes as u64), path.display())?;
        }
    }
    Ok(Exit::Done)
}

/// Refuses to replace what the network was read from.
fn keep(target: &Path, source: Option<&Path>) -> Result<(), Diagnostic> {
    let (Some(source), Ok(target)) = (source, target.canonicalize()) else { return Ok(()) };
    if source.canonicalize().is_ok_and(|source| source == target) {
        let location = Location::File(target.display().to_string());
        let cause = "the network was read from this file, which would be replaced";
        let help = "choose another directory with -o";
        return Err(Diagnostic::new(Code::FileUnreadable, location, cause).with_help(help));
    }
    Ok(())
}

/// The files of a form: names and contents.
fn files(form: Form, name: &str, compilation: &Compilation) -> Result<Vec<(String, Vec<u8>)>, Diagnostics> {
    let Compilation { source, graph, program, weights: packed, .. } = compilation;
    Ok(match form {
        Form::Graph => vec![
            (format!("{name}.graph"), graph.to_string().into_bytes()),
            (format!("{name}.source.graph"), source.to_string().into_bytes()),
        ],
        Form::Loops => {
            let mut text = String::new();
            for kernel in &program.kernels {
                // Writing to a string cannot fail.
                let _ = writeln!(text, "{kernel}");
            }
            vec![(format!("{name}.loops"), text.into_bytes())]
        }
        Form::Plan => vec![(format!("{name}.plan"), program.to_string().into_bytes())],
        Form::Dot => vec![(format!("{name}.dot"), graph.dot().into_bytes())],
        Form::Clif => vec![(format!("{name}.clif"), clif_text(program)?.into_bytes())],
        Form::Weights => vec![(format!("{name}.rxw"), packed.to_rxw())],
        Form::Onnx => vec![(format!("{name}.onnx"), onnx::export(source)?)],
        Form::Safetensors => vec![(format!("{name}.safetensors"), weights::to_safetensors(source)?)],
    })
}
