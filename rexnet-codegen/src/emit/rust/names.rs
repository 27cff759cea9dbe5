//! Identifiers: the loop text's own names where Rust allows them, made distinct across buffers, variables,
//! registers and `let`s, which Rust keeps in one namespace.

use crate::loops::Kernel;
use proc_macro2::{Ident, Span};
use std::collections::HashSet;

/// The types of a generated module, and those that it uses without a path, in order: none can be the name of the
/// network's type.
pub const TAKEN_TYPES: &[&str] = &[
    "AtomicUsize",
    "Box",
    "Call",
    "Clone",
    "Code",
    "Copy",
    "Debug",
    "Drop",
    "Embedded",
    "Eq",
    "Err",
    "Error",
    "FloatMode",
    "Fn",
    "FnMut",
    "FnOnce",
    "From",
    "Iterator",
    "Line",
    "Memory",
    "None",
    "Ok",
    "Option",
    "Ordering",
    "PartialEq",
    "Private",
    "Progress",
    "Result",
    "Scratch",
    "Self",
    "Session",
    "Some",
    "Sync",
    "Task",
    "ThreadScratch",
    "Threads",
    "Version",
    "Weights",
];

/// The parameters of a section's function that say which passes of its inner loop it runs.
pub(super) const BEGIN: &str = "begin";
/// One past the last of them.
pub(super) const END: &str = "end";

/// The identifiers of one kernel, by identity.
#[derive(Debug)]
pub(super) struct Names {
    pub(super) buffers: Vec<Ident>,
    pub(super) variables: Vec<Ident>,
    /// One for each register of each array.
    pub(super) registers: Vec<Vec<Ident>>,
    pub(super) locals: Vec<Ident>,
}

impl Names {
    pub(super) fn of(kernel: &Kernel) -> Self {
        let mut taken = HashSet::from([BEGIN, END].map(str::to_owned));
        let mut distinct = |name: String| {
            let free = std::iter::once(name.clone()).chain((2u32..).map(|number| format!("{name}_{number}")));
            let name = free.into_iter().find(|name| taken.insert(name.clone())).unwrap_or(name);
            Ident::new(&name, Span::call_site())
        };
        Self {
            buffers: kernel.buffers.iter().map(|buffer| distinct(legal(&buffer.name))).collect(),
            variables: kernel.variables.iter().map(|name| distinct(legal(name))).collect(),
            registers: kernel
                .registers
                .iter()
                .map(|array| match array.count {
                    1 => vec![distinct(legal(&array.name))],
                    count => {
                        // A number at the end makes no keyword of a legal name.
                        let name = legal(&array.name);
                        (0..count).map(|index| distinct(format!("{name}_{index}"))).collect()
                    }
                })
                .collect(),
            locals: kernel.locals.iter().map(|local| distinct(legal(&local.name))).collect(),
        }
    }
}

/// An identifier of that name.
pub(super) fn identifier(name: &str) -> Ident {
    Ident::new(&legal(name), Span::call_site())
}

/// The name, with every character that Rust does not allow replaced, and no keyword.
fn legal(name: &str) -> String {
    let mut legal: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }).collect();
    if legal.is_empty() || legal == "_" || legal.starts_with(|c: char| c.is_ascii_digit()) {
        legal.insert_str(0, "value_");
    }
    if syn::parse_str::<Ident>(&legal).is_err() {
        legal.push('_');
    }
    legal
}
