//! The proof that a program's memory is sound. It looks at the places that the steps name, not at how they were
//! chosen.

use super::{Place, Program};
use crate::loops::Role;
use rexnet_ir::diagnostic::{Code, Diagnostic, Diagnostics, Location};

/// Replays the program and proves that
///
/// - every argument lies inside its memory and has the alignment that the kernel claims;
/// - no two arguments of a step overlap, where one of them is written;
/// - every value that a step reads is still what its writer left: no step in between wrote to its bytes.
///
/// # Errors
/// `RX0501` for each violation, with the step's name.
pub fn check(program: &Program) -> Result<(), Diagnostics> {
    let mut faults = Diagnostics::default();
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
            if aligned % buffer.alignment != 0 || offset % buffer.alignment != 0 {
                fault(format!("buffer {} is not aligned to {} bytes", buffer.name, buffer.alignment));
            }
            let read_only = matches!(place, Place::Weights(_) | Place::Input(_));
            if read_only && matches!(buffer.role, Role::Out | Role::Scratch) {
                fault(format!("buffer {} is written, but lies in read-only memory", buffer.name));
            }
            if let Place::Arena(offset) = place {
                for &(other, end, role) in &in_arena {
                    let written = |role| matches!(role, Role::Out | Role::Scratch);
                    if offset < end && other < offset + bytes && (written(role) || written(buffer.role)) {
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
            if matches!(role, Role::Out | Role::Scratch) {
                written.retain(|range| range.end <= begin || end <= range.begin);
                if role == Role::Out {
                    written.push(Written { begin, end });
                }
            }
        }
    }
    faults.into_result(())
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
