//! Tensors that the user gives, or that are drawn.

use crate::npy;
use rexnet::verification::seeded_input;
use rexnet::{Code, Diagnostic, Location};
use rexnet_ir::graph::MAX_ELEMENTS;
use rexnet_ir::spec::{INPUT, Network};
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
    /// Reads a `.npy` file; its first extent says how many images there are.
    ///
    /// # Errors
    /// `RX0701`, `RX0704` when it is not as the network needs it.
    pub(crate) fn from_file(path: &Path, network: &Network) -> Result<Self, Diagnostic> {
        let array = npy::read(path)?;
        let [channels, height, width] = network.input;
        match array.dims[..] {
            [batch @ 1..=usize::MAX, c, h, w] if [c, h, w] == network.input => {
                Ok(Self { batch, data: array.data, origin: path.display().to_string() })
            }
            _ => {
                let cause = format!(
                    "its shape is {:?}, the network needs [images, {channels}, {height}, {width}]",
                    array.dims
                );
                Err(npy::broken(path, cause))
            }
        }
    }

    /// Draws one.
    ///
    /// # Errors
    /// `RX0203` when it is larger than any tensor may be.
    pub(crate) fn seeded(batch: usize, network: &Network, seed: u64) -> Result<Self, Diagnostic> {
        let elements = network.input.iter().try_fold(batch, |product, &dim| product.checked_mul(dim));
        match elements {
            Some(elements @ 0..=MAX_ELEMENTS) => {
                Ok(Self { batch, data: seeded_input(elements, seed), origin: format!("seeded with {seed}") })
            }
            Some(_) | None => {
                let location = Location::Name(INPUT.to_owned());
                let cause = format!("{batch} images of {:?} are too many elements", network.input);
                Err(Diagnostic::new(Code::GraphTooLarge, location, cause).with_help("use a smaller batch"))
            }
        }
    }

    /// The file if there is one, else a drawn one.
    ///
    /// # Errors
    /// As [`Input::from_file`].
    pub(crate) fn choose(
        path: Option<&Path>,
        batch: usize,
        network: &Network,
        seed: u64,
    ) -> Result<Self, Diagnostic> {
        match path {
            Some(path) => Self::from_file(path, network),
            None => Self::seeded(batch, network, seed),
        }
    }
}

/// Reads the output that a network is expected to give.
///
/// # Errors
/// `RX0701`, `RX0704` when its shape is not that of the output.
pub(crate) fn expected(path: &Path, batch: usize, network: &Network) -> Result<Vec<f32>, Diagnostic> {
    let array = npy::read(path)?;
    if array.dims == [batch, network.classes] {
        return Ok(array.data);
    }
    let cause = format!("its shape is {:?}, the output has [{batch}, {}]", array.dims, network.classes);
    Err(npy::broken(path, cause))
}
