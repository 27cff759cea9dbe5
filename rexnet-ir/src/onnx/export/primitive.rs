//! A graph with everything fused written out again, in the operators that ONNX has.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::graph::{
    Activation, BinaryKind, Concat, Conv2d, Dense, DepthOrder, DepthToSpace, Editor, Function, Graph, NodeId,
    Op, Pad, Reshape, Slice, SqueezeExcite, Tensor, Transpose,
};
use std::collections::{HashMap, HashSet};

/// The same network in primitive operators: convolutions and dense layers do nothing else, squeeze-excite and the
/// prefix shortcut are made of their parts, SiLU is `x * sigmoid(x)`, ReLU6 a clip. Operators that change nothing
/// are gone, and so is what no output needs. The last part has the name of the whole.
///
/// # Errors
/// None on a verified graph.
pub(super) fn primitive(graph: &Graph) -> Result<Graph, Diagnostics> {
    let mut result = Graph::new(graph.name());
    let mut writer =
        Writer { source: graph, editor: result.edit(), constants: HashMap::new(), named: HashSet::new() };
    let mut places: HashMap<NodeId, NodeId> = HashMap::new();
    for id in graph.order() {
        let node = graph.node(id);
        let place = match &node.op {
            Op::Input => writer.editor.input(&node.name, &node.ty.dims)?,
            Op::Constant => continue,
            op => {
                let operands: Vec<NodeId> = (0..node.operands.len())
                    .map(|place| match places.get(&node.operands[place]) {
                        Some(&operand) => Ok(operand),
                        None => writer.constant(node.operands[place], rank(op, place)),
                    })
                    .collect::<Result<_, _>>()?;
                writer.write(op, &operands, &node.name)?
            }
        };
        places.insert(id, place);
    }
    for output in graph.outputs() {
        result.edit().output_as(&output.name, places[&output.node], output.dims.clone());
    }
    result.edit().remove_dead();
    Ok(result)
}

/// The rank that the operator written for `op` wants of a constant operand, where the graph leaves a choice.
fn rank(op: &Op, place: usize) -> Option<usize> {
    match (op, place) {
        (Op::Dense(_), 1) => Some(2),
        (Op::SqueezeExcite(_), 1 | 3) => Some(4),
        _ => None,
    }
}

struct Writer<'a> {
    source: &'a Graph,
    editor: Editor<'a>,
    /// The constants written so far, by source and extents.
    constants: HashMap<(NodeId, Vec<usize>), NodeId>,
    /// The constants of which one form has the name.
    named: HashSet<NodeId>,
}

type Written = Result<NodeId, Diagnostic>;

impl Writer<'_> {
    fn write(&mut self, op: &Op, operands: &[NodeId], name: &str) -> Written {
        match op {
            Op::Conv2d(conv) => self.convolution(conv, operands, name),
            Op::Dense(dense) => {
                let plain = Op::Dense(Dense { activation: None, ..dense.clone() });
                match dense.activation {
                    None => self.editor.add(plain, operands, name),
                    Some(function) => {
                        let part = self.part(name, "sum");
                        let sum = self.editor.add(plain, operands, part)?;
                        self.activation(function, sum, name)
                    }
                }
            }
            Op::SqueezeExcite(gate) => self.squeeze_excite(gate, operands, name),
            Op::PrefixAdd => self.shortcut(operands[0], operands[1], name),
            Op::Unary(Function::Activate(function)) => self.activation(*function, operands[0], name),
            Op::Relayout(_) => Ok(operands[0]),
            Op::Pad(Pad { pad: [0, 0, 0, 0], .. }) => Ok(operands[0]),
            Op::Reshape(Reshape::Flatten) if self.dims(operands[0]).len() == 2 => Ok(operands[0]),
            Op::Slice(slice) if self.dims(operands[0])[slice.axis] == slice.end - slice.start => {
                Ok(operands[0])
            }
            Op::Concat(_) if operands.len() == 1 => Ok(operands[0]),
            Op::DepthToSpace(depth) if depth.block[0] != depth.block[1] => {
                self.depth_to_space(depth, operands[0], name)
            }
            // The table says that ONNX has it.
            op => self.editor.add(op.clone(), operands, name),
        }
    }

    /// A constant of the source, `[m, k]` and `[m, k, 1, 1]` as its user wants them. The first form has the name.
    fn constant(&mut self, source: NodeId, rank: Option<usize>) -> Written {
        let node = self.source.node(source);
        let mut dims = node.ty.dims.clone();
        dims.resize(rank.unwrap_or(dims.len()), 1);
        let key = (source, dims);
        if let Some(&constant) = self.constants.get(&key) {
            return Ok(constant);
        }
        let first = self.named.insert(source);
        let name = if first { node.name.clone() } else { self.part(&node.name, "reshaped") };
        let tensor = self.source.constant(&node.name).and_then(|tensor| tensor.reshaped(key.1.clone()));
        let constant = match tensor {
            Some(tensor) => self.editor.bound_constant(name, tensor)?,
            None => self.editor.constant(name, &key.1)?,
        };
        self.constants.insert(key, constant);
        Ok(constant)
    }

    /// A name for a part of `name` that no node of the source has.
    fn part(&self, name: &str, step: &str) -> String {
        let mut part = format!("{name}.{step}");
        while self.source.find(&part).is_some() {
            part.push_str(".part");
        }
        part
    }

    fn dims(&self, id: NodeId) -> &[usize] {
        &self.editor.graph().node(id).ty.dims
    }

    fn convolution(&mut self, conv: &Conv2d, operands: &[NodeId], name: &str) -> Written {
        let mut optional = operands[2..].iter().copied();
        let bias = conv.bias.then(|| optional.next()).flatten();
        let gate = conv.gate.then(|| optional.next()).flatten();
        let shortcut = conv.shortcut.then(|| optional.next()).flatten();

        let mut x = operands[0];
        if let Some(gate) = gate {
            let part = self.part(name, "gated");
            x = self.editor.add(BinaryKind::Mul.into(), &[x, gate], part)?;
        }
        if let Some(function) = conv.input_activation {
            let part = self.part(name, "input");
            x = self.activation(function, x, &part)?;
        }
        let plain =
            Conv2d { gate: false, input_activation: None, activation: None, shortcut: false, ..conv.clone() };
        let mut inputs = vec![x, operands[1]];
        inputs.extend(bias);
        // Each step that is not the last has a name of its own.
        let only = conv.activation.is_none() && shortcut.is_none();
        let own = if only { name.to_owned() } else { self.part(name, "conv") };
        x = match self.parts(&plain, &inputs, &own)? {
            Some(parts) => self.editor.add(Op::Concat(Concat { axis: 1 }), &parts, own)?,
            None => self.editor.add(Op::Conv2d(plain), &inputs, own)?,
        };
        if let Some(function) = conv.activation {
            let own = if shortcut.is_none() { name.to_owned() } else { self.part(name, "act") };
            x = self.activation(function, x, &own)?;
        }
        match shortcut {
            Some(shortcut) => self.shortcut(x, shortcut, name),
            None => Ok(x),
        }
    }

    /// A depthwise convolution of kernels of several sizes as one convolution for each, of the channels that it is for;
    /// `None` where it has one size, or no tensors to cut.
    fn parts(
        &mut self,
        conv: &Conv2d,
        operands: &[NodeId],
        name: &str,
    ) -> Result<Option<Vec<NodeId>>, Diagnostic> {
        let tensor = |editor: &Editor<'_>, place: usize| {
            editor.graph().constant(&editor.graph().node(operands[place]).name).cloned()
        };
        let bias = if conv.bias { Some(tensor(&self.editor, 2)) } else { None };
        let (Some(weight), None | Some(Some(_))) = (tensor(&self.editor, 1), &bias) else { return Ok(None) };
        if conv.slices.is_empty() {
            return Ok(None);
        }
        let (mut start, mut parts) = (0, Vec::with_capacity(conv.slices.len()));
        for (index, slice) in conv.slices.iter().enumerate() {
            let (end, side) = (start + slice.channels, weight.dims()[2]);
            let around = (side - slice.kernel) / 2;
            let step = |what: &str| format!("{index}.{what}");
            let op = Op::Slice(Slice { axis: 1, start, end });
            let input = self.editor.add(op, &[operands[0]], self.part(name, &step("slice")))?;
            let mut filters = vec![0.0; slice.channels * side * side];
            weight.read_filters(start, &mut filters);
            let rows =
                filters.chunks(side).enumerate().filter(|(row, _)| conv.covers(start, side, row % side));
            let taps: Vec<f32> =
                rows.flat_map(|(_, row)| row[around..around + slice.kernel].iter().copied()).collect();
            let dims = [slice.channels, 1, slice.kernel, slice.kernel];
            let Some(taps) = Tensor::new(dims, taps) else { return Ok(None) };
            let mut inputs = vec![input, self.editor.bound_constant(self.part(name, &step("weight")), taps)?];
            if let Some(Some(bias)) = &bias {
                let of_part = Tensor::vector(&bias.data()[start..end]);
                inputs.push(self.editor.bound_constant(self.part(name, &step("bias")), of_part)?);
            }
            let pad = conv.pad.map(|pad| pad.saturating_sub(around));
            let part = Conv2d { groups: slice.channels, slices: Vec::new(), pad, ..conv.clone() };
            parts.push(self.editor.add(Op::Conv2d(part), &inputs, self.part(name, &index.to_string()))?);
            start = end;
        }
        Ok(Some(parts))
    }

    /// `whole`, with `part` added to its first channels.
    fn shortcut(&mut self, whole: NodeId, part: NodeId, name: &str) -> Written {
        let (channels, split) = (self.dims(whole)[1], self.dims(part)[1]);
        if channels == split {
            return self.editor.add(BinaryKind::Add.into(), &[whole, part], name);
        }
        let slice = |start, end| Op::Slice(Slice { axis: 1, start, end });
        let [first_name, sum_name, rest_name] = ["first", "sum", "rest"].map(|step| self.part(name, step));
        let first = self.editor.add(slice(0, split), &[whole], first_name)?;
        let sum = self.editor.add(BinaryKind::Add.into(), &[first, part], sum_name)?;
        let rest = self.editor.add(slice(split, channels), &[whole], rest_name)?;
        self.editor.add(Op::Concat(Concat { axis: 1 }), &[sum, rest], name)
    }

    /// Blocks that are not square, which ONNX has none of: columns are dealt first, then rows.
    fn depth_to_space(&mut self, depth: &DepthToSpace, x: NodeId, name: &str) -> Written {
        let &[n, channels, h, w] = self.dims(x) else { return Ok(x) };
        let [bh, bw] = depth.block;
        let c = channels / (bh * bw);
        // With the channel first every channel is an image of its own.
        let (images, maps) = match depth.order {
            DepthOrder::BlockFirst => (n, c),
            DepthOrder::ChannelFirst => (n * c, 1),
        };
        let reshape = |dims: [usize; 4]| Op::Reshape(Reshape::To(dims.to_vec()));
        let transpose = |order: [usize; 4]| Op::Transpose(Transpose { order: order.to_vec() });
        let steps = [
            ("columns", reshape([images * bh, bw, maps * h, w])),
            ("columns_last", transpose([0, 2, 3, 1])),
            ("rows", reshape([images, bh, maps * h, w * bw])),
            ("rows_behind", transpose([0, 2, 1, 3])),
        ];
        let mut x = x;
        for (step, op) in steps {
            let part = self.part(name, step);
            x = self.editor.add(op, &[x], part)?;
        }
        self.editor.add(reshape([n, c, h * bh, w * bw]), &[x], name)
    }

    fn squeeze_excite(&mut self, gate: &SqueezeExcite, operands: &[NodeId], name: &str) -> Written {
        let &[x, reduce, reduce_bias, expand, expand_bias] = operands else {
            return self.editor.add(Op::SqueezeExcite(gate.clone()), operands, name);
        };
        let layer = || Op::Conv2d(Conv2d { bias: true, ..Conv2d::pointwise() });
        let mut y = self.editor.add(Op::GlobalAveragePool, &[x], self.part(name, "pool"))?;
        let part = self.part(name, "reduce");
        y = self.editor.add(layer(), &[y, reduce, reduce_bias], part)?;
        let part = self.part(name, "act");
        y = self.activation(gate.activation, y, &part)?;
        let part = self.part(name, "expand");
        y = self.editor.add(layer(), &[y, expand, expand_bias], part)?;
        self.activation(gate.gate, y, name)
    }

    fn activation(&mut self, function: Activation, x: NodeId, name: &str) -> Written {
        match function {
            Activation::Relu6 => {
                self.editor.add(Op::Unary(Function::Clip { min: 0.0, max: 6.0 }), &[x], name)
            }
            Activation::Silu => {
                let part = self.part(name, "sigmoid");
                let gate = self.editor.add(Activation::Sigmoid.into(), &[x], part)?;
                self.editor.add(BinaryKind::Mul.into(), &[x, gate], name)
            }
            function => self.editor.add(function.into(), &[x], name),
        }
    }
}
