//! Program → Rust source: one module a network, for `core` alone, readable and without dependencies.
//!
//! The module holds the network's facts as constants, a type with the weights, and for every [`Version`] the
//! distinct kernels and a function that calls them in order. Which version runs is chosen once, when a network is
//! made.

#[cfg(feature = "text")]
mod documentation;
mod interface;
mod kernel;
mod machine_code;
mod names;
mod program;
mod session;
mod support;
mod threads;
mod vectors;
mod version;

pub use names::TAKEN_TYPES;
pub use version::Version;

#[cfg(feature = "text")]
use crate::loops::Kernel;
use crate::loops::sections;
use crate::plan::{self, Program, Work};
use names::identifier;
use proc_macro2::{Ident, TokenStream};
use program::Cut;
use quote::quote;
use rexnet_ir::graph::Counts;
use vectors::Vocabulary;

/// Where a module's weights come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WeightsSource {
    /// The user's program brings them at run time.
    RunTime,
    /// The module includes this file when it is compiled.
    Embedded(Embedding),
}

/// How generated code names a file of packed weights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Embedding {
    /// `include_bytes!("…")`, relative to the module's own file.
    BesideModule(String),
    /// `include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/…"))`, relative to the crate that is compiled.
    InCrate(String),
}

/// What to write, beside the programs themselves.
#[derive(Clone, Debug)]
pub struct ModuleOptions {
    /// The name of the network's type.
    pub type_name: String,
    /// Documentation of the type; the first lines of the module where it is a file.
    pub title: String,
    /// The spec, or another description of the network.
    pub spec: String,
    /// Parameters and multiply-accumulates of the network as its source says it.
    pub counts: Counts,
    /// Where the weights come from.
    pub weights: WeightsSource,
    /// Whether the kernels of AVX2 and AVX-512 are machine code, written as bytes, instead of Rust: as fast in a build
    /// without optimisation. Needs the feature `x64`; a kernel that our assembler refuses, and all others, are Rust.
    pub machine_code: bool,
    /// Whether `std` may be used: `load(path)`, weights and scratch on the heap.
    pub std: bool,
    /// The path of a module with the trait `Threads` and the type `Progress` of `rexnet-threads`. `None` writes their text
    /// into the module, which depends on nothing then.
    pub threads: Option<TokenStream>,
    /// The name of a function for programs that load the module as a library. There is nothing else to call then:
    /// `unsafe extern "C" fn(call: usize, outer: isize, begin: isize, end: isize, arena: *mut f32, weights: *const f32,
    /// inputs: *const *const f32, outputs: *const *mut f32, private: *mut f32)`. It runs passes of a call of the first
    /// version's [`Schedule`](crate::plan::Schedule), with private scratch memory, or with that in the arena where there
    /// is none. The processor has the version's features, the memory is as large as the program says, and calls at the
    /// same time are of one stage: the caller sees to it.
    pub entry: Option<String>,
}

/// The tokens of a module's content: items without the module around them.
///
/// `programs` are one network lowered for each version, of one weight layout; the version that dispatch prefers
/// stands first. Version [`Version::Portable`] is needed where others do not cover all processors.
///
/// # Panics
/// When there is no program.
pub fn module(programs: &[(Version, Program)], options: &ModuleOptions) -> TokenStream {
    write(programs, options, Notes { written: false })
}

/// A module as the text of a file, with comments. Equal arguments give equal bytes.
///
/// # Panics
/// As [`module`].
#[cfg(feature = "text")]
pub fn file(programs: &[(Version, Program)], options: &ModuleOptions) -> String {
    let documentation = documentation::of_module(&programs[0].1, options);
    let content = write(programs, options, Notes { written: true });
    let tokens = quote!(#documentation #content);
    format!("{GENERATED}\n{}", format_with_notes(tokens))
}

/// The sections of each of a program's kernels as an emitted version has them. [`Schedule`](crate::plan::Schedule)s made
/// of them say what the numbers of calls mean that [`ModuleOptions::entry`] takes.
pub fn works(version: Version, program: &Program) -> Vec<Vec<Work>> {
    let of_kernel =
        |kernel| sections(kernel).iter().map(|section| Work::of(section, version.target().lanes)).collect();
    program.kernels.iter().map(of_kernel).collect()
}

/// One verified kernel as the text of functions, one a section, with the operations that they call.
///
/// # Panics
/// As [`file()`].
#[cfg(feature = "text")]
pub fn kernel_text(kernel: &Kernel, version: Version) -> String {
    let mut vocabulary = Vocabulary::new(version);
    let sections = sections(kernel);
    let functions = (0..sections.len())
        .map(|index| kernel::function(kernel, &sections, index, &mut vocabulary, Notes { written: true }));
    let functions: TokenStream = functions.collect();
    let operations = vocabulary.definitions();
    format_with_notes(quote!(#functions #operations))
}

/// The lints that generated code does not keep, for `#[allow(…)]`.
pub fn allowed_lints() -> TokenStream {
    quote!(
        dead_code,
        unused_mut,
        unused_assignments,
        unused_imports,
        unused_variables,
        clippy::all,
        clippy::pedantic,
        clippy::nursery,
        clippy::restriction,
        reason = "generated"
    )
}

/// The first line of every generated file.
#[cfg(feature = "text")]
const GENERATED: &str = "// @generated by rexnetc. Do not edit: emit it again.";

fn write(programs: &[(Version, Program)], options: &ModuleOptions, notes: Notes) -> TokenStream {
    let facts = interface::facts(programs);
    let running = support::running(programs, notes);
    let cuts: Vec<Cut<'_>> = programs.iter().map(|(version, program)| Cut::of(*version, program)).collect();
    let calls = threads::calls(&programs[0].1, notes);
    let interface = match &options.entry {
        Some(name) => interface::entry(name, programs, notes),
        None => {
            let network = interface::network(programs, options, notes);
            let making = support::making(programs, options, notes);
            let sharing = threads::sharing(&cuts, options.threads.as_ref(), notes);
            quote!(#network #making #sharing)
        }
    };
    let versions = programs
        .iter()
        .zip(&cuts)
        .map(|((version, _), cut)| version_module(*version, cut, options.machine_code, notes));
    quote! {
        #facts
        #interface
        #calls
        #running
        #(#versions)*
    }
}

/// A version's kernels and what calls them.
fn version_module(version: Version, cut: &Cut<'_>, machine_code: bool, notes: Notes) -> TokenStream {
    let mut vocabulary = Vocabulary::new(version);
    let code = cut.code(version, notes);
    let mut kernels = Vec::new();
    for (kernel, sections) in cut.program.kernels.iter().zip(&cut.sections) {
        for index in 0..sections.len() {
            let bytes = machine_code.then(|| machine_code::function(version, kernel, sections, index, notes));
            kernels.push(
                bytes
                    .flatten()
                    .unwrap_or_else(|| kernel::function(kernel, sections, index, &mut vocabulary, notes)),
            );
        }
    }
    let definitions = vocabulary.definitions();
    let (cfg, name) = (version.cfg(), version.module());
    let intrinsics = version.architecture().map(|architecture| {
        let architecture = identifier(architecture);
        quote!(use core::arch::#architecture::*;)
    });
    let fused = (version == Version::Portable).then(|| {
        quote!(
            use super::fused_multiply_add;
        )
    });
    quote! {
        #cfg
        mod #name {
            #intrinsics
            #fused
            use super::{Call, Code, Memory, Task, part, scratch};
            #code
            #(#kernels)*
            #definitions
        }
    }
}

/// Comments in generated code. Tokens hold none, so a comment travels as a macro call, which
/// [`format_with_notes`] turns into text; for tokens that go straight to the compiler there is none.
#[derive(Clone, Copy, Debug)]
struct Notes {
    written: bool,
}

impl Notes {
    fn write(self, text: &str) -> TokenStream {
        if self.written { quote!(note!(#text);) } else { TokenStream::new() }
    }
}

/// Lays tokens out as source text, notes as comments.
///
/// # Panics
/// When the tokens are no Rust file, a fault of this emitter.
#[cfg(feature = "text")]
fn format_with_notes(tokens: TokenStream) -> String {
    let file = syn::parse2(tokens).unwrap_or_else(|error| panic!("generated code must parse: {error}"));
    let laid_out = prettyplease::unparse(&file);
    let mut text = String::with_capacity(laid_out.len());
    let mut lines = laid_out.lines();
    while let Some(line) = lines.next() {
        let code = line.trim_start();
        let indent = &line[..line.len() - code.len()];
        let Some(call) = code.strip_prefix("note!(") else {
            text.push_str(line);
            text.push('\n');
            continue;
        };
        // A long call is broken: its text stands on the next line, its end on the one after.
        let call = if call.is_empty() { lines.next().unwrap_or_default().trim() } else { call };
        if !call.ends_with(");") {
            lines.next();
        }
        let note = call.trim_end_matches(");").trim_end_matches(',').trim_matches('"');
        comment(&mut text, indent, note);
    }
    text
}

/// Writes a comment, broken into lines of at most 100 columns; where it is indented itself, the rest is so further.
#[cfg(feature = "text")]
fn comment(text: &mut String, indent: &str, note: &str) {
    let own = note.len() - note.trim_start().len();
    let mut column = usize::MAX;
    for word in note.split(' ') {
        if column.saturating_add(1 + word.len()) > 100 {
            text.push_str(if column == usize::MAX { "" } else { "\n" });
            text.push_str(indent);
            text.push_str("//");
            let further = if column == usize::MAX || own == 0 { 0 } else { own + 2 };
            text.extend(std::iter::repeat_n(' ', further));
            column = indent.len() + 2 + further;
        }
        text.push(' ');
        text.push_str(word);
        column += 1 + word.len();
    }
    text.push('\n');
}

/// The parameter or field for a port.
fn port_names(prefix: &str, count: usize) -> Vec<Ident> {
    plan::port_names(prefix, count).iter().map(|name| identifier(name)).collect()
}
