//! An executor of assembled kernels, so that code for processors with AVX-512 is tested on those without.
//!
//! It knows exactly the instructions that the assembler uses, in their VEX and EVEX forms, computes what a processor
//! computes bit for bit (round to nearest even, subnormal numbers kept), and refuses everything else. It is also
//! stricter than a processor: registers, flags and the stack start undefined, buffers are surrounded by unmapped
//! memory, and a function must leave as the System V convention demands.

#![allow(dead_code, reason = "test crates share this module, and each uses a part")]

mod decode;
mod execute;
mod fault;
mod integer;
mod lanes;
mod memory;
mod registers;
mod vector;

use decode::Step;
use fault::Fault;
use iced_x86::{Decoder, DecoderOptions, Formatter, NasmFormatter};
use integer::Flow;
use memory::{CODE, Memory, RETURN, TABLE};
use registers::{RCX, RDI, RDX, RSI, Registers};
use std::ops::Range;

/// Memory that a function under test is given.
pub(crate) struct Buffer {
    /// Its elements; where the function may write them, they are the result.
    pub(crate) content: Vec<f32>,
    /// Whether the function may write it.
    pub(crate) writable: bool,
}

/// Runs `code` as an `extern "sysv64" fn(table: *const *mut f32)` as [`run_section`] does, which has the arguments that
/// are undefined here.
pub(crate) fn run(
    code: &[u8],
    buffers: &mut [Buffer],
    alignments: &[usize],
    limit: u64,
) -> Result<(), String> {
    run_with(code, buffers, alignments, None, limit)
}

/// Runs `code` as an `extern "sysv64" fn(table: *const *mut f32, outer: i64, begin: i64, end: i64)` from its first byte
/// until it returns.
///
/// The table holds the addresses of `buffers`. The address of buffer `i` is a multiple of `alignments[i]`, a power of
/// two from 4 on, and of no higher power. The code's own bytes are readable, so constants may follow it, and aligned
/// to 4096. Both slices have the same length.
///
/// An error names the instruction, its offset in `code` and what is wrong: an access outside of what the function was
/// given, a write to what is read-only, an address that the instruction demands be aligned and that is not, an
/// unsupported instruction, a jump out of the code, a decision on an undefined flag, and at the return a changed
/// callee-saved register or a write of more than 128 bits after the last `vzeroupper`. More than `limit` instructions
/// are an error too. The contents of writable buffers are those at the time of the error.
pub(crate) fn run_section(
    code: &[u8],
    buffers: &mut [Buffer],
    alignments: &[usize],
    (outer, passes): (i64, Range<i64>),
    limit: u64,
) -> Result<(), String> {
    run_with(code, buffers, alignments, Some([outer, passes.start, passes.end]), limit)
}

fn run_with(
    code: &[u8],
    buffers: &mut [Buffer],
    alignments: &[usize],
    arguments: Option<[i64; 3]>,
    limit: u64,
) -> Result<(), String> {
    assert_eq!(buffers.len(), alignments.len(), "every buffer has an alignment");
    let mut machine = Machine {
        code,
        steps: Vec::new(),
        numbers: vec![0; code.len()],
        memory: Memory::new(code, buffers, alignments),
        registers: Registers::undefined(),
    };
    for (register, argument) in [RSI, RDX, RCX].into_iter().zip(arguments.into_iter().flatten()) {
        machine.registers.general[register] = argument.cast_unsigned();
    }
    let mut offset = 0;
    let result = machine.run(&mut offset, limit);
    machine.memory.give_back(buffers);
    result.map_err(|fault| format!("`{}` at {offset:#x}: {fault}", disassembled(code, offset)))
}

/// The instruction at an offset, as a message shows it.
fn disassembled(code: &[u8], offset: usize) -> String {
    let mut text = String::new();
    if let Some(bytes) = code.get(offset..) {
        let decoder = &mut Decoder::with_ip(64, bytes, CODE + offset as u64, DecoderOptions::NONE);
        NasmFormatter::new().format(&decoder.decode(), &mut text);
    }
    text
}

/// The state of a run.
struct Machine<'code> {
    code: &'code [u8],
    /// The instructions decoded so far, in the order in which they were reached.
    steps: Vec<Reached>,
    /// For every offset one more than the index of its instruction in `steps`, 0 where none was decoded.
    numbers: Vec<u32>,
    memory: Memory,
    registers: Registers,
}

/// A decoded instruction and the offset of the one behind it.
struct Reached {
    step: Step,
    next: usize,
}

impl Machine<'_> {
    /// Runs until the function returns; `offset` is that of the current instruction.
    fn run(&mut self, offset: &mut usize, limit: u64) -> Result<(), Fault> {
        self.registers.general[RDI] = TABLE;
        let mut executed = 0;
        loop {
            if executed == limit {
                return Err(Fault::TooLong(limit));
            }
            executed += 1;
            let number = self.reach(*offset)?;
            let Reached { step, next } = &self.steps[number];
            match step {
                Step::Vector(step) => {
                    step.execute(&mut self.registers, &mut self.memory)?;
                    *offset = *next;
                }
                Step::Integer(step) => match step.execute(&mut self.registers, &mut self.memory)? {
                    Flow::Next => *offset = *next,
                    Flow::Jump(RETURN) => return self.registers.check_return(),
                    Flow::Jump(address) => {
                        let target = address.wrapping_sub(CODE);
                        if target >= self.code.len() as u64 {
                            return Err(Fault::JumpOutside(address));
                        }
                        *offset = target as usize;
                    }
                },
            }
        }
    }

    /// The index of the instruction at an offset, decoded when it is reached first.
    fn reach(&mut self, offset: usize) -> Result<usize, Fault> {
        match self.numbers.get(offset) {
            None => Err(Fault::JumpOutside(CODE + offset as u64)),
            Some(0) => {
                let address = CODE + offset as u64;
                let instruction =
                    Decoder::with_ip(64, &self.code[offset..], address, DecoderOptions::NONE).decode();
                let step = Step::of(&instruction)?;
                self.steps.push(Reached { step, next: offset + instruction.len() });
                self.numbers[offset] = self.steps.len() as u32;
                Ok(self.steps.len() - 1)
            }
            Some(&number) => Ok(number as usize - 1),
        }
    }
}
