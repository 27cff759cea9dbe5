//! The items of an expansion.

use super::classify;
use super::head::Head;
use super::settings::{Emission, Settings};
use super::sidecars::Sidecars;
use super::source::Written;
use crate::emit::rust::{self, Embedding, ModuleOptions, Version, WeightsSource};
use crate::plan::Program;
use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::quote;
use rexnet_ir::graph::Counts;
use rexnet_ir::spec::preprocessing::Preprocessing;

/// What became of the network.
pub(super) struct Compiled<'p> {
    pub(super) counts: Counts,
    pub(super) programs: &'p [(Version, Program)],
    /// The names of its classes.
    pub(super) names: Option<Vec<String>>,
    /// How photographs become its input, where the type shall classify them.
    pub(super) classify: Option<&'p Preprocessing>,
    /// Whether the crate that is named has the threads that networks run on.
    pub(super) threads: bool,
}

/// The module of the network and the re-export of its type.
pub(super) fn items(
    head: &Head,
    source: &Written,
    settings: &Settings,
    sidecars: &Sidecars,
    compiled: &Compiled<'_>,
) -> TokenStream {
    let Head { conditions, attributes, visibility, name } = head;
    let krate = settings.krate.as_ref().map_or_else(|| quote!(::rexnet), |path| path.node.clone());
    let options = ModuleOptions {
        type_name: name.to_string(),
        title: source.title(),
        spec: source.text(),
        counts: compiled.counts,
        weights: settings.weights.as_ref().map_or(WeightsSource::RunTime, |path| {
            WeightsSource::Embedded(Embedding::InCrate(path.node.clone()))
        }),
        machine_code: match &settings.emit {
            Some(emit) => emit.node == Emission::Assembly,
            None => cfg!(feature = "x64"),
        },
        std: settings.std.as_ref().is_none_or(|std| std.node),
        threads: compiled.threads.then(|| quote!(#krate::threads)),
        entry: None,
    };
    let content = rust::module(compiled.programs, &options);
    let classify = compiled
        .classify
        .filter(|_| options.std)
        .and_then(|preprocessing| classify::method(&compiled.programs[0].1, preprocessing, &krate));
    let labels = compiled.names.as_ref().map(|names| labels(name, names));
    let tracked = source.file().into_iter().chain(sidecars.files()).map(tracked);
    let allowed = rust::allowed_lints();
    let module = Ident::new(&module_name(&name.to_string()), Span::call_site());
    let documentation = format!(" What [`{name}`] consists of and works with.");
    quote! {
        #conditions
        #[doc = #documentation]
        #[allow(#allowed)]
        #visibility mod #module {
            #content
            #classify
            #labels
            #(#tracked)*
        }
        #conditions
        #[doc(inline)]
        #attributes
        #[allow(unused_imports)]
        #visibility use #module::#name;
    }
}

fn labels(name: &Ident, names: &[String]) -> TokenStream {
    let count = Literal::usize_unsuffixed(names.len());
    quote! {
        impl #name {
            /// The names of the classes.
            pub const LABELS: [&'static str; #count] = [#(#names),*];
        }
    }
}

/// Lets cargo compile again when a file has changed.
fn tracked(path: &str) -> TokenStream {
    let path = format!("/{path}");
    quote! {
        const _: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), #path));
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
