//! Programs ready to run: on this processor, or in the executor, which knows instructions that this processor may
//! lack.

use crate::executor;
use rexnet_codegen::emit::x64::{self, Encoding};
use rexnet_codegen::loops::{Passes, Role, interpret, sections};
use rexnet_codegen::memory::AlignedBuffer;
use rexnet_codegen::plan::{Grain, PackedWeights, Place, Program, Step};
use rexnet_codegen::run::Executable;
use rexnet_threads::{Team, Threads};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A program ready to run.
pub(crate) enum Runnable {
    /// As users run it.
    Executable(Executable),
    /// The wide assembler's code of each kernel's sections, executed instruction by instruction. Sections that it refused
    /// are interpreted.
    Executed(Vec<Vec<Option<Vec<u8>>>>),
}

/// How many threads share a run: more than there are cores, and numbers that divide nothing.
const THREADS: [usize; 4] = [2, 3, 8, 17];

/// Teams that all tests share, one test at a time: a team that is busy would leave its caller alone.
pub(crate) fn teams() -> MutexGuard<'static, Vec<Team>> {
    static TEAMS: Mutex<Vec<Team>> = Mutex::new(Vec::new());
    let mut teams = TEAMS.lock().unwrap_or_else(PoisonError::into_inner);
    if teams.is_empty() {
        teams.extend(THREADS.iter().map(|&threads| Team::new(threads).expect("threads can be started")));
    }
    teams
}

/// More instructions than any kernel of the tests needs: a loop that never ends is found.
const LIMIT: u64 = 1 << 32;

impl Runnable {
    /// The code of every kernel for the executor.
    pub(crate) fn assembled(program: &Program, encoding: Encoding) -> Self {
        let code = program.kernels.iter().map(|kernel| {
            let sections = sections(kernel);
            let code = sections.iter().map(|own| Some(x64::function(kernel, own, encoding).ok()?.bytes));
            code.collect()
        });
        Runnable::Executed(code.collect())
    }

    /// Compiled code, whose runs are cut into chunks of one pass: so many as there can be may run at the same time.
    pub(crate) fn compiled(mut executable: Executable) -> Self {
        executable.cut(Grain::Finest);
        Runnable::Executable(executable)
    }

    /// Runs the program once on so many threads; `None` where it has no code that threads could share.
    pub(crate) fn run_on(
        &self,
        team: &Team,
        program: &Program,
        weights: &PackedWeights,
        arena: &mut AlignedBuffer,
        inputs: &[&[f32]],
        outputs: &mut [&mut [f32]],
    ) -> Option<Result<(), String>> {
        let Runnable::Executable(executable) = self else { return None };
        let bytes = (team.count() - 1) * executable.private_bytes();
        if bytes == 0 {
            return None;
        }
        let mut private = AlignedBuffer::zeroed(bytes / 4);
        private.as_mut_slice().fill(f32::NAN);
        let ran = executable.run_on(team, &mut private, program, weights, arena, inputs, outputs);
        Some(ran.map_err(|fault| fault.to_string()))
    }

    /// Runs the program once.
    pub(crate) fn run(
        &self,
        program: &Program,
        weights: &PackedWeights,
        arena: &mut AlignedBuffer,
        inputs: &[&[f32]],
        outputs: &mut [&mut [f32]],
    ) -> Result<(), String> {
        match self {
            Runnable::Executable(executable) => {
                executable.run(program, weights, arena, inputs, outputs).map_err(|fault| fault.to_string())
            }
            Runnable::Executed(code) => program.steps.iter().try_for_each(|step| {
                let code = &code[step.kernel];
                let executed = execute(code, program, step, weights, arena, inputs, outputs);
                executed.map_err(|fault| format!("{}: {fault}", program.kernels[step.kernel].name))
            }),
        }
    }
}

/// Calls a kernel on copies of its buffers, and copies what it wrote back. Each section is called for ranges of passes
/// from the last to the first, as if other threads had been faster, and finds NaNs in its scratch memory.
fn execute(
    code: &[Option<Vec<u8>>],
    program: &Program,
    step: &Step,
    weights: &PackedWeights,
    arena: &mut AlignedBuffer,
    inputs: &[&[f32]],
    outputs: &mut [&mut [f32]],
) -> Result<(), String> {
    let kernel = &program.kernels[step.kernel];
    let buffers = kernel.buffers.iter().zip(&step.arguments);
    let mut content: Vec<executor::Buffer> = buffers
        .map(|(buffer, &place)| {
            let source = match place {
                Place::Arena(offset) => &arena.as_slice()[offset / 4..],
                Place::Weights(offset) => &weights.as_slice()[offset / 4..],
                Place::Input(index) => inputs[index],
                Place::Output(index) => &*outputs[index],
            };
            executor::Buffer {
                content: source[..buffer.elements].to_vec(),
                writable: buffer.role.is_written(),
            }
        })
        .collect();
    let alignments: Vec<usize> = kernel.buffers.iter().map(|buffer| buffer.alignment).collect();
    for (section, code) in sections(kernel).iter().zip(code) {
        let Some(code) = code else {
            let mut slices: Vec<&mut [f32]> =
                content.iter_mut().map(|buffer| buffer.content.as_mut_slice()).collect();
            for (outer, inner) in section.passes() {
                interpret::run_pass(kernel, section, outer, inner, &mut slices);
            }
            continue;
        };
        let range = |passes: Option<Passes>| passes.map_or(0..1, |passes| passes.begin..passes.end);
        for outer in range(section.outer).rev() {
            let inner = range(section.inner);
            let middle = inner.start + (inner.end - inner.start) / 3;
            for passes in [middle..inner.end, inner.start..middle] {
                if passes.is_empty() {
                    continue;
                }
                for (memory, buffer) in content.iter_mut().zip(&kernel.buffers) {
                    if buffer.role == Role::Scratch {
                        memory.content.fill(f32::NAN);
                    }
                }
                executor::run_section(code, &mut content, &alignments, (outer, passes), LIMIT)?;
            }
        }
    }
    for (buffer, &place) in content.iter().zip(&step.arguments).filter(|(buffer, _)| buffer.writable) {
        let target = match place {
            Place::Arena(offset) => &mut arena.as_mut_slice()[offset / 4..],
            Place::Output(index) => &mut *outputs[index],
            Place::Weights(_) | Place::Input(_) => continue,
        };
        target[..buffer.content.len()].copy_from_slice(&buffer.content);
    }
    Ok(())
}
