//! How much memory a model's messages take once decoded, found without decoding them.
//!
//! A few bytes of a file can stand for a message of hundreds of bytes in memory; files that are nothing but such
//! messages are refused before anything is allocated.

use super::messages::{
    Attribute, Dimension, Function, GraphMessage, Model, Node, OperatorSet, Shape, SparseTensor, StringEntry,
    TensorAnnotation, TensorMessage, TensorTypeMessage, Type, ValueInfo,
};
use prost::encoding::decode_varint;

/// A message: its size in memory, its fields that are messages, and its fields that are repeated strings.
struct Kind {
    size: usize,
    messages: &'static [(u64, &'static Kind)],
    strings: &'static [u64],
}

impl Kind {
    const fn of<T>(messages: &'static [(u64, &'static Kind)], strings: &'static [u64]) -> Self {
        Self { size: size_of::<T>(), messages, strings }
    }
}

static MODEL: Kind = Kind::of::<Model>(&[(7, &GRAPH), (8, &OPERATOR_SET), (25, &FUNCTION)], &[]);
static OPERATOR_SET: Kind = Kind::of::<OperatorSet>(&[], &[]);
static GRAPH: Kind = Kind::of::<GraphMessage>(
    &[
        (1, &NODE),
        (5, &TENSOR),
        (11, &VALUE_INFO),
        (12, &VALUE_INFO),
        (13, &VALUE_INFO),
        (14, &ANNOTATION),
        (15, &SPARSE_TENSOR),
    ],
    &[],
);
static ANNOTATION: Kind = Kind::of::<TensorAnnotation>(&[], &[]);
static NODE: Kind = Kind::of::<Node>(&[(5, &ATTRIBUTE)], &[1, 2]);
static ATTRIBUTE: Kind = Kind::of::<Attribute>(&[(5, &TENSOR), (22, &SPARSE_TENSOR)], &[9]);
static TENSOR: Kind = Kind::of::<TensorMessage>(&[(13, &STRING_ENTRY)], &[]);
static STRING_ENTRY: Kind = Kind::of::<StringEntry>(&[], &[]);
static SPARSE_TENSOR: Kind = Kind::of::<SparseTensor>(&[(1, &TENSOR)], &[]);
static VALUE_INFO: Kind = Kind::of::<ValueInfo>(&[(2, &TYPE)], &[]);
static TYPE: Kind = Kind::of::<Type>(&[(1, &TENSOR_TYPE)], &[]);
static TENSOR_TYPE: Kind = Kind::of::<TensorTypeMessage>(&[(2, &SHAPE)], &[]);
static SHAPE: Kind = Kind::of::<Shape>(&[(1, &DIMENSION)], &[]);
static DIMENSION: Kind = Kind::of::<Dimension>(&[], &[]);
static FUNCTION: Kind = Kind::of::<Function>(&[(7, &NODE), (9, &OPERATOR_SET), (11, &ATTRIBUTE)], &[4, 5, 6]);

/// The memory of all messages and string headers, in bytes; the contents of strings and tensors come on top of
/// it. Of a file that is not well formed, only what comes before the fault counts.
pub(super) fn decoded_bytes(file: &[u8]) -> usize {
    let mut total = 0;
    let _malformed = walk(file, &MODEL, &mut total);
    total
}

/// How long a file would have to be for the last of its fields, where it ends before that.
pub(super) fn needed_bytes(file: &[u8]) -> Option<usize> {
    let mut bytes = file;
    while !bytes.is_empty() {
        let key = decode_varint(&mut bytes).ok()?;
        let length = match key & 7 {
            0 => {
                decode_varint(&mut bytes).ok()?;
                0
            }
            1 => 8,
            2 => usize::try_from(decode_varint(&mut bytes).ok()?).ok()?,
            5 => 4,
            _ => return None,
        };
        match bytes.get(length..) {
            Some(rest) => bytes = rest,
            None => return (file.len() - bytes.len()).checked_add(length),
        }
    }
    None
}

/// What a file of that many bytes may take: several times what exporters write.
pub(super) fn allowed_bytes(length: usize) -> usize {
    (4 << 20) + 16 * length
}

/// `None` where the bytes are not well formed. The schema does not recurse, so neither does this beyond its depth.
fn walk(mut bytes: &[u8], kind: &Kind, total: &mut usize) -> Option<()> {
    *total += kind.size;
    while !bytes.is_empty() {
        let key = decode_varint(&mut bytes).ok()?;
        match key & 7 {
            0 => {
                decode_varint(&mut bytes).ok()?;
            }
            1 => bytes = bytes.get(8..)?,
            2 => {
                let length = usize::try_from(decode_varint(&mut bytes).ok()?).ok()?;
                let content = bytes.get(..length)?;
                bytes = &bytes[length..];
                let field = key >> 3;
                if let Some((_, kind)) = kind.messages.iter().find(|(number, _)| *number == field) {
                    walk(content, kind, total)?;
                } else if kind.strings.contains(&field) {
                    *total += size_of::<String>();
                }
            }
            // The marks around a group, which the decoder skips without keeping anything.
            3 | 4 => {}
            5 => bytes = bytes.get(4..)?,
            _ => return None,
        }
    }
    Some(())
}
