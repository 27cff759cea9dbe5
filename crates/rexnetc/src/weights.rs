//! Which weights a network gets.

use crate::arguments::WeightsArguments;
use crate::embedded;
use crate::file;
use crate::terminal::Terminal;
use rexnet::{Code, Diagnostic, Diagnostics, Location, Weights};
use rexnet_codegen::driver::{Compilation, MAX_WEIGHTS_BYTES};
use rexnet_ir::spec::Network;
use std::fmt;
use std::path::PathBuf;

/// Weights and where they come from.
#[derive(Debug)]
pub(crate) enum Chosen {
    /// A file, read whole.
    File(PathBuf, Vec<u8>),
    /// Those of the embedded network.
    Embedded,
    /// Drawn from a seed.
    Seeded(u64),
}

impl Chosen {
    /// The file if one is given, the embedded weights if they were trained for this network, else seeded ones.
    ///
    /// # Errors
    /// `RX0701` when the file cannot be read.
    pub(crate) fn new(arguments: &WeightsArguments, network: &Network) -> Result<Self, Diagnostic> {
        Ok(match &arguments.weights {
            Some(path) => Chosen::File(path.clone(), file::read(path, MAX_WEIGHTS_BYTES)?),
            None if embedded::fits(network) => Chosen::Embedded,
            None => Chosen::Seeded(arguments.seed),
        })
    }

    /// For the compiler.
    pub(crate) fn source(&self) -> Weights<'_> {
        match self {
            Chosen::File(_, content) => Weights::Safetensors(content),
            Chosen::Embedded => Weights::Safetensors(embedded::WEIGHTS),
            Chosen::Seeded(seed) => Weights::Seeded(*seed),
        }
    }

    /// Names the file in faults of its format.
    pub(crate) fn locate(&self, mut faults: Diagnostics) -> Diagnostics {
        if let Chosen::File(path, _) = self {
            for fault in &mut faults.list {
                if fault.code == Code::WeightsFormat {
                    fault.location = Location::File(path.display().to_string());
                }
            }
        }
        faults
    }

    /// Warns of tensors that the network does not use.
    pub(crate) fn warn_of_unused(&self, compilation: &Compilation, terminal: &Terminal) {
        const SHOWN: usize = 3;
        let Some(loaded) = &compilation.loaded else { return };
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

/// The file, `embedded`, or the seed.
impl fmt::Display for Chosen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Chosen::File(path, _) => write!(f, "{}", path.display()),
            Chosen::Embedded => f.write_str("embedded (trained on ImageNet)"),
            Chosen::Seeded(seed) => write!(f, "seeded with {seed}, answers mean nothing"),
        }
    }
}
