//! The values that a pickle makes. They lie in flat lists and name each other by their places in them: copying one
//! copies no other, and neither a deep nesting nor a cycle matters to whoever drops them.

use super::element::Element;
use super::globals::Global;
use crate::diagnostic::{Code, Diagnostic, Location};

/// A value, as far as it matters to tensors. The numbers are places in [`Heap`].
#[derive(Clone, Copy, Debug)]
pub(super) enum Value<'a> {
    /// None, a truth value, a float, bytes: nothing depends on them.
    Plain,
    Int(i64),
    /// An integer of more than 64 bits, little endian, in two's complement.
    Long(&'a [u8]),
    Text(&'a str),
    /// A list of the heap.
    Tuple(usize),
    /// A list of the heap.
    List(usize),
    /// A list of the heap in which keys and values alternate; of equal keys the last counts.
    Dict(usize),
    Global(Global),
    Storage(usize),
    Tensor(usize),
}

/// Elements of one type, somewhere in the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Storage<'a> {
    pub(super) element: &'static Element,
    /// Under which the file has them.
    pub(super) key: &'a str,
    /// How many the pickle says there are.
    pub(super) count: usize,
}

impl Storage<'_> {
    /// How long it is; `None` when no memory can hold it.
    pub(super) fn bytes(&self) -> Option<usize> {
        self.count.checked_mul(self.element.width)
    }
}

/// A tensor: which elements of a storage. Extents and strides are as many, and count elements as the offset does.
#[derive(Clone, Debug)]
pub(super) struct View {
    /// A storage of the heap.
    pub(super) storage: usize,
    pub(super) element: &'static Element,
    pub(super) offset: usize,
    pub(super) dims: Vec<usize>,
    pub(super) strides: Vec<usize>,
}

/// All values that refer to others, and the memory that they may still take.
pub(super) struct Heap<'a> {
    lists: Vec<Vec<Value<'a>>>,
    storages: Vec<Storage<'a>>,
    views: Vec<View>,
    left: usize,
}

impl<'a> Heap<'a> {
    /// An empty heap for a file of that many bytes: what it may take is several times what tensors need.
    pub(super) fn new(file: usize) -> Self {
        let left = file.saturating_mul(8).saturating_add(4 << 20);
        Self { lists: Vec::new(), storages: Vec::new(), views: Vec::new(), left }
    }

    /// Counts memory, or work that is as large. Nothing is given back.
    ///
    /// # Errors
    /// `RX0310` when that is more than is left.
    pub(super) fn charge(&mut self, bytes: usize) -> Result<(), Diagnostic> {
        let cause = "reading the checkpoint would take far more memory than the file";
        let fault = || {
            Diagnostic::new(Code::CheckpointSize, Location::None, cause)
                .with_help("save the weights alone: torch.save(model.state_dict(), FILE)")
        };
        self.left = self.left.checked_sub(bytes).ok_or_else(fault)?;
        Ok(())
    }

    /// Adds a list.
    pub(super) fn add_list(&mut self, list: Vec<Value<'a>>) -> Result<usize, Diagnostic> {
        self.charge(size_of::<Vec<Value<'_>>>() + size_of_val(list.as_slice()))?;
        self.lists.push(list);
        Ok(self.lists.len() - 1)
    }

    pub(super) fn list(&self, at: usize) -> &[Value<'a>] {
        &self.lists[at]
    }

    /// Adds to a list.
    pub(super) fn extend(&mut self, at: usize, values: &[Value<'a>]) -> Result<(), Diagnostic> {
        self.charge(size_of_val(values))?;
        self.lists[at].extend_from_slice(values);
        Ok(())
    }

    pub(super) fn add_storage(&mut self, storage: Storage<'a>) -> Result<usize, Diagnostic> {
        self.charge(size_of::<Storage<'_>>())?;
        self.storages.push(storage);
        Ok(self.storages.len() - 1)
    }

    pub(super) fn storage(&self, at: usize) -> Storage<'a> {
        self.storages[at]
    }

    pub(super) fn storages(&self) -> &[Storage<'a>] {
        &self.storages
    }

    pub(super) fn add_view(&mut self, view: View) -> Result<usize, Diagnostic> {
        self.charge(size_of::<View>() + 2 * size_of_val(view.dims.as_slice()))?;
        self.views.push(view);
        Ok(self.views.len() - 1)
    }

    pub(super) fn view(&self, at: usize) -> &View {
        &self.views[at]
    }
}
