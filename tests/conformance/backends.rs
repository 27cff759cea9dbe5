//! The back ends, and what it means that they agree.

use crate::comparison::assert_same_bits;
use rexnet_codegen::driver::{Options, Taps, compile_graph};
use rexnet_codegen::execute::Executable;
use rexnet_codegen::jit::MachineCode;
use rexnet_codegen::memory::AlignedBuffer;
use rexnet_codegen::plan::{PackedWeights, Program};
use rexnet_codegen::target::Target;
use rexnet_ir::diagnostic::Diagnostics;
use rexnet_ir::graph::Graph;

/// Makes a program ready to run.
type Prepare = fn(&Program) -> Result<Executable, Diagnostics>;

/// Every back end by name. The first is the one that the others are compared with.
pub(crate) const BACKENDS: &[(&str, Prepare)] = &[
    ("interpreter", |_| Ok(Executable::Interpreter)),
    ("clif", |program| MachineCode::compile(program).map(Executable::MachineCode)),
];

/// What all back ends and targets agreed on.
pub(crate) struct Agreed {
    /// The outputs in order.
    pub(crate) outputs: Vec<Vec<f32>>,
    /// The graph after the passes, the same for every target.
    pub(crate) graph: Graph,
}

/// Runs a graph on every back end for every target and asserts that all give the same bits.
pub(crate) fn run_everywhere(what: &str, graph: &Graph, inputs: &[&[f32]], taps: &Taps) -> Agreed {
    let mut agreed: Option<Agreed> = None;
    for target in Target::ALL {
        let options = Options { target: *target, taps: taps.clone(), ..Options::default() };
        let (optimised, _, program, weights) = compile_graph(graph, &options)
            .unwrap_or_else(|faults| panic!("{what}, {}: {faults}", target.name));
        for (name, prepare) in BACKENDS {
            let what = format!("{what}, {name} on {}", target.name);
            let executable = prepare(&program).unwrap_or_else(|faults| panic!("{what}: {faults}"));
            let outputs = run(&what, &executable, &program, &weights, inputs);
            match &agreed {
                None => agreed = Some(Agreed { outputs, graph: optimised.clone() }),
                Some(first) => {
                    for (index, (expected, actual)) in first.outputs.iter().zip(&outputs).enumerate() {
                        assert_same_bits(&format!("{what}, output {index}"), actual, expected);
                    }
                }
            }
        }
    }
    agreed.expect("there are back ends and targets")
}

/// Runs a program twice in hostile memory: inputs and outputs are aligned to their elements only, and arena and
/// outputs hold NaNs, then what the first run left. Asserts that both runs give the same bits.
pub(crate) fn run(
    what: &str,
    executable: &Executable,
    program: &Program,
    weights: &PackedWeights,
    inputs: &[&[f32]],
) -> Vec<Vec<f32>> {
    let shifted: Vec<Vec<f32>> = inputs.iter().map(|input| [&[f32::NAN], *input].concat()).collect();
    let inputs: Vec<&[f32]> = shifted.iter().map(|input| &input[1..]).collect();
    let mut arena = AlignedBuffer::zeroed(program.arena_bytes / 4);
    arena.as_mut_slice().fill(f32::NAN);
    let mut once = || {
        let mut outputs: Vec<Vec<f32>> =
            program.outputs.iter().map(|port| vec![f32::NAN; port.elements() + 1]).collect();
        let mut slices: Vec<&mut [f32]> = outputs.iter_mut().map(|output| &mut output[1..]).collect();
        executable
            .run(program, weights, &mut arena, &inputs, &mut slices)
            .unwrap_or_else(|fault| panic!("{what}: {fault}"));
        outputs.into_iter().map(|output| output[1..].to_vec()).collect::<Vec<Vec<f32>>>()
    };
    let first = once();
    for (first, second) in first.iter().zip(once()) {
        assert_same_bits(&format!("{what}, second run"), &second, first);
    }
    first
}
