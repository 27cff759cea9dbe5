//! The loops that reach a machine's limits, in the language of all kernels: they are built by the back end whose
//! kernels they stand beside.

use rexnet_codegen::loops::{Affine, BinaryOp, Expression, Kernel, KernelBuilder, Role, ValueType};
use rexnet_codegen::plan::{Place, Port, Program, Step};
use rexnet_codegen::target::Target;

/// What a step of the program measures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Limit {
    /// So many multiply-adds, lane by lane.
    MultiplyAdds(usize),
    /// So many divisions, lane by lane.
    Divisions(usize),
    /// Reads in order, all bytes of a buffer so often.
    Reads {
        /// The buffer's bytes.
        bytes: usize,
        /// The passes.
        passes: usize,
    },
}

/// The bytes of the buffers that are read: each cache that processors commonly have holds one of them, the last is
/// larger than most; some are about as large as a network.
pub(super) const READ_BYTES: [usize; 5] = [16 << 10, 512 << 10, 8 << 20, 32 << 20, 128 << 20];
/// Operations of a burst, lane by lane: about half a millisecond.
const MULTIPLY_ADDS: usize = 24_000_000;
const DIVISIONS: usize = 2_000_000;
/// Bytes that a step reads at least.
const READ_AT_LEAST: usize = 32 << 20;
/// Bursts of multiply-adds in a row, a few milliseconds: clocks fall when wide vectors are busy.
const BURSTS: usize = 10;

/// A program of such loops, and what each step measures. Its inputs are memory to read, its outputs are of no use.
pub(super) fn program(target: &Target) -> (Program, Vec<Limit>) {
    let (products, quotients) = (multiply_adds(target), divisions(target));
    let mut program = Program {
        name: "limits".to_owned(),
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
    let mut limits = Vec::new();
    add(&mut program, &mut limits, products, BURSTS);
    add(&mut program, &mut limits, quotients, 3);
    for bytes in READ_BYTES {
        // The first times bring the buffer into its cache.
        add(&mut program, &mut limits, reads(target, bytes), 4);
    }
    (program, limits)
}

/// Calls a kernel so often in a row; its first buffer is an input of its own, its second an output.
fn add(program: &mut Program, limits: &mut Vec<Limit>, (kernel, limit): (Kernel, Limit), times: usize) {
    let port = |what: &str, place: usize| Port {
        name: format!("{}_{what}", kernel.name),
        dims: vec![kernel.buffers.get(place).map_or(0, |buffer| buffer.elements)],
    };
    program.inputs.push(port("input", 0));
    program.outputs.push(port("output", 1));
    let arguments = vec![Place::Input(program.inputs.len() - 1), Place::Output(program.outputs.len() - 1)];
    for _ in 0..times {
        program.steps.push(Step {
            kernel: program.kernels.len(),
            name: kernel.name.clone(),
            multiply_accumulates: 0,
            arguments: arguments.clone(),
        });
        limits.push(limit);
    }
    program.kernels.push(kernel);
}

/// Registers that are computed in: enough to hide every latency, three left for operands.
fn registers(target: &Target) -> usize {
    (target.registers - 3).min(24)
}

/// `register = operation(two vectors of the input, register)` again and again, each register for itself.
fn chains(
    target: &Target,
    name: &str,
    operations: usize,
    operation: impl Fn(Expression, Expression, Expression) -> Expression,
) -> (Kernel, usize) {
    let (lanes, count) = (target.lanes, registers(target));
    let trips = operations.div_ceil(count * lanes);
    let mut builder = KernelBuilder::new(name);
    let input = builder.buffer("input", Role::In, (count + 2) * lanes, 4);
    let output = builder.buffer("output", Role::Out, count * lanes, 4);
    let at = |vector: usize| Affine::constant((vector * lanes) as i64);
    let factor = builder.load(input, at(count), lanes);
    let factor = builder.bind("factor", factor);
    let second = builder.load(input, at(count + 1), lanes);
    let second = builder.bind("second", second);
    let array = builder.registers("chain", ValueType::f32(lanes), count);
    builder.unrolled("r", count, |builder, r| {
        let start = builder.load(input, r.clone() * lanes as i64, lanes);
        builder.set(array, r, start);
    });
    builder.for_each("trip", trips, |builder, _| {
        builder.unrolled("r", count, |builder, r| {
            let value = Expression::register(array, r.clone());
            builder.set(array, r, operation(factor.clone(), second.clone(), value));
        });
    });
    builder.unrolled("r", count, |builder, r| {
        builder.store(output, r.clone() * lanes as i64, Expression::register(array, r));
    });
    (builder.finish(), trips * count * lanes)
}

fn multiply_adds(target: &Target) -> (Kernel, Limit) {
    let (kernel, operations) = chains(target, "multiply_adds", MULTIPLY_ADDS, |a, b, c| a.fma(b, c));
    (kernel, Limit::MultiplyAdds(operations))
}

fn divisions(target: &Target) -> (Kernel, Limit) {
    let (kernel, operations) = chains(target, "divisions", DIVISIONS, |a, _, c| a.binary(BinaryOp::Div, c));
    (kernel, Limit::Divisions(operations))
}

/// The sum of all elements, several times. Each register has a part of the buffer: several streams are fetched ahead
/// at once, where one would wait at the end of every page.
fn reads(target: &Target, bytes: usize) -> (Kernel, Limit) {
    // A power of two divides every buffer.
    let (lanes, count) = (target.lanes, if registers(target) < 8 { 4 } else { 8 });
    let elements = bytes / 4;
    let passes = READ_AT_LEAST.div_ceil(bytes);
    let mut builder = KernelBuilder::new(format!("reads_{bytes}"));
    let input = builder.buffer("input", Role::In, elements, 4);
    let output = builder.buffer("output", Role::Out, count * lanes, 4);
    let array = builder.registers("sum", ValueType::f32(lanes), count);
    builder.for_each("pass", passes, |builder, _| {
        builder.for_each("i", elements / (count * lanes), |builder, i| {
            builder.unrolled("r", count, |builder, r| {
                let at = i.clone() * lanes as i64 + r.clone() * (elements / count) as i64;
                let value = builder.load(input, at, lanes);
                let sum = Expression::register(array, r.clone()).binary(BinaryOp::Add, value);
                builder.set(array, r, sum);
            });
        });
    });
    builder.unrolled("r", count, |builder, r| {
        builder.store(output, r.clone() * lanes as i64, Expression::register(array, r));
    });
    (builder.finish(), Limit::Reads { bytes, passes })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rexnet_codegen::loops::{count, register_pressure, verify};
    use rexnet_codegen::plan;

    #[test]
    fn every_loop_is_proved_fits_the_registers_and_does_what_it_says() {
        for target in Target::ALL {
            let (program, limits) = program(target);
            plan::check_unaligned(&program).unwrap();
            assert_eq!(program.steps.len(), limits.len());
            for (step, limit) in program.steps.iter().zip(limits) {
                let kernel = &program.kernels[step.kernel];
                verify(kernel).unwrap();
                assert!(register_pressure(kernel, target.lanes) <= target.registers, "{}", kernel.name);
                let counts = count(kernel);
                let operations = counts.in_vectors_of(target.lanes);
                let lanes = target.lanes as u64;
                match limit {
                    Limit::MultiplyAdds(number) => assert_eq!(counts.lane_multiply_adds(), number as u64),
                    Limit::Divisions(number) => assert_eq!(operations.divisions * lanes, number as u64),
                    Limit::Reads { bytes, passes } => {
                        assert_eq!(4 * operations.loads * lanes, (bytes * passes) as u64);
                    }
                }
            }
        }
    }
}
