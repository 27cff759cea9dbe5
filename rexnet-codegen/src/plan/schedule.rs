//! Program → chunks: how a run is cut up for several threads.
//!
//! ```text
//! stage 0               stage 1              stage 2
//! [chunk][chunk][chunk] [      chunk       ] [chunk][chunk][chunk][chunk] …
//! ```
//!
//! A stage begins when the one before it is done; its chunks may run in any order, on any threads. What is a chunk does
//! not depend on the number of threads, and what a chunk computes not on who runs it.

use super::{Place, Program, Step};
use crate::loops::{Buffer, Role, Section};
use std::ops::Range;

/// A section of a kernel, as far as running it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Work {
    /// The passes of the outer loop, each a call; one where there is none.
    pub outer: Range<i64>,
    /// The passes of the inner loop, of which a call runs a range; one where there is none.
    pub inner: Range<i64>,
    /// The last section before this one that has to be done first.
    pub follows: Option<usize>,
    /// What a pass of the inner loop costs by the model, in cycles of a processor.
    pub cycles: u64,
}

impl Work {
    /// That of a section, for a processor whose registers hold so many lanes.
    pub fn of(section: &Section, lanes: usize) -> Self {
        let range =
            |passes: Option<crate::loops::Passes>| passes.map_or(0..1, |passes| passes.begin..passes.end);
        Self {
            outer: range(section.outer),
            inner: range(section.inner),
            follows: section.follows,
            cycles: cycles(section, lanes),
        }
    }

    fn outer_passes(&self) -> u64 {
        (self.outer.end - self.outer.start).unsigned_abs()
    }

    fn inner_passes(&self) -> u64 {
        (self.inner.end - self.inner.start).unsigned_abs()
    }

    /// The cycles of all passes.
    pub fn all_cycles(&self) -> u64 {
        self.cycles.saturating_mul(self.outer_passes()).saturating_mul(self.inner_passes())
    }
}

/// The model of the time of a pass: two operations of arithmetic and two loads a cycle, one store, and so many bytes of
/// memory that other cores wrote or that lie in a shared cache; whichever of these is the most. Divisions hold up all.
fn cycles(section: &Section, lanes: usize) -> u64 {
    const CYCLES_OF_A_DIVISION: u64 = 5;
    const ACTIVATIONS_A_CYCLE: u64 = 8;
    const WEIGHTS_A_CYCLE: u64 = 16;
    let parts = section.operations.in_vectors_of(lanes);
    let moved = (section.traffic.activations / ACTIVATIONS_A_CYCLE)
        .saturating_add(section.traffic.weights / WEIGHTS_A_CYCLE);
    let arithmetic = parts.multiply_adds.saturating_add(parts.others) / 2;
    let loads = parts.loads.saturating_add(parts.broadcasts) / 2;
    let most = arithmetic.max(loads).max(parts.stores).max(moved);
    most.saturating_add(parts.divisions.saturating_mul(CYCLES_OF_A_DIVISION)).max(1)
}

/// Below so many cycles a section stays on one thread: beginning a stage costs about a quarter of that.
const CYCLES_ALONE: u64 = 4000;
/// A chunk has about so many cycles: claiming one costs a twentieth of that.
const CYCLES_OF_A_CHUNK: u64 = 6000;

/// How large chunks are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Grain {
    /// As the model of time says: what is short stays whole, and a chunk is long beside the time to claim it.
    #[default]
    Modelled,
    /// Every pass is a chunk. Slow, to find out whether passes may run at the same time.
    Finest,
}

/// A section of a step, run whole or in chunks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The step of the program.
    pub step: usize,
    /// The section of its kernel.
    pub section: usize,
    /// The passes of the outer loop; one where there is none.
    pub outer: Range<i64>,
    /// The passes of the inner loop; one where there is none.
    pub inner: Range<i64>,
    /// What a pass of the inner loop costs by the model.
    pub cycles: u64,
}

/// What is handed out together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// The number of its first chunk.
    pub first: usize,
    /// Calls by index: one that is cut into chunks, or several that are one chunk, run in order.
    pub calls: Range<usize>,
    /// How the one call is cut; `None` where all is one chunk.
    pub cut: Option<Cut>,
}

/// The chunks of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Passes of the inner loop that are a chunk.
    pub unit: i64,
    /// The chunks of one pass of the outer loop.
    pub chunks: usize,
}

/// A run cut up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    calls: Vec<Call>,
    tasks: Vec<Task>,
    ends: Vec<usize>,
    private_bytes: usize,
    /// Those of all calls, by the model.
    cycles: u64,
}

/// A run of fewer cycles, a few dozen microseconds, is over before other threads could help.
const CYCLES_TO_SHARE: u64 = 200_000;

/// Passes of one call: what [`Schedule::execute`] asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passes {
    /// The call, by index.
    pub call: usize,
    /// The step of the program.
    pub step: usize,
    /// The section of its kernel.
    pub section: usize,
    /// The pass of the outer loop; 0 where there is none.
    pub outer: i64,
    /// The passes of the inner loop; `0..1` where there is none.
    pub inner: Range<i64>,
}

impl Schedule {
    /// Cuts up a program that was proved. `works` are the sections of each of its kernels, in order.
    pub fn new(program: &Program, works: &[Vec<Work>], grain: Grain) -> Self {
        let mut builder = Builder { program, grain, schedule: Self::default(), stage: Vec::new(), chunks: 0 };
        for (number, step) in program.steps.iter().enumerate() {
            for (section, work) in works[step.kernel].iter().enumerate() {
                builder.add(number, section, work);
            }
        }
        builder.end_stage();
        let private = program.steps.iter().map(|step| private_bytes(program, step));
        Self { private_bytes: private.max().unwrap_or(0), ..builder.schedule }
    }

    /// Whether the run is long enough that it gains from several threads.
    pub fn is_worth_sharing(&self) -> bool {
        self.cycles >= CYCLES_TO_SHARE
    }

    /// The calls, in the order in which one thread does them.
    pub fn calls(&self) -> &[Call] {
        &self.calls
    }

    /// The tasks, in the order of their chunks.
    pub fn tasks(&self) -> &[Task] {
        &self.tasks
    }

    /// The number of chunks up to the end of each stage.
    pub fn ends(&self) -> &[usize] {
        &self.ends
    }

    /// The bytes that each thread but one needs for scratch memory of its own.
    pub fn private_bytes(&self) -> usize {
        self.private_bytes
    }

    /// Runs consecutive chunks of one stage: `call` is asked for what they are made of, in order.
    pub fn execute(&self, chunks: Range<usize>, call: &mut dyn FnMut(Passes)) {
        let mut next = chunks.start;
        while next < chunks.end {
            let index = self.tasks.partition_point(|task| task.first <= next) - 1;
            let task = &self.tasks[index];
            let (Some(cut), [single]) = (task.cut, &self.calls[task.calls.clone()]) else {
                task.calls.clone().for_each(|whole| self.calls[whole].run(whole, call));
                next += 1;
                continue;
            };
            let local = next - task.first;
            let (outer, chunk) = (local / cut.chunks, local % cut.chunks);
            let many = (chunks.end - next).min(cut.chunks - chunk);
            let begin = single.inner.start + chunk as i64 * cut.unit;
            let end = single.inner.end.min(begin + many as i64 * cut.unit);
            call(Passes {
                call: task.calls.start,
                step: single.step,
                section: single.section,
                outer: single.outer.start + outer as i64,
                inner: begin..end,
            });
            next += many;
        }
    }

    /// Runs everything in order: what one thread does.
    pub fn execute_all(&self, call: &mut dyn FnMut(Passes)) {
        self.calls.iter().enumerate().for_each(|(index, whole)| whole.run(index, call));
    }
}

impl Call {
    fn run(&self, index: usize, call: &mut dyn FnMut(Passes)) {
        for outer in self.outer.clone() {
            let (step, section, inner) = (self.step, self.section, self.inner.clone());
            call(Passes { call: index, step, section, outer, inner });
        }
    }
}

/// The bytes of a step's scratch memory, which every thread but one has elsewhere.
fn private_bytes(program: &Program, step: &Step) -> usize {
    let buffers = program.kernels[step.kernel].buffers.iter();
    buffers.map(private_bytes_of).sum()
}

/// The bytes that a buffer takes of the memory that every thread but one has for itself: a multiple of 64, nothing unless
/// it is private to a pass. A step's buffers lie there in order.
pub(crate) fn private_bytes_of(buffer: &Buffer) -> usize {
    if buffer.role == Role::Scratch { (4 * buffer.elements).next_multiple_of(64) } else { 0 }
}

struct Builder<'p> {
    program: &'p Program,
    grain: Grain,
    schedule: Schedule,
    /// The calls of the stage at hand by index, with the task that each belongs to.
    stage: Vec<(usize, usize)>,
    /// The chunks so far.
    chunks: usize,
}

impl Builder<'_> {
    fn add(&mut self, step: usize, section: usize, work: &Work) {
        let before: Vec<usize> = self
            .stage
            .iter()
            .filter(|&&(call, _)| self.depends(step, work, &self.schedule.calls[call]))
            .map(|&(_, task)| task)
            .collect();
        let call =
            Call { step, section, outer: work.outer.clone(), inner: work.inner.clone(), cycles: work.cycles };
        self.schedule.cycles = self.schedule.cycles.saturating_add(work.all_cycles());
        let (alone, unit) = match self.grain {
            Grain::Modelled => (work.all_cycles() < CYCLES_ALONE, CYCLES_OF_A_CHUNK / work.cycles),
            Grain::Finest => (false, 1),
        };
        let last = self.schedule.tasks.len().wrapping_sub(1);
        let number = self.schedule.calls.len();
        if !before.is_empty() {
            // What is short and needs only the last task, which is one chunk, is done by whoever does that.
            if alone && before.iter().all(|&task| task == last) && self.is_one_chunk(last) {
                self.schedule.calls.push(call);
                let task = &mut self.schedule.tasks[last];
                (task.calls.end, task.cut) = (number + 1, None);
                self.stage.push((number, last));
                return;
            }
            self.end_stage();
        }
        let passes = work.inner_passes();
        let unit = unit.clamp(1, passes);
        let chunks = passes.div_ceil(unit) as usize;
        let cut = (!alone).then_some(Cut { unit: unit as i64, chunks });
        self.schedule.tasks.push(Task { first: self.chunks, calls: number..number + 1, cut });
        let chunks = cut.map_or(1, |cut| cut.chunks.saturating_mul(work.outer_passes() as usize));
        self.chunks = self.chunks.saturating_add(chunks);
        self.schedule.calls.push(call);
        self.stage.push((number, self.schedule.tasks.len() - 1));
    }

    fn end_stage(&mut self) {
        if !self.stage.is_empty() {
            self.stage.clear();
            self.schedule.ends.push(self.chunks);
        }
    }

    fn is_one_chunk(&self, task: usize) -> bool {
        self.schedule.tasks.get(task).is_some_and(|task| self.chunks - task.first == 1)
    }

    /// Whether a section of a step has to wait for a call.
    fn depends(&self, step: usize, work: &Work, call: &Call) -> bool {
        if call.step == step {
            return work.follows.is_some_and(|last| call.section <= last);
        }
        let (own, other) = (self.places(step), self.places(call.step));
        own.iter().any(|(a, own_writes)| {
            other.iter().any(|(b, other_writes)| (*own_writes || *other_writes) && meet(a, b))
        })
    }

    /// The memory that a step touches, and whether it writes there.
    fn places(&self, step: usize) -> Vec<(Bytes, bool)> {
        let step = &self.program.steps[step];
        let buffers = self.program.kernels[step.kernel].buffers.iter().zip(&step.arguments);
        let places = buffers.map(|(buffer, &place)| {
            let bytes = 4 * buffer.elements;
            let place = match place {
                Place::Arena(offset) => Bytes::Arena(offset..offset + bytes),
                Place::Output(index) => Bytes::Output(index),
                Place::Weights(_) | Place::Input(_) => Bytes::Constant,
            };
            (place, buffer.role.is_written())
        });
        places.collect()
    }
}

enum Bytes {
    Arena(Range<usize>),
    Output(usize),
    Constant,
}

fn meet(a: &Bytes, b: &Bytes) -> bool {
    match (a, b) {
        (Bytes::Arena(a), Bytes::Arena(b)) => a.start < b.end && b.start < a.end,
        (Bytes::Output(a), Bytes::Output(b)) => a == b,
        _ => false,
    }
}
