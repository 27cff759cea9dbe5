//! The options of forms that other programs are built with: Rust source, objects, static libraries.

use crate::failure::Failure;
use crate::network::Net;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use rexnet_codegen::build::{module_name, type_name};
use rexnet_codegen::emit::rust::Version;
use rexnet_codegen::plan::Program;

/// How code for other programs is to be.
#[derive(Args, Debug)]
#[command(
    next_help_heading = "Options of --emit rust; all but --crate, --machine-code and --type-name also of obj and staticlib"
)]
pub(super) struct CodeArguments {
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
    pub(super) name: Option<String>,
    pub(super) as_crate: bool,
    pub(super) embed: bool,
    pub(super) machine_code: bool,
    pub(super) std: bool,
    /// Whether packed weights are written too.
    pub(super) weights: bool,
    pub(super) versions: Vec<Version>,
    pub(super) type_name: String,
}

impl CodeArguments {
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
    /// What the module and its files are called, of a network of that program.
    pub(super) fn name(&self, net: &Net, program: &Program) -> String {
        let own = || module_name(&net.stem().unwrap_or_else(|| program.name.clone()));
        self.name.clone().unwrap_or_else(own)
    }

    /// The same, with a file of packed weights where the user gave weights.
    #[must_use]
    pub(super) fn with_weights(mut self, given: bool) -> Self {
        self.weights |= given;
        self
    }
}
