//! The images that a study looks at.

use super::channels::ChannelsArguments;
use crate::class_names;
use crate::dataset::Dataset;
use crate::facts::Facts;
use crate::failure::Failure;
use crate::network::Net;
use crate::photograph;
use crate::weights::Chosen;
use rexnet::{Diagnostic, Preprocessing};
use std::ffi::OsString;
use std::path::Path;

/// Where images come from.
pub(super) enum Images<'a> {
    /// With so many parts a side.
    Files(&'a [OsString], usize),
    /// So many of it.
    Dataset(Dataset, usize),
}

impl<'a> Images<'a> {
    /// Those that the arguments name.
    ///
    /// # Errors
    /// Those of the test set, and of a test set for what is no classifier.
    pub(super) fn choose(
        arguments: &'a ChannelsArguments,
        net: &Net,
        weights: &Chosen,
        facts: &Facts,
    ) -> Result<Self, Failure> {
        let Some(folder) = &arguments.data else {
            return Ok(Images::Files(&arguments.images, arguments.crops));
        };
        if !facts.is_classifier() {
            return Err(Failure::Usage(
                "--data needs a classifier: give images to other networks".to_owned(),
            ));
        }
        let labels = class_names::choose(None, net, weights, facts.classes())?;
        let dataset = Dataset::open(folder, &labels)?;
        let count = arguments.first.map_or(dataset.len(), |first| dataset.len().min(first as usize));
        Ok(Images::Dataset(dataset, count))
    }

    /// Photographs, or images of the set.
    pub(super) fn len(&self) -> usize {
        match self {
            Images::Files(paths, _) => paths.len(),
            Images::Dataset(_, count) => *count,
        }
    }

    /// The inputs of one of them for a network's input of those extents: the whole, then its parts.
    ///
    /// # Errors
    /// `RX0701` to `RX0703` for its file.
    pub(super) fn read(
        &self,
        index: usize,
        dims: &[usize],
        preprocessing: &Preprocessing,
    ) -> Result<Vec<Vec<f32>>, Diagnostic> {
        match self {
            Images::Files(paths, parts) => {
                photograph::read_with_parts(dims, preprocessing, Path::new(&paths[index]), *parts)
            }
            Images::Dataset(dataset, _) => Ok(vec![dataset.read(index, dims, preprocessing)?.input]),
        }
    }
}
