//! Everything that runs a program: the interpreter over a whole program, machine code in executable memory, emitted
//! Rust as a library, and what all of them check first.

#[cfg(any(feature = "jit", feature = "library"))]
mod calls;
#[cfg(feature = "library")]
pub mod emitted;
mod float_environment;
#[cfg(feature = "jit")]
mod machine_code;
#[cfg(any(feature = "jit", feature = "library"))]
mod memory;
#[cfg(feature = "jit")]
mod pages;

#[cfg(any(feature = "jit", feature = "library"))]
pub(crate) use calls::Calls;
#[cfg(feature = "jit")]
pub use machine_code::MachineCode;
#[cfg(any(feature = "jit", feature = "library"))]
pub(crate) use memory::Memory;

use crate::loops::interpret;
use crate::memory::AlignedBuffer;
use crate::plan::{Grain, PackedWeights, Place, Program, Schedule};
use float_environment::FloatEnvironment;
use rexnet_ir::diagnostic::{Code, Diagnostic, Location};
use rexnet_threads::Threads;

/// Whether the memory that a caller supplies is what the program needs.
///
/// # Errors
/// `RX0706` when an input, an output or the arena has another length; `RX0306` when the weights were packed for
/// another layout.
pub(crate) fn check_arguments(
    program: &Program,
    weights: &PackedWeights,
    arena: &AlignedBuffer,
    inputs: &[&[f32]],
    outputs: &[&mut [f32]],
) -> Result<(), Diagnostic> {
    if weights.layout_hash() != program.layout_hash || 4 * weights.as_slice().len() < program.weight_bytes {
        return Err(Diagnostic::new(
            Code::PackedHeader,
            Location::None,
            format!("the weights were packed for layout {:016x}", weights.layout_hash()),
        ));
    }
    let refuse = |name: &str, cause: String| {
        Err(Diagnostic::new(Code::RunArguments, Location::Name(name.to_owned()), cause))
    };
    if 4 * arena.as_slice().len() < program.arena_bytes {
        return refuse("arena", format!("it has {} elements", arena.as_slice().len()));
    }
    let lengths: [(_, _, &mut dyn Iterator<Item = usize>); 2] = [
        ("inputs", &program.inputs, &mut inputs.iter().map(|input| input.len())),
        ("outputs", &program.outputs, &mut outputs.iter().map(|output| output.len())),
    ];
    for (what, ports, lengths) in lengths {
        let mut given = 0;
        for (index, length) in lengths.enumerate() {
            given += 1;
            if let Some(port) = ports.get(index)
                && port.elements() != length
            {
                return refuse(&port.name, format!("it has {length} elements, {:?} are needed", port.dims));
            }
        }
        if given != ports.len() {
            return refuse(&program.name, format!("there are {} {what}, {given} are given", ports.len()));
        }
    }
    Ok(())
}

/// Interprets every kernel of a program, on the same arena and in the same order as compiled code. Memory is
/// copied for each call.
///
/// # Errors
/// As for compiled code: `RX0706`, `RX0306`.
pub fn interpret(
    program: &Program,
    weights: &PackedWeights,
    arena: &mut AlignedBuffer,
    inputs: &[&[f32]],
    outputs: &mut [&mut [f32]],
) -> Result<(), Diagnostic> {
    interpret_observed(program, weights, arena, inputs, outputs, &mut |_| ())
}

fn interpret_observed(
    program: &Program,
    weights: &PackedWeights,
    arena: &mut AlignedBuffer,
    inputs: &[&[f32]],
    outputs: &mut [&mut [f32]],
    observe: &mut dyn FnMut(usize),
) -> Result<(), Diagnostic> {
    check_arguments(program, weights, arena, inputs, outputs)?;
    let _environment = FloatEnvironment::enter();
    for (number, step) in program.steps.iter().enumerate() {
        let kernel = &program.kernels[step.kernel];
        let mut buffers: Vec<Vec<f32>> = kernel
            .buffers
            .iter()
            .zip(&step.arguments)
            .map(|(buffer, &place)| {
                let source = match place {
                    Place::Arena(offset) => &arena.as_slice()[offset / 4..],
                    Place::Weights(offset) => &weights.as_slice()[offset / 4..],
                    Place::Input(index) => inputs[index],
                    Place::Output(index) => &*outputs[index],
                };
                source[..buffer.elements].to_vec()
            })
            .collect();
        let mut slices: Vec<&mut [f32]> = buffers.iter_mut().map(Vec::as_mut_slice).collect();
        interpret::run(kernel, &mut slices);
        for ((buffer, &place), content) in kernel.buffers.iter().zip(&step.arguments).zip(&buffers) {
            if !buffer.role.is_written() {
                continue;
            }
            match place {
                Place::Arena(offset) => {
                    arena.as_mut_slice()[offset / 4..][..buffer.elements].copy_from_slice(content);
                }
                Place::Output(index) => outputs[index][..buffer.elements].copy_from_slice(content),
                Place::Weights(_) | Place::Input(_) => {}
            }
        }
        observe(number);
    }
    Ok(())
}

/// A way to run a program's kernels.
#[derive(Debug)]
pub enum Executable {
    /// Compiled for this processor.
    #[cfg(feature = "jit")]
    MachineCode(MachineCode),
    /// Emitted as Rust, compiled by `cargo` and loaded.
    #[cfg(feature = "library")]
    Library(emitted::Library),
    /// The loops' own meaning, slow and exact.
    Interpreter,
}

impl Executable {
    /// Runs a program once. Compiled code runs the program that it was compiled from, whatever is given here.
    ///
    /// # Errors
    /// `RX0706` when a buffer has another length, `RX0306` when the weights were packed for another layout.
    pub fn run(
        &self,
        program: &Program,
        weights: &PackedWeights,
        arena: &mut AlignedBuffer,
        inputs: &[&[f32]],
        outputs: &mut [&mut [f32]],
    ) -> Result<(), Diagnostic> {
        self.run_observed(program, weights, arena, inputs, outputs, &mut |_| ())
    }

    /// As [`Executable::run`], with a call of `observe` after each step, by its index.
    ///
    /// # Errors
    /// As [`Executable::run`].
    pub fn run_observed(
        &self,
        program: &Program,
        weights: &PackedWeights,
        arena: &mut AlignedBuffer,
        inputs: &[&[f32]],
        outputs: &mut [&mut [f32]],
        observe: &mut dyn FnMut(usize),
    ) -> Result<(), Diagnostic> {
        match self {
            #[cfg(feature = "jit")]
            Executable::MachineCode(code) => {
                let memory = Memory::new(code.program(), weights, arena, inputs, outputs)?;
                calls::run(code, &memory, observe);
                Ok(())
            }
            #[cfg(feature = "library")]
            Executable::Library(library) => {
                let memory = Memory::new(library.program(), weights, arena, inputs, outputs)?;
                calls::run(library, &memory, observe);
                Ok(())
            }
            Executable::Interpreter => interpret_observed(program, weights, arena, inputs, outputs, observe),
        }
    }

    /// As [`Executable::run`], shared between threads where there is compiled code: as many as `private` has
    /// [`Executable::private_bytes`] for, and one more. The results are the same bits.
    ///
    /// # Errors
    /// As [`Executable::run`].
    #[expect(clippy::too_many_arguments, reason = "a run's memory is of so many kinds")]
    pub fn run_on(
        &self,
        threads: &dyn Threads,
        private: &mut AlignedBuffer,
        program: &Program,
        weights: &PackedWeights,
        arena: &mut AlignedBuffer,
        inputs: &[&[f32]],
        outputs: &mut [&mut [f32]],
    ) -> Result<(), Diagnostic> {
        match self {
            #[cfg(feature = "jit")]
            Executable::MachineCode(code) => {
                let memory = Memory::new(code.program(), weights, arena, inputs, outputs)?;
                calls::run_on(code, memory, threads, private);
                Ok(())
            }
            #[cfg(feature = "library")]
            Executable::Library(library) => {
                let memory = Memory::new(library.program(), weights, arena, inputs, outputs)?;
                calls::run_on(library, memory, threads, private);
                Ok(())
            }
            Executable::Interpreter => {
                // One thread does all; the others have nothing to wait for.
                let _ = (threads, private);
                self.run(program, weights, arena, inputs, outputs)
            }
        }
    }

    /// Cuts runs of compiled code up anew; see [`Grain`].
    pub fn cut(&mut self, grain: Grain) {
        match self {
            #[cfg(feature = "jit")]
            Executable::MachineCode(code) => code.cut(grain),
            #[cfg(feature = "library")]
            Executable::Library(library) => library.cut(grain),
            Executable::Interpreter => {
                let _ = grain;
            }
        }
    }

    /// How runs of compiled code are cut up.
    pub fn schedule(&self) -> Option<&Schedule> {
        match self {
            #[cfg(feature = "jit")]
            Executable::MachineCode(code) => Some(code.schedule()),
            #[cfg(feature = "library")]
            Executable::Library(library) => Some(library.schedule()),
            Executable::Interpreter => None,
        }
    }

    /// The bytes that each thread but one needs for itself; 0 where one thread does all.
    pub fn private_bytes(&self) -> usize {
        match self {
            #[cfg(feature = "jit")]
            Executable::MachineCode(code) => calls::private_bytes(code),
            #[cfg(feature = "library")]
            Executable::Library(library) => calls::private_bytes(library),
            Executable::Interpreter => 0,
        }
    }
}
