//! Loops → program: every value gets a fixed place, so that running allocates nothing.

mod arena;
mod check;
mod pack;
mod packed_weights;
mod print;
mod schedule;

pub use arena::Allocation;
pub use check::{check, check_unaligned};
pub use pack::pack;
pub use packed_weights::{PACKED_HEADER_BYTES, PACKED_MAGIC, PACKED_VERSION, PackedHeader, PackedWeights};
pub(crate) use schedule::private_bytes_of;
pub use schedule::{Call, Cut, Grain, Passes, Schedule, Task, Work};

use crate::loops::Kernel;
use crate::lower::{Argument, Lowered, PackedTensor};
use rexnet_ir::diagnostic::{Code, Diagnostic, Diagnostics, Location};
use rexnet_ir::graph::{Graph, NodeId, Op};
use std::collections::HashMap;

/// Where a kernel finds a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// So many bytes into the arena.
    Arena(usize),
    /// So many bytes into the packed weights.
    Weights(usize),
    /// The user's input of that index.
    Input(usize),
    /// The user's output of that index.
    Output(usize),
}

/// One call of a kernel.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The kernel, by index.
    pub kernel: usize,
    /// The name of the node that it computes.
    pub name: String,
    /// The multiply-accumulates of that node.
    pub multiply_accumulates: u64,
    /// In the order of the kernel's buffers.
    pub arguments: Vec<Place>,
}

/// An input or output that the user supplies memory for: NCHW f32, unpadded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// The name.
    pub name: String,
    /// The extents, in NCHW order; those of an output are the model's own, of any rank.
    pub dims: Vec<usize>,
}

impl Port {
    /// The number of elements.
    pub fn elements(&self) -> usize {
        self.dims.iter().product()
    }
}

/// What ports are called in emitted code: the prefix, with a number where there are several.
pub fn port_names(prefix: &str, count: usize) -> Vec<String> {
    match count {
        1 => vec![prefix.to_owned()],
        _ => (0..count).map(|index| format!("{prefix}_{index}")).collect(),
    }
}

/// A packed tensor at its place in the blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacedTensor {
    /// What is stored.
    pub tensor: PackedTensor,
    /// Its first byte; a multiple of 64.
    pub offset: usize,
}

/// A network ready to be emitted or run.
#[derive(Clone, Debug, PartialEq)]
pub struct Program {
    /// The network's name.
    pub name: String,
    /// The distinct kernels.
    pub kernels: Vec<Kernel>,
    /// The calls, in order.
    pub steps: Vec<Step>,
    /// What the user gives.
    pub inputs: Vec<Port>,
    /// What the user gets.
    pub outputs: Vec<Port>,
    /// The values in the arena, with their lives.
    pub allocations: Vec<Allocation>,
    /// The size of the arena.
    pub arena_bytes: usize,
    /// The most bytes that are alive at once: no arena can be smaller.
    pub arena_lower_bound: usize,
    /// The packed weights.
    pub weights: Vec<PlacedTensor>,
    /// Their size.
    pub weight_bytes: usize,
    /// Identifies the layout of the packed weights.
    pub layout_hash: u64,
}

impl Program {
    /// All but what the kernels do: enough to call them.
    #[cfg(feature = "jit")]
    pub(crate) fn without_bodies(&self) -> Self {
        let kernels = self.kernels.iter().map(|kernel| Kernel {
            name: kernel.name.clone(),
            buffers: kernel.buffers.clone(),
            variables: Vec::new(),
            registers: Vec::new(),
            locals: Vec::new(),
            body: Vec::new(),
        });
        Self {
            kernels: kernels.collect(),
            steps: self.steps.clone(),
            name: self.name.clone(),
            inputs: self.inputs.clone(),
            outputs: self.outputs.clone(),
            allocations: self.allocations.clone(),
            arena_bytes: self.arena_bytes,
            arena_lower_bound: self.arena_lower_bound,
            weights: self.weights.clone(),
            weight_bytes: self.weight_bytes,
            layout_hash: self.layout_hash,
        }
    }
}

/// The largest arena: a description must not be able to exhaust a machine's memory.
pub const MAX_ARENA_BYTES: usize = 4 << 30;
/// The most packed weights, for the same reason.
pub const MAX_PACKED_BYTES: usize = 4 << 30;

/// Assigns a place to everything and proves the result with [`check`].
///
/// # Errors
/// `RX0203` when the values need more than 4 GiB at once, or the weights more than 4 GiB; `RX0501` when the proof fails, a fault of this compiler.
pub fn plan(graph: &Graph, lowered: Lowered) -> Result<Program, Diagnostics> {
    let (weights, weight_bytes) = place_weights(lowered.weights);
    if weight_bytes > MAX_PACKED_BYTES {
        let cause = format!("its packed weights need {weight_bytes} bytes, more than 4 GiB");
        let fault = Diagnostic::new(Code::GraphTooLarge, Location::Name(graph.name().to_owned()), cause);
        return Err(fault.with_help("make the network narrower").into());
    }
    let inputs = graph.inputs();
    let output_index = |id: NodeId| graph.outputs().iter().position(|output| output.node == id);

    // The life of each value that needs memory of ours, in steps.
    let mut allocations: Vec<Allocation> = Vec::new();
    let mut of_value: HashMap<NodeId, usize> = HashMap::new();
    let mut of_means: HashMap<NodeId, usize> = HashMap::new();
    let mut of_argument: HashMap<(usize, usize), usize> = HashMap::new();
    for (time, call) in lowered.calls.iter().enumerate() {
        for (position, argument) in call.arguments.iter().enumerate() {
            let index = match *argument {
                Argument::Value(id) if graph.node(id).op == Op::Input || output_index(id).is_some() => {
                    continue;
                }
                Argument::Weights(_) => continue,
                Argument::Value(id) => *of_value.entry(id).or_insert_with(|| {
                    let node = graph.node(id);
                    allocations.push(Allocation::new(&node.name, 4 * node.ty.stored_elements(), time));
                    allocations.len() - 1
                }),
                Argument::Means(id) => *of_means.entry(id).or_insert_with(|| {
                    let node = graph.node(id);
                    let bytes = 4 * node.ty.batch() * node.ty.padded_channels();
                    allocations.push(Allocation::new(&format!("{}.means", node.name), bytes, time));
                    allocations.len() - 1
                }),
                Argument::Scratch { elements } => {
                    let name = format!("{}.scratch{position}", graph.node(call.node).name);
                    allocations.push(Allocation::new(&name, 4 * elements, time));
                    allocations.len() - 1
                }
            };
            allocations[index].last = time;
            of_argument.insert((time, position), index);
        }
    }
    let arena_bytes = arena::place(&mut allocations);
    if arena_bytes > MAX_ARENA_BYTES {
        let cause = format!("its intermediate values need {arena_bytes} bytes at once, more than 4 GiB");
        let fault = Diagnostic::new(Code::GraphTooLarge, Location::Name(graph.name().to_owned()), cause);
        return Err(fault.with_help("make the input or the batch smaller").into());
    }

    let steps = lowered
        .calls
        .iter()
        .enumerate()
        .map(|(time, call)| Step {
            kernel: call.kernel,
            name: graph.node(call.node).name.clone(),
            multiply_accumulates: call
                .absorbed
                .into_iter()
                .chain([call.node])
                .map(|node| graph.multiply_accumulates(node))
                .sum(),
            arguments: call
                .arguments
                .iter()
                .enumerate()
                .map(|(position, argument)| match *argument {
                    Argument::Weights(index) => Place::Weights(weights[index].offset),
                    Argument::Value(_) | Argument::Means(_) | Argument::Scratch { .. } => {
                        match of_argument.get(&(time, position)) {
                            Some(&index) => Place::Arena(allocations[index].offset),
                            None => place_of_user(argument, &inputs, &output_index),
                        }
                    }
                })
                .collect(),
        })
        .collect();
    let port = |name: &str, dims: &[usize]| Port { name: name.to_owned(), dims: dims.to_vec() };
    let program = Program {
        name: graph.name().to_owned(),
        kernels: lowered.kernels,
        steps,
        inputs: inputs.iter().map(|&id| port(&graph.node(id).name, &graph.node(id).ty.dims)).collect(),
        outputs: graph.outputs().iter().map(|output| port(&output.name, &output.dims)).collect(),
        arena_lower_bound: arena::lower_bound(&allocations),
        allocations,
        arena_bytes,
        layout_hash: pack::layout_hash(&weights),
        weights,
        weight_bytes,
    };
    check(&program)?;
    Ok(program)
}

fn place_of_user(
    argument: &Argument,
    inputs: &[NodeId],
    output_index: &impl Fn(NodeId) -> Option<usize>,
) -> Place {
    let Argument::Value(id) = argument else { return Place::Arena(usize::MAX) };
    match output_index(*id) {
        Some(index) => Place::Output(index),
        None => Place::Input(inputs.iter().position(|input| input == id).unwrap_or(usize::MAX)),
    }
}

/// One after the other, each aligned to 64 bytes, in the order of first use.
fn place_weights(tensors: Vec<PackedTensor>) -> (Vec<PlacedTensor>, usize) {
    let mut end = 0;
    let placed = tensors
        .into_iter()
        .map(|tensor| {
            let offset = end;
            end = (offset + 4 * tensor.elements).next_multiple_of(crate::memory::ALIGNMENT);
            PlacedTensor { tensor, offset }
        })
        .collect();
    (placed, end)
}

impl Program {
    /// The multiply-accumulates of one run.
    pub fn multiply_accumulates(&self) -> u64 {
        self.steps.iter().map(|step| step.multiply_accumulates).sum()
    }

    /// Whether a step writes to its argument at that position.
    pub fn writes(&self, step: &Step, position: usize) -> bool {
        self.kernels[step.kernel].buffers[position].role.is_written()
    }
}
