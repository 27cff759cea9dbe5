//! Tensors that the user gives, or that are drawn.

use crate::facts::Facts;
use crate::failure::Failure;
use crate::file;
use crate::network::Net;
use crate::npy::{self, Array};
use crate::npz;
use crate::photograph;
use crate::preprocess::{self, PreprocessArguments};
use rexnet::verification::{ExpectedValue, seeded_input};
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
    /// Reads a `.npy` file, or of a `.npz` file the array with the input's name, else the only one. The first extent says
    /// how many images there are, and its others bind what the network leaves free; what is known of the network is that at this batch.
    ///
    /// # Errors
    /// Faults of the network; `RX0701`, `RX0704` when the file is not as the network needs it.
    pub(crate) fn from_file(path: &Path, net: &mut Net) -> Result<(Facts, Self), Failure> {
        if let Some(name) = net.input_name()? {
            let array = npz::pick(path, &name)?;
            if array.dims.iter().all(|&extent| extent > 0) {
                net.bind_shape(&array.dims);
            }
            let facts = net.facts(None)?;
            return Self::of_array(path, array, net, facts);
        }
        let facts = net.facts(None)?;
        let array = npz::pick(path, facts.input_name()?)?;
        Self::of_array(path, array, net, facts)
    }

    fn of_array(path: &Path, array: Array, net: &Net, mut facts: Facts) -> Result<(Facts, Self), Failure> {
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

    /// As [`Input::from_file`], or a photograph as the network's preprocessing makes it.
    ///
    /// # Errors
    /// As [`Input::from_file`]; `RX0702`, `RX0703` for a photograph, `RX0707` where nothing says how it becomes an input.
    pub(crate) fn from_file_or_photograph(
        path: &Path,
        net: &mut Net,
        arguments: &PreprocessArguments,
    ) -> Result<(Facts, Self), Failure> {
        if !photograph::is_photograph(&file::beginning(path)?) {
            return Self::from_file(path, net);
        }
        let facts = net.facts(None)?;
        let preprocessing = arguments.choose(net, &facts)?.ok_or_else(|| preprocess::missing(net))?;
        let name = path.display().to_string();
        let [channels, height, width] = facts.image()?;
        let mut data = photograph::read(facts.input()?, &preprocessing, path)?.input;
        if data.len() != channels * height * width {
            let cause = format!("the network takes {channels} channels, photographs have 3");
            return Err(Diagnostic::new(Code::RunArguments, Location::File(name), cause).into());
        }
        // A model that is fixed to several images gets the same one.
        data = data.repeat(facts.batch());
        Ok((facts.clone(), Self { batch: facts.batch(), data, origin: name }))
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
        net: &mut Net,
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

/// Reads the outputs that a network is expected to give: each argument is a `.npy` file for the only output, `NAME=FILE`
/// for that of this name, or a `.npz` file with arrays that are called like outputs. There is an element for each output.
///
/// # Errors
/// `RX0701`, `RX0704` when a file or a shape does not fit, `RX0706` when there is no output of a name.
pub(crate) fn expected(arguments: &[String], facts: &Facts) -> Result<Vec<Option<Vec<f32>>>, Diagnostic> {
    let outputs = facts.outputs();
    let mut expected = vec![None; outputs.len()];
    let mut take = |index: usize, path: &Path, array: Array| {
        let needed = &outputs[index].1;
        if array.dims != *needed {
            let cause = format!("its shape is {:?}, the output has {needed:?}", array.dims);
            return Err(npy::broken(path, cause));
        }
        expected[index] = Some(array.data);
        Ok(())
    };
    for argument in arguments {
        let named = argument
            .split_once('=')
            .and_then(|(name, path)| Some((outputs.iter().position(|(output, _)| output == name)?, path)));
        match named {
            Some((index, path)) => {
                let path = Path::new(path);
                take(index, path, npz::pick(path, &outputs[index].0)?)?;
            }
            None if outputs.len() == 1 => {
                let path = Path::new(argument);
                take(0, path, npz::pick(path, &outputs[0].0)?)?;
            }
            None => {
                let path = Path::new(argument);
                let names: Vec<&str> = outputs.iter().map(|(name, _)| name.as_str()).collect();
                let found = if path.is_file() {
                    npz::named(path, &|name| names.contains(&name))?
                } else {
                    Vec::new()
                };
                if found.is_empty() {
                    let cause = format!("{argument} does not say of which output it is");
                    return Err(Diagnostic::new(Code::RunArguments, Location::None, cause)
                        .with_help(format!("give NAME=FILE; the outputs are {}", names.join(", "))));
                }
                for (name, array) in found {
                    if let Some(index) = names.iter().position(|other| *other == name) {
                        take(index, path, array)?;
                    }
                }
            }
        }
    }
    Ok(expected)
}

/// Reads the intermediate values of another engine: all arrays of a `.npz` file.
///
/// # Errors
/// `RX0701`, `RX0704` when it is none.
pub(crate) fn expected_nodes(path: &Path) -> Result<Vec<ExpectedValue>, Diagnostic> {
    let values = npz::named(path, &|_| true)?;
    if values.is_empty() {
        let cause = "it is no .npz file, whose arrays have names";
        return Err(npy::broken(path, cause).with_help(npz::SAVE));
    }
    let value = |(name, Array { dims, data })| ExpectedValue { name, dims, data };
    Ok(values.into_iter().map(value).collect())
}
