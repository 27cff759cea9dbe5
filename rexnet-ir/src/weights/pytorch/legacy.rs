//! The form of PyTorch before 1.6: pickles one after the other (a magic number, the version of the form, facts about the
//! machine, the object, the keys of its storages), then for each key the number of its elements and these, little endian
//! whichever machine wrote them.

use super::pickle::unpickle;
use super::value::{Heap, Value};
use super::{Places, damaged, unsupported};
use crate::cursor::Cursor;
use crate::diagnostic::Diagnostic;
use std::collections::HashMap;

/// 0x1950a86a20f9469cfc6c.
const MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
const VERSION: i64 = 1001;

/// The object, and where its storages are.
///
/// # Errors
/// As [`super::read`].
pub(super) fn read<'a>(file: &'a [u8], heap: &mut Heap<'a>) -> Result<(Value<'a>, Places<'a>), Diagnostic> {
    let mut input = Cursor::new(file);
    match unpickle(&mut input, false, heap)? {
        Value::Long(number) if number == MAGIC => {}
        _ => return Err(damaged("it is a pickle, but none of torch.save")),
    }
    match unpickle(&mut input, false, heap)? {
        Value::Int(VERSION) => {}
        _ => {
            let help = "save it with a current PyTorch, which writes zip archives";
            return Err(unsupported("it has an unknown version of the form before PyTorch 1.6", help));
        }
    }
    let _machine = unpickle(&mut input, false, heap)?;
    let object = unpickle(&mut input, true, heap)?;
    let Value::List(keys) = unpickle(&mut input, false, heap)? else {
        return Err(damaged("it does not list its storages"));
    };
    let places = places(file.len(), input, keys, heap)?;
    Ok((object, places))
}

fn places<'a>(
    length: usize,
    mut input: Cursor<'a>,
    keys: usize,
    heap: &Heap<'a>,
) -> Result<Places<'a>, Diagnostic> {
    let declared: HashMap<&str, (usize, Option<usize>)> =
        heap.storages().iter().map(|storage| (storage.key, (storage.count, storage.bytes()))).collect();
    let mut places = Places::new();
    for &key in heap.list(keys) {
        let Value::Text(key) = key else { return Err(damaged("the key of a storage is no text")) };
        // A long one cannot be that of a storage, and is not worth hashing.
        let known = if key.len() <= super::MAX_NAME { declared.get(key) } else { None };
        let Some(&(count, Some(bytes))) = known else {
            return Err(damaged("it lists a storage that it does not use"));
        };
        if input.u64()? != count as u64 {
            return Err(damaged("a storage has another length than its tensors say"));
        }
        let start = length - input.left();
        input.take(bytes)?;
        places.insert(key, start..start + bytes);
    }
    Ok(places)
}
