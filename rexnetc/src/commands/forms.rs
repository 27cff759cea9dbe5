//! The forms that a network can be written in.

use super::code_arguments::Request;
use super::object_files::{self, Container};
use super::rust_source;
use crate::facts::Facts;
use crate::network::Net;
use crate::weights::Chosen;
use clap::ValueEnum;
use rexnet::{Code, Diagnostic, Diagnostics, Engine, Location, Options};
use rexnet_codegen::driver::{Compilation, FileKind};
use rexnet_codegen::emit::machine::{Tier, assembly_text, clif_text};
use rexnet_codegen::emit::rust::Version;
use rexnet_ir::{onnx, spec, weights};
use std::fmt::Write;

/// A form of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Form {
    /// NAME.graph, the optimised graph, and NAME.source.graph, the one that the source says.
    Graph,
    /// NAME.loops, all kernels as loop nests.
    Loops,
    /// NAME.plan, the calls and the memory plan.
    Plan,
    /// NAME.dot, the optimised graph for Graphviz.
    Dot,
    /// NAME.clif, all kernels in Cranelift's IR.
    Clif,
    /// NAME.avx512.asm and NAME.avx2.asm, the machine code of all kernels, disassembled, with the loop text beside it.
    Asm,
    /// NAME.rxi, machine code for this processor and packed weights: what starts fastest.
    Image,
    /// NAME.rs, a module that needs nothing but `core`; with NAME.rxw where there are weights.
    Rust,
    /// NAME.o and its header NAME.h, for programs in C; with NAME.rxw where there are weights.
    Obj,
    /// libNAME.a and its header NAME.h, the same as a static library.
    Staticlib,
    /// NAME.rxw, the packed weights.
    Weights,
    /// NAME.onnx, the network as the source says it, as an ONNX model of opset 17.
    Onnx,
    /// NAME.safetensors, its weights under their names.
    Safetensors,
    /// NAME.py, a spec as a PyTorch module to train elsewhere; its state_dict() is what --weights reads.
    Pytorch,
}

/// A file to write.
#[derive(Debug)]
pub(super) struct Product {
    /// The path below the directory.
    pub(super) path: String,
    /// The content.
    pub(super) bytes: Vec<u8>,
    /// Whether a file may be replaced only if it was generated too: its name is one that people give theirs.
    pub(super) guarded: bool,
}

impl Product {
    pub(super) fn new(path: String, content: impl Into<Vec<u8>>) -> Self {
        Self { path, bytes: content.into(), guarded: false }
    }
}

/// What is written in some form.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject<'a> {
    /// As the user named it.
    pub(super) net: &'a Net,
    /// What was known before compiling.
    pub(super) facts: &'a Facts,
    /// At every stage.
    pub(super) compilation: &'a Compilation,
    /// What code for other programs is to be like.
    pub(super) code: &'a Request,
    /// Where the weights come from.
    pub(super) weights: &'a Chosen,
}

impl Form {
    /// Whether people can read it.
    pub(super) fn is_text(self) -> bool {
        use Form::{Image, Obj, Onnx, Safetensors, Staticlib, Weights};
        !matches!(self, Image | Obj | Staticlib | Weights | Onnx | Safetensors)
    }

    /// The files of this form; the form itself is the first.
    ///
    /// # Errors
    /// When the network has no such form.
    pub(super) fn files(self, subject: Subject<'_>) -> Result<Vec<Product>, Diagnostics> {
        let Compilation { source, graph, program, weights: packed, .. } = subject.compilation;
        let name = subject.net.stem().unwrap_or_else(|| program.name.clone());
        Ok(match self {
            Form::Graph => vec![
                Product::new(format!("{name}.graph"), graph.to_string()),
                Product::new(format!("{name}.source.graph"), source.to_string()),
            ],
            Form::Loops => {
                let mut text = String::new();
                for kernel in &program.kernels {
                    // Writing to a string cannot fail.
                    let _ = writeln!(text, "{kernel}");
                }
                vec![Product::new(format!("{name}.loops"), text)]
            }
            Form::Plan => vec![Product::new(format!("{name}.plan"), program.to_string())],
            Form::Dot => vec![Product::new(format!("{name}.dot"), graph.dot())],
            Form::Clif => vec![Product::new(format!("{name}.clif"), clif_text(program)?)],
            Form::Asm => assembly(subject, &name)?,
            Form::Image => {
                let options =
                    Options { batch: Some(subject.facts.batch()), ..Options::sized(subject.net.sizes()) };
                let model =
                    Engine::new().compile(subject.net.source(), subject.weights.source(), &options)?;
                vec![Product::new(format!("{name}.{}", FileKind::Image.ending()), model.to_image()?)]
            }
            Form::Rust => rust_source::files(subject)?,
            Form::Obj => object_files::files(subject, Container::Object)?,
            Form::Staticlib => object_files::files(subject, Container::StaticLibrary)?,
            Form::Weights => vec![Product::new(format!("{name}.rxw"), packed.to_rxw())],
            Form::Onnx => vec![Product::new(format!("{name}.onnx"), onnx::export(source)?)],
            Form::Safetensors => {
                vec![Product::new(format!("{name}.safetensors"), weights::to_safetensors(source)?)]
            }
            Form::Pytorch => vec![module_of_python(subject, &name)?],
        })
    }
}

/// The ending of modules of Python.
pub(super) const PYTHON_ENDING: &str = "py";

/// # Errors
/// `RX0107` for a network that no spec describes.
fn module_of_python(subject: Subject<'_>, name: &str) -> Result<Product, Diagnostics> {
    let Some(network) = &subject.facts.network else {
        let location = Location::File(subject.facts.title.clone());
        let cause = "a PyTorch module is written from a spec, and this is a model";
        let fault = Diagnostic::new(Code::SpecNeeded, location, cause);
        return Err(fault.with_help("give the spec that says the same: `verify --against` compares").into());
    };
    let text = spec::pytorch(network)?;
    Ok(Product { guarded: true, ..Product::new(format!("{name}.{PYTHON_ENDING}"), text) })
}

/// The listing of each version that our assembler makes, the widest first.
fn assembly(subject: Subject<'_>, name: &str) -> Result<Vec<Product>, Diagnostics> {
    let chosen = &subject.code.versions;
    let tiers = [Tier::Avx512, Tier::Avx2].into_iter();
    let versions = tiers.filter_map(|tier| {
        let version = chosen.iter().find(|version| version.target().name == tier.target().name)?;
        Some((tier, *version))
    });
    let listing = |(tier, version): (Tier, Version)| {
        let programs = subject.compilation.versions(&[version]);
        let texts = programs.iter().map(|(_, program)| assembly_text(program, tier));
        let text: String = texts.collect::<Result<_, Diagnostics>>()?;
        Ok(Product::new(format!("{name}.{}.asm", tier.name()), text))
    };
    let products: Vec<Product> = versions.map(listing).collect::<Result<_, Diagnostics>>()?;
    if products.is_empty() {
        let cause = "only avx512 and avx2 have an assembler; --emit clif shows what Cranelift compiles";
        return Err(Diagnostic::new(Code::MachineCode, Location::None, cause).into());
    }
    Ok(products)
}
