//! The network of an invocation, and which argument is at fault where it is none.

use super::settings::{end, string};
use super::{Macro, fault, file};
use crate::driver::{FileKind, Source};
use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use rexnet_ir::diagnostic::{Code, Diagnostic, Diagnostics, Location};
use rexnet_ir::spec::syntax::{self, Argument, Call, Spanned};
use rexnet_ir::spec::{self, Fault, Faults, Network};
use std::path::Path;

/// How an invocation says what the network is.
#[derive(Debug)]
pub(super) enum Written {
    /// As a spec in the invocation itself.
    Spec(syntax::Source),
    /// As a file of the crate.
    File {
        /// As the invocation has it.
        path: String,
        /// Where that stands.
        span: Span,
        /// The spec that it holds; `None` of a model.
        text: Option<String>,
    },
}

impl Written {
    /// What documentation calls the network.
    pub(super) fn title(&self) -> String {
        match self {
            Written::Spec(syntax::Source::Call(call)) => format!("The network `{call}`."),
            Written::Spec(syntax::Source::Definition(definition)) => {
                format!("The network `{}`.", definition.name)
            }
            Written::File { path, .. } => format!("The network of `{path}`."),
        }
    }

    /// What the network was compiled from: a spec, or the name of a model's file.
    pub(super) fn text(&self) -> String {
        match self {
            Written::Spec(source) => source.to_string(),
            Written::File { text: Some(text), .. } => text.clone(),
            Written::File { path, text: None, .. } => path.clone(),
        }
    }

    /// The file of the crate.
    pub(super) fn file(&self) -> Option<&str> {
        match self {
            Written::Spec(_) => None,
            Written::File { path, .. } => Some(path),
        }
    }

    /// Whether it is a model.
    pub(super) fn is_model(&self) -> bool {
        matches!(self, Written::File { text: None, .. })
    }
}

/// The network as the invocation has it, and for the driver; what is wrong with a model is told when it is imported.
///
/// # Errors
/// Those of the syntax, and of a file; those of the meaning of a spec lie beside the syntax.
pub(super) fn parse(
    invoked: Macro,
    tokens: Vec<TokenTree>,
    folder: Option<&Path>,
) -> Result<(Written, Result<Source, Faults>), Faults> {
    if let (Macro::Network, Some(path)) = (invoked, string(&tokens)) {
        let span = tokens.first().map_or_else(Span::call_site, TokenTree::span);
        return of_file(&Spanned { node: path, span }, folder);
    }
    let tokens = match invoked {
        Macro::Network => tokens.into_iter().collect(),
        Macro::Rexnet => call(tokens),
    };
    let source = spec::parse_source_tokens(tokens)?;
    let network = resolve(&source);
    Ok((Written::Spec(source), network.map(Source::from)))
}

/// A `.rexnet` or `.onnx` file of the crate. What is wrong in it is told at its path.
fn of_file(
    path: &Spanned<String>,
    folder: Option<&Path>,
) -> Result<(Written, Result<Source, Faults>), Faults> {
    let Spanned { node: name, span } = path.clone();
    let Some(kind) = FileKind::of_name(Path::new(&name)) else {
        let cause = format!("`{name}` is no name of a file of a network: such names end in .rexnet or .onnx");
        return Err(fault(Code::SpecValue, span, cause, "write a spec without quotation marks").into());
    };
    let content = file::read(path, folder, "models/classifier.onnx", kind.max_bytes())?;
    let place = file::in_crate(path, folder, "")?;
    let named = |mut diagnostic: Diagnostic| {
        diagnostic.cause = format!("`{name}`: {}", diagnostic.cause);
        Fault { span, diagnostic }
    };
    let source = Source::of_content(kind, content, Some(&place)).map_err(named)?;
    let Source::Spec(text) = source else {
        return Ok((Written::File { path: name, span, text: None }, Ok(source)));
    };
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
    let source = parsed.map(Source::from).map_err(told);
    Ok((Written::File { path: name, span, text: Some(text) }, source))
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

fn resolve(source: &syntax::Source) -> Result<Network, Faults> {
    let syntax::Source::Call(Spanned { node: call, span }) = source else {
        return spec::resolve_source(source);
    };
    let with = |arguments: &[Argument], span| {
        let call = Call { name: call.name.clone(), arguments: arguments.to_vec() };
        spec::resolve_source(&syntax::Source::Call(Spanned { node: call, span }))
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
