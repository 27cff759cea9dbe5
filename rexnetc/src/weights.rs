//! Which weights a network gets.

use crate::arguments::WeightsArguments;
use crate::embedded;
use crate::failure::Failure;
use crate::file;
use crate::terminal::Terminal;
use rexnet::{Bytes, Code, Diagnostic, Diagnostics, Location, Weights};
use rexnet_codegen::driver::{Compilation, MAX_WEIGHTS_BYTES};
use rexnet_codegen::plan::PACKED_MAGIC;
use rexnet_ir::spec::Network;
use std::fmt;
use std::path::{Path, PathBuf};

/// Weights and where they come from.
#[derive(Debug)]
pub(crate) enum Chosen {
    /// A file of named tensors, mapped.
    File(PathBuf, Bytes),
    /// A file of packed weights, mapped.
    Packed(PathBuf, Bytes),
    /// Those of the embedded network.
    Embedded,
    /// Those of the ONNX model.
    Model,
    /// Drawn from a seed.
    Seeded(u64),
}

impl Chosen {
    /// Those of the model if the network is none of a spec; else the file if one is given, the embedded weights if
    /// they were trained for this network, seeded ones.
    ///
    /// # Errors
    /// `RX0701` when the file cannot be read; wrong usage when there is a file for a model, whose weights are part
    /// of it under names of its own; `RX0301` for packed weights, which have no names.
    pub(crate) fn new(arguments: &WeightsArguments, network: Option<&Network>) -> Result<Self, Failure> {
        let chosen = Self::to_run(arguments, network)?;
        if let Chosen::Packed(path, _) = &chosen {
            let location = Location::File(path.display().to_string());
            let cause = "these are packed weights, which can only be run; here they are needed by name";
            let help = "give the file that they were packed from, .safetensors or .pth";
            return Err(Diagnostic::new(Code::WeightsFormat, location, cause).with_help(help).into());
        }
        Ok(chosen)
    }

    /// As [`Chosen::new`], and packed weights too: the network is only run.
    ///
    /// # Errors
    /// As [`Chosen::new`].
    pub(crate) fn to_run(arguments: &WeightsArguments, network: Option<&Network>) -> Result<Self, Failure> {
        Ok(match (&arguments.weights, network) {
            (None, None) => Chosen::Model,
            (Some(_), None) => {
                let message = "a model brings its own weights: leave --weights out, or name a spec";
                return Err(Failure::Usage(message.to_owned()));
            }
            (Some(path), Some(_)) => {
                let content = file::map(path, MAX_WEIGHTS_BYTES)?;
                match content.starts_with(PACKED_MAGIC) {
                    true => Chosen::Packed(path.clone(), content),
                    false => Chosen::File(path.clone(), content),
                }
            }
            (None, Some(network)) if embedded::fits(network) => Chosen::Embedded,
            (None, Some(_)) => Chosen::Seeded(arguments.seed()),
        })
    }

    /// Whether they mean something.
    pub(crate) fn are_trained(&self) -> bool {
        !matches!(self, Chosen::Seeded(_))
    }

    /// The same, unless they were drawn and nobody asked for that: what ships with weights shall not ship random ones
    /// unseen.
    ///
    /// # Errors
    /// Wrong usage.
    pub(crate) fn shippable(self, arguments: &WeightsArguments) -> Result<Self, Failure> {
        if self.are_trained() || arguments.are_given() {
            return Ok(self);
        }
        let message = "a spec has no weights: give --weights FILE, or --seed N for drawn ones";
        Err(Failure::Usage(message.to_owned()))
    }

    /// Their file.
    pub(crate) fn file(&self) -> Option<&Path> {
        match self {
            Chosen::File(path, _) | Chosen::Packed(path, _) => Some(path),
            Chosen::Embedded | Chosen::Model | Chosen::Seeded(_) => None,
        }
    }

    /// The names of classes that their file has in its metadata, one a line.
    pub(crate) fn labels(&self) -> Option<String> {
        match self {
            Chosen::File(_, content) => rexnet_ir::weights::labels(content),
            Chosen::Packed(..) | Chosen::Embedded | Chosen::Model | Chosen::Seeded(_) => None,
        }
    }

    /// For the compiler.
    pub(crate) fn source(&self) -> Weights {
        match self {
            Chosen::File(_, content) => Weights::File(content.clone()),
            Chosen::Packed(_, content) => Weights::Packed(content.clone()),
            Chosen::Embedded => Weights::file(embedded::WEIGHTS),
            // Nothing is left to draw in a model.
            Chosen::Model => Weights::Seeded(0),
            Chosen::Seeded(seed) => Weights::Seeded(*seed),
        }
    }

    /// Names the file in faults of its format.
    pub(crate) fn locate(&self, mut faults: Diagnostics) -> Diagnostics {
        if let Chosen::File(path, _) | Chosen::Packed(path, _) = self {
            for fault in &mut faults.list {
                if is_of_the_file(fault.code) {
                    fault.location = Location::File(path.display().to_string());
                }
            }
        }
        faults
    }

    /// Warns of tensors that the network does not use.
    pub(crate) fn warn_of_unused(&self, compilation: Option<&Compilation>, terminal: &Terminal) {
        const SHOWN: usize = 3;
        let Some(loaded) = compilation.and_then(|compilation| compilation.loaded.as_ref()) else { return };
        let unused = &loaded.unused;
        if unused.is_empty() {
            return;
        }
        let names = unused.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
        let more = if unused.len() > SHOWN { ", …" } else { "" };
        let (code, count) = (Code::WeightsUnused.code(), unused.len());
        terminal.note(&format!(
            "warning[{code}]: {self}: {count} tensors are not used by the network: {names}{more}"
        ));
    }
}

/// Whether a fault is one of a weights file as a whole.
fn is_of_the_file(code: Code) -> bool {
    matches!(
        code,
        Code::WeightsFormat
            | Code::PackedHeader
            | Code::CheckpointCode
            | Code::CheckpointContent
            | Code::CheckpointForm
            | Code::CheckpointSize
    )
}

/// The file, `embedded`, the model, or the seed.
impl fmt::Display for Chosen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Chosen::File(path, _) | Chosen::Packed(path, _) => write!(f, "{}", path.display()),
            Chosen::Embedded => f.write_str("embedded (trained on ImageNet)"),
            Chosen::Model => f.write_str("the model's own"),
            Chosen::Seeded(seed) => write!(f, "seeded with {seed}, answers mean nothing"),
        }
    }
}
