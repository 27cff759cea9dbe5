//! Tensors by name, as weights files hold them.

use super::{pytorch, safetensors};
use crate::archive;
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
    /// Reads a weights file, whose form its content tells: safetensors, or a checkpoint of `torch.save` in the form of a
    /// zip archive (since PyTorch 1.6) or of pickles (before). The tensors keep `file`, which need not be aligned, and
    /// copy nothing but what lies out of order in it.
    ///
    /// A checkpoint is a state dict, or a dict with one under `state_dict_ema`, `model_ema`, `state_dict`,
    /// `model_state_dict`, `model_state`, `model`, `net` or `network`, the first of these that holds tensors. Beside the
    /// tensors there may be numbers, text, lists, tuples and dicts. `module.` and `_orig_mod.` are taken off when all
    /// names begin so. Nothing that a checkpoint names is ever run.
    ///
    /// # Errors
    /// `RX0301` when the file is damaged or of another form. For checkpoints also `RX0307` when they name anything of
    /// Python but tensors, `RX0308` when they hold no state dict, `RX0309` when they are compressed, big endian or
    /// otherwise not as PyTorch writes tensors, `RX0310` when they would take far more memory than the file.
    pub fn read(file: &Bytes) -> Result<Self, Diagnostics> {
        // The length of the header comes first in safetensors files and may look like any other magic number.
        let is_safetensors = file.get(8) == Some(&b'{');
        let is_checkpoint = file.starts_with(archive::MAGIC) || pytorch::is_pickle(file);
        Ok(if is_checkpoint && !is_safetensors { pytorch::read(file)? } else { safetensors::read(file)? })
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
