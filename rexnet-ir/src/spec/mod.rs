#![doc = include_str!("reference.md")]

mod evaluate;
mod expand;
mod fault;
mod functions;
mod limits;
mod names;
pub mod network;
mod parse;
pub mod preprocessing;
mod presets;
mod pytorch;
mod resolve;
pub mod rounding;
mod schedule;
pub mod syntax;

pub use expand::{INPUT, OUTPUT, expand};
pub use fault::{Fault, Faults};
pub use limits::{MAX_BYTES, MAX_NESTING};
pub use network::Network;
pub use presets::{PRESETS, Preset};
pub use pytorch::pytorch;

use crate::diagnostic::{Code, Diagnostics};
use preprocessing::Preprocessing;
use proc_macro2::{Span, TokenStream};
use syntax::{Definition, Source, Spanned};

/// The reference of the language, in Markdown.
pub const REFERENCE: &str = include_str!("reference.md");

/// The syntax of a spec, without its meaning.
///
/// # Errors
/// `RX0101` for text that does not follow the grammar, `RX0106` for text beyond the limits.
pub fn parse_source(source: &str) -> Result<Source, Diagnostics> {
    parse::text(source)
}

/// The network of a spec: a definition with its defaults, or a preset with arguments.
///
/// # Errors
/// `RX0101` to `RX0106`, all of them with byte ranges of `source`.
pub fn parse_network(source: &str) -> Result<Network, Diagnostics> {
    parse_network_with(source, &[])
}

/// Like [`parse_network`], with further arguments; these outweigh those in the text.
///
/// # Errors
/// As for [`parse_network`]; an argument that the network has no parameter for is `RX0102`.
pub fn parse_network_with(source: &str, arguments: &[(&str, f64)]) -> Result<Network, Diagnostics> {
    let syntax = parse::text(source)?;
    instantiate(&syntax, arguments).map_err(|faults| faults.in_text(source))
}

/// The preprocessing that a text states, such as the sidecar file of an ONNX model: the fields of a spec's
/// `preprocess` in braces, for an input of channels, height and width.
///
/// # Errors
/// `RX0101` to `RX0106`, all of them with byte ranges of `source`.
pub fn parse_preprocessing(source: &str, input: [usize; 3]) -> Result<Preprocessing, Diagnostics> {
    let record = parse::record_text(source)?;
    resolve::preprocessing(&record, input).map_err(|faults| faults.in_text(source))
}

/// The network of a spec given as tokens, for macros: faults keep the tokens' spans.
///
/// # Errors
/// As for [`parse_network`].
pub fn parse_tokens(tokens: TokenStream) -> Result<Network, Faults> {
    resolve_source(&parse_source_tokens(tokens)?)
}

/// The syntax of a spec given as tokens, without its meaning: the first half of [`parse_tokens`].
///
/// # Errors
/// As for [`parse_source`].
pub fn parse_source_tokens(tokens: TokenStream) -> Result<Source, Faults> {
    parse::tokens(tokens)
}

/// What a spec's syntax means: the second half of [`parse_tokens`].
///
/// # Errors
/// `RX0102` to `RX0106`, at the spans in the syntax.
pub fn resolve_source(source: &Source) -> Result<Network, Faults> {
    instantiate(source, &[])
}

fn instantiate(source: &Source, more: &[(&str, f64)]) -> Result<Network, Faults> {
    match source {
        Source::Definition(definition) => {
            let arguments = resolve::bind(definition, &[], more, definition.name.span)?;
            resolve::resolve(definition, &arguments)
        }
        Source::Call(Spanned { node: call, span }) => {
            let definition = preset(&call.name.node, call.name.span)?;
            let arguments = resolve::bind(&definition, &call.arguments, more, *span)?;
            resolve::resolve(&definition, &arguments).map_err(|faults| faults.at_call(&call.name.node, *span))
        }
    }
}

/// What a call of the preset of that name may set: its own parameters, and what every network has. Empty where there is no
/// such preset.
pub fn arguments_of(name: &str) -> Vec<String> {
    let Ok(definition) = preset(name, Span::call_site()) else { return Vec::new() };
    let own = definition.parameters.into_iter().map(|parameter| parameter.name.node);
    own.chain(resolve::SETTINGS.iter().map(|&name| name.to_owned())).collect()
}

/// Help for a name that there is not: the known name within two edits, if there is one, and all `known` names.
pub fn advice<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    names::advice(name, known)
}

fn preset(name: &str, span: Span) -> Result<Definition, Faults> {
    let mut faults = Faults::default();
    let Some(preset) = PRESETS.iter().find(|preset| preset.name == name) else {
        let help = names::advice(name, PRESETS.iter().map(|preset| preset.name));
        faults.push_help(Code::SpecUnknownName, span, format!("there is no preset `{name}`"), help);
        return Err(faults);
    };
    match preset.source.parse().map(parse::tokens) {
        Ok(Ok(Source::Definition(definition))) => Ok(definition),
        Ok(Ok(Source::Call(_)) | Err(_)) | Err(_) => {
            faults.push(Code::SpecSyntax, span, format!("the file of preset `{name}` is no definition"));
            Err(faults)
        }
    }
}
