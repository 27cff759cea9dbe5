//! The macros as functions of tokens: what is accepted, and where each fault lies.

mod faults;
mod items;
mod names;
mod sidecars;
mod weights;

use proc_macro2::TokenStream;
use rexnet_codegen::invocation::{Abilities, Architecture, Macro, items};
use rexnet_ir::spec::Fault;
use std::path::Path;

const ABILITIES: Abilities = Abilities { image: true, threads: false };

/// The items of an invocation of which only the portable version is made, as text.
fn expand(invoked: Macro, invocation: &str, folder: Option<&Path>) -> Result<String, Vec<Fault>> {
    let tokens: TokenStream = invocation.parse().unwrap();
    let items = items(invoked, Architecture::Other, ABILITIES, tokens, folder);
    items.map(|items| items.to_string()).map_err(|faults| faults.list)
}

/// Code, place (line and column from 1) and text of the tokens of each fault. Where it is the whole invocation there
/// is no text.
fn faults(invoked: Macro, invocation: &str, folder: Option<&Path>) -> Vec<(String, String)> {
    let found = expand(invoked, invocation, folder).err().unwrap_or_default();
    let of = |Fault { span, diagnostic }: &Fault| {
        let (start, text) = (span.start(), span.source_text());
        let place =
            text.map_or_else(String::new, |text| format!("{}:{} {text}", start.line, start.column + 1));
        (diagnostic.code.code().to_owned(), place)
    };
    found.iter().map(of).collect()
}
