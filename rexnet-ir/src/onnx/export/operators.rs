//! How each primitive operator is spelt.

use super::Writer;
use super::fields::{float, int, ints, string};
use crate::graph::{
    Activation, Coordinates, DepthOrder, Expand, Exported, Function, Interpolation, NodeId, Op, Reduce,
    ReduceKind, Reshape, Resize,
};
use crate::onnx::messages::{Attribute, Node, TensorMessage, data_type};

impl Writer<'_> {
    /// The operator's name in ONNX and its attributes; what ONNX takes as inputs is added to them.
    pub(super) fn operator(
        &mut self,
        id: NodeId,
        op: &Op,
        inputs: &mut Vec<String>,
    ) -> (&'static str, Vec<Attribute>) {
        let node = self.graph.node(id);
        // Leaves are written elsewhere; what has no name of its own `primitive` writes out.
        let Exported::As(name) = op.exported() else {
            debug_assert!(false, "{} is left to be written", op.name());
            return ("Identity", Vec::new());
        };
        let attributes = match op {
            Op::Reshape(Reshape::To(dims)) | Op::Expand(Expand { dims }) => {
                inputs.push(self.integers(dims));
                Vec::new()
            }
            Op::Reshape(Reshape::Flatten) => vec![int("axis", 1)],
            Op::Reshape(Reshape::Unflatten) => {
                inputs.push(self.integers(&[2, 3]));
                Vec::new()
            }
            Op::Transpose(transpose) => vec![ints("perm", &transpose.order)],
            Op::Softmax(softmax) => vec![int("axis", softmax.axis)],
            // The others take the axes as an input from version 18 on.
            Op::Reduce(Reduce { kind, axis }) if *kind == ReduceKind::Sum || self.opset.0 >= 18 => {
                inputs.push(self.integers(&[*axis]));
                Vec::new()
            }
            Op::Reduce(reduce) => vec![ints("axes", &[reduce.axis])],
            Op::DepthToSpace(depth) => {
                let mode = match depth.order {
                    DepthOrder::BlockFirst => "DCR",
                    DepthOrder::ChannelFirst => "CRD",
                };
                vec![int("blocksize", depth.block[0]), string("mode", mode)]
            }
            Op::Resize(resize) => {
                self.resize(resize, &self.graph.node(node.operands[0]).ty.dims.clone(), inputs)
            }
            Op::Unary(Function::Activate(Activation::HardSigmoid)) => vec![float("alpha", 1.0 / 6.0)],
            Op::Unary(Function::Activate(function)) => {
                function.parameter().map(|alpha| float("alpha", alpha.get())).into_iter().collect()
            }
            Op::Unary(Function::Clip { min, max }) => {
                for (bound, none) in [(min, f32::NEG_INFINITY), (max, f32::INFINITY)] {
                    let bound = *bound as f32;
                    inputs.push(if bound == none { String::new() } else { self.float(bound) });
                }
                // Inputs that are left out at the end are not listed.
                while inputs.last().is_some_and(String::is_empty) {
                    inputs.pop();
                }
                Vec::new()
            }
            Op::Slice(slice) => {
                for index in [slice.start, slice.end, slice.axis] {
                    inputs.push(self.integers(&[index]));
                }
                Vec::new()
            }
            Op::Concat(concat) => vec![int("axis", concat.axis)],
            Op::Pad(pad) => {
                let [top, left, bottom, right] = pad.pad;
                inputs.push(self.integers(&[0, 0, top, left, 0, 0, bottom, right]));
                if pad.value != 0.0 {
                    inputs.push(self.float(pad.value as f32));
                }
                Vec::new()
            }
            Op::Gather(gather) => {
                inputs.push(self.integers(&gather.indices.iter().collect::<Vec<_>>()));
                vec![int("axis", gather.axis)]
            }
            Op::Pool2d(pool) => {
                let mut attributes = vec![
                    ints("kernel_shape", &pool.kernel),
                    ints("pads", &pool.pad),
                    ints("strides", &pool.stride),
                ];
                attributes.extend((pool.dilation != [1, 1]).then(|| ints("dilations", &pool.dilation)));
                attributes
            }
            Op::MaxUnpool(unpool) => {
                let windows = vec![
                    ints("dilations", &unpool.dilation),
                    ints("kernel_shape", &unpool.kernel),
                    ints("pads", &unpool.pad),
                    ints("strides", &unpool.stride),
                ];
                // The places that a maximum pooling of the map finds.
                let places = self.unique(&format!("{}.places", node.name));
                let largest = self.unique(&format!("{}.largest", node.name));
                let map = std::mem::replace(&mut inputs[1], places.clone());
                self.message.node.push(Node {
                    name: Some(places.clone()),
                    op_type: Some("MaxPool".to_owned()),
                    input: vec![map],
                    output: vec![largest, places],
                    attribute: windows.clone(),
                    ..Node::default()
                });
                let dims = node.ty.dims.clone();
                inputs.push(self.integers(&dims));
                windows.into_iter().skip(1).collect()
            }
            Op::BatchNorm(norm) => vec![float("epsilon", norm.epsilon as f32)],
            Op::Dense(_) => vec![int("transB", 1)],
            Op::Conv2d(conv) => {
                let weight = &self.graph.node(node.operands[1]).ty;
                vec![
                    ints("dilations", &conv.dilation),
                    int("group", conv.groups),
                    ints("kernel_shape", &[weight.height(), weight.width()]),
                    ints("pads", &conv.pad),
                    ints("strides", &conv.stride),
                ]
            }
            _ => Vec::new(),
        };
        (name, attributes)
    }

    /// One axis resized: by the size, unless the scale is another than it says; elements taken whole at places of their
    /// own that no version has beside the other coordinates are gathered.
    fn resize(&mut self, resize: &Resize, dims: &[usize], inputs: &mut Vec<String>) -> Vec<Attribute> {
        let region = resize.region.map_or([0.0, 1.0], |region| region.map(crate::graph::Parameter::get));
        if resize.coordinates == Coordinates::HalfPixelWhole {
            let taps = resize.taps(dims[resize.axis]);
            let elements: Vec<usize> = taps.iter().map(|taps| taps[0].0).collect();
            inputs.push(self.integers(&elements));
            return vec![int("axis", resize.axis)];
        }
        inputs.push(if resize.coordinates == Coordinates::Region {
            let mut both = [vec![0.0; dims.len()], vec![1.0; dims.len()]];
            both[0][resize.axis] = region[0];
            both[1][resize.axis] = region[1];
            self.floats(&both.concat())
        } else {
            String::new()
        });
        if resize.scale == resize.size as f64 / dims[resize.axis] as f64 {
            let mut sizes = dims.to_vec();
            sizes[resize.axis] = resize.size;
            inputs.push(String::new());
            inputs.push(self.integers(&sizes));
        } else {
            let mut scales = vec![1.0f32; dims.len()];
            scales[resize.axis] = resize.scale as f32;
            inputs.push(self.floats(&scales));
        }
        let coordinates = match resize.coordinates {
            Coordinates::HalfPixel => "half_pixel",
            Coordinates::HalfPixelOrZero => "pytorch_half_pixel",
            Coordinates::HalfPixelSymmetric => "half_pixel_symmetric",
            Coordinates::HalfPixelWhole => "",
            Coordinates::Region => "tf_crop_and_resize",
            Coordinates::AlignCorners => "align_corners",
            Coordinates::Asymmetric => "asymmetric",
        };
        let (mode, nearest) = match resize.interpolation {
            Interpolation::NearestFloor => ("nearest", Some("floor")),
            Interpolation::NearestCeil => ("nearest", Some("ceil")),
            Interpolation::NearestPreferFloor => ("nearest", Some("round_prefer_floor")),
            Interpolation::NearestPreferCeil => ("nearest", Some("round_prefer_ceil")),
            Interpolation::Linear => ("linear", None),
            Interpolation::Cubic => ("cubic", None),
        };
        let mut attributes =
            vec![string("coordinate_transformation_mode", coordinates), string("mode", mode)];
        attributes.extend(nearest.map(|nearest| string("nearest_mode", nearest)));
        attributes.extend(resize.antialias.then(|| int("antialias", 1)));
        attributes.extend(resize.exclude_outside.then(|| int("exclude_outside", 1)));
        attributes.extend(resize.coefficient.map(|a| float("cubic_coeff_a", a.get())));
        attributes
    }

    fn floats(&mut self, values: &[f32]) -> String {
        let text: Vec<String> = values.iter().map(|value| format!("{value:?}")).collect();
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.argument("floats", &text.join("_"), data_type::FLOAT, vec![values.len() as i64], bytes)
    }

    pub(super) fn float(&mut self, value: f32) -> String {
        self.argument(
            "float",
            &format!("{value:?}"),
            data_type::FLOAT,
            Vec::new(),
            value.to_le_bytes().into(),
        )
    }

    pub(super) fn integers(&mut self, values: &[usize]) -> String {
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
