//! A program as text, for people.

use super::{Place, Program};
use std::fmt::{self, Display, Formatter};

impl Display for Place {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Place::Arena(offset) => write!(f, "arena+{offset}"),
            Place::Weights(offset) => write!(f, "weights+{offset}"),
            Place::Input(index) => write!(f, "input {index}"),
            Place::Output(index) => write!(f, "output {index}"),
        }
    }
}

impl Display for Program {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "program {} {{", self.name)?;
        let gap = 100.0 * (self.arena_bytes as f64 / self.arena_lower_bound.max(1) as f64 - 1.0);
        writeln!(
            f,
            "  arena {} bytes, lower bound {} ({gap:+.1} %)",
            self.arena_bytes, self.arena_lower_bound
        )?;
        writeln!(f, "  weights {} bytes, layout {:016x}", self.weight_bytes, self.layout_hash)?;
        for (word, ports) in [("input", &self.inputs), ("output", &self.outputs)] {
            for (index, port) in ports.iter().enumerate() {
                writeln!(f, "  {word} {index} = @{} f32{:?}", port.name, port.dims)?;
            }
        }
        for (number, step) in self.steps.iter().enumerate() {
            let kernel = &self.kernels[step.kernel];
            let arguments: Vec<String> = kernel
                .buffers
                .iter()
                .zip(&step.arguments)
                .map(|(buffer, place)| format!("{}: {place}", buffer.name))
                .collect();
            writeln!(f, "  {number}: {}({}) @{}", kernel.name, arguments.join(", "), step.name)?;
        }
        for allocation in &self.allocations {
            let (begin, end) = (allocation.offset, allocation.offset + allocation.bytes);
            writeln!(
                f,
                "  arena {begin}..{end} in steps {}..={} @{}",
                allocation.first, allocation.last, allocation.name
            )?;
        }
        writeln!(f, "}}")
    }
}
