//! The network of an invocation, and which argument is at fault where it is none.

use super::settings::{end, string};
use super::{Macro, fault, file};
use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use rexnet_ir::diagnostic::{Code, Diagnostic, Diagnostics, Location};
use rexnet_ir::onnx::MAX_MODEL_BYTES;
use rexnet_ir::spec::syntax::{Argument, Call, Source, Spanned};
use rexnet_ir::spec::{self, Fault, Faults, MAX_BYTES, Network};
use std::path::{Path, PathBuf};

/// What an invocation says that the network is.
#[derive(Debug)]
pub(super) enum Described {
    /// A spec in the invocation itself.
    Spec(Source),
    /// A file of the crate.
    File {
        /// As the invocation has it.
        path: String,
        /// Where that stands.
        span: Span,
        /// What the file holds.
        content: Content,
    },
}

/// What a file that describes a network holds.
#[derive(Debug)]
pub(super) enum Content {
    /// The text of a spec.
    Spec(String),
    /// An ONNX model, in this folder.
    Model(Vec<u8>, PathBuf),
}

impl Described {
    /// What documentation calls the network.
    pub(super) fn title(&self) -> String {
        match self {
            Described::Spec(Source::Call(call)) => format!("The network `{call}`."),
            Described::Spec(Source::Definition(definition)) => format!("The network `{}`.", definition.name),
            Described::File { path, .. } => format!("The network of `{path}`."),
        }
    }

    /// What the network was compiled from: a spec, or the name of a model's file.
    pub(super) fn text(&self) -> String {
        match self {
            Described::Spec(source) => source.to_string(),
            Described::File { content: Content::Spec(text), .. } => text.clone(),
            Described::File { path, content: Content::Model(..), .. } => path.clone(),
        }
    }

    /// The file of the crate.
    pub(super) fn file(&self) -> Option<&str> {
        match self {
            Described::Spec(_) => None,
            Described::File { path, .. } => Some(path),
        }
    }
}

/// Whether a path is that of an ONNX model.
pub(super) fn is_model(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|ending| ending.eq_ignore_ascii_case("onnx"))
}

/// The description of the network, and what a spec means; a model's meaning is told when it is imported.
///
/// # Errors
/// Those of the syntax, and of a file; those of the meaning lie beside the syntax.
pub(super) fn parse(
    invoked: Macro,
    tokens: Vec<TokenTree>,
    folder: Option<&Path>,
) -> Result<(Described, Result<Option<Network>, Faults>), Faults> {
    if let (Macro::Network, Some(path)) = (invoked, string(&tokens)) {
        let span = tokens.first().map_or_else(Span::call_site, TokenTree::span);
        return of_file(Spanned { node: path, span }, folder);
    }
    let tokens = match invoked {
        Macro::Network => tokens.into_iter().collect(),
        Macro::Rexnet => call(tokens),
    };
    let source = spec::parse_source_tokens(tokens)?;
    let network = resolve(&source);
    Ok((Described::Spec(source), network.map(Some)))
}

/// A `.rexnet` or `.onnx` file of the crate. What is wrong in it is told at its path.
fn of_file(
    path: Spanned<String>,
    folder: Option<&Path>,
) -> Result<(Described, Result<Option<Network>, Faults>), Faults> {
    let Spanned { node: name, span } = path.clone();
    let limit = if is_model(&name) { MAX_MODEL_BYTES } else { MAX_BYTES };
    let content = file::read(&path, folder, "models/classifier.onnx", limit)?;
    if is_model(&name) {
        let place = file::in_crate(&path, folder, "")?;
        let content = Content::Model(content, place.parent().map(Path::to_owned).unwrap_or_default());
        return Ok((Described::File { path: name, span, content }, Ok(None)));
    }
    let text = String::from_utf8(content)
        .map_err(|_| fault(Code::SpecSyntax, span, format!("`{name}` is not a text file in UTF-8"), ""))?;
    let told = |found: Diagnostics| {
        let list = found.list.into_iter().map(|diagnostic| {
            let at = match &diagnostic.location {
                Location::Span(place) => {
                    format!("{name}:{}: ", 1 + text[..place.start].matches('\n').count())
                }
                _ => format!("{name}: "),
            };
            Fault { span, diagnostic: Diagnostic { cause: at + &diagnostic.cause, ..diagnostic } }
        });
        Faults { list: list.collect() }
    };
    // Only this crate's own tokens say where in the text they stand; the compiler's would point at the invocation.
    proc_macro2::fallback::force();
    let parsed = spec::parse_network(&text);
    proc_macro2::fallback::unforce();
    let network = parsed.map(Some).map_err(told);
    Ok((Described::File { path: name.clone(), span, content: Content::Spec(text.clone()) }, network))
}

/// `rexnet(arguments)`, or `rexnet<arguments>`.
fn call(arguments: Vec<TokenTree>) -> TokenStream {
    let name = TokenTree::Ident(Ident::new("rexnet", Span::call_site()));
    let is_angle = matches!(arguments.first(), Some(TokenTree::Punct(open)) if open.as_char() == '<');
    if is_angle {
        return std::iter::once(name).chain(arguments).collect();
    }
    let end = end(&arguments);
    let mut group = Group::new(Delimiter::Parenthesis, arguments.into_iter().collect());
    group.set_span(end);
    [name, TokenTree::Group(group)].into_iter().collect()
}

fn resolve(source: &Source) -> Result<Network, Faults> {
    let Source::Call(Spanned { node: call, span }) = source else { return spec::resolve_source(source) };
    let with = |arguments: &[Argument], span| {
        let call = Call { name: call.name.clone(), arguments: arguments.to_vec() };
        spec::resolve_source(&Source::Call(Spanned { node: call, span }))
    };
    let name = if call.arguments.is_empty() { *span } else { call.name.span };
    let whole = match with(&call.arguments, name) {
        Ok(network) => return Ok(network),
        Err(faults) => faults,
    };
    // The preset's faults lie somewhere in its file. An argument that makes them alone is their cause, and the first
    // of them tells it.
    let mut faults = Faults::default();
    for argument in &call.arguments {
        if let Err(found) = with(std::slice::from_ref(argument), argument.value.span) {
            faults.list.extend(found.list.into_iter().next());
        }
    }
    if faults.list.is_empty() {
        return Err(whole);
    }
    // A duplicate shows only beside its twin.
    faults.list.extend(whole.list.into_iter().filter(|fault| fault.diagnostic.code == Code::SpecDuplicate));
    Err(faults)
}
