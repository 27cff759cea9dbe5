//! Graph → loops: each node becomes a kernel, a strategy a file.
//!
//! A strategy says which loops compute a node; the [`Target`] supplies tiles and widths. Equal nests become one
//! kernel, called several times.

mod activation;
mod along_axis;
mod borders;
mod columns;
mod convolution;
mod dense;
mod depthwise;
mod elementwise;
mod expand_depthwise;
mod function;
mod gather;
mod grouped;
mod limits;
mod movement;
mod node;
mod packing;
mod padding;
mod pooling;
mod resize;
mod segments;
mod tile;
mod unpool;

pub(crate) use columns::PANEL;
pub use limits::MAX_STATEMENTS;
pub use packing::{PackedTensor, Packing, Part};
pub(crate) use segments::kernel_of;

use crate::loops::{self, Kernel, KernelBuilder};
use crate::target::Target;
use node::NodeBuilder;
use rexnet_ir::diagnostic::{Code, Diagnostic, Diagnostics, Location};
use rexnet_ir::graph::{Conv2d, ConvolutionKind, Graph, Layout, NodeId, Op, TensorType};
use rexnet_ir::passes::MOST_GATED_GROUPS;

/// What is passed to a kernel for one of its buffers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Argument {
    /// The value of a node.
    Value(NodeId),
    /// The means of the channels of the value of a node, `[n, c]`, padded as it is.
    Means(NodeId),
    /// A packed tensor, by index.
    Weights(usize),
    /// Memory that is the kernel's for the length of the call.
    Scratch {
        /// How much.
        elements: usize,
    },
}

/// A kernel applied to arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The kernel, by index.
    pub kernel: usize,
    /// The node that it computes.
    pub node: NodeId,
    /// A node before it that it computes on the way, whose value is nowhere in memory as a whole.
    pub absorbed: Option<NodeId>,
    /// In the order of the kernel's buffers.
    pub arguments: Vec<Argument>,
}

/// A network as kernels and calls, memory not yet assigned.
#[derive(Clone, Debug)]
pub struct Lowered {
    /// The distinct kernels, each verified if the target wants that.
    pub kernels: Vec<Kernel>,
    /// In the order of execution.
    pub calls: Vec<Call>,
    /// The packed weights, in the order of first use.
    pub weights: Vec<PackedTensor>,
}

/// Lowers a verified graph whose layouts were chosen.
///
/// # Errors
/// `RX0403` for each node that no strategy covers; `RX0203` when the kernels together are too long; `RX0402` where a kernel fails its proof, a fault of this
/// compiler.
pub fn lower(graph: &Graph, target: &Target) -> Result<Lowered, Diagnostics> {
    let mut lowered = Lowered { kernels: Vec::new(), calls: Vec::new(), weights: Vec::new() };
    let mut faults = Diagnostics::default();
    let mut statements = 0;
    let absorbed_by = |id: NodeId| match graph.users(id).as_slice() {
        [user] => expand_depthwise::expansion(graph, *user) == Some(id),
        _ => false,
    };
    for id in graph.order() {
        let nothing_to_do = node::stored_as(graph, id).is_some();
        if matches!(graph.node(id).op, Op::Input | Op::Constant) || absorbed_by(id) || nothing_to_do {
            continue;
        }
        match lower_node(graph, target, id, &mut lowered.weights) {
            Ok((mut kernel, arguments)) => {
                let known = lowered.kernels.iter().position(|other| same_but_name(other, &kernel));
                let kernel = match known {
                    Some(known) => known,
                    None => {
                        statements += kernel.statements();
                        if let Err(fault) = limits::check_statements(statements, &kernel.name) {
                            faults.push(fault);
                            break;
                        }
                        if let Err(found) = prove(&kernel, target) {
                            faults.list.extend(found.list);
                            continue;
                        }
                        let taken = |name: &str| lowered.kernels.iter().any(|other| other.name == name);
                        if taken(&kernel.name) {
                            let base = kernel.name.clone();
                            kernel.name = (2u32..)
                                .map(|number| format!("{base}_{number}"))
                                .find(|name| !taken(name))
                                .unwrap_or(base);
                        }
                        lowered.kernels.push(kernel);
                        lowered.kernels.len() - 1
                    }
                };
                let absorbed = expand_depthwise::expansion(graph, id);
                lowered.calls.push(Call { kernel, node: id, absorbed, arguments });
            }
            Err(fault) => faults.push(fault),
        }
    }
    faults.into_result(lowered)
}

/// The nodes that a kernel computes on the way to another one, which is beside it: as whole values they are nowhere,
/// unless somebody asks for them and so parts the kernel in two.
pub fn absorbed(graph: &Graph) -> Vec<(NodeId, NodeId)> {
    let by = |id: NodeId| Some((expand_depthwise::expansion(graph, id)?, id));
    graph.order().into_iter().filter_map(by).collect()
}

/// The kernel's own proof, and that a back end which never spills has registers enough.
fn prove(kernel: &Kernel, target: &Target) -> Result<(), Diagnostics> {
    if !target.proves_kernels {
        return Ok(());
    }
    loops::verify(kernel)?;
    if target.may_spill {
        return Ok(());
    }
    let pressure = loops::register_pressure(kernel, target.lanes);
    if pressure > target.registers {
        let cause = format!("it needs {pressure} registers, {} has {}", target.name, target.registers);
        return Err(Diagnostic::new(Code::LoopsInvalid, Location::Name(kernel.name.clone()), cause).into());
    }
    Ok(())
}

fn same_but_name(a: &Kernel, b: &Kernel) -> bool {
    a.body == b.body
        && a.buffers == b.buffers
        && a.registers == b.registers
        && a.locals == b.locals
        && a.variables == b.variables
}

fn lower_node(
    graph: &Graph,
    target: &Target,
    id: NodeId,
    weights: &mut Vec<PackedTensor>,
) -> Result<(Kernel, Vec<Argument>), Diagnostic> {
    let node = graph.node(id);
    let refuse =
        |cause: String| Err(Diagnostic::new(Code::Unsupported, Location::Name(node.name.clone()), cause));
    // A convolution reads a network input as it is, and a relayout anything; all else is channels-last.
    let reads_any = matches!(&node.op, Op::Relayout(_))
        || matches!(&node.op, Op::Conv2d(conv) if strategy(graph, id, conv) == ConvolutionKind::Spatial);
    for (place, &operand) in node.operands.iter().enumerate() {
        let source = graph.node(operand);
        let is_weight = source.op == Op::Constant;
        if !is_weight && source.ty.layout != Layout::Nhwc8 && !(reads_any && place == 0) {
            return refuse(format!("{} would be read as channels-last, but is {}", source.name, source.ty));
        }
    }
    if node.ty.layout != Layout::Nhwc8 && !matches!(node.op, Op::Relayout(_)) {
        return refuse(format!("its result is {}; choose_layout has not run", node.ty));
    }
    let mut builder = NodeBuilder {
        graph,
        builder: KernelBuilder::new(kernel_name(graph, id)),
        arguments: Vec::new(),
        weights,
    };
    if let Err(cause) = limits::check_windows(&builder, id) {
        return refuse(cause);
    }
    match &node.op {
        Op::Conv2d(conv) => match strategy(graph, id, conv) {
            ConvolutionKind::Pointwise => convolution::pointwise(&mut builder, target, id, conv),
            _ if conv.gate || conv.input_activation.is_some() => {
                return refuse("a gate or input activation needs a pointwise convolution".to_owned());
            }
            ConvolutionKind::Depthwise => match expand_depthwise::expansion(graph, id) {
                Some(expand) => expand_depthwise::expand_depthwise(&mut builder, target, expand, id),
                None => depthwise::depthwise(&mut builder, target, id, conv),
            },
            ConvolutionKind::Grouped => grouped::grouped(&mut builder, id, conv),
            ConvolutionKind::Spatial => convolution::spatial(&mut builder, target, id, conv),
        },
        Op::Dense(attributes) => dense::dense(&mut builder, target, id, attributes),
        Op::SqueezeExcite(attributes) => dense::squeeze_excite(&mut builder, target, id, attributes),
        Op::GlobalAveragePool => pooling::global_average(&mut builder, target, id),
        Op::Pool2d(attributes) => pooling::pool(&mut builder, target, id, attributes),
        Op::Unary(function) => elementwise::unary(&mut builder, target, id, *function),
        Op::Binary(kind) => elementwise::binary(&mut builder, target, id, *kind),
        Op::PrefixAdd => elementwise::prefix_add(&mut builder, target, id),
        Op::Reshape(reshape) => movement::reshape(&mut builder, id, reshape),
        Op::Transpose(transpose) => movement::transpose(&mut builder, id, &transpose.order),
        Op::Expand(_) => movement::expand(&mut builder, id),
        Op::DepthToSpace(depth) => movement::depth_to_space(&mut builder, target, id, depth),
        Op::Reduce(reduce) => along_axis::reduce(&mut builder, target, id, reduce),
        Op::Softmax(softmax) => along_axis::softmax(&mut builder, target, id, softmax.axis),
        Op::Resize(attributes) => resize::resize(&mut builder, target, id, attributes),
        Op::Pad(pad) => movement::pad(&mut builder, id, pad),
        Op::Gather(attributes) => gather::gather(&mut builder, target, id, attributes),
        Op::MaxUnpool(attributes) => unpool::max_unpool(&mut builder, target, id, attributes),
        Op::Slice(slice) => movement::slice(&mut builder, id, slice.axis, slice.start),
        Op::Concat(concat) => movement::concat(&mut builder, id, concat.axis),
        Op::Relayout(_) => movement::relayout(&mut builder, id),
        Op::BatchNorm(_) => {
            return refuse("a batch norm that could not be folded has no kernel".to_owned());
        }
        Op::Input | Op::Constant => return refuse("an input or constant computes nothing".to_owned()),
    }
    Ok((builder.builder.finish(), builder.arguments))
}

/// With more segments than so many, a pointwise convolution in groups is computed group by group. Each group has one at
/// most beside the border to the next.
const MOST_SEGMENTS: usize = 2 * MOST_GATED_GROUPS;

/// Which loops compute a convolution: those of its kind, or where these read another layout or the groups are too many,
/// those that take any convolution.
fn strategy(graph: &Graph, id: NodeId, conv: &Conv2d) -> ConvolutionKind {
    let node = graph.node(id);
    let (x, w) = (&graph.node(node.operands[0]).ty, &graph.node(node.operands[1]).ty);
    let few_groups = || conv.groups == 1 || convolution::segments(conv, w).len() <= MOST_SEGMENTS;
    match conv.kind(x, w) {
        ConvolutionKind::Pointwise if x.layout == Layout::Nhwc8 && few_groups() => ConvolutionKind::Pointwise,
        ConvolutionKind::Depthwise if x.layout == Layout::Nhwc8 => ConvolutionKind::Depthwise,
        _ if conv.groups > 1 => ConvolutionKind::Grouped,
        _ => ConvolutionKind::Spatial,
    }
}

/// `operator_shape_attributes`, an identifier.
fn kernel_name(graph: &Graph, id: NodeId) -> String {
    let node = graph.node(id);
    let ty = &node.ty;
    let dims = |ty: &TensorType| {
        let dims: Vec<String> = ty.dims.iter().map(usize::to_string).collect();
        dims.join("x")
    };
    let mut parts = Vec::new();
    match &node.op {
        Op::Conv2d(conv) => {
            if let Some(expand) = expand_depthwise::expansion(graph, id) {
                parts.push(format!("expand_c{}", graph.node(graph.node(expand).operands[0]).ty.channels()));
                if let Op::Conv2d(Conv2d { activation: Some(function), .. }) = &graph.node(expand).op {
                    parts.push(function.name().to_owned());
                }
            }
            let w = &graph.node(node.operands[1]).ty;
            parts.push(match strategy(graph, id, conv) {
                ConvolutionKind::Pointwise if conv.groups > 1 => format!("pointwise{}", conv.groups),
                ConvolutionKind::Pointwise => "pointwise".to_owned(),
                ConvolutionKind::Depthwise if conv.slices.is_empty() => {
                    format!("depthwise_{}x{}", w.height(), w.width())
                }
                ConvolutionKind::Depthwise => {
                    let kernels: Vec<String> = conv
                        .slices
                        .iter()
                        .map(|slice| format!("{}x{}", slice.kernel, slice.kernel))
                        .collect();
                    format!("depthwise_{}", kernels.join("_"))
                }
                ConvolutionKind::Grouped => format!("grouped{}_{}x{}", conv.groups, w.height(), w.width()),
                ConvolutionKind::Spatial => format!("convolution_{}x{}", w.height(), w.width()),
            });
            if conv.stride != [1, 1] {
                parts.push(format!("s{}", conv.stride[0]));
            }
            parts.push(format!("c{}", graph.node(node.operands[0]).ty.channels()));
            parts.push(dims(ty));
            parts.extend(conv.gate.then(|| "gate".to_owned()));
            parts.extend(conv.input_activation.map(|function| format!("on_{}", function.name())));
            parts.extend(conv.activation.map(|function| function.name().to_owned()));
            parts.extend(conv.shortcut.then(|| "shortcut".to_owned()));
        }
        op => {
            parts.push(op.name().to_owned());
            if let Some(&operand) = node.operands.first() {
                parts.push(dims(&graph.node(operand).ty));
            }
        }
    }
    parts.join("_")
}
