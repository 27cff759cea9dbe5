//! Tensors that are known while importing: weights, and the integers of shape arithmetic.

use super::messages::{TensorMessage, data_type};
use crate::file_kind::FileKind;
use crate::graph::{Encoding, MAX_ELEMENTS, Tensor};
use bytes::Bytes;
use half::{bf16, f16};
use std::collections::HashMap;
use std::sync::Arc;

/// The most elements of a computed integer tensor: shape arithmetic is small.
pub(super) const MAX_INTEGERS: usize = 1 << 16;
/// The most axes of a constant; the graph's tensors have fewer.
const MAX_RANK: usize = 8;

/// The elements of a constant.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Elements {
    /// Any float type, widened or rounded when it is read; the tensor's own extents say nothing.
    Floats(Tensor),
    /// Any integer type, and truth values.
    Integers(Arc<[i64]>),
}

impl Elements {
    /// Floats in memory.
    pub(super) fn floats(floats: impl Into<Arc<[f32]>>) -> Self {
        Elements::Floats(Tensor::vector(floats))
    }

    fn len(&self) -> usize {
        match self {
            Elements::Floats(floats) => floats.len(),
            Elements::Integers(integers) => integers.len(),
        }
    }
}

/// A tensor known while importing. Its extents, zeros counted as ones, multiply to at most [`MAX_ELEMENTS`], so
/// that no arithmetic on them overflows.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Constant {
    dims: Vec<usize>,
    elements: Elements,
}

/// The number of elements of sensible extents.
pub(super) fn count_of(dims: &[usize]) -> Option<usize> {
    let bound = dims.iter().try_fold(1usize, |count, &extent| count.checked_mul(extent.max(1)))?;
    (bound <= MAX_ELEMENTS && dims.len() <= MAX_RANK).then(|| dims.iter().product())
}

impl Constant {
    /// The error says what does not fit.
    pub(super) fn new(dims: Vec<usize>, elements: Elements) -> Result<Self, String> {
        match count_of(&dims) {
            None => Err(format!("a constant of rank {} is too large", dims.len())),
            Some(count) if count == elements.len() => Ok(Self { dims, elements }),
            Some(count) => {
                Err(format!("it holds {} elements, its dimensions {dims:?} need {count}", elements.len()))
            }
        }
    }

    /// A list of integers.
    pub(super) fn integers(elements: Vec<i64>) -> Self {
        Self { dims: vec![elements.len()], elements: Elements::Integers(elements.into()) }
    }

    pub(super) fn dims(&self) -> &[usize] {
        &self.dims
    }

    pub(super) fn elements(&self) -> &Elements {
        &self.elements
    }

    pub(super) fn len(&self) -> usize {
        self.elements.len()
    }

    /// The same elements in another shape; the error says that there are not as many.
    pub(super) fn reshaped(self, dims: Vec<usize>) -> Result<Self, String> {
        Self::new(dims, self.elements)
    }

    pub(super) fn as_integers(&self) -> Result<&[i64], String> {
        match &self.elements {
            Elements::Integers(integers) => Ok(integers),
            Elements::Floats(_) => Err("integers are needed, floats are given".to_owned()),
        }
    }

    pub(super) fn as_floats(&self) -> Result<&Tensor, String> {
        match &self.elements {
            Elements::Floats(floats) => Ok(floats),
            Elements::Integers(_) => Err("floats are needed, integers are given".to_owned()),
        }
    }

    /// The single element of a tensor of one, as a float.
    pub(super) fn scalar(&self) -> Result<f64, String> {
        match &self.elements {
            Elements::Floats(floats) if floats.len() == 1 => Ok(f64::from(floats.element(0))),
            Elements::Integers(integers) if integers.len() == 1 => Ok(integers[0] as f64),
            _ => Err(format!("a single value is needed, the shape is {:?}", self.dims)),
        }
    }

    /// The elements at the given places, in a new shape of as many.
    pub(super) fn pick(&self, dims: Vec<usize>, places: impl Iterator<Item = usize>) -> Result<Self, String> {
        let elements = match &self.elements {
            Elements::Floats(floats) => {
                Elements::floats(places.map(|at| floats.element(at)).collect::<Vec<f32>>())
            }
            Elements::Integers(integers) => Elements::Integers(places.map(|at| integers[at]).collect()),
        };
        Self::new(dims, elements)
    }
}

/// Why a stored tensor cannot be read.
#[derive(Debug)]
pub(super) enum TensorFault {
    /// Its own description is inconsistent.
    Invalid(String),
    /// Its element type is not covered.
    Unsupported(String),
    /// Its external file does not serve.
    External(String),
}

/// Where tensors outside the model file come from: the content of a file beside it.
pub(super) struct ExternalFiles<'a> {
    pub(super) read: &'a mut dyn FnMut(&str) -> Result<Bytes, String>,
    pub(super) cache: HashMap<String, Bytes>,
    /// How many bytes may still be taken: overlapping tensors must not multiply a file.
    pub(super) allowance: usize,
}

/// The place of tensors whose elements lie in another file.
pub(super) const EXTERNAL: i32 = 1;

/// Zeros in place of a float tensor whose content is not read.
pub(super) fn placeholder(tensor: &TensorMessage) -> Option<Constant> {
    use data_type::{BFLOAT16, DOUBLE, FLOAT, FLOAT16};
    let given = &tensor.dims[..tensor.dims.len().min(MAX_RANK + 1)];
    let dims: Vec<usize> = given.iter().map(|&dim| usize::try_from(dim).ok()).collect::<Option<_>>()?;
    let float = matches!(tensor.data_type, Some(FLOAT | DOUBLE | FLOAT16 | BFLOAT16));
    let count = count_of(&dims).filter(|_| float)?;
    Constant::new(dims, Elements::Floats(Tensor::zeros([count]))).ok()
}

/// Reads a stored tensor. Its length is checked against its dimensions before anything is allocated; raw floats stay
/// where they are.
pub(super) fn read(tensor: &TensorMessage, files: &mut ExternalFiles<'_>) -> Result<Constant, TensorFault> {
    let given = &tensor.dims[..tensor.dims.len().min(MAX_RANK + 1)];
    let dims: Option<Vec<usize>> = given.iter().map(|&dim| usize::try_from(dim).ok()).collect();
    let Some((dims, count)) = dims.and_then(|dims| count_of(&dims).map(|count| (dims, count))) else {
        return Err(TensorFault::Invalid(format!("its dimensions {given:?} are not sensible")));
    };
    let kind = tensor.data_type.unwrap_or(0);
    let width = match kind {
        data_type::FLOAT | data_type::INT32 => 4,
        data_type::DOUBLE | data_type::INT64 => 8,
        data_type::FLOAT16 | data_type::BFLOAT16 => 2,
        data_type::UINT8 | data_type::INT8 | data_type::BOOL => 1,
        _ => return Err(TensorFault::Unsupported(format!("elements of type {}", data_type::name(kind)))),
    };
    let in_fields = [
        tensor.float_data.len(),
        tensor.int32_data.len(),
        tensor.int64_data.len(),
        tensor.double_data.len(),
        tensor.uint64_data.len(),
    ];
    let stored_as = in_fields.into_iter().filter(|&length| length > 0).count()
        + usize::from(tensor.raw_data.as_ref().is_some_and(|raw| !raw.is_empty()))
        + usize::from(tensor.data_location == Some(EXTERNAL));
    if stored_as > 1 {
        return Err(TensorFault::Invalid("its elements are given more than once".to_owned()));
    }
    let raw: Option<Bytes> = if tensor.data_location == Some(EXTERNAL) {
        Some(External::of(tensor, count * width)?.slice(files)?)
    } else {
        tensor.raw_data.clone().filter(|raw| !raw.is_empty() || in_fields == [0; 5])
    };
    let elements = match raw {
        Some(raw) if raw.len() != count * width => {
            let cause =
                format!("it holds {} bytes, its dimensions {dims:?} need {}", raw.len(), count * width);
            return Err(TensorFault::Invalid(cause));
        }
        Some(raw) => from_bytes(kind, raw),
        None => from_fields(kind, tensor),
    };
    Constant::new(dims, elements).map_err(TensorFault::Invalid)
}

/// As many bytes as the elements take.
fn from_bytes(kind: i32, raw: Bytes) -> Elements {
    let four = || raw.as_chunks::<4>().0.iter().copied();
    let eight = || raw.as_chunks::<8>().0.iter().copied();
    let encoding = match kind {
        data_type::FLOAT => Encoding::F32,
        data_type::DOUBLE => Encoding::F64,
        data_type::FLOAT16 => Encoding::F16,
        data_type::BFLOAT16 => Encoding::Bf16,
        data_type::INT32 => {
            return Elements::Integers(four().map(|bytes| i64::from(i32::from_le_bytes(bytes))).collect());
        }
        data_type::INT64 => return Elements::Integers(eight().map(i64::from_le_bytes).collect()),
        data_type::INT8 => {
            return Elements::Integers(raw.iter().map(|&byte| i64::from(byte as i8)).collect());
        }
        data_type::BOOL => {
            return Elements::Integers(raw.iter().map(|&byte| i64::from(byte != 0)).collect());
        }
        _ => return Elements::Integers(raw.iter().map(|&byte| i64::from(byte)).collect()),
    };
    let count = raw.len() / encoding.width();
    Tensor::stored([count], raw, encoding).map_or_else(|| Elements::floats([]), Elements::Floats)
}

/// The typed fields; half-precision bits stand in `int32_data`.
fn from_fields(kind: i32, tensor: &TensorMessage) -> Elements {
    let floats = |floats: &mut dyn Iterator<Item = f32>| Elements::floats(floats.collect::<Vec<f32>>());
    let bits = || tensor.int32_data.iter().map(|&bits| bits as u16);
    match kind {
        data_type::FLOAT => Elements::floats(tensor.float_data.clone()),
        data_type::DOUBLE => floats(&mut tensor.double_data.iter().map(|&x| x as f32)),
        data_type::FLOAT16 => floats(&mut bits().map(|bits| f16::from_bits(bits).to_f32())),
        data_type::BFLOAT16 => floats(&mut bits().map(|bits| bf16::from_bits(bits).to_f32())),
        data_type::INT64 => Elements::Integers(tensor.int64_data.clone().into()),
        _ => Elements::Integers(tensor.int32_data.iter().map(|&x| i64::from(x)).collect()),
    }
}

/// A path as plain parts, one behind the other, whatever the platform's separator is; `None` for one that may leave the
/// folder where it starts, or names no file.
fn inside(path: &str) -> Option<String> {
    let absolute = path.starts_with(['/', '\\']) || path.contains(':');
    let parts: Vec<&str> = path.split(['/', '\\']).collect();
    let names_file = parts.last().is_some_and(|last| !matches!(*last, "" | "."));
    if absolute || !names_file || parts.contains(&"..") || path.contains('\0') {
        return None;
    }
    let plain: Vec<&str> = parts.into_iter().filter(|part| !matches!(*part, "" | ".")).collect();
    Some(plain.join("/"))
}

/// A stretch of another file.
struct External {
    location: String,
    offset: usize,
    length: usize,
}

impl External {
    fn of(tensor: &TensorMessage, expected: usize) -> Result<Self, TensorFault> {
        let refuse = |cause: String| Err(TensorFault::External(cause));
        let entry = |key: &str| {
            let entry = tensor.external_data.iter().find(|entry| entry.key.as_deref() == Some(key));
            entry.and_then(|entry| entry.value.clone())
        };
        let Some(location) = entry("location") else {
            return refuse("it names no file".to_owned());
        };
        let Some(location) = inside(&location) else {
            return refuse(format!("the path {location:?} may leave the model's folder"));
        };
        let number = |key: &str, default: usize| match entry(key) {
            None => Some(default),
            Some(text) => text.parse::<usize>().ok(),
        };
        match (number("offset", 0), number("length", expected)) {
            (Some(offset), Some(length)) if length == expected => Ok(Self { location, offset, length }),
            _ => refuse(format!("its offset or length does not fit the {expected} bytes of its dimensions")),
        }
    }

    /// What the file of a tensor lacks: it is cut, or another file in its place.
    fn lacking(&self, content: &Bytes) -> TensorFault {
        let Self { location, offset, length } = self;
        let from = if *offset > 0 { format!(" from {offset} on") } else { String::new() };
        let mut cause = format!("{location} has {} bytes, {length}{from} are needed", content.len());
        if let Some(kind) = FileKind::of(content) {
            cause = format!("{cause}: it is {}; {}", kind.what, kind.way_out);
        }
        TensorFault::External(cause)
    }

    fn slice(&self, files: &mut ExternalFiles<'_>) -> Result<Bytes, TensorFault> {
        let content = match files.cache.get(&self.location) {
            Some(content) => content.clone(),
            None => {
                let content = (files.read)(&self.location).map_err(TensorFault::External)?;
                files.allowance = files.allowance.saturating_add(content.len().saturating_mul(4));
                files.cache.insert(self.location.clone(), content.clone());
                content
            }
        };
        // Its first bytes are no numbers, even where there are as many as are needed.
        if FileKind::of(&content).is_some_and(|kind| kind.is_stand_in()) {
            return Err(self.lacking(&content));
        }
        let Some(end) = self.offset.checked_add(self.length).filter(|&end| end <= content.len()) else {
            return Err(self.lacking(&content));
        };
        let Some(allowance) = files.allowance.checked_sub(self.length) else {
            let cause = format!("the tensors stored in {} overlap many times", self.location);
            return Err(TensorFault::External(cause));
        };
        files.allowance = allowance;
        Ok(content.slice(self.offset..end))
    }
}
