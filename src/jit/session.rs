//! What one caller needs to run a model.

use super::Model;
use rexnet_codegen::memory::{AlignedBuffer, refused, try_zeros};
use rexnet_codegen::plan::{Port, Schedule};
use rexnet_ir::diagnostic::Diagnostic;
use rexnet_threads::Threads;

/// The memory to run a [`Model`] in, and the threads that do it.
pub struct Session {
    model: Model,
    arena: AlignedBuffer,
    taps: Vec<Vec<f32>>,
    /// `None` for the caller's thread alone.
    threads: Option<Box<dyn Threads + Send>>,
    /// What each thread but one needs for itself.
    private: AlignedBuffer,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("model", &self.model)
            .field("threads", &self.threads())
            .finish_non_exhaustive()
    }
}

impl Session {
    pub(super) fn new(model: Model) -> Result<Self, Diagnostic> {
        let program = model.program();
        let taps = program.outputs[model.outputs().len()..].iter().map(Port::elements);
        let taps = taps.map(|elements| try_zeros(elements).ok_or_else(|| refused(elements)));
        let taps = taps.collect::<Result<_, _>>()?;
        let arena = AlignedBuffer::try_zeroed(program.arena_bytes / 4)?;
        Ok(Self { arena, taps, model, threads: None, private: AlignedBuffer::try_zeroed(0)? })
    }

    /// Shares its runs between the caller's thread and others: a [`Team`](crate::threads::Team), of which clones share the
    /// threads, or what [`from_fn`](crate::threads::from_fn) makes of a pool. The outputs are the same bits with any number
    /// of threads. The interpreter uses the caller's thread alone, and so does a network that is done in less time than it
    /// takes to call the others.
    ///
    /// # Errors
    /// `RX0607` when the system refuses the memory of the other threads.
    pub fn on(self, threads: impl Threads + Send + 'static) -> Result<Self, Diagnostic> {
        let executable = self.model.executable();
        let shared = executable.schedule().is_some_and(Schedule::is_worth_sharing);
        let others = if shared { threads.count().max(1) - 1 } else { 0 };
        let private = AlignedBuffer::try_zeroed(others.saturating_mul(executable.private_bytes()) / 4)?;
        let threads: Option<Box<dyn Threads + Send>> =
            if others == 0 { None } else { Some(Box::new(threads)) };
        Ok(Self { threads, private, ..self })
    }
}

/// An intermediate value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tap<'a> {
    /// The extents, in NCHW order.
    pub dims: &'a [usize],
    /// The elements, NCHW, unpadded.
    pub data: &'a [f32],
}

impl Session {
    /// Runs the network once: NCHW f32, unpadded, one slice for each input and output. Nothing is allocated
    /// by machine code unless there are taps.
    ///
    /// # Errors
    /// `RX0706` when a slice has another length than [`Model::inputs`] and [`Model::outputs`] say.
    pub fn run(&mut self, inputs: &[&[f32]], outputs: &mut [&mut [f32]]) -> Result<(), Diagnostic> {
        self.run_steps(inputs, outputs, None)
    }

    /// As [`Session::run`], of a network with one input and one output.
    ///
    /// # Errors
    /// `RX0706` when the network has several inputs or outputs, or a slice has another length.
    pub fn run_one(&mut self, input: &[f32], output: &mut [f32]) -> Result<(), Diagnostic> {
        self.run(&[input], &mut [output])
    }

    /// As [`Session::run`], on the caller's thread alone, with a call of `observe` after each step of the program, by its
    /// index.
    ///
    /// # Errors
    /// As [`Session::run`].
    pub fn run_observed(
        &mut self,
        inputs: &[&[f32]],
        outputs: &mut [&mut [f32]],
        observe: &mut dyn FnMut(usize),
    ) -> Result<(), Diagnostic> {
        self.run_steps(inputs, outputs, Some(observe))
    }

    fn run_steps(
        &mut self,
        inputs: &[&[f32]],
        outputs: &mut [&mut [f32]],
        observe: Option<&mut dyn FnMut(usize)>,
    ) -> Result<(), Diagnostic> {
        let Self { model, arena, taps, threads, private } = self;
        let (program, weights, executable) = (model.program(), model.weights(), model.executable());
        let run = |outputs: &mut [&mut [f32]]| match (observe, threads) {
            (Some(observe), _) => executable.run_observed(program, weights, arena, inputs, outputs, observe),
            (None, None) => executable.run(program, weights, arena, inputs, outputs),
            (None, Some(threads)) => {
                executable.run_on(&**threads, private, program, weights, arena, inputs, outputs)
            }
        };
        if taps.is_empty() {
            return run(outputs);
        }
        let own = outputs.iter_mut().map(|output| &mut **output);
        let mut all: Vec<&mut [f32]> = own.chain(taps.iter_mut().map(Vec::as_mut_slice)).collect();
        run(&mut all)
    }

    /// How many threads run it at most.
    pub fn threads(&self) -> usize {
        self.threads.as_ref().map_or(1, |threads| threads.count())
    }

    /// The value of a tap in the last run; `None` for a name that was not asked for in [`Options::taps`](super::Options::taps).
    pub fn tap(&self, name: &str) -> Option<Tap<'_>> {
        let ports = &self.model.program().outputs[self.model.outputs().len()..];
        let index = ports.iter().position(|port| port.name == name)?;
        Some(Tap { dims: &ports[index].dims, data: &self.taps[index] })
    }

    /// The model that it runs.
    pub fn model(&self) -> &Model {
        &self.model
    }
}
