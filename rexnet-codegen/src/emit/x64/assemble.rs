//! Operations with their registers → bytes.
//!
//! A pointer holds its buffer's address, moved by what the passes of the loops around make of it, plus a distance that
//! is known at every instruction: after a loop it is not moved back, but the distance taken off later addresses. Only
//! where a loop's body ends are pointers brought to where the next pass expects them.

use super::allocate::Numbers;
use super::nest::{Count, Item, LoopId, Nest, StreamId};
use super::pointers::{Place, Pointers};
use super::{Encoding, Function};
use iced_x86::{Code, Encoder, Instruction, MemoryOperand, Register};

/// An instruction of these operands. The codes and kinds of operands are fixed in this file, so iced never refuses.
macro_rules! instruction {
    ($with:ident, $($operand:expr),*) => {
        Instruction::$with($($operand),*).map_err(|error| error.to_string())?
    };
}

pub(super) use instruction;

/// The registers for pointers and counters; what a caller expects unchanged comes last.
pub(super) const GENERAL_REGISTERS: [Register; 14] = [
    Register::RAX,
    Register::RCX,
    Register::RDX,
    Register::RSI,
    Register::R8,
    Register::R9,
    Register::R10,
    Register::R11,
    Register::RBX,
    Register::RBP,
    Register::R12,
    Register::R13,
    Register::R14,
    Register::R15,
];
/// How many of them are the callee's to change.
const VOLATILE: usize = 8;
/// Places on the stack, after the slots: the pass of the outer loop, the first pass of the range and how many there are,
/// and a part of a sum.
const OUTER: usize = 0;
const BEGIN: usize = 1;
const COUNT: usize = 2;
const TERM: usize = 3;
/// How many they are.
const ARGUMENTS: usize = 4;
/// The argument at the entry; later a pointer that was fetched for one instruction.
pub(super) const TABLE: Register = Register::RDI;
/// Where innermost loops begin: at a multiple of this.
const LOOP_ALIGNMENT: usize = 32;

/// The bytes of a nest whose registers all have numbers.
///
/// # Errors
/// Which distance does not fit an instruction.
pub(super) fn assemble(
    nest: &Nest,
    numbers: &Numbers,
    pointers: &Pointers,
    encoding: Encoding,
) -> Result<Function, String> {
    let mut assembler = Assembler {
        nest,
        numbers,
        pointers,
        encoding,
        encoder: Encoder::new(64),
        position: 0,
        places: pointers.homes.clone(),
        distances: vec![0; nest.streams.len()],
        around: Vec::new(),
        pool: Vec::new(),
        patches: Vec::new(),
        statements: Vec::new(),
    };
    assembler.function()?;
    Ok(assembler.finish())
}

/// A constant behind the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PoolEntry {
    pub(super) bits: u32,
    /// Its size: the same 32 bits, so often.
    pub(super) bytes: usize,
}

pub(super) struct Assembler<'n> {
    nest: &'n Nest,
    pub(super) numbers: &'n Numbers,
    pointers: &'n Pointers,
    pub(super) encoding: Encoding,
    pub(super) encoder: Encoder,
    pub(super) position: usize,
    /// Where each pointer is now.
    pub(super) places: Vec<Place>,
    /// What each pointer holds beyond its loops' passes, in bytes.
    pub(super) distances: Vec<i64>,
    /// The loops around: where their bodies begin, and the distances there.
    around: Vec<(usize, Vec<i64>)>,
    pub(super) pool: Vec<PoolEntry>,
    /// Where the distance to a pool entry stands, the end of its instruction, and the entry.
    pub(super) patches: Vec<(usize, usize, usize)>,
    statements: Vec<(u32, u32)>,
}

impl Assembler<'_> {
    fn function(&mut self) -> Result<(), String> {
        let saved = &GENERAL_REGISTERS[VOLATILE.min(self.pointers.registers)..self.pointers.registers];
        let find = |wanted: Count| {
            let found = self.nest.loops.iter().position(|own| own.passes == wanted);
            found.map(|index| LoopId(index as u32))
        };
        let (outer, range) = (find(Count::Pass), find(Count::Range));
        let arguments = if outer.or(range).is_some() { ARGUMENTS } else { 0 };
        let frame = 8 * (self.pointers.slots + arguments) as i32;
        for &register in saved {
            self.emit(instruction!(with1, Code::Push_r64, register))?;
        }
        if frame > 0 {
            self.emit(instruction!(with2, Code::Sub_rm64_imm32, Register::RSP, frame))?;
        }
        if outer.is_some() {
            self.emit(instruction!(with2, Code::Mov_rm64_r64, self.argument(OUTER), Register::RSI))?;
        }
        if let Some(range) = range {
            self.emit(instruction!(with2, Code::Mov_rm64_r64, self.argument(BEGIN), Register::RDX))?;
            self.emit(instruction!(with2, Code::Sub_rm64_r64, Register::RCX, Register::RDX))?;
            let count = match self.pointers.counters[range.0 as usize] {
                Place::Register(_) => self.argument(COUNT),
                place @ Place::Slot(_) => slot(place),
            };
            self.emit(instruction!(with2, Code::Mov_rm64_r64, count, Register::RCX))?;
        }
        for (index, &home) in self.pointers.homes.iter().enumerate() {
            let register = GENERAL_REGISTERS[match home {
                Place::Register(number) => usize::from(number),
                Place::Slot(_) => 0,
            }];
            self.first_address(index, register, outer, range)?;
            if let Place::Slot(_) = home {
                self.emit(instruction!(with2, Code::Mov_rm64_r64, slot(home), register))?;
            }
        }
        for item in &self.nest.items {
            match item {
                Item::Enter(id) => self.enter(*id)?,
                Item::Leave(id) => self.leave(*id)?,
                Item::Operation(operation) => {
                    self.mark(operation.statement);
                    self.operation(operation)?;
                }
            }
        }
        if frame > 0 {
            self.emit(instruction!(with2, Code::Add_rm64_imm32, Register::RSP, frame))?;
        }
        for &register in saved.iter().rev() {
            self.emit(instruction!(with1, Code::Pop_r64, register))?;
        }
        self.emit(Instruction::with(Code::VEX_Vzeroupper))?;
        self.emit(Instruction::with(Code::Retnq))
    }

    /// Where on the stack an argument of the call is kept.
    fn argument(&self, index: usize) -> MemoryOperand {
        MemoryOperand::with_base_displ(Register::RSP, 8 * (self.pointers.slots + index) as i64)
    }

    /// A pointer at the pass of the outer loop and the first pass of the range that the call says.
    fn first_address(
        &mut self,
        stream: usize,
        register: Register,
        outer: Option<LoopId>,
        range: Option<LoopId>,
    ) -> Result<(), String> {
        let stream = &self.nest.streams[stream];
        let entry = MemoryOperand::with_base_displ(TABLE, 8 * i64::from(stream.buffer.0));
        let step = |id: Option<LoopId>| id.and_then(|id| stream.step(id)).unwrap_or(0);
        let mut terms =
            [(step(outer), OUTER), (step(range), BEGIN)].into_iter().filter(|&(step, _)| step != 0);
        let Some((step, argument)) = terms.next() else {
            return self.emit(instruction!(with2, Code::Mov_r64_rm64, register, entry));
        };
        let product = Code::Imul_r64_rm64_imm32;
        self.emit(instruction!(with3, product, register, self.argument(argument), near(step)?))?;
        if let Some((step, argument)) = terms.next() {
            self.emit(instruction!(with2, Code::Mov_rm64_r64, self.argument(TERM), register))?;
            self.emit(instruction!(with3, product, register, self.argument(argument), near(step)?))?;
            self.emit(instruction!(with2, Code::Add_r64_rm64, register, self.argument(TERM)))?;
        }
        self.emit(instruction!(with2, Code::Add_r64_rm64, register, entry))
    }

    /// Puts the constants behind the code.
    fn finish(mut self) -> Function {
        let mut bytes = self.encoder.take_buffer();
        let code_length = bytes.len();
        let mut order: Vec<usize> = (0..self.pool.len()).collect();
        order.sort_by_key(|&entry| std::cmp::Reverse(self.pool[entry].bytes));
        let mut offsets = vec![0; self.pool.len()];
        for entry in order {
            let PoolEntry { bits, bytes: size } = self.pool[entry];
            bytes.resize(bytes.len().next_multiple_of(size), 0);
            offsets[entry] = bytes.len();
            bytes.extend(bits.to_le_bytes().into_iter().cycle().take(size));
        }
        for (at, end, entry) in self.patches {
            let distance = (offsets[entry] - end) as i32;
            bytes[at..at + 4].copy_from_slice(&distance.to_le_bytes());
        }
        Function { bytes, code_length, statements: self.statements }
    }

    fn mark(&mut self, statement: u32) {
        if self.statements.last().is_none_or(|&(_, last)| last != statement) {
            self.statements.push((self.position as u32, statement));
        }
    }

    pub(super) fn emit(&mut self, instruction: Instruction) -> Result<(), String> {
        let length =
            self.encoder.encode(&instruction, self.position as u64).map_err(|error| error.to_string())?;
        self.position += length;
        Ok(())
    }

    fn enter(&mut self, id: LoopId) -> Result<(), String> {
        let own = self.nest.loops[id.0 as usize];
        self.mark(own.statement);
        for &(StreamId(stream), number) in &self.pointers.fetched[id.0 as usize] {
            let (home, register) = (self.places[stream as usize], GENERAL_REGISTERS[usize::from(number)]);
            self.emit(instruction!(with2, Code::Mov_r64_rm64, register, slot(home)))?;
            self.places[stream as usize] = Place::Register(number);
        }
        let counter = self.pointers.counters[id.0 as usize];
        match (own.passes, counter) {
            (Count::Constant(passes), Place::Register(number)) => {
                let register = lower_half(GENERAL_REGISTERS[usize::from(number)]);
                self.emit(instruction!(with2, Code::Mov_r32_imm32, register, few(passes)?))?;
            }
            (Count::Constant(passes), Place::Slot(_)) => {
                self.emit(instruction!(with2, Code::Mov_rm64_imm32, slot(counter), few(passes)?))?;
            }
            (Count::Range | Count::Pass, Place::Register(number)) => {
                let register = lower_half(GENERAL_REGISTERS[usize::from(number)]);
                self.emit(instruction!(with2, Code::Mov_r32_rm32, register, self.argument(COUNT)))?;
            }
            // Its slot was filled at the entry.
            (Count::Range | Count::Pass, Place::Slot(_)) => {}
        }
        if own.height == 0 {
            self.align()?;
        }
        self.around.push((self.position, self.distances.clone()));
        Ok(())
    }

    /// Fills up to where a loop should begin.
    fn align(&mut self) -> Result<(), String> {
        const LONGEST: usize = 9;
        let mut gap = self.position.next_multiple_of(LOOP_ALIGNMENT) - self.position;
        while gap > 0 {
            let length = gap.min(LONGEST);
            let at = |displacement: i64, size: u32| {
                MemoryOperand::new(
                    Register::RAX,
                    Register::None,
                    1,
                    displacement,
                    size,
                    false,
                    Register::None,
                )
            };
            let indexed = |displacement: i64, size: u32| {
                MemoryOperand::new(Register::RAX, Register::RAX, 1, displacement, size, false, Register::None)
            };
            let fill = match length {
                1 => Instruction::with(Code::Nopd),
                2 => Instruction::with(Code::Nopw),
                3 => instruction!(with1, Code::Nop_rm32, at(0, 0)),
                4 => instruction!(with1, Code::Nop_rm32, at(0, 1)),
                5 => instruction!(with1, Code::Nop_rm32, indexed(0, 1)),
                6 => instruction!(with1, Code::Nop_rm16, indexed(0, 1)),
                7 => instruction!(with1, Code::Nop_rm32, at(0, 8)),
                8 => instruction!(with1, Code::Nop_rm32, indexed(0, 8)),
                _ => instruction!(with1, Code::Nop_rm16, indexed(0, 8)),
            };
            let before = self.position;
            self.emit(fill)?;
            gap -= (self.position - before).min(gap);
        }
        Ok(())
    }

    fn leave(&mut self, id: LoopId) -> Result<(), String> {
        let own = self.nest.loops[id.0 as usize];
        self.mark(own.statement);
        let (begin, distances) = self.around.pop().unwrap_or_default();
        for (index, stream) in self.nest.streams.iter().enumerate() {
            let Some(step) = stream.step(id) else { continue };
            self.advance(index, step + distances[index] - self.distances[index])?;
            if let Count::Constant(passes) = own.passes {
                self.distances[index] = distances[index] + step * passes;
            }
        }
        match self.pointers.counters[id.0 as usize] {
            Place::Register(number) => {
                let register = lower_half(GENERAL_REGISTERS[usize::from(number)]);
                self.emit(instruction!(with2, Code::Sub_rm32_imm8, register, 1))?;
            }
            place @ Place::Slot(_) => {
                self.emit(instruction!(with2, Code::Sub_rm64_imm8, slot(place), 1))?;
            }
        }
        const SHORT: usize = 120;
        let code = if self.position - begin < SHORT { Code::Jne_rel8_64 } else { Code::Jne_rel32_64 };
        self.emit(instruction!(with_branch, code, begin as u64))?;
        for &(StreamId(stream), _) in &self.pointers.fetched[id.0 as usize] {
            // The slot still holds what it held before the loop.
            self.places[stream as usize] = self.pointers.homes[stream as usize];
            self.distances[stream as usize] = distances[stream as usize];
        }
        Ok(())
    }

    /// Moves a pointer by so many bytes.
    fn advance(&mut self, stream: usize, by: i64) -> Result<(), String> {
        if by == 0 {
            return Ok(());
        }
        let by = near(by)?;
        let short = i8::try_from(by).is_ok();
        let instruction = match self.places[stream] {
            Place::Register(number) => {
                let register = GENERAL_REGISTERS[usize::from(number)];
                let code = if short { Code::Add_rm64_imm8 } else { Code::Add_rm64_imm32 };
                instruction!(with2, code, register, by)
            }
            place @ Place::Slot(_) => {
                let code = if short { Code::Add_rm64_imm8 } else { Code::Add_rm64_imm32 };
                instruction!(with2, code, slot(place), by)
            }
        };
        self.emit(instruction)
    }
}

/// A number of passes that a counter of 32 bits holds.
fn few(passes: i64) -> Result<i32, String> {
    i32::try_from(passes).map_err(|_| format!("a loop has {passes} passes"))
}

/// The lower 32 bits of a general register; writing them clears the upper ones.
fn lower_half(register: Register) -> Register {
    Register::EAX + (register as u32 - Register::RAX as u32)
}

/// The memory of a slot of the stack.
pub(super) fn slot(place: Place) -> MemoryOperand {
    let (Place::Slot(index) | Place::Register(index)) = place;
    MemoryOperand::with_base_displ(Register::RSP, 8 * i64::from(index))
}

/// A distance in bytes that fits an instruction.
pub(super) fn near(distance: i64) -> Result<i32, String> {
    i32::try_from(distance).map_err(|_| format!("a distance of {distance} bytes does not fit an instruction"))
}
