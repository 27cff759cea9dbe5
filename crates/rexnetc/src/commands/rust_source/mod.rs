//! `--emit rust`: a network as a module of Rust, or as a small crate around it.

mod timed_crate;

use super::forms::{Product, Subject};
use crate::failure::Failure;
use crate::network::Net;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use rexnet::Diagnostics;
use rexnet_codegen::build::{module_name, printable, type_name};
use rexnet_codegen::driver::{self, Compilation};
use rexnet_codegen::emit::rust::{self, Embedding, ModuleOptions, Version, WeightsSource};
use rexnet_codegen::plan::Program;

/// How Rust source is to be.
#[derive(Args, Debug)]
#[command(
    next_help_heading = "Options of --emit rust; all but --crate, --machine-code and --type-name also of obj and staticlib"
)]
pub(super) struct RustArguments {
    /// Write a crate, whose program runs the network and says how long that takes.
    #[arg(long = "crate")]
    as_crate: bool,
    /// Make the weights part of the program: the module includes NAME.rxw, which lies beside it; an object holds them.
    #[arg(long)]
    embed: bool,
    /// The versions to write, separated by commas; all by default. The program runs the widest that its processor
    /// has. Where portable is left out, other processors are refused.
    #[arg(long, value_name = "VERSION", value_delimiter = ',', value_parser = version())]
    target: Vec<Version>,
    /// Write the kernels of AVX2 and AVX-512 as machine code instead of Rust, as fast in a build without optimisation.
    #[arg(long)]
    machine_code: bool,
    /// Leave out what needs std: reading weights from a file, memory on the heap.
    #[arg(long, conflicts_with = "as_crate")]
    no_std: bool,
    /// The name of the module and of the files, in C of everything; that of the network or of a model's file by default.
    #[arg(long, value_name = "NAME", value_parser = name)]
    name: Option<String>,
    /// The name of the network's type; Network by default.
    #[arg(long, value_name = "TYPE", value_parser = type_name)]
    type_name: Option<String>,
}

fn version() -> impl TypedValueParser<Value = Version> {
    PossibleValuesParser::new(Version::ALL.map(Version::name))
        .map(|name| Version::from_name(&name).unwrap_or(Version::Portable))
}

/// Reads the name of a module.
fn name(text: &str) -> Result<String, String> {
    if module_name(text) == text {
        Ok(text.to_owned())
    } else {
        Err(format!("a module cannot be called so; `{}` would do", module_name(text)))
    }
}

/// What to write.
#[derive(Clone, Debug)]
pub(super) struct Request {
    name: Option<String>,
    as_crate: bool,
    embed: bool,
    machine_code: bool,
    std: bool,
    /// Whether packed weights are written too.
    weights: bool,
    versions: Vec<Version>,
    type_name: String,
}

impl RustArguments {
    /// The request, if it makes sense; `emitted` says whether there is Rust source at all, `objects` whether there are
    /// objects, `takes_target` whether another form has versions.
    ///
    /// # Errors
    /// Wrong usage: options without their form, or several files without a directory.
    pub(super) fn request(
        &self,
        emitted: bool,
        objects: bool,
        takes_target: bool,
        has_directory: bool,
    ) -> Result<Request, Failure> {
        let Self { as_crate, embed, target, machine_code, no_std, name, type_name } = self;
        let for_rust = *as_crate || *machine_code || type_name.is_some();
        let for_either = *embed || *no_std || name.is_some();
        let either = emitted || objects;
        let idle_target = !(target.is_empty() || either || takes_target);
        if for_rust && !emitted || for_either && !either || idle_target {
            let message = "--crate, --machine-code and --type-name are for --emit rust; --embed, --no-std and --name also for obj and staticlib; --target for these and asm";
            return Err(Failure::Usage(message.to_owned()));
        }
        if (*as_crate || *embed) && !has_directory {
            return Err(Failure::Usage("this makes several files: say where with -o".to_owned()));
        }
        let chosen = |version: &Version| target.is_empty() || target.contains(version);
        Ok(Request {
            name: name.clone(),
            as_crate: *as_crate,
            embed: *embed,
            machine_code: *machine_code,
            std: !no_std,
            weights: *as_crate || *embed,
            versions: Version::ALL.into_iter().filter(chosen).collect(),
            type_name: type_name.clone().unwrap_or_else(|| "Network".to_owned()),
        })
    }
}

impl Request {
    /// The versions to write.
    pub(super) fn versions(&self) -> &[Version] {
        &self.versions
    }

    /// What the module and its files are called, of a network of that program.
    pub(super) fn name(&self, net: &Net, program: &Program) -> String {
        let own = || module_name(&net.stem().unwrap_or_else(|| program.name.clone()));
        self.name.clone().unwrap_or_else(own)
    }

    /// Whether the weights become part of the code.
    pub(super) fn embeds(&self) -> bool {
        self.embed
    }

    /// Whether a file of packed weights is wanted.
    pub(super) fn has_weights(&self) -> bool {
        self.weights
    }

    /// Whether the code may use the standard library.
    pub(super) fn has_std(&self) -> bool {
        self.std
    }

    /// The same, with a file of packed weights where the user gave weights.
    #[must_use]
    pub(super) fn with_weights(mut self, given: bool) -> Self {
        self.weights |= given;
        self
    }
}

/// The module first; then the packed weights, and the rest of the crate.
///
/// # Errors
/// `RX0501` for a fault of this compiler.
pub(super) fn files(subject: Subject<'_>) -> Result<Vec<Product>, Diagnostics> {
    let Subject { net, facts, compilation, rust: request, .. } = subject;
    let Compilation { program, weights, .. } = compilation;
    let name = request.name(net, program);
    let packed = format!("{name}.rxw");
    let options = ModuleOptions {
        type_name: request.type_name.clone(),
        title: format!("The network `{name}`."),
        spec: printable(&net.description(facts)),
        counts: compilation.counts(),
        weights: if request.embed {
            WeightsSource::Embedded(Embedding::BesideModule(packed.clone()))
        } else {
            WeightsSource::RunTime
        },
        std: request.std,
        machine_code: request.machine_code,
        entry: None,
    };
    let versions = driver::versions(compilation, &request.versions)?;
    let folder = if request.as_crate { "src/" } else { "" };
    let source = |path: String, text: String| Product { path, bytes: text.into_bytes(), guarded: true };
    let mut products = vec![source(format!("{folder}{name}.rs"), rust::file(&versions, &options))];
    if request.weights {
        // What the module includes lies beside it; what a program loads, in the crate's own folder.
        let folder = if request.embed { folder } else { "" };
        products.push(Product::new(format!("{folder}{packed}"), weights.to_rxw()));
    }
    if request.as_crate {
        products.push(source("Cargo.toml".to_owned(), timed_crate::manifest(&name)));
        let main = timed_crate::main(&name, &request.type_name, program, request.embed);
        products.push(source("src/main.rs".to_owned(), main));
    }
    Ok(products)
}
