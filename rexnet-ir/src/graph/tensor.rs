//! Tensors: the elements of constants, in memory or where they can be computed from.

use bytes::Bytes;
use half::{bf16, f16};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// How elements are stored in a file, always little endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// IEEE single precision.
    F32,
    /// IEEE half precision, widened.
    F16,
    /// The upper half of single precision, widened.
    Bf16,
    /// IEEE double precision, rounded.
    F64,
}

impl Encoding {
    /// The bytes of one element.
    pub fn width(self) -> usize {
        match self {
            Encoding::F16 | Encoding::Bf16 => 2,
            Encoding::F32 => 4,
            Encoding::F64 => 8,
        }
    }

    /// Reads as many elements as both slices hold.
    fn decode(self, bytes: &[u8], into: &mut [f32]) {
        fn each<const N: usize>(bytes: &[u8], into: &mut [f32], decode: impl Fn([u8; N]) -> f32) {
            for (value, &bytes) in into.iter_mut().zip(bytes.as_chunks::<N>().0) {
                *value = decode(bytes);
            }
        }
        match self {
            Encoding::F32 => each(bytes, into, f32::from_le_bytes),
            Encoding::F16 => each(bytes, into, |bytes| f16::from_le_bytes(bytes).to_f32()),
            Encoding::Bf16 => each(bytes, into, |bytes| bf16::from_le_bytes(bytes).to_f32()),
            Encoding::F64 => each(bytes, into, |bytes| f64::from_le_bytes(bytes) as f32),
        }
    }
}

/// An f32 tensor in NCHW order. Cloning shares the elements, wherever they are.
///
/// Weights are large and read once, when they are packed: a tensor need not hold its elements, only say what they are.
#[derive(Clone)]
pub struct Tensor {
    dims: Vec<usize>,
    storage: Storage,
}

#[derive(Clone)]
enum Storage {
    Memory(Arc<[f32]>),
    /// Exactly the bytes of the elements, at any address.
    File {
        bytes: Bytes,
        encoding: Encoding,
    },
    /// The tensor is of the same extents and not itself scaled, so that reading never nests; there is a factor for
    /// each filter.
    Scaled(Arc<(Tensor, Vec<f64>)>),
    Zeros,
}

impl Tensor {
    /// A tensor of the given extents; `None` when the number of elements differs.
    pub fn new(dims: impl Into<Vec<usize>>, data: impl Into<Arc<[f32]>>) -> Option<Self> {
        let (dims, data) = (dims.into(), data.into());
        (count(&dims) == Some(data.len())).then_some(Self { dims, storage: Storage::Memory(data) })
    }

    /// A tensor of rank 1.
    pub fn vector(data: impl Into<Arc<[f32]>>) -> Self {
        let data = data.into();
        Self { dims: vec![data.len()], storage: Storage::Memory(data) }
    }

    /// A tensor whose elements are read from a part of a file when they are needed; the part need not be aligned.
    /// `None` when its length differs.
    pub fn stored(dims: impl Into<Vec<usize>>, bytes: Bytes, encoding: Encoding) -> Option<Self> {
        let dims = dims.into();
        let expected = count(&dims)?.checked_mul(encoding.width())?;
        (bytes.len() == expected).then_some(Self { dims, storage: Storage::File { bytes, encoding } })
    }

    /// Zeros that take no memory.
    pub fn zeros(dims: impl Into<Vec<usize>>) -> Self {
        Self { dims: dims.into(), storage: Storage::Zeros }
    }

    /// This tensor with each filter multiplied by its factor, in f64 and rounded once; the products are computed when
    /// they are read. `None` when there is not one factor for each filter.
    pub fn scaled(&self, factors: Vec<f64>) -> Option<Self> {
        if self.dims.first() != Some(&factors.len()) {
            return None;
        }
        let unscaled = match self.storage {
            Storage::Scaled(_) => Self::new(self.dims.clone(), self.data())?,
            Storage::Memory(_) | Storage::File { .. } | Storage::Zeros => self.clone(),
        };
        Some(Self { dims: self.dims.clone(), storage: Storage::Scaled(Arc::new((unscaled, factors))) })
    }

    /// The same elements in other extents; `None` when there are not as many.
    pub fn reshaped(&self, dims: impl Into<Vec<usize>>) -> Option<Self> {
        let dims = dims.into();
        if count(&dims) != Some(self.len()) {
            return None;
        }
        let storage = match &self.storage {
            Storage::Scaled(scaled) if dims.first() == self.dims.first() => {
                let (tensor, factors) = &**scaled;
                Storage::Scaled(Arc::new((tensor.reshaped(dims.clone())?, factors.clone())))
            }
            Storage::Scaled(_) => Storage::Memory(self.data().into()),
            storage @ (Storage::Memory(_) | Storage::File { .. } | Storage::Zeros) => storage.clone(),
        };
        Some(Self { dims, storage })
    }

    /// The extents.
    pub fn dims(&self) -> &[usize] {
        &self.dims
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        self.dims.iter().product()
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of elements of one filter: what one index of the first axis stands for.
    pub fn filter_len(&self) -> usize {
        self.dims.iter().skip(1).product()
    }

    /// The elements, row-major. Memory is allocated for all of them unless they are in memory already.
    pub fn data(&self) -> Cow<'_, [f32]> {
        if let Storage::Memory(data) = &self.storage {
            return Cow::Borrowed(data);
        }
        let mut data = vec![0.0; self.len()];
        self.read_filters(0, &mut data);
        Cow::Owned(data)
    }

    /// Reads whole filters, from that index of the first axis on, row-major, as many as the slice holds.
    ///
    /// # Panics
    /// When the tensor has fewer filters.
    pub fn read_filters(&self, first: usize, into: &mut [f32]) {
        let filter = self.filter_len();
        let start = first * filter;
        match &self.storage {
            Storage::Memory(data) => into.copy_from_slice(&data[start..start + into.len()]),
            Storage::File { bytes, encoding } => {
                let width = encoding.width();
                encoding.decode(&bytes[width * start..width * (start + into.len())], into);
            }
            Storage::Scaled(scaled) => {
                let (tensor, factors) = &**scaled;
                tensor.read_filters(first, into);
                for (values, &factor) in into.chunks_mut(filter.max(1)).zip(&factors[first..]) {
                    for value in values {
                        *value = (f64::from(*value) * factor) as f32;
                    }
                }
            }
            Storage::Zeros => into.fill(0.0),
        }
    }

    /// The element at a place in row-major order.
    ///
    /// # Panics
    /// When there are not as many.
    pub fn element(&self, at: usize) -> f32 {
        match &self.storage {
            Storage::Memory(data) => data[at],
            Storage::File { bytes, encoding } => {
                let (width, mut value) = (encoding.width(), [0.0]);
                encoding.decode(&bytes[width * at..width * (at + 1)], &mut value);
                value[0]
            }
            Storage::Scaled(scaled) => {
                let (tensor, factors) = &**scaled;
                (f64::from(tensor.element(at)) * factors[at / self.filter_len()]) as f32
            }
            Storage::Zeros => 0.0,
        }
    }
}

/// The number of elements; `None` when the product of some of the extents overflows.
fn count(dims: &[usize]) -> Option<usize> {
    let largest = dims.iter().try_fold(1usize, |count, &extent| count.checked_mul(extent.max(1)))?;
    Some(if dims.contains(&0) { 0 } else { largest })
}

/// Equal extents and elements, wherever these come from.
impl PartialEq for Tensor {
    fn eq(&self, other: &Self) -> bool {
        self.dims == other.dims && self.data() == other.data()
    }
}

/// Extents and where the elements are; their values may be millions.
impl fmt::Debug for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tensor {:?} ", self.dims)?;
        match &self.storage {
            Storage::Memory(data) if data.len() <= 16 => write!(f, "{data:?}"),
            Storage::Memory(_) => f.write_str("in memory"),
            Storage::File { encoding, .. } => write!(f, "in a file, {encoding:?}"),
            Storage::Scaled(scaled) => write!(f, "scaled from {:?}", scaled.0),
            Storage::Zeros => f.write_str("of zeros"),
        }
    }
}
