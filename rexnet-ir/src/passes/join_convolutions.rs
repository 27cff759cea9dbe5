//! `concat(conv2d(slice(x, 0..a)), conv2d(slice(x, a..b)), …)` along the channels → one convolution: a depthwise one,
//! with kernels of several sizes if need be (Tan & Le, "MixConv", 2019), or one in as many groups as there were
//! parts. No slice of a map and no part of a result is ever copied then.

use super::{Pass, Report};
use crate::diagnostic::Diagnostic;
use crate::graph::{Concat, Conv2d, Graph, KernelSlice, NodeId, Op, Slice, Tensor};

pub(super) const PASS: Pass = Pass {
    name: "join_convolutions",
    summary: "see convolutions of slices of channels, side by side, as one convolution",
    run,
};

/// A joined weight may be so many times as large as its parts: the smaller kernels are stored in the largest.
const MOST_GROWTH: usize = 32;

fn run(graph: &mut Graph, report: &mut Report) -> Result<(), Diagnostic> {
    for id in graph.order() {
        let node = graph.node(id);
        let first = node.operands.first().map(|&operand| &graph.node(operand).op);
        if node.op != (Op::Concat(Concat { axis: 1 })) || !matches!(first, Some(Op::Conv2d(_))) {
            continue;
        }
        let name = node.name.clone();
        let joined = parts(graph, id).and_then(|parts| join(graph, &parts).map(|joined| (parts, joined)));
        match joined {
            Err(reason) => report.refuse(name, reason),
            Ok((parts, (conv, weight, bias))) => {
                let mut editor = graph.edit();
                let mut operands =
                    vec![parts[0].source, editor.bound_constant(format!("{name}.weight.joined"), weight)?];
                if let Some(bias) = bias {
                    operands.push(editor.bound_constant(format!("{name}.bias.joined"), bias)?);
                }
                editor.redefine(id, Op::Conv2d(conv), &operands)?;
                report.acted_on(name);
            }
        }
    }
    Ok(())
}

/// A convolution of some channels of a tensor.
struct Part {
    source: NodeId,
    conv: Conv2d,
    /// How many channels it reads, and how many it gives.
    channels: [usize; 2],
    weight: Tensor,
    bias: Option<Tensor>,
}

/// The convolutions that are joined: each read by nothing else, of consecutive channels that are all of one tensor.
fn parts(graph: &Graph, concat: NodeId) -> Result<Vec<Part>, String> {
    let mut parts: Vec<Part> = Vec::new();
    let mut next = 0;
    for &operand in &graph.node(concat).operands {
        let node = graph.node(operand);
        let Op::Conv2d(conv) = &node.op else { return Err(format!("{} is no convolution", node.name)) };
        graph.only_user(operand)?;
        if conv.gate || conv.shortcut || conv.input_activation.is_some() || !conv.slices.is_empty() {
            return Err(format!("{} does more than convolve", node.name));
        }
        let slice = graph.node(node.operands[0]);
        let Op::Slice(Slice { axis: 1, start, end }) = slice.op else {
            return Err(format!("{} does not read a slice of channels", node.name));
        };
        let source = slice.operands[0];
        if start != next || parts.first().is_some_and(|first| first.source != source) {
            return Err(format!("{} does not read the channels after those of the part before", node.name));
        }
        next = end;
        let tensor = |place| graph.constant_operand(operand, place).cloned();
        let bias = if conv.bias { Some(tensor(2)) } else { None };
        let (Some(weight), None | Some(Some(_))) = (tensor(1), &bias) else {
            return Err(format!("the weights of {} are not constants with tensors", node.name));
        };
        let channels = [end - start, node.ty.channels()];
        parts.push(Part { source, conv: conv.clone(), channels, weight, bias: bias.flatten() });
    }
    match parts.first() {
        Some(first) if parts.len() > 1 && graph.node(first.source).ty.channels() == next => Ok(parts),
        _ => Err("its parts do not read all channels of a tensor".to_owned()),
    }
}

/// The joined convolution with its weight and bias.
fn join(graph: &Graph, parts: &[Part]) -> Result<(Conv2d, Tensor, Option<Tensor>), String> {
    let first = &parts[0];
    let alike = parts.iter().all(|part| {
        (part.conv.stride, part.conv.dilation, part.conv.bias, part.conv.activation)
            == (first.conv.stride, first.conv.dilation, first.conv.bias, first.conv.activation)
    });
    if !alike {
        return Err("its parts differ in stride, dilation, bias or activation".to_owned());
    }
    let channels: usize = parts.iter().map(|part| part.channels[1]).sum();
    let bias = match first.conv.bias {
        false => None,
        true => {
            let all: Vec<f32> = parts
                .iter()
                .filter_map(|part| part.bias.as_ref())
                .flat_map(|bias| bias.data().into_owned())
                .collect();
            Some(Tensor::vector(all))
        }
    };
    let depthwise =
        parts.iter().all(|part| part.conv.each_channel_alone(part.channels[0], part.weight.dims()));
    let (conv, weight) =
        if depthwise { join_depthwise(parts, channels)? } else { join_groups(parts, channels)? };
    debug_assert_eq!(
        graph.node(first.source).ty.channels(),
        parts.iter().map(|part| part.channels[0]).sum::<usize>()
    );
    Ok((conv, weight, bias))
}

/// One depthwise convolution of the largest kernel, in whose middle the smaller ones lie.
fn join_depthwise(parts: &[Part], channels: usize) -> Result<(Conv2d, Tensor), String> {
    let kernel = |part: &Part| part.weight.dims()[2];
    let Some(largest) = parts.iter().max_by_key(|part| kernel(part)) else {
        return Err("it joins nothing".to_owned());
    };
    let side = kernel(largest);
    let same_size = parts.iter().all(|part| part.weight.dims()[2..] == largest.weight.dims()[2..]);
    let centred = |part: &Part| {
        let square = part.weight.dims()[3] == kernel(part);
        let around = (side - kernel(part)) / 2;
        square
            && (side - kernel(part)).is_multiple_of(2)
            && part.conv.dilation == [1, 1]
            && part.conv.pad.map(|pad| pad + around) == largest.conv.pad
    };
    let same_pads = parts.iter().all(|part| part.conv.pad == largest.conv.pad);
    if !(same_size && same_pads || parts.iter().all(centred)) {
        return Err("its parts' kernels do not have one middle".to_owned());
    }
    let own: usize = parts.iter().map(|part| part.weight.len()).sum();
    let width = largest.weight.dims()[3];
    if channels.saturating_mul(side * width) > own.saturating_mul(MOST_GROWTH) {
        return Err("the largest kernel is much larger than the others".to_owned());
    }
    let mut data = vec![0.0; channels * side * width];
    let mut filters = data.chunks_mut(side * width);
    for part in parts {
        let [height, width_of_part] = [part.weight.dims()[2], part.weight.dims()[3]];
        let (top, left) = ((side - height) / 2, (width - width_of_part) / 2);
        for (filter, to) in part.weight.data().chunks(height * width_of_part).zip(&mut filters) {
            for (y, row) in filter.chunks(width_of_part).enumerate() {
                to[(top + y) * width + left..][..width_of_part].copy_from_slice(row);
            }
        }
    }
    let slices = parts.iter().map(|part| KernelSlice { kernel: kernel(part), channels: part.channels[1] });
    let slices = if same_size { Vec::new() } else { slices.collect() };
    let conv = Conv2d { groups: channels, slices, ..largest.conv.clone() };
    let weight = Tensor::new([channels, 1, side, width], data);
    Ok((conv, weight.ok_or("the joined weight does not have its extents")?))
}

/// One convolution in groups: the parts are alike and in one group each.
fn join_groups(parts: &[Part], channels: usize) -> Result<(Conv2d, Tensor), String> {
    let first = &parts[0];
    let alike = parts.iter().all(|part| {
        part.conv.groups == 1 && part.weight.dims() == first.weight.dims() && part.conv.pad == first.conv.pad
    });
    if !alike {
        return Err("its parts are neither depthwise nor groups of equal extents".to_owned());
    }
    let data: Vec<f32> = parts.iter().flat_map(|part| part.weight.data().into_owned()).collect();
    let mut dims = first.weight.dims().to_vec();
    dims[0] = channels;
    let weight = Tensor::new(dims, data).ok_or("the joined weight does not have its extents")?;
    Ok((Conv2d { groups: parts.len(), ..first.conv.clone() }, weight))
}
