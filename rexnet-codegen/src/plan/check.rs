//! The proof that a program's memory is sound.

use super::{Allocation, Place, Program};
use crate::loops::Role;
use rexnet_ir::diagnostic::{Code, Diagnostic, Diagnostics, Location};

/// Replays the program and proves that
///
/// - every argument lies inside its memory and has the alignment that the kernel claims;
/// - no two arguments of a step overlap, where one of them is written;
/// - every value that a step reads is still what its writer left: no step in between wrote to its bytes, and every
///   place in the arena is that of one allocation, alive at this step; no two that are alive at once overlap.
///
/// # Errors
/// `RX0501` for each violation, with the step's name.
pub fn check(program: &Program) -> Result<(), Diagnostics> {
    prove(program, true)
}

/// As [`check`], for code that takes its buffers at any address: alignment is not asked for.
///
/// # Errors
/// As [`check`].
pub fn check_unaligned(program: &Program) -> Result<(), Diagnostics> {
    prove(program, false)
}

fn prove(program: &Program, alignment: bool) -> Result<(), Diagnostics> {
    let mut faults = Diagnostics::default();
    lives(program, &mut faults);
    // Bytes of the arena and who wrote them last, as disjoint ranges.
    let mut written: Vec<Written> = Vec::new();
    for step in &program.steps {
        let mut fault = |cause: String| {
            faults.push(Diagnostic::new(Code::PlanInvalid, Location::Name(step.name.clone()), cause));
        };
        let Some(kernel) = program.kernels.get(step.kernel) else {
            fault("there is no such kernel".to_owned());
            continue;
        };
        if kernel.buffers.len() != step.arguments.len() {
            fault(format!("{} takes {} buffers", kernel.name, kernel.buffers.len()));
            continue;
        }
        let mut in_arena: Vec<(usize, usize, Role)> = Vec::new();
        for (buffer, &place) in kernel.buffers.iter().zip(&step.arguments) {
            let bytes = 4 * buffer.elements;
            let (offset, size, aligned) = match place {
                Place::Arena(offset) => (offset, program.arena_bytes, 64),
                Place::Weights(offset) => (offset, program.weight_bytes, 64),
                Place::Input(index) => {
                    (0, program.inputs.get(index).map_or(0, |port| 4 * port.elements()), 4)
                }
                Place::Output(index) => {
                    (0, program.outputs.get(index).map_or(0, |port| 4 * port.elements()), 4)
                }
            };
            if offset.checked_add(bytes).is_none_or(|end| end > size) {
                fault(format!("buffer {} does not lie inside its memory", buffer.name));
                continue;
            }
            if alignment && (aligned % buffer.alignment != 0 || offset % buffer.alignment != 0) {
                fault(format!("buffer {} is not aligned to {} bytes", buffer.name, buffer.alignment));
            }
            let read_only = matches!(place, Place::Weights(_) | Place::Input(_));
            if read_only && buffer.role.is_written() {
                fault(format!("buffer {} is written, but lies in read-only memory", buffer.name));
            }
            if let Place::Arena(offset) = place {
                for &(other, end, role) in &in_arena {
                    let written = role.is_written() || buffer.role.is_written();
                    if offset < end && other < offset + bytes && written {
                        fault(format!("buffer {} overlaps another", buffer.name));
                    }
                }
                in_arena.push((offset, offset + bytes, buffer.role));
                if buffer.role == Role::In && !written.iter().any(|range| range.is(offset, bytes)) {
                    fault(format!("buffer {} was overwritten before it is read", buffer.name));
                }
            }
        }
        for (begin, end, role) in in_arena {
            if role.is_written() {
                written.retain(|range| range.end <= begin || end <= range.begin);
                if role == Role::Out {
                    written.push(Written { begin, end });
                }
            }
        }
    }
    faults.into_result(())
}

/// Each place in the arena belongs to one live allocation.
fn lives(program: &Program, faults: &mut Diagnostics) {
    let mut fault = |name: &str, cause: String| {
        faults.push(Diagnostic::new(Code::PlanInvalid, Location::Name(name.to_owned()), cause));
    };
    for (index, a) in program.allocations.iter().enumerate() {
        for b in &program.allocations[..index] {
            let end = |allocation: &Allocation| allocation.offset.saturating_add(allocation.bytes);
            if a.meets(b) && a.offset < end(b) && b.offset < end(a) {
                fault(&a.name, format!("it shares bytes with {} while both are alive", b.name));
            }
        }
    }
    for (time, step) in program.steps.iter().enumerate() {
        let Some(kernel) = program.kernels.get(step.kernel) else { continue };
        for (buffer, &place) in kernel.buffers.iter().zip(&step.arguments) {
            let Place::Arena(offset) = place else { continue };
            let owned = program.allocations.iter().any(|allocation| {
                allocation.offset == offset
                    && allocation.bytes == 4 * buffer.elements
                    && (allocation.first..=allocation.last).contains(&time)
            });
            if !owned {
                fault(&step.name, format!("buffer {} lies at {offset}, where no live value is", buffer.name));
            }
        }
    }
}

/// A value that is whole.
struct Written {
    begin: usize,
    end: usize,
}

impl Written {
    fn is(&self, offset: usize, bytes: usize) -> bool {
        self.begin == offset && self.end == offset + bytes
    }
}
