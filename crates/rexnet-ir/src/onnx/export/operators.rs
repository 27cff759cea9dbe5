//! How each primitive operator is spelt.

use super::Writer;
use super::fields::{float, int, ints};
use crate::graph::{Activation, NodeId, Op, Pool2d, PoolKind};
use crate::onnx::messages::{Attribute, TensorMessage, data_type};

impl Writer<'_> {
    /// The operator's name in ONNX and its attributes; what ONNX takes as inputs is added to them.
    pub(super) fn operator(
        &mut self,
        id: NodeId,
        op: &Op,
        inputs: &mut Vec<String>,
    ) -> (&'static str, Vec<Attribute>) {
        let node = self.graph.node(id);
        match op {
            Op::Add => ("Add", Vec::new()),
            Op::Mul => ("Mul", Vec::new()),
            Op::GlobalAveragePool => ("GlobalAveragePool", Vec::new()),
            Op::Flatten => ("Flatten", vec![int("axis", 1)]),
            Op::Unflatten => {
                inputs.push(self.integers(&[2, 3]));
                ("Unsqueeze", Vec::new())
            }
            Op::Activate(activate) => match activate.function {
                Activation::Relu => ("Relu", Vec::new()),
                Activation::Sigmoid => ("Sigmoid", Vec::new()),
                Activation::HardSigmoid => ("HardSigmoid", vec![float("alpha", 1.0 / 6.0)]),
                Activation::HardSwish => ("HardSwish", Vec::new()),
                Activation::LeakyRelu(slope) => ("LeakyRelu", vec![float("alpha", slope.get())]),
                Activation::Elu(alpha) => ("Elu", vec![float("alpha", alpha.get())]),
                // Written out by `primitive`.
                Activation::Relu6 | Activation::Silu => ("Identity", Vec::new()),
            },
            Op::Clip(clip) => {
                for (bound, none) in [(clip.min, f32::NEG_INFINITY), (clip.max, f32::INFINITY)] {
                    let bound = bound as f32;
                    inputs.push(if bound == none { String::new() } else { self.float(bound) });
                }
                // Inputs that are left out at the end are not listed.
                while inputs.last().is_some_and(String::is_empty) {
                    inputs.pop();
                }
                ("Clip", Vec::new())
            }
            Op::Slice(slice) => {
                for index in [slice.start, slice.end, slice.axis] {
                    inputs.push(self.integers(&[index]));
                }
                ("Slice", Vec::new())
            }
            Op::Concat(concat) => ("Concat", vec![int("axis", concat.axis)]),
            Op::Pad(pad) => {
                let [top, left, bottom, right] = pad.pad;
                inputs.push(self.integers(&[0, 0, top, left, 0, 0, bottom, right]));
                ("Pad", Vec::new())
            }
            Op::Pool2d(pool) => pooling(pool),
            Op::BatchNorm(norm) => ("BatchNormalization", vec![float("epsilon", norm.epsilon as f32)]),
            Op::Dense(_) => ("Gemm", vec![int("transB", 1)]),
            Op::Conv2d(conv) => {
                let weight = &self.graph.node(node.operands[1]).ty;
                let attributes = vec![
                    ints("dilations", &conv.dilation),
                    int("group", conv.groups),
                    ints("kernel_shape", &[weight.height(), weight.width()]),
                    ints("pads", &conv.pad),
                    ints("strides", &conv.stride),
                ];
                ("Conv", attributes)
            }
            // Leaves are written elsewhere; the others `primitive` writes out.
            Op::Input | Op::Constant | Op::Relayout(_) | Op::PrefixAdd | Op::SqueezeExcite(_) => {
                ("Identity", Vec::new())
            }
        }
    }

    fn float(&mut self, value: f32) -> String {
        self.argument(
            "float",
            &format!("{value:?}"),
            data_type::FLOAT,
            Vec::new(),
            value.to_le_bytes().into(),
        )
    }

    fn integers(&mut self, values: &[usize]) -> String {
        let text: Vec<String> = values.iter().map(usize::to_string).collect();
        let bytes = values.iter().flat_map(|&value| (value as i64).to_le_bytes()).collect();
        self.argument("ints", &text.join("_"), data_type::INT64, vec![values.len() as i64], bytes)
    }

    /// A small tensor, shared by all operators that take it.
    fn argument(
        &mut self,
        kind: &str,
        content: &str,
        data_type: i32,
        dims: Vec<i64>,
        bytes: Vec<u8>,
    ) -> String {
        let key = (dims, bytes);
        if let Some(name) = self.arguments.get(&key) {
            return name.clone();
        }
        let name = self.unique(&format!("{kind}_{content}"));
        self.message.initializer.push(TensorMessage {
            dims: key.0.clone(),
            data_type: Some(data_type),
            name: Some(name.clone()),
            raw_data: Some(key.1.clone().into()),
            ..TensorMessage::default()
        });
        self.arguments.insert(key, name.clone());
        name
    }
}

fn pooling(pool: &Pool2d) -> (&'static str, Vec<Attribute>) {
    let window = [ints("kernel_shape", &pool.kernel), ints("pads", &pool.pad), ints("strides", &pool.stride)];
    match pool.kind {
        PoolKind::Average => ("AveragePool", window.to_vec()),
        PoolKind::Max => ("MaxPool", window.to_vec()),
    }
}
