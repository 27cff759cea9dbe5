//! The little of the ONNX format that node tests need: tensors in files, and initialisers added to a model.

/// A tensor, also as it lies in its file.
pub(crate) struct Tensor {
    pub(crate) name: String,
    pub(crate) dims: Vec<usize>,
    data_type: u64,
    numbers: Option<Vec<f32>>,
    message: Vec<u8>,
}

/// A field of a message.
enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

const FLOAT: u64 = 1;
const BOOL: u64 = 9;
const DOUBLE: u64 = 11;

impl Tensor {
    /// Reads a `TensorProto`.
    pub(crate) fn read(message: Vec<u8>) -> Result<Self, String> {
        let (mut name, mut dims, mut data_type, mut raw) = (String::new(), Vec::new(), 0, &[][..]);
        let mut rest = message.as_slice();
        while !rest.is_empty() {
            match field(&mut rest).ok_or("the tensor's message is damaged")? {
                (1, Field::Number(extent)) => dims.push(extent as usize),
                (1, Field::Bytes(mut packed)) => {
                    while !packed.is_empty() {
                        dims.push(number(&mut packed).ok_or("the tensor's extents are damaged")? as usize);
                    }
                }
                (2, Field::Number(number)) => data_type = number,
                (8, Field::Bytes(text)) => name = String::from_utf8_lossy(text).into_owned(),
                // Packed floats, packed doubles and raw data are the same bytes.
                (4 | 9 | 10, Field::Bytes(bytes)) => raw = bytes,
                _ => {}
            }
        }
        let numbers: Vec<f32> = match data_type {
            FLOAT => raw.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect(),
            DOUBLE => raw.as_chunks().0.iter().map(|&bytes| f64::from_le_bytes(bytes) as f32).collect(),
            BOOL => raw.iter().map(|&byte| f32::from(byte)).collect(),
            _ => Vec::new(),
        };
        let complete = matches!(data_type, FLOAT | DOUBLE | BOOL);
        let complete = complete && numbers.len() == dims.iter().product::<usize>();
        Ok(Self { name, dims, data_type, numbers: complete.then_some(numbers), message })
    }

    /// The elements of a tensor of floats; those of doubles are rounded to such.
    pub(crate) fn floats(&self) -> Option<&[f32]> {
        self.numbers().filter(|_| self.data_type != BOOL)
    }

    /// The elements of a tensor of floats or of truth values, which are 1 and 0.
    pub(crate) fn numbers(&self) -> Option<&[f32]> {
        self.numbers.as_deref()
    }
}

/// The model with tensors as initialisers of its graph. Protobuf joins the graphs of a model that has several, so
/// nothing in it needs to be read.
pub(crate) fn with_initialisers<'t>(model: &[u8], tensors: impl Iterator<Item = &'t Tensor>) -> Vec<u8> {
    const GRAPH: u64 = 7;
    const INITIALIZER: u64 = 5;
    let mut graph = Vec::new();
    for tensor in tensors {
        push(&mut graph, INITIALIZER, &tensor.message);
    }
    let mut result = model.to_vec();
    push(&mut result, GRAPH, &graph);
    result
}

fn push(message: &mut Vec<u8>, tag: u64, content: &[u8]) {
    for mut number in [tag << 3 | 2, content.len() as u64] {
        while number >= 0x80 {
            message.push(number as u8 | 0x80);
            number >>= 7;
        }
        message.push(number as u8);
    }
    message.extend_from_slice(content);
}

fn number(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for place in 0..10 {
        let (&byte, after) = rest.split_first()?;
        *rest = after;
        value |= u64::from(byte & 0x7f) << (7 * place);
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

fn field<'a>(rest: &mut &'a [u8]) -> Option<(u64, Field<'a>)> {
    let key = number(rest)?;
    let length = match key & 7 {
        0 => return Some((key >> 3, Field::Number(number(rest)?))),
        1 => 8,
        2 => usize::try_from(number(rest)?).ok()?,
        5 => 4,
        _ => return None,
    };
    let (content, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some((key >> 3, Field::Bytes(content)))
}
