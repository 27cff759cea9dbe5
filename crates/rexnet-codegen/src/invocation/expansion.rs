//! The items of an expansion.

use super::head::Head;
use crate::emit::rust::{self, Embedding, ModuleOptions, Version, WeightsSource};
use crate::plan::Program;
use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use rexnet_ir::graph::Counts;
use rexnet_ir::spec::syntax::{Source, Spanned};

/// The module of the network and the re-export of its type.
pub(super) fn items(
    head: &Head,
    source: &Source,
    weights: Option<&Spanned<String>>,
    counts: Counts,
    programs: &[(Version, Program)],
) -> TokenStream {
    let Head { conditions, attributes, visibility, name } = head;
    let title = match source {
        Source::Call(call) => format!("The network `{call}`."),
        Source::Definition(definition) => format!("The network `{}`.", definition.name),
    };
    let options = ModuleOptions {
        type_name: name.to_string(),
        title,
        spec: source.to_string(),
        counts,
        weights: weights.map_or(WeightsSource::RunTime, |path| {
            WeightsSource::Embedded(Embedding::InCrate(path.node.clone()))
        }),
        std: true,
        entry: None,
    };
    let content = rust::module(programs, &options);
    let allowed = rust::allowed_lints();
    let module = Ident::new(&module_name(&name.to_string()), Span::call_site());
    let documentation = format!(" What [`{name}`] consists of and works with.");
    quote! {
        #conditions
        #[doc = #documentation]
        #[allow(#allowed)]
        #visibility mod #module { #content }
        #conditions
        #attributes
        #[allow(unused_imports)]
        #visibility use #module::#name;
    }
}

/// The type's name in snake case; with a word more where that is the name of a crate that the invocation or the
/// module needs.
fn module_name(type_name: &str) -> String {
    let mut name = String::new();
    let mut before = '_';
    for c in type_name.chars() {
        if c.is_ascii_uppercase() && before.is_ascii_lowercase() {
            name.push('_');
        }
        name.push(c.to_ascii_lowercase());
        before = c;
    }
    let is_word = syn::parse_str::<Ident>(&name).is_ok();
    if !is_word || ["rexnet", "core", "std", "alloc"].contains(&name.as_str()) {
        name.push_str("_network");
    }
    name
}
