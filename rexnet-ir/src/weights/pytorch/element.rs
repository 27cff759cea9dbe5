//! The element types of PyTorch.

use crate::graph::Encoding;

/// An element type: what PyTorch, its storages and this project call it, and the bytes of an element.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Element {
    /// The attribute of the module `torch`.
    dtype: &'static str,
    /// The class of its storages; types without one share storages of bytes.
    storage: &'static str,
    /// As in safetensors files.
    pub(super) name: &'static str,
    pub(super) width: usize,
    /// For those that weights may have.
    pub(super) encoding: Option<Encoding>,
}

const fn row(dtype: &'static str, storage: &'static str, name: &'static str, width: usize) -> Element {
    Element { dtype, storage, name, width, encoding: None }
}

const fn float(
    dtype: &'static str,
    storage: &'static str,
    name: &'static str,
    width: usize,
    encoding: Encoding,
) -> Element {
    Element { dtype, storage, name, width, encoding: Some(encoding) }
}

static ELEMENTS: [Element; 19] = [
    float("float32", "FloatStorage", "F32", 4, Encoding::F32),
    float("float16", "HalfStorage", "F16", 2, Encoding::F16),
    float("bfloat16", "BFloat16Storage", "BF16", 2, Encoding::Bf16),
    float("float64", "DoubleStorage", "F64", 8, Encoding::F64),
    row("int64", "LongStorage", "I64", 8),
    row("int32", "IntStorage", "I32", 4),
    row("int16", "ShortStorage", "I16", 2),
    row("int8", "CharStorage", "I8", 1),
    row("uint8", "ByteStorage", "U8", 1),
    row("bool", "BoolStorage", "BOOL", 1),
    row("complex64", "ComplexFloatStorage", "C64", 8),
    row("complex128", "ComplexDoubleStorage", "C128", 16),
    row("uint16", "", "U16", 2),
    row("uint32", "", "U32", 4),
    row("uint64", "", "U64", 8),
    row("float8_e4m3fn", "", "F8_E4M3", 1),
    row("float8_e4m3fnuz", "", "F8_E4M3FNUZ", 1),
    row("float8_e5m2", "", "F8_E5M2", 1),
    row("float8_e5m2fnuz", "", "F8_E5M2FNUZ", 1),
];

/// Bytes whose type the tensors say: a storage of the class `UntypedStorage`.
pub(super) static UNTYPED: Element = row("", "UntypedStorage", "U8", 1);

impl Element {
    /// The type of the storages of a class of the module `torch`.
    pub(super) fn of_storage(class: &str) -> Option<&'static Self> {
        ELEMENTS.iter().find(|element| !element.storage.is_empty() && element.storage == class)
    }

    /// The type that is an attribute of the module `torch`.
    pub(super) fn of_dtype(name: &str) -> Option<&'static Self> {
        ELEMENTS.iter().find(|element| element.dtype == name)
    }
}
