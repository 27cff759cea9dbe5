//! Tensors by name, as weights files hold them.

use super::safetensors;
use crate::diagnostic::Diagnostics;
use crate::graph::Tensor;
use bytes::Bytes;
use std::collections::{BTreeMap, btree_map};

/// What a weights file has under a name.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// A tensor of floats, which lies in the file unless its elements are out of order there.
    Float(Tensor),
    /// Elements that weights cannot have, such as counters of training steps.
    Other {
        /// The extents.
        dims: Vec<usize>,
        /// The element type as safetensors files write it, such as `I64`.
        element: String,
    },
}

impl Entry {
    /// The extents.
    pub fn dims(&self) -> &[usize] {
        match self {
            Entry::Float(tensor) => tensor.dims(),
            Entry::Other { dims, .. } => dims,
        }
    }
}

/// The tensors of a weights file, in the order of their names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StateDict {
    entries: BTreeMap<String, Entry>,
}

impl StateDict {
    /// Reads a safetensors file. The tensors keep `file`, which need not be aligned, and copy nothing.
    ///
    /// # Errors
    /// `RX0301` when the file is damaged or of another form.
    pub fn read(file: &Bytes) -> Result<Self, Diagnostics> {
        Ok(safetensors::read(file)?)
    }

    /// What has this name.
    pub fn get(&self, name: &str) -> Option<&Entry> {
        self.entries.get(name)
    }

    /// All names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// All names with what they stand for, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.entries.iter().map(|(name, entry)| (name.as_str(), entry))
    }

    /// How many names there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Adds an entry; returns what had its name before.
    pub fn insert(&mut self, name: String, entry: Entry) -> Option<Entry> {
        self.entries.insert(name, entry)
    }
}

/// Of entries with the same name the last one stays.
impl FromIterator<(String, Entry)> for StateDict {
    fn from_iter<I: IntoIterator<Item = (String, Entry)>>(entries: I) -> Self {
        Self { entries: entries.into_iter().collect() }
    }
}

impl IntoIterator for StateDict {
    type Item = (String, Entry);
    type IntoIter = btree_map::IntoIter<String, Entry>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}
