//! Tensors that the user gives, or that are drawn.

use crate::facts::Facts;
use crate::failure::Failure;
use crate::network::Net;
use crate::npy;
use rexnet::verification::seeded_input;
use rexnet::{Code, Diagnostic, Location};
use std::path::Path;

/// An input of a network.
#[derive(Debug)]
pub(crate) struct Input {
    /// Images in it.
    pub(crate) batch: usize,
    /// NCHW, unpadded.
    pub(crate) data: Vec<f32>,
    /// Where it comes from.
    pub(crate) origin: String,
}

impl Input {
    /// Reads a `.npy` file, whose first extent says how many images there are, and what is known of the network
    /// at that batch.
    ///
    /// # Errors
    /// Faults of the network; `RX0701`, `RX0704` when the file is not as the network needs it.
    pub(crate) fn from_file(path: &Path, net: &Net) -> Result<(Facts, Self), Failure> {
        let array = npy::read(path)?;
        let mut facts = net.facts(None)?;
        let needed = facts.input()?;
        match (&array.dims[..], needed) {
            ([batch @ 1..=usize::MAX, others @ ..], [_, own @ ..]) if others == own => {
                if *batch != facts.batch() {
                    facts = net.facts(Some(*batch))?;
                }
                let origin = path.display().to_string();
                Ok((facts, Self { batch: *batch, data: array.data, origin }))
            }
            _ => {
                let rest: String = needed.iter().skip(1).map(|extent| format!(", {extent}")).collect();
                let cause = format!("its shape is {:?}, the network needs [images{rest}]", array.dims);
                Err(npy::broken(path, cause).into())
            }
        }
    }

    /// Draws one.
    ///
    /// # Errors
    /// `RX0706` when the network has several inputs.
    fn seeded(facts: &Facts, seed: u64) -> Result<Self, Diagnostic> {
        // The verifier bounds every tensor of the graph.
        let data = seeded_input(facts.input()?.iter().product(), seed);
        Ok(Self { batch: facts.batch(), data, origin: format!("seeded with {seed}") })
    }

    /// The file if there is one, else a drawn one of so many images; and what is known of the network.
    ///
    /// # Errors
    /// As [`Input::from_file`].
    pub(crate) fn choose(
        path: Option<&Path>,
        net: &Net,
        batch: Option<usize>,
        seed: u64,
    ) -> Result<(Facts, Self), Failure> {
        if let Some(path) = path {
            return Self::from_file(path, net);
        }
        let facts = net.facts(batch)?;
        let input = Self::seeded(&facts, seed)?;
        Ok((facts, input))
    }
}

/// Reads the outputs that a network is expected to give: each argument is a `.npy` file for the only output, or
/// `NAME=FILE` for that of this name. There is an element for each output.
///
/// # Errors
/// `RX0701`, `RX0704` when a shape is not that of the output, `RX0706` when there is no output of a name.
pub(crate) fn expected(arguments: &[String], facts: &Facts) -> Result<Vec<Option<Vec<f32>>>, Diagnostic> {
    let mut expected = vec![None; facts.outputs().len()];
    for argument in arguments {
        let named = argument.split_once('=').and_then(|(name, path)| {
            Some((facts.outputs().iter().position(|(output, _)| output == name)?, path))
        });
        let (index, path) = match named {
            Some(named) => named,
            None if facts.outputs().len() == 1 => (0, argument.as_str()),
            None => {
                let names: Vec<&str> = facts.outputs().iter().map(|(name, _)| name.as_str()).collect();
                let cause = format!("{argument} does not say of which output it is");
                return Err(Diagnostic::new(Code::RunArguments, Location::None, cause)
                    .with_help(format!("give NAME=FILE; the outputs are {}", names.join(", "))));
            }
        };
        let (path, needed) = (Path::new(path), &facts.outputs()[index].1);
        let array = npy::read(path)?;
        if array.dims != *needed {
            let cause = format!("its shape is {:?}, the output has {needed:?}", array.dims);
            return Err(npy::broken(path, cause));
        }
        expected[index] = Some(array.data);
    }
    Ok(expected)
}
