//! `rexnetc compile NET --emit … -o DIR`.

use super::code_arguments::CodeArguments;
use super::forms::{Form, PYTHON_ENDING, Product, Subject};
use super::freshness;
use crate::arguments::{SizeArguments, WeightsArguments, batch};
use crate::failure::{Exit, Failure};
use crate::file;
use crate::network::Net;
use crate::terminal::{Terminal, print_json};
use crate::text::grouped;
use crate::weights::Chosen;
use clap::Args;
use rexnet::{Code, Diagnostic, Location};
use rexnet_codegen::driver;
use serde_json::json;
use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Write what the network becomes at each stage.
///
/// Each file is written beside its place and renamed, so that none is ever seen half-written. The same network,
/// weights and options give the same bytes.
#[derive(Args, Debug)]
pub(crate) struct Compile {
    /// The network.
    net: OsString,
    #[command(flatten)]
    sizes: SizeArguments,
    /// The forms to write, separated by commas.
    #[arg(long, value_enum, value_delimiter = ',', required = true)]
    emit: Vec<Form>,
    /// The directory to write to, or FILE.py for pytorch alone; without it, a single text form goes to standard output.
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Write nothing; say whether the files are there as they would be written. Exit code 1 when one is not.
    #[arg(long, requires = "output")]
    check: bool,
    #[command(flatten)]
    weights: WeightsArguments,
    /// Images in one run; 1, unless a model is fixed to more.
    #[arg(long, value_name = "N", value_parser = batch)]
    batch: Option<usize>,
    #[command(flatten)]
    code: CodeArguments,
}

/// Compiles and writes.
pub(crate) fn compile(arguments: &Compile, terminal: &Terminal) -> Result<Exit, Failure> {
    let takes_target = arguments.emit.contains(&Form::Asm);
    let emits_rust = arguments.emit.contains(&Form::Rust);
    let objects = arguments.emit.iter().any(|form| matches!(form, Form::Obj | Form::Staticlib));
    let code = arguments.code.request(emits_rust, objects, takes_target, arguments.output.is_some())?;
    let on_stdout = match (&arguments.output, &arguments.emit[..]) {
        (Some(_), _) => None,
        (None, [form]) if form.is_text() => Some(*form),
        (None, [_]) => return Err(Failure::Usage("this form is no text: say where with -o".into())),
        (None, _) => return Err(Failure::Usage("several forms need a directory: say which with -o".into())),
    };
    let net = Net::from_argument(&arguments.net)?.sized(&arguments.sizes)?;
    let facts = net.facts(arguments.batch)?;
    let mut weights = Chosen::new(&arguments.weights, facts.network.as_ref())?;
    let ships = |form: &Form| matches!(form, Form::Image | Form::Weights);
    if code.embed || arguments.emit.iter().any(ships) {
        weights = weights.shippable(&arguments.weights)?;
    }
    let mut request = net.request(weights.source(), Some(facts.batch()));
    if takes_target || emits_rust || objects {
        request.targets.extend(code.versions.iter().map(|version| version.target()));
    }
    let compilation = driver::compile(request).map_err(|faults| net.fail(weights.locate(faults)))?;
    weights.warn_of_unused(Some(&compilation), terminal);
    let code = code.with_weights(arguments.weights.are_given() || weights.are_trained());
    let subject =
        Subject { net: &net, facts: &facts, compilation: &compilation, code: &code, weights: &weights };
    if let Some(form) = on_stdout {
        // What else belongs to a form stands beside it only in a directory.
        if let Some(Product { path, bytes, .. }) = form.files(subject)?.into_iter().next() {
            if terminal.json {
                print_json(&json!({ "name": path, "text": String::from_utf8_lossy(&bytes) }))?;
            } else {
                std::io::stdout().lock().write_all(&bytes)?;
            }
        }
        return Ok(Exit::Done);
    }
    let mut products: Vec<Product> = Vec::new();
    for form in &arguments.emit {
        for product in form.files(subject)? {
            if products.iter().all(|earlier| earlier.path != product.path) {
                products.push(product);
            }
        }
    }
    let directory = place(arguments, &mut products);
    if arguments.check {
        return freshness::check(directory, &products, terminal);
    }
    let sources = [net.file(), arguments.weights.weights.as_deref()];
    for product in &products {
        keep(&directory.join(&product.path), product.guarded, &sources)?;
    }
    for product in &products {
        write(&directory.join(&product.path), &product.bytes)?;
    }
    if terminal.json {
        let files: Vec<_> = products
            .iter()
            .map(|product| json!({ "path": directory.join(&product.path), "bytes": product.bytes.len() }))
            .collect();
        print_json(&json!({ "files": files, "weights": weights.to_string() }))?;
    } else {
        let mut out = std::io::stdout().lock();
        writeln!(out, "{}; weights: {weights}", facts.title)?;
        for product in &products {
            let bytes = grouped(product.bytes.len() as u64);
            writeln!(out, "  {bytes:>12} bytes  {}", directory.join(&product.path).display())?;
        }
    }
    Ok(Exit::Done)
}

/// The directory of the products. A PyTorch module alone takes the name of the file that the user gave.
fn place<'a>(arguments: &'a Compile, products: &mut [Product]) -> &'a Path {
    let output = arguments.output.as_deref().unwrap_or(Path::new("."));
    let is_module = output.extension().is_some_and(|ending| ending == PYTHON_ENDING) && !output.is_dir();
    let name = output.file_name().and_then(OsStr::to_str).filter(|_| is_module);
    match (&arguments.emit[..], products, name) {
        ([Form::Pytorch], [module], Some(name)) => {
            name.clone_into(&mut module.path);
            output.parent().unwrap_or(Path::new("."))
        }
        _ => output,
    }
}

/// Refuses to replace what the network was read from, and a guarded file that somebody wrote.
fn keep(target: &Path, guarded: bool, sources: &[Option<&Path>]) -> Result<(), Diagnostic> {
    file::keep(target, sources)?;
    if guarded && target.exists() && !freshness::is_generated(target)? {
        let location = Location::File(target.display().to_string());
        let cause = "this file was not generated, and would be replaced";
        return Err(
            Diagnostic::new(Code::FileUnreadable, location, cause).with_help("choose another place with -o")
        );
    }
    Ok(())
}

/// Writes a file, its directory made where there is none.
fn write(path: &Path, bytes: &[u8]) -> Result<(), Diagnostic> {
    if let Some(directory) = path.parent() {
        file::make_directory(directory)?;
    }
    file::write(path, bytes)
}
