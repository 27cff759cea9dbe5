//! The names of Python that a checkpoint may use, and what stands here for calling them. No other is ever called.

use super::element::{Element, UNTYPED};
use super::value::{Heap, Storage, Value, View};
use super::{MAX_NAME, damaged, unsupported};
use crate::diagnostic::{Code, Diagnostic, Location};

/// More axes than any tensor of PyTorch has.
const MAX_RANK: usize = 64;

/// What a name stands for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Global {
    /// `collections.OrderedDict`, here a dict like any other.
    OrderedDict,
    /// `torch._utils._rebuild_tensor_v2`, and the one before: a tensor whose storage says the element type.
    Tensor,
    /// `torch._utils._rebuild_tensor_v3`: a tensor that says it itself.
    TypedTensor,
    /// `torch._utils._rebuild_parameter`, here the tensor that it is given.
    Parameter,
    /// A class of storages: `torch.FloatStorage`, `torch.storage.UntypedStorage`.
    Storage(&'static Element),
    /// `torch.float16`.
    Dtype(&'static Element),
}

impl Global {
    /// # Errors
    /// `RX0307` for every name that is none of these.
    pub(super) fn find(module: &str, name: &str) -> Result<Self, Diagnostic> {
        let known = match (module, name) {
            ("collections", "OrderedDict") => Some(Global::OrderedDict),
            ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2") => Some(Global::Tensor),
            ("torch._utils", "_rebuild_tensor_v3") => Some(Global::TypedTensor),
            ("torch._utils", "_rebuild_parameter") => Some(Global::Parameter),
            ("torch" | "torch.storage", "UntypedStorage") => Some(Global::Storage(&UNTYPED)),
            ("torch" | "torch.cuda", _) => Element::of_storage(name)
                .map(Global::Storage)
                .or_else(|| Element::of_dtype(name).map(Global::Dtype)),
            _ => None,
        };
        known.ok_or_else(|| refused(module, name))
    }

    /// The value of a call with arguments that lie in the heap.
    ///
    /// # Errors
    /// `RX0301` for arguments that PyTorch does not write, `RX0309` for those that are not read.
    pub(super) fn call<'a>(self, arguments: usize, heap: &mut Heap<'a>) -> Result<Value<'a>, Diagnostic> {
        match (self, heap.list(arguments)) {
            (Global::OrderedDict, []) => Ok(Value::Dict(heap.add_list(Vec::new())?)),
            (Global::OrderedDict, &[Value::List(pairs)]) => dict_of(pairs, heap),
            (Global::Parameter, &[tensor @ Value::Tensor(_), ..]) => Ok(tensor),
            (Global::Tensor, &[Value::Storage(storage), offset, dims, strides, ref rest @ ..]) => {
                refuse_modified(rest.get(2), heap)?;
                tensor(storage, heap.storage(storage).element, offset, [dims, strides], heap)
            }
            (
                Global::TypedTensor,
                &[
                    Value::Storage(storage),
                    offset,
                    dims,
                    strides,
                    _,
                    _,
                    Value::Global(Global::Dtype(element)),
                    ref rest @ ..,
                ],
            ) => {
                refuse_modified(rest.first(), heap)?;
                tensor(storage, element, offset, [dims, strides], heap)
            }
            _ => Err(damaged("it calls something with other arguments than PyTorch writes")),
        }
    }
}

/// The storage that a persistent identifier stands for: a tuple of `"storage"`, its class, its key, the device that it
/// was on, the number of its elements and, in the older form, of which storage it is a part.
///
/// # Errors
/// `RX0301` when it is none, `RX0309` when it is a part of another.
pub(super) fn storage<'a>(identifier: Value<'a>, heap: &mut Heap<'a>) -> Result<Value<'a>, Diagnostic> {
    let Value::Tuple(tuple) = identifier else { return Err(damaged("it refers to no storage")) };
    let (element, key, count) = match *heap.list(tuple) {
        [Value::Text("storage"), Value::Global(Global::Storage(element)), Value::Text(key), _, count] => {
            (element, key, count)
        }
        [
            Value::Text("storage"),
            Value::Global(Global::Storage(element)),
            Value::Text(key),
            _,
            count,
            Value::Plain,
        ] => (element, key, count),
        [Value::Text("storage"), _, _, _, _, Value::Tuple(_)] => {
            let help = "load and save the checkpoint with PyTorch 0.4 or later";
            return Err(unsupported("it has storages that are parts of others", help));
        }
        _ => return Err(damaged("it refers to no storage")),
    };
    if key.len() > MAX_NAME {
        return Err(damaged("the key of a storage is too long"));
    }
    Ok(Value::Storage(heap.add_storage(Storage { element, key, count: index(count)? })?))
}

fn tensor<'a>(
    storage: usize,
    element: &'static Element,
    offset: Value<'_>,
    [dims, strides]: [Value<'_>; 2],
    heap: &mut Heap<'a>,
) -> Result<Value<'a>, Diagnostic> {
    let indices = |value| match value {
        Value::Tuple(list) | Value::List(list) if heap.list(list).len() <= MAX_RANK => {
            heap.list(list).iter().map(|&value| index(value)).collect::<Result<Vec<_>, _>>()
        }
        _ => Err(damaged("the extents of a tensor are no tuple, or too many")),
    };
    let (dims, strides) = (indices(dims)?, indices(strides)?);
    if dims.len() != strides.len() {
        return Err(damaged("a tensor has not one stride for each axis"));
    }
    let view = View { storage, element, offset: index(offset)?, dims, strides };
    Ok(Value::Tensor(heap.add_view(view)?))
}

/// Elements that are conjugated or negated whenever they are read.
fn refuse_modified(metadata: Option<&Value<'_>>, heap: &Heap<'_>) -> Result<(), Diagnostic> {
    match metadata {
        Some(&Value::Dict(dict)) if !heap.list(dict).is_empty() => {
            let help = "save the tensor's clone, or tensor.resolve_neg()";
            Err(unsupported("a tensor stands for the negative or conjugate of what is stored", help))
        }
        _ => Ok(()),
    }
}

/// The dict of a list of pairs, which is how Python 2 wrote ordered ones.
fn dict_of<'a>(pairs: usize, heap: &mut Heap<'a>) -> Result<Value<'a>, Diagnostic> {
    heap.charge(2 * size_of_val(heap.list(pairs)))?;
    let mut dict = Vec::with_capacity(2 * heap.list(pairs).len());
    for &pair in heap.list(pairs) {
        match pair {
            Value::List(pair) | Value::Tuple(pair) if heap.list(pair).len() == 2 => {
                dict.extend(heap.list(pair));
            }
            _ => return Err(damaged("a dict is made of what are no pairs")),
        }
    }
    Ok(Value::Dict(heap.add_list(dict)?))
}

fn index(value: Value<'_>) -> Result<usize, Diagnostic> {
    match value {
        Value::Int(number) => usize::try_from(number).ok(),
        _ => None,
    }
    .ok_or_else(|| damaged("an extent, a stride or an offset is no natural number"))
}

fn refused(module: &str, name: &str) -> Diagnostic {
    let shown: String = format!("{module}.{name}").escape_debug().take(100).collect();
    let cause = format!("the checkpoint needs Python's {shown} to be called; it was not run");
    Diagnostic::new(Code::CheckpointCode, Location::None, cause).with_help(
        "load it where it was made and save the weights alone: torch.save(model.state_dict(), FILE)",
    )
}
