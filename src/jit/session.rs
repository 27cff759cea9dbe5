//! What one thread needs to run a model.

use super::Model;
use rexnet_codegen::memory::AlignedBuffer;
use rexnet_ir::diagnostic::Diagnostic;

/// The scratch memory of one thread that runs a [`Model`].
#[derive(Debug)]
pub struct Session {
    model: Model,
    arena: AlignedBuffer,
    taps: Vec<Vec<f32>>,
}

impl Session {
    pub(super) fn new(model: Model) -> Self {
        let program = model.program();
        let taps = program.outputs[model.outputs().len()..].iter();
        let taps = taps.map(|port| vec![0.0; port.elements()]).collect();
        Self { arena: AlignedBuffer::zeroed(program.arena_bytes / 4), taps, model }
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
        self.run_observed(inputs, outputs, &mut |_| ())
    }

    /// As [`Session::run`], with a call of `observe` after each step of the program, by its index.
    ///
    /// # Errors
    /// As [`Session::run`].
    pub fn run_observed(
        &mut self,
        inputs: &[&[f32]],
        outputs: &mut [&mut [f32]],
        observe: &mut dyn FnMut(usize),
    ) -> Result<(), Diagnostic> {
        let (program, weights) = (self.model.program(), self.model.weights());
        let executable = self.model.executable();
        if self.taps.is_empty() {
            return executable.run_observed(program, weights, &mut self.arena, inputs, outputs, observe);
        }
        let taps = self.taps.iter_mut().map(Vec::as_mut_slice);
        let mut all: Vec<&mut [f32]> = outputs.iter_mut().map(|output| &mut **output).chain(taps).collect();
        executable.run_observed(program, weights, &mut self.arena, inputs, &mut all, observe)
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
