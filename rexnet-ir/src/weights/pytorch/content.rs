//! Where in a checkpoint the weights are.

use super::value::{Heap, Value};
use super::{MAX_NAME, Places, damaged, view};
use crate::diagnostic::{Code, Diagnostic, Location};
use crate::weights::{Entry, StateDict};
use bytes::Bytes;

/// The keys under which training scripts keep a state dict, in the order in which timm's loader looks for them: averaged
/// weights are those whose accuracy is told.
const KEYS: [&str; 8] = [
    "state_dict_ema",
    "model_ema",
    "state_dict",
    "model_state_dict",
    "model_state",
    "model",
    "net",
    "network",
];

/// What is put before all names by `DataParallel`, and by `torch.compile`.
const PREFIXES: [&str; 2] = ["module.", "_orig_mod."];

/// The tensors of the state dict that an object is or holds.
///
/// # Errors
/// `RX0301` when a tensor does not lie in the file, `RX0308` when there is no state dict, `RX0310` when the tensors that
/// must be copied are too large.
pub(super) fn state_dict(
    file: &Bytes,
    object: Value<'_>,
    places: &Places<'_>,
    heap: &mut Heap<'_>,
) -> Result<StateDict, Diagnostic> {
    let dict = find(object, heap)?;
    let mut entries = StateDict::default();
    for pair in 0..heap.list(dict).len() / 2 {
        let (Value::Text(name), Value::Tensor(tensor)) =
            (heap.list(dict)[2 * pair], heap.list(dict)[2 * pair + 1])
        else {
            continue;
        };
        if name.len() > MAX_NAME {
            return Err(damaged("the name of a tensor is too long"));
        }
        heap.charge(size_of::<Entry>() + name.len())?;
        let view = heap.view(tensor).clone();
        let storage = heap.storage(view.storage);
        let place = places.get(storage.key).ok_or_else(|| damaged("a storage is missing"))?.clone();
        if storage.bytes() != Some(place.len()) {
            return Err(damaged("a storage has another length than its tensors say"));
        }
        let entry = view::entry(file, place, &view, heap)?;
        entries.insert(name.to_owned(), entry);
    }
    Ok(PREFIXES.into_iter().fold(entries, without))
}

/// The dict that is the object, or that it has under one of the usual keys.
fn find(object: Value<'_>, heap: &Heap<'_>) -> Result<usize, Diagnostic> {
    let Value::Dict(object) = object else { return Err(none("the checkpoint is no dict")) };
    let nested = KEYS.iter().find_map(|&key| match lookup(object, key, heap)? {
        Value::Dict(dict) if holds_tensors(dict, heap) => Some(dict),
        _ => None,
    });
    match nested {
        Some(dict) => Ok(dict),
        None if holds_tensors(object, heap) => Ok(object),
        None => {
            let keys: Vec<String> = pairs(object, heap)
                .filter_map(|(key, _)| match key {
                    Value::Text(key) => Some(key.chars().take(40).flat_map(char::escape_debug).collect()),
                    _ => None,
                })
                .take(8)
                .collect();
            let known = KEYS.join(", ");
            Err(none(format!(
                "the checkpoint has no dict of tensors, itself or under one of the keys {known}; its keys are: {}",
                keys.join(", ")
            )))
        }
    }
}

fn none(cause: impl Into<String>) -> Diagnostic {
    Diagnostic::new(Code::CheckpointContent, Location::None, cause)
        .with_help("save the weights alone: torch.save(model.state_dict(), FILE)")
}

fn pairs<'a>(dict: usize, heap: &Heap<'a>) -> impl DoubleEndedIterator<Item = (Value<'a>, Value<'a>)> {
    heap.list(dict).as_chunks::<2>().0.iter().map(|&[key, value]| (key, value))
}

fn lookup<'a>(dict: usize, key: &str, heap: &Heap<'a>) -> Option<Value<'a>> {
    pairs(dict, heap)
        .rev()
        .find(|(other, _)| matches!(other, Value::Text(text) if *text == key))
        .map(|(_, value)| value)
}

fn holds_tensors(dict: usize, heap: &Heap<'_>) -> bool {
    pairs(dict, heap).any(|pair| matches!(pair, (Value::Text(_), Value::Tensor(_))))
}

/// Takes a prefix off that all names have.
fn without(entries: StateDict, prefix: &str) -> StateDict {
    if !entries.names().all(|name| name.starts_with(prefix)) {
        return entries;
    }
    entries.into_iter().map(|(name, entry)| (name[prefix.len()..].to_owned(), entry)).collect()
}
