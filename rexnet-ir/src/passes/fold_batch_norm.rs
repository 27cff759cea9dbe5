//! `batch_norm(conv2d(x, w, b))` → `conv2d(x, w', b')`, the same of a dense layer, computed in f64 and rounded once:
//! `w' = w · s` (when it is read: weights are large), `b' = (b − mean) · s + bias` with `s = scale / sqrt(variance + ε)`.
//!
//! A batch norm that follows neither becomes a depthwise 1×1 convolution with `w' = s`; of a tensor of another rank than 4,
//! between two that change the rank.

use super::{Pass, Report};
use crate::diagnostic::Diagnostic;
use crate::graph::{BatchNorm, Conv2d, Dense, Graph, NodeId, Op, Reshape, Tensor};

pub(super) const PASS: Pass = Pass {
    name: "fold_batch_norm",
    summary: "fold batch norms into the convolutions and dense layers before them",
    run,
};

fn run(graph: &mut Graph, report: &mut Report) -> Result<(), Diagnostic> {
    for id in graph.order() {
        let node = graph.node(id);
        let Op::BatchNorm(norm) = node.op.clone() else { continue };
        let name = node.name.clone();
        let Some(statistics) = Statistics::read(graph, id, &norm) else {
            report.refuse(name, "its scale, bias, mean and variance are not all constants with tensors");
            continue;
        };
        match layer_before(graph, id) {
            Ok(layer) => {
                fold(graph, layer, id, &statistics)?;
                report.acted_on(name);
            }
            Err(reason) => {
                report.refuse(&name, format!("{reason}; it becomes a depthwise 1×1 convolution"));
                scale_channels(graph, id, &statistics)?;
            }
        }
    }
    Ok(())
}

struct Statistics {
    /// `scale / sqrt(variance + ε)`.
    factor: Vec<f64>,
    mean: Vec<f64>,
    bias: Vec<f64>,
}

impl Statistics {
    fn read(graph: &Graph, id: NodeId, norm: &BatchNorm) -> Option<Self> {
        let vector = |operand| {
            let tensor = graph.constant_operand(id, operand)?;
            Some(tensor.data().iter().map(|&x| f64::from(x)).collect::<Vec<f64>>())
        };
        let (scale, variance) = (vector(1)?, vector(4)?);
        let factor = scale.iter().zip(&variance).map(|(s, v)| s / (v + norm.epsilon).sqrt()).collect();
        Some(Self { factor, mean: vector(3)?, bias: vector(2)? })
    }
}

/// The convolution or dense layer that takes over the batch norm behind it.
fn layer_before(graph: &Graph, norm: NodeId) -> Result<NodeId, String> {
    let producer = graph.node(norm).operands[0];
    let node = graph.node(producer);
    let (bias, does_more) = match &node.op {
        Op::Conv2d(conv) => (conv.bias, conv.activation.is_some() || conv.shortcut),
        Op::Dense(dense) => (dense.bias, dense.activation.is_some()),
        _ => return Err(format!("{} is no convolution and no dense layer", node.name)),
    };
    graph.only_user(producer)?;
    if does_more {
        return Err(format!("{} does more than sum", node.name));
    }
    let bound = graph.constant_operand(producer, 1).is_some()
        && (!bias || graph.constant_operand(producer, 2).is_some());
    if bound {
        Ok(producer)
    } else {
        Err(format!("the weights of {} are not constants with tensors", node.name))
    }
}

fn fold(graph: &mut Graph, layer: NodeId, norm: NodeId, statistics: &Statistics) -> Result<(), Diagnostic> {
    let node = graph.node(layer).clone();
    let (has_bias, has_gate, op) = match node.op.clone() {
        Op::Conv2d(conv) => (conv.bias, conv.gate, Op::Conv2d(Conv2d { bias: true, ..conv })),
        Op::Dense(dense) => (dense.bias, false, Op::Dense(Dense { bias: true, ..dense })),
        _ => return Ok(()),
    };
    let Some(weight) = graph.constant_operand(layer, 1).cloned() else { return Ok(()) };
    let old_bias = if has_bias { graph.constant_operand(layer, 2).cloned() } else { None };
    let old_bias = old_bias.as_ref().map(Tensor::data);
    let bias: Vec<f32> = (0..weight.dims()[0])
        .map(|m| {
            let old = old_bias.as_ref().map_or(0.0, |bias| f64::from(bias[m]));
            ((old - statistics.mean[m]) * statistics.factor[m] + statistics.bias[m]) as f32
        })
        .collect();
    let weight_name = graph.node(node.operands[1]).name.clone();
    let gate = if has_gate { node.operands.get(2 + usize::from(has_bias)).copied() } else { None };
    let (Some(scaled), Some(bias)) =
        (weight.scaled(statistics.factor.clone()), Tensor::new([weight.dims()[0]], bias))
    else {
        return Ok(());
    };
    let mut editor = graph.edit();
    let scaled = editor.bound_constant(format!("{weight_name}.folded"), scaled)?;
    let bias = editor.bound_constant(format!("{}.bias.folded", node.name), bias)?;
    let mut operands = vec![node.operands[0], scaled, bias];
    operands.extend(gate);
    editor.redefine(layer, op, &operands)?;
    editor.replace_uses(norm, layer);
    editor.swap_names(norm, layer);
    Ok(())
}

fn scale_channels(graph: &mut Graph, norm: NodeId, statistics: &Statistics) -> Result<(), Diagnostic> {
    let node = graph.node(norm).clone();
    let channels = node.ty.channels();
    let weight = statistics.factor.iter().map(|&s| s as f32).collect::<Vec<f32>>();
    let bias = (0..channels)
        .map(|c| (statistics.bias[c] - statistics.mean[c] * statistics.factor[c]) as f32)
        .collect::<Vec<f32>>();
    let (Some(weight), Some(bias)) =
        (Tensor::new([channels, 1, 1, 1], weight), Tensor::new([channels], bias))
    else {
        return Ok(());
    };
    let mut editor = graph.edit();
    let weight = editor.bound_constant(format!("{}.weight.folded", node.name), weight)?;
    let bias = editor.bound_constant(format!("{}.bias.folded", node.name), bias)?;
    let conv = Op::Conv2d(Conv2d { groups: channels, bias: true, ..Conv2d::pointwise() });
    // A map of as many pixels as there are elements a channel.
    let map = match node.ty.dims[..] {
        [_, _, _, _] => return editor.redefine(norm, conv, &[node.operands[0], weight, bias]),
        [_, _] => {
            editor.add(Op::Reshape(Reshape::Unflatten), &[node.operands[0]], format!("{}.map", node.name))?
        }
        _ => {
            let dims = vec![node.ty.batch(), channels, node.ty.dims[2..].iter().product(), 1];
            editor.add(Op::Reshape(Reshape::To(dims)), &[node.operands[0]], format!("{}.map", node.name))?
        }
    };
    let scaled = editor.add(conv, &[map, weight, bias], format!("{}.scaled", node.name))?;
    let back = match node.ty.dims[..] {
        [_, _] => Op::Reshape(Reshape::Flatten),
        _ => Op::Reshape(Reshape::To(node.ty.dims.clone())),
    };
    editor.redefine(norm, back, &[scaled])
}
