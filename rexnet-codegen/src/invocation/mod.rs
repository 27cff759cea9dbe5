//! What the macros `rexnet!` and `network!` do: tokens of an invocation → items that define a network's type.
//!
//! ```text
//! rexnet!   = [ head ] ( arguments | "<" arguments ">" ) { "," setting }   settings stand among arguments too
//! network!  = [ head ] spec { "," setting }
//! head      = attributes visibility "struct" Name ";"
//! setting   = "weights" "=" string | "labels" "=" string | "batch" "=" number | "targets" "=" "[" { version } "]"
//!           | "preprocess" "=" string
//!           | "size" "=" "[" number "," number "]" | "bind" "=" "{" { name "=" number "," } "}"
//!           | "emit" "=" ( "\"rust\"" | "\"asm\"" ) | "precision" "=" "f32" | "std" "=" bool | "crate" "=" path
//! ```
//!
//! `arguments` and `spec` are those of [`rexnet_ir::spec`]; a `spec` may also be a string, the path of a `.rexnet` or `.onnx`
//! file of the crate. The items are a module named as the type in snake
//! case, with what [`emit::rust`](crate::emit::rust) writes, and the type's re-export.

mod classify;
mod expansion;
mod file;
mod head;
mod settings;
mod sidecars;
mod source;
mod weights;

use crate::driver::{self, Request, Sizes, Weights};
use crate::emit::rust::Version;
use head::Head;
use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::quote_spanned;
use rexnet_ir::diagnostic::{Code, Diagnostic, Diagnostics};
use rexnet_ir::spec::syntax::Spanned;
use rexnet_ir::spec::{Fault, Faults};
use settings::{Emission, Settings};
use sidecars::Sidecars;
use source::Written;
use std::path::Path;

/// Which macro is invoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Macro {
    /// `rexnet!`: arguments of the preset `rexnet`.
    Rexnet,
    /// `network!`: any spec.
    Network,
}

impl Macro {
    /// The type where the invocation has no head.
    fn type_name(self) -> &'static str {
        match self {
            Macro::Rexnet => "Rexnet",
            Macro::Network => "Network",
        }
    }
}

/// What the code is compiled for: a proc macro does not know, the crate that re-exports it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Architecture {
    /// x86-64.
    X86,
    /// aarch64.
    Arm,
    /// Any other.
    Other,
}

impl Architecture {
    /// The versions that it can run, the widest first.
    fn versions(self) -> &'static [Version] {
        match self {
            Architecture::X86 => &[Version::Avx512, Version::Avx2, Version::Portable],
            Architecture::Arm => &[Version::Neon],
            Architecture::Other => &[Version::Portable],
        }
    }
}

/// What the crate can do that an expansion names: its Cargo features.
#[derive(Clone, Copy, Debug)]
pub struct Abilities {
    /// It prepares photographs.
    pub image: bool,
    /// It has teams of threads, and the trait that networks run on.
    pub threads: bool,
}

/// The expansion inside the compiler: paths are relative to the crate that cargo compiles, and every fault is a
/// `compile_error!` at the token that caused it.
pub fn expand(
    invoked: Macro,
    architecture: Architecture,
    abilities: Abilities,
    invocation: TokenStream,
) -> TokenStream {
    let folder = std::env::var_os("CARGO_MANIFEST_DIR");
    items(invoked, architecture, abilities, invocation, folder.as_deref().map(Path::new))
        .unwrap_or_else(compile_errors)
}

/// The items of an invocation; `folder` is that of the crate, which paths are relative to, and `abilities` are
/// what the crate can do that the expansion names.
///
/// # Errors
/// `RX0101` to `RX0106` for what is written, `RX0701`, `RX0301`, `RX0306` and `RX0705` for files, and what the
/// compiler finds in the network; all that can be known at once, at their tokens.
pub fn items(
    invoked: Macro,
    architecture: Architecture,
    abilities: Abilities,
    invocation: TokenStream,
    folder: Option<&Path>,
) -> Result<TokenStream, Faults> {
    let mut faults = Faults::default();
    let tokens: Vec<TokenTree> = invocation.into_iter().collect();
    let (head, tokens) = Head::parse(&tokens)?;
    let head = head.unwrap_or_else(|| Head::named(Ident::new(invoked.type_name(), Span::call_site())));
    head.check(&mut faults);
    let (settings, spec) = Settings::split(invoked, tokens, &mut faults);
    let (written, source) = match source::parse(invoked, spec, folder) {
        Ok((written, source)) => (Some(written), source.map_err(|found| merge(&mut faults, found)).ok()),
        Err(found) => {
            merge(&mut faults, found);
            (None, None)
        }
    };
    let header = settings.weights.as_ref().and_then(|path| {
        let header = weights::Header::read(path, folder, written.as_ref());
        header.map_err(|fault| faults.list.push(fault)).ok()
    });
    let versions = versions(architecture, &settings, &mut faults);
    check_emission(&settings, &mut faults);
    let sidecars = Sidecars::read(&settings, written.as_ref(), folder, &mut faults);
    let (Some(written), Some(source)) = (written, source) else { return Err(faults) };
    let place = match &written {
        Written::File { span, .. } => *span,
        Written::Spec(_) => settings.batch.as_ref().map_or_else(Span::call_site, |batch| batch.span),
    };
    let request = Request {
        targets: versions.iter().map(|version| version.target()).collect(),
        batch: settings.batch.as_ref().map(|batch| batch.node),
        sizes: Sizes {
            size: settings.size.as_ref().map(|size| size.node),
            bindings: settings.bind.as_ref().map(|bind| bind.node.clone()).unwrap_or_default(),
            shapes: Vec::new(),
        },
        ..Request::new(source, Weights::Absent)
    };
    let compilation = driver::compile(request).map_err(|found| at(place, found, &faults))?;
    let (counts, programs) = (compilation.source.counts(), compilation.versions(&versions));
    let names = sidecars.names(&programs[0].1, &mut faults);
    let std = settings.std.as_ref().is_none_or(|std| std.node);
    let preprocessing = sidecars.preprocessing(&programs[0].1, abilities, std, &mut faults);
    if let (Some(header), Some((_, program))) = (&header, programs.first())
        && let Err(fault) = header.check(program)
    {
        faults.list.push(fault);
    }
    faults.into_result(Some(()))?;
    let preprocessing = preprocessing.as_ref().or(compilation.preprocessing.as_ref());
    let classify = preprocessing.filter(|_| abilities.image);
    Ok(expansion::items(
        &head,
        &written,
        &settings,
        &sidecars,
        &expansion::Compiled { counts, programs: &programs, names, classify, threads: abilities.threads },
    ))
}

/// The versions that are wanted of those that the architecture can run.
fn versions(architecture: Architecture, settings: &Settings, faults: &mut Faults) -> Vec<Version> {
    let own = architecture.versions();
    let Some(Spanned { node: wanted, span }) = &settings.targets else { return own.to_vec() };
    let mut versions: Vec<Version> = own.iter().copied().filter(|version| wanted.contains(version)).collect();
    // Every processor of an architecture without versions of its own, or of one that is not listed, runs the portable one.
    if versions.is_empty() && wanted.contains(&Version::Portable) {
        versions.push(Version::Portable);
    }
    if versions.is_empty() {
        let cause = "none of the targets is one of the processor that the crate is compiled for";
        let names: Vec<&str> = own.iter().map(|version| version.name()).collect();
        let help = format!("add one of: {}", names.join(", "));
        faults.push_help(Code::SpecValue, *span, cause.to_owned(), &help);
        return own.to_vec();
    }
    versions
}

fn check_emission(settings: &Settings, faults: &mut Faults) {
    let Some(Spanned { node: Emission::Assembly, span }) = settings.emit else { return };
    if !cfg!(feature = "x64") {
        let cause = "`emit = \"asm\"` needs the cargo feature `asm` of rexnet".to_owned();
        let help = "in Cargo.toml: rexnet = { version = \"…\", features = [\"asm\"] }";
        faults.push_help(Code::SpecValue, span, cause, help);
    }
}

fn merge(faults: &mut Faults, mut found: Faults) {
    faults.list.append(&mut found.list);
}

/// Faults that have names instead of spans, after those already found.
fn at(span: Span, found: Diagnostics, before: &Faults) -> Faults {
    let mut faults = before.clone();
    faults.list.extend(found.list.into_iter().map(|diagnostic| Fault { span, diagnostic }));
    faults
}

fn fault(code: Code, span: Span, cause: impl Into<String>, help: impl Into<String>) -> Fault {
    let diagnostic = Diagnostic::new(code, rexnet_ir::diagnostic::Location::None, cause).with_help(help);
    Fault { span, diagnostic }
}

/// One `compile_error!` a fault.
fn compile_errors(faults: Faults) -> TokenStream {
    let error = |Fault { span, diagnostic }: Fault| {
        let Diagnostic { code, cause, help, .. } = diagnostic;
        let help = if help.is_empty() { help } else { format!("\n  help: {help}") };
        let text = format!("{}: {cause}{help}", code.code());
        quote_spanned!(span=> ::core::compile_error! { #text })
    };
    faults.list.into_iter().map(error).collect()
}
