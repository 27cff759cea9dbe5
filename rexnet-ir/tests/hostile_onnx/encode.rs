//! A protobuf writer of a few lines, and the parts of an ONNX model as bytes.

/// A message as bytes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bytes(pub(crate) Vec<u8>);

pub(crate) fn varint(mut value: u64, to: &mut Vec<u8>) {
    while value >= 0x80 {
        to.push(value as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}

impl Bytes {
    pub(crate) fn int(mut self, field: u64, value: i64) -> Self {
        varint(field << 3, &mut self.0);
        varint(value as u64, &mut self.0);
        self
    }

    pub(crate) fn raw(mut self, field: u64, content: &[u8]) -> Self {
        varint(field << 3 | 2, &mut self.0);
        varint(content.len() as u64, &mut self.0);
        self.0.extend_from_slice(content);
        self
    }

    pub(crate) fn text(self, field: u64, content: &str) -> Self {
        self.raw(field, content.as_bytes())
    }

    pub(crate) fn message(self, field: u64, content: &Bytes) -> Self {
        self.raw(field, &content.0)
    }

    pub(crate) fn float(mut self, field: u64, value: f32) -> Self {
        varint(field << 3 | 5, &mut self.0);
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    pub(crate) fn ints(self, field: u64, values: &[i64]) -> Self {
        values.iter().fold(self, |bytes, &value| bytes.int(field, value))
    }

    pub(crate) fn texts(self, field: u64, values: &[&str]) -> Self {
        values.iter().fold(self, |bytes, value| bytes.text(field, value))
    }

    pub(crate) fn messages(self, field: u64, values: &[Bytes]) -> Self {
        values.iter().fold(self, |bytes, value| bytes.message(field, value))
    }
}

/// The element types of ONNX.
pub(crate) const FLOAT: i64 = 1;
pub(crate) const INT64: i64 = 7;

/// A tensor with raw data.
pub(crate) fn raw_tensor(name: &str, kind: i64, dims: &[i64], data: &[u8]) -> Bytes {
    Bytes::default().ints(1, dims).int(2, kind).text(8, name).raw(9, data)
}

pub(crate) fn tensor(name: &str, dims: &[i64]) -> Bytes {
    let count: i64 = dims.iter().product();
    let data: Vec<u8> = (0..count).flat_map(|at| ((at % 7) as f32 * 0.25 + 0.1).to_le_bytes()).collect();
    raw_tensor(name, FLOAT, dims, &data)
}

pub(crate) fn scalar(name: &str, value: f32) -> Bytes {
    raw_tensor(name, FLOAT, &[], &value.to_le_bytes())
}

/// 64-bit integers in a shape.
pub(crate) fn integers(name: &str, dims: &[i64], values: &[i64]) -> Bytes {
    let data: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    raw_tensor(name, INT64, dims, &data)
}

/// A list of 64-bit integers.
pub(crate) fn list(name: &str, values: &[i64]) -> Bytes {
    integers(name, &[values.len() as i64], values)
}

fn attribute(name: &str, kind: i64) -> Bytes {
    Bytes::default().text(1, name).int(20, kind)
}

pub(crate) fn int(name: &str, value: i64) -> Bytes {
    attribute(name, 2).int(3, value)
}

pub(crate) fn ints(name: &str, values: &[i64]) -> Bytes {
    attribute(name, 7).ints(8, values)
}

pub(crate) fn float(name: &str, value: f32) -> Bytes {
    attribute(name, 1).float(2, value)
}

pub(crate) fn text(name: &str, value: &str) -> Bytes {
    attribute(name, 3).text(4, value)
}

pub(crate) fn held(name: &str, tensor: &Bytes) -> Bytes {
    attribute(name, 4).message(5, tensor)
}

pub(crate) fn subgraph(name: &str, graph: &Bytes) -> Bytes {
    attribute(name, 5).message(6, graph)
}

pub(crate) fn node(op: &str, inputs: &[&str], outputs: &[&str], attributes: &[Bytes]) -> Bytes {
    Bytes::default().texts(1, inputs).texts(2, outputs).text(4, op).messages(5, attributes)
}

/// An input or output of static extents.
pub(crate) fn value(name: &str, kind: i64, dims: &[i64]) -> Bytes {
    let dims: Vec<Bytes> = dims.iter().map(|&extent| Bytes::default().int(1, extent)).collect();
    value_of(name, kind, &dims)
}

/// An input or output with the given dimension messages.
pub(crate) fn value_of(name: &str, kind: i64, dims: &[Bytes]) -> Bytes {
    let tensor = Bytes::default().int(1, kind).message(2, &Bytes::default().messages(1, dims));
    Bytes::default().text(1, name).message(2, &Bytes::default().message(1, &tensor))
}

/// The parts of a model. By default it has the input `x: [1, 4, 8, 8]`, the output `y` and operator set 17.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    pub(crate) nodes: Vec<Bytes>,
    pub(crate) initialisers: Vec<Bytes>,
    pub(crate) inputs: Vec<Bytes>,
    pub(crate) outputs: Vec<Bytes>,
    pub(crate) functions: Vec<Bytes>,
    /// More fields of the graph.
    pub(crate) graph: Bytes,
    pub(crate) opsets: Vec<Bytes>,
}

pub(crate) fn opset(domain: &str, version: i64) -> Bytes {
    Bytes::default().text(1, domain).int(2, version)
}

impl Model {
    pub(crate) fn new(nodes: &[Bytes]) -> Self {
        Self {
            nodes: nodes.to_vec(),
            initialisers: Vec::new(),
            inputs: vec![value("x", FLOAT, &[1, 4, 8, 8])],
            outputs: vec![value("y", FLOAT, &[])],
            functions: Vec::new(),
            graph: Bytes::default(),
            opsets: vec![opset("", 17)],
        }
    }

    pub(crate) fn with(mut self, initialisers: &[Bytes]) -> Self {
        self.initialisers.extend_from_slice(initialisers);
        self
    }

    pub(crate) fn opset(mut self, version: i64) -> Self {
        self.opsets = vec![opset("", version)];
        self
    }

    pub(crate) fn file(&self) -> Vec<u8> {
        let graph = Bytes::default()
            .messages(1, &self.nodes)
            .text(2, "net")
            .messages(5, &self.initialisers)
            .messages(11, &self.inputs)
            .messages(12, &self.outputs);
        let graph = Bytes([graph.0, self.graph.0.clone()].concat());
        let model = Bytes::default().int(1, 8).message(7, &graph);
        model.messages(8, &self.opsets).messages(25, &self.functions).0
    }
}

/// One node from `x` to `y`, with constants.
pub(crate) fn single(op: &str, inputs: &[&str], attributes: &[Bytes], initialisers: &[Bytes]) -> Vec<u8> {
    Model::new(&[node(op, inputs, &["y"], attributes)]).with(initialisers).file()
}
