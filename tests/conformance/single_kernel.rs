//! Kernels as a program of their own.

#![allow(dead_code, reason = "two test crates share this file, and each uses a part")]

use rexnet_codegen::loops::{Buffer, Kernel, Role};
use rexnet_codegen::lower::{PackedTensor, Packing};
use rexnet_codegen::plan::{self, Allocation, PackedWeights, Place, PlacedTensor, Port, Program, Step};
use rexnet_ir::graph::{Graph, Tensor};

/// A program that calls the kernel once: inputs and outputs are the user's, in the order of its buffers.
pub(crate) fn program_of(kernel: Kernel) -> Program {
    program_of_all(vec![kernel])
}

/// A program that calls each kernel once, on inputs, outputs and weights of its own.
pub(crate) fn program_of_all(kernels: Vec<Kernel>) -> Program {
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
    for (index, mut kernel) in kernels.into_iter().enumerate() {
        kernel.name = format!("{}_{index}", kernel.name);
        let arguments = kernel.buffers.iter().map(|buffer| place(&mut program, buffer, index)).collect();
        program.steps.push(Step {
            kernel: index,
            name: kernel.name.clone(),
            multiply_accumulates: 0,
            arguments,
        });
        program.kernels.push(kernel);
    }
    program
}

/// Memory for a buffer of the kernel of that index.
fn place(program: &mut Program, buffer: &Buffer, time: usize) -> Place {
    let name = format!("{}_{time}", buffer.name);
    let port = Port { name: name.clone(), dims: vec![buffer.elements] };
    let bytes = (4 * buffer.elements).next_multiple_of(64);
    match buffer.role {
        Role::In => {
            program.inputs.push(port);
            Place::Input(program.inputs.len() - 1)
        }
        Role::Out => {
            program.outputs.push(port);
            Place::Output(program.outputs.len() - 1)
        }
        Role::Scratch | Role::Shared => {
            let offset = program.arena_bytes;
            program.allocations.push(Allocation {
                name,
                bytes: 4 * buffer.elements,
                offset,
                first: time,
                last: time,
            });
            program.arena_bytes += bytes;
            Place::Arena(offset)
        }
        Role::Const => {
            let packing = Packing::Plain { constant: name };
            let tensor = PackedTensor { packing, elements: buffer.elements };
            program.weights.push(PlacedTensor { tensor, offset: program.weight_bytes });
            program.weight_bytes += bytes;
            Place::Weights(program.weight_bytes - bytes)
        }
    }
}

/// Packs one tensor a constant buffer, with these values repeated.
pub(crate) fn weights_of(program: &Program, values: &[f32]) -> PackedWeights {
    let mut graph = Graph::new("weights");
    for placed in &program.weights {
        let Packing::Plain { constant } = &placed.tensor.packing else { continue };
        let data: Vec<f32> = values.iter().copied().cycle().take(placed.tensor.elements).collect();
        let tensor = Tensor::new([data.len()], data).unwrap();
        graph.edit().bound_constant(&**constant, tensor).unwrap();
    }
    plan::pack(program, &graph).unwrap()
}
