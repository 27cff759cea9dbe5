//! A kernel as a program of its own.

use rexnet_codegen::loops::{Kernel, Role};
use rexnet_codegen::lower::{PackedTensor, Packing};
use rexnet_codegen::plan::{self, Allocation, PackedWeights, Place, PlacedTensor, Port, Program, Step};
use rexnet_ir::graph::{Graph, Tensor};

/// A program that calls the kernel once: inputs and outputs are the user's, in the order of its buffers.
pub(crate) fn program_of(kernel: Kernel) -> Program {
    let mut program = Program {
        name: "single".to_owned(),
        kernels: Vec::new(),
        steps: Vec::new(),
        inputs: Vec::new(),
        outputs: Vec::new(),
        allocations: Vec::new(),
        arena_bytes: 0,
        arena_lower_bound: 0,
        weights: Vec::new(),
        weight_bytes: 0,
        layout_hash: 0,
    };
    let mut arguments = Vec::new();
    for buffer in &kernel.buffers {
        let port = Port { name: buffer.name.clone(), dims: vec![buffer.elements] };
        let bytes = (4 * buffer.elements).next_multiple_of(64);
        arguments.push(match buffer.role {
            Role::In => {
                program.inputs.push(port);
                Place::Input(program.inputs.len() - 1)
            }
            Role::Out => {
                program.outputs.push(port);
                Place::Output(program.outputs.len() - 1)
            }
            Role::Scratch => {
                program.allocations.push(Allocation {
                    name: buffer.name.clone(),
                    bytes: 4 * buffer.elements,
                    offset: program.arena_bytes,
                    first: 0,
                    last: 0,
                });
                program.arena_bytes += bytes;
                Place::Arena(program.arena_bytes - bytes)
            }
            Role::Const => {
                let packing = Packing::Plain { constant: buffer.name.clone() };
                let tensor = PackedTensor { packing, elements: buffer.elements };
                program.weights.push(PlacedTensor { tensor, offset: program.weight_bytes });
                program.weight_bytes += bytes;
                Place::Weights(program.weight_bytes - bytes)
            }
        });
    }
    program.steps.push(Step { kernel: 0, name: "only".to_owned(), multiply_accumulates: 0, arguments });
    program.kernels.push(kernel);
    program
}

/// Packs one tensor a constant buffer, with these values repeated.
pub(crate) fn weights_of(program: &Program, values: &[f32]) -> PackedWeights {
    let mut graph = Graph::new("weights");
    for buffer in program.kernels[0].buffers.iter().filter(|buffer| buffer.role == Role::Const) {
        let data: Vec<f32> = values.iter().copied().cycle().take(buffer.elements).collect();
        let tensor = Tensor::new([buffer.elements], data).unwrap();
        graph.edit().bound_constant(&*buffer.name, tensor).unwrap();
    }
    plan::pack(program, &graph).unwrap()
}
