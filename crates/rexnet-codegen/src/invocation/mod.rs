//! What the macros `rexnet!` and `network!` do: tokens of an invocation → items that define a network's type.
//!
//! ```text
//! rexnet!   = [ head ] ( arguments | "<" arguments ">" ) { "," setting }   settings stand among arguments too
//! network!  = [ head ] spec { "," setting }
//! head      = attributes visibility "struct" Name ";"
//! setting   = "weights" "=" string | "batch" "=" number
//! ```
//!
//! `arguments` and `spec` are those of [`rexnet_ir::spec`]. The items are a module named as the type in snake
//! case, with what [`emit::rust`](crate::emit::rust) writes, and the type's re-export.

mod expansion;
mod head;
mod settings;
mod source;
mod weights;

use crate::driver;
use crate::emit::rust::Version;
use head::Head;
use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::quote_spanned;
use rexnet_ir::diagnostic::{Code, Diagnostic, Diagnostics};
use rexnet_ir::spec::{Fault, Faults};
use settings::Settings;
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

/// The expansion inside the compiler: paths are relative to the crate that cargo compiles, and every fault is a
/// `compile_error!` at the token that caused it.
pub fn expand(invoked: Macro, architecture: Architecture, invocation: TokenStream) -> TokenStream {
    let folder = std::env::var_os("CARGO_MANIFEST_DIR");
    items(invoked, architecture, invocation, folder.as_deref().map(Path::new)).unwrap_or_else(compile_errors)
}

/// The items of an invocation; `folder` is that of the crate, which the path of the weights is relative to.
///
/// # Errors
/// `RX0101` to `RX0106` for what is written, `RX0701`, `RX0301` and `RX0306` for the file of weights, and what the
/// compiler finds in the network; all that can be known at once, at their tokens.
pub fn items(
    invoked: Macro,
    architecture: Architecture,
    invocation: TokenStream,
    folder: Option<&Path>,
) -> Result<TokenStream, Faults> {
    let mut faults = Faults::default();
    let tokens: Vec<TokenTree> = invocation.into_iter().collect();
    let (head, tokens) = Head::parse(&tokens)?;
    let head = head.unwrap_or_else(|| Head::named(Ident::new(invoked.type_name(), Span::call_site())));
    head.check(&mut faults);
    let (settings, spec) = Settings::split(invoked, tokens, &mut faults);
    let (source, network) = match source::parse(invoked, spec) {
        Ok((source, network)) => (Some(source), network.map_err(|found| merge(&mut faults, found)).ok()),
        Err(found) => {
            merge(&mut faults, found);
            (None, None)
        }
    };
    let header = settings.weights.as_ref().and_then(|path| {
        let header = weights::Header::read(path, folder, source.as_ref());
        header.map_err(|fault| faults.list.push(fault)).ok()
    });
    let (Some(source), Some(network)) = (source, network) else { return Err(faults) };
    let place = settings.batch.as_ref().map_or_else(Span::call_site, |batch| batch.span);
    let batch = settings.batch.as_ref().map_or(1, |batch| batch.node);
    let code = driver::code(&network, batch, architecture.versions());
    let (counts, programs) = code.map_err(|found| at(place, found, &faults))?;
    if let (Some(header), Some((_, program))) = (&header, programs.first())
        && let Err(fault) = header.check(program)
    {
        faults.list.push(fault);
    }
    faults.into_result(Some(()))?;
    Ok(expansion::items(&head, &source, settings.weights.as_ref(), counts, &programs))
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
