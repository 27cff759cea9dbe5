//! What a machine can do at most, measured.

use super::kernels::{Limit, READ_BYTES, program};
use crate::jit::{Backend, Engine};
use rexnet_codegen::loops::Operations;
use rexnet_codegen::memory::AlignedBuffer;
use rexnet_codegen::plan::{PackedWeights, Program, pack};
use rexnet_codegen::run::Executable;
use rexnet_ir::diagnostic::{Code, Diagnostic, Diagnostics, Location};
use rexnet_ir::graph::Graph;
use std::time::Instant;

/// The bandwidth of reading a buffer again and again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReadPeak {
    /// The size of the buffer.
    pub bytes: usize,
    /// Bytes a second.
    pub bytes_per_second: f64,
}

/// What one thread of this machine did at most, in code of the same back end and vector width as the network's.
#[derive(Clone, Debug, PartialEq)]
pub struct Peaks {
    /// Lanes of the registers that operations are counted in.
    pub lanes: usize,
    /// Multiply-adds a second, lane by lane, in bursts of some milliseconds.
    pub multiply_adds_per_second: f64,
    /// Divisions a second, lane by lane.
    pub divisions_per_second: f64,
    /// The smallest buffer first.
    pub reads: Vec<ReadPeak>,
}

impl Peaks {
    /// The bandwidth for a working set: that of the smallest buffer that is as large, or of the largest.
    pub fn read(&self, bytes: usize) -> ReadPeak {
        let fits = self.reads.iter().find(|read| bytes <= read.bytes);
        fits.or(self.reads.last()).copied().unwrap_or(ReadPeak { bytes: 0, bytes_per_second: f64::INFINITY })
    }

    /// The least time, in seconds, of operations on vectors of [`Peaks::lanes`]. All arithmetic is begun at the rate
    /// of multiply-adds; divisions also take turns at a unit of their own.
    pub fn arithmetic_seconds(&self, operations: &Operations) -> f64 {
        let lanes = self.lanes as f64;
        let begun = operations.arithmetic() as f64 * lanes / self.multiply_adds_per_second;
        begun.max(operations.divisions as f64 * lanes / self.divisions_per_second)
    }
}

/// The loops that find the peaks, and the best that each has done.
pub(super) struct Gauge {
    program: Program,
    limits: Vec<Limit>,
    executable: Executable,
    weights: PackedWeights,
    arena: AlignedBuffer,
    inputs: Vec<AlignedBuffer>,
    outputs: Vec<Vec<f32>>,
    lanes: usize,
    /// Of each step, in seconds.
    best: Vec<f64>,
}

impl Gauge {
    /// Builds the loops by the engine's back end.
    ///
    /// # Errors
    /// `RX0706` for the interpreter, which no peak is worth measuring of; else those of the back end.
    pub(super) fn new(engine: &Engine) -> Result<Self, Diagnostics> {
        if engine.backend() == Backend::Interpret {
            let cause = "the interpreter stands under no limit of the machine";
            return Err(Diagnostic::new(Code::RunArguments, Location::None, cause)
                .with_help("profile rust, jit or clif")
                .into());
        }
        let target = engine.backend().target();
        let (program, limits) = program(&target);
        let executable = engine.executable(&program)?;
        let weights = pack(&program, &Graph::new("limits"))?;
        // Numbers of everyday size, and every page of the memory a page of its own.
        let input = |elements: usize| {
            let mut buffer = AlignedBuffer::zeroed(elements);
            buffer.as_mut_slice().iter_mut().zip(0..).for_each(|(value, index)| {
                *value = 0.1 + 0.01 * (index % 7) as f32;
            });
            buffer
        };
        Ok(Self {
            inputs: program.inputs.iter().map(|port| input(port.elements())).collect(),
            outputs: program.outputs.iter().map(|port| vec![0.0; port.elements()]).collect(),
            arena: AlignedBuffer::zeroed(0),
            lanes: target.register_lanes,
            best: vec![f64::INFINITY; limits.len()],
            program,
            limits,
            executable,
            weights,
        })
    }

    /// Runs all loops once.
    ///
    /// # Errors
    /// Those of the back end.
    pub(super) fn run(&mut self) -> Result<(), Diagnostic> {
        let inputs: Vec<&[f32]> = self.inputs.iter().map(AlignedBuffer::as_slice).collect();
        let mut outputs: Vec<&mut [f32]> = self.outputs.iter_mut().map(Vec::as_mut_slice).collect();
        let best = &mut self.best;
        let mut start = Instant::now();
        self.executable.run_observed(
            &self.program,
            &self.weights,
            &mut self.arena,
            &inputs,
            &mut outputs,
            &mut |step| {
                let now = Instant::now();
                best[step] = best[step].min((now - start).as_secs_f64());
                start = now;
            },
        )
    }

    /// The best so far.
    pub(super) fn peaks(&self) -> Peaks {
        let (mut multiply_adds, mut divisions) = (0.0f64, 0.0f64);
        let mut reads = READ_BYTES.map(|bytes| ReadPeak { bytes, bytes_per_second: 0.0 });
        let mut bursts = 0;
        for (limit, &seconds) in self.limits.iter().zip(&self.best) {
            match *limit {
                Limit::MultiplyAdds(number) => {
                    bursts += 1;
                    // The first bursts may run at a clock that does not last.
                    if bursts > 2 {
                        multiply_adds = multiply_adds.max(number as f64 / seconds);
                    }
                }
                Limit::Divisions(number) => divisions = divisions.max(number as f64 / seconds),
                Limit::Reads { bytes, passes } => {
                    for read in reads.iter_mut().filter(|read| read.bytes == bytes) {
                        let rate = (bytes * passes) as f64 / seconds;
                        read.bytes_per_second = read.bytes_per_second.max(rate);
                    }
                }
            }
        }
        Peaks {
            lanes: self.lanes,
            multiply_adds_per_second: multiply_adds,
            divisions_per_second: divisions,
            reads: reads.to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peaks() -> Peaks {
        let read = |bytes, bytes_per_second| ReadPeak { bytes, bytes_per_second };
        Peaks {
            lanes: 8,
            multiply_adds_per_second: 800.0,
            divisions_per_second: 80.0,
            reads: vec![read(10, 4.0), read(100, 2.0)],
        }
    }

    #[test]
    fn a_working_set_is_read_from_the_smallest_buffer_that_holds_it() {
        let bandwidths = [0, 10, 11, 100, 101].map(|bytes| peaks().read(bytes).bytes_per_second);
        assert_eq!(bandwidths, [4.0, 4.0, 2.0, 2.0, 2.0]);
    }

    #[test]
    fn divisions_bound_the_time_where_there_are_many() {
        let operations =
            |multiply_adds, divisions| Operations { multiply_adds, divisions, ..Default::default() };
        assert_eq!(peaks().arithmetic_seconds(&operations(99, 1)), 1.0);
        assert_eq!(peaks().arithmetic_seconds(&operations(0, 20)), 2.0);
    }
}
