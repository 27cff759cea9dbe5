//! Operations with their registers → bytes.
//!
//! A pointer holds its buffer's address, moved by what the passes of the loops around make of it, plus a distance that
//! is known at every instruction: after a loop it is not moved back, but the distance taken off later addresses. Only
//! where a loop's body ends are pointers brought to where the next pass expects them.

use super::allocate::Numbers;
use super::nest::{Address, Item, Kind, LoopId, Nest, Operand, Operation, StreamId, Virtual, Width};
use super::pointers::{Place, Pointers};
use super::{Encoding, Function, instruction as codes};
use crate::loops::BinaryOp;
use iced_x86::{Code, Encoder, Instruction, MemoryOperand, Register};

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
/// The argument at the entry; later a pointer that was fetched for one instruction.
const TABLE: Register = Register::RDI;
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
struct PoolEntry {
    bits: u32,
    /// Its size: the same 32 bits, so often.
    bytes: usize,
}

/// An operand that may lie in memory.
#[derive(Clone, Copy, Debug)]
enum Source {
    Register(Register),
    Memory(MemoryOperand),
    Pool(PoolEntry, MemoryOperand),
}

struct Assembler<'n> {
    nest: &'n Nest,
    numbers: &'n Numbers,
    pointers: &'n Pointers,
    encoding: Encoding,
    encoder: Encoder,
    position: usize,
    /// Where each pointer is now.
    places: Vec<Place>,
    /// What each pointer holds beyond its loops' passes, in bytes.
    distances: Vec<i64>,
    /// The loops around: where their bodies begin, and the distances there.
    around: Vec<(usize, Vec<i64>)>,
    pool: Vec<PoolEntry>,
    /// Where the distance to a pool entry stands, the end of its instruction, and the entry.
    patches: Vec<(usize, usize, usize)>,
    statements: Vec<(u32, u32)>,
}

/// An instruction of these operands. The codes and kinds of operands are fixed in this file, so iced never refuses.
macro_rules! instruction {
    ($with:ident, $($operand:expr),*) => {
        Instruction::$with($($operand),*).map_err(|error| error.to_string())?
    };
}

impl Assembler<'_> {
    fn function(&mut self) -> Result<(), String> {
        let saved = &GENERAL_REGISTERS[VOLATILE.min(self.pointers.registers)..self.pointers.registers];
        let frame = 8 * self.pointers.slots as i32;
        for &register in saved {
            self.emit(instruction!(with1, Code::Push_r64, register))?;
        }
        if frame > 0 {
            self.emit(instruction!(with2, Code::Sub_rm64_imm32, Register::RSP, frame))?;
        }
        for (stream, &home) in self.nest.streams.iter().zip(&self.pointers.homes) {
            let entry = MemoryOperand::with_base_displ(TABLE, 8 * i64::from(stream.buffer.0));
            match home {
                Place::Register(number) => {
                    let register = GENERAL_REGISTERS[usize::from(number)];
                    self.emit(instruction!(with2, Code::Mov_r64_rm64, register, entry))?;
                }
                Place::Slot(_) => {
                    let between = GENERAL_REGISTERS[0];
                    self.emit(instruction!(with2, Code::Mov_r64_rm64, between, entry))?;
                    self.emit(instruction!(with2, Code::Mov_rm64_r64, slot(home), between))?;
                }
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

    fn emit(&mut self, instruction: Instruction) -> Result<(), String> {
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
        let passes = i32::try_from(own.passes).map_err(|_| format!("a loop has {} passes", own.passes))?;
        match self.pointers.counters[id.0 as usize] {
            Place::Register(number) => {
                let register = lower_half(GENERAL_REGISTERS[usize::from(number)]);
                self.emit(instruction!(with2, Code::Mov_r32_imm32, register, passes))?;
            }
            place @ Place::Slot(_) => {
                self.emit(instruction!(with2, Code::Mov_rm64_imm32, slot(place), passes))?;
            }
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
            self.distances[index] = distances[index] + step * own.passes;
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

    /// A place in memory as an operand; its pointer is fetched if it is in no register.
    fn memory(&mut self, address: Address, broadcast: bool) -> Result<MemoryOperand, String> {
        let stream = address.stream.0 as usize;
        let displacement = near(4 * i64::from(address.elements) - self.distances[stream])?;
        let base = match self.places[stream] {
            Place::Register(number) => GENERAL_REGISTERS[usize::from(number)],
            place @ Place::Slot(_) => {
                self.emit(instruction!(with2, Code::Mov_r64_rm64, TABLE, slot(place)))?;
                TABLE
            }
        };
        let size = u32::from(displacement != 0);
        Ok(MemoryOperand::new(
            base,
            Register::None,
            1,
            i64::from(displacement),
            size,
            broadcast,
            Register::None,
        ))
    }

    fn register(&self, register: Virtual, width: Width) -> Register {
        codes::vector(self.numbers.of(register), width)
    }

    /// An operand that the instruction can read from memory. `packed` if the instruction reads all lanes of its
    /// register even of a scalar.
    fn source(&mut self, operand: Operand, width: Width, packed: bool) -> Result<Source, String> {
        Ok(match operand {
            Operand::Register(register) => Source::Register(self.register(register, width)),
            Operand::Memory(address) => Source::Memory(self.memory(address, false)?),
            Operand::Broadcast(address) => Source::Memory(self.memory(address, true)?),
            Operand::Constant(bits) => {
                let scalar = width == Width::Scalar && !packed;
                let bytes = match self.encoding {
                    Encoding::Vex if !scalar => {
                        if width == Width::Y {
                            32
                        } else {
                            16
                        }
                    }
                    Encoding::Vex | Encoding::Evex => 4,
                };
                pool_source(PoolEntry { bits, bytes }, self.encoding == Encoding::Evex && !scalar)
            }
        })
    }

    /// `code target, left, source`, with an immediate if there is one.
    fn three(
        &mut self,
        code: Code,
        target: Register,
        left: Register,
        source: Source,
        immediate: Option<u32>,
    ) -> Result<(), String> {
        let (instruction, entry) = match (source, immediate) {
            (Source::Register(right), None) => (instruction!(with3, code, target, left, right), None),
            (Source::Register(right), Some(value)) => {
                (instruction!(with4, code, target, left, right, value), None)
            }
            (Source::Memory(right), None) => (instruction!(with3, code, target, left, right), None),
            (Source::Memory(right), Some(value)) => {
                (instruction!(with4, code, target, left, right, value), None)
            }
            (Source::Pool(entry, right), None) => {
                (instruction!(with3, code, target, left, right), Some(entry))
            }
            (Source::Pool(entry, right), Some(value)) => {
                (instruction!(with4, code, target, left, right, value), Some(entry))
            }
        };
        self.emit(instruction)?;
        self.refer(entry);
        Ok(())
    }

    /// `code target, source`.
    fn two(&mut self, code: Code, target: Register, source: Source) -> Result<(), String> {
        let (instruction, entry) = match source {
            Source::Register(from) => (instruction!(with2, code, target, from), None),
            Source::Memory(from) => (instruction!(with2, code, target, from), None),
            Source::Pool(entry, from) => (instruction!(with2, code, target, from), Some(entry)),
        };
        self.emit(instruction)?;
        self.refer(entry);
        Ok(())
    }

    /// Notes that the instruction just emitted reads a constant.
    fn refer(&mut self, entry: Option<PoolEntry>) {
        let Some(entry) = entry else { return };
        let known = self.pool.iter().position(|other| *other == entry).unwrap_or_else(|| {
            self.pool.push(entry);
            self.pool.len() - 1
        });
        let offsets = self.encoder.get_constant_offsets();
        let begin = self.position - self.last_length(&offsets);
        self.patches.push((begin + offsets.displacement_offset(), self.position, known));
    }

    /// The length of the instruction just emitted, which ends with its displacement or with its immediate.
    fn last_length(&self, offsets: &iced_x86::ConstantOffsets) -> usize {
        let end_of_displacement = offsets.displacement_offset() + offsets.displacement_size();
        let end_of_immediate =
            if offsets.has_immediate() { offsets.immediate_offset() + offsets.immediate_size() } else { 0 };
        end_of_displacement.max(end_of_immediate)
    }

    fn operation(&mut self, operation: &Operation) -> Result<(), String> {
        let &Operation { kind, width, target, operands, .. } = operation;
        let operand = |place: usize| operands[place].ok_or_else(|| format!("{kind:?} lacks an operand"));
        let encoding = self.encoding;
        if let Kind::Store(address) = kind {
            let value = self.in_register(operand(0)?, width)?;
            let to = self.memory(address, false)?;
            return self.emit(instruction!(with2, codes::STORE.of(encoding, width), to, value));
        }
        let number = self.numbers.of(target.ok_or_else(|| format!("{kind:?} has no target"))?);
        let to = codes::vector(number, width);
        match kind {
            Kind::Store(_) => Ok(()),
            Kind::Move => self.set(number, operand(0)?, width),
            Kind::Binary(op) => {
                let left = self.in_register(operand(0)?, width)?;
                let right = self.source(operand(1)?, width, op == BinaryOp::IntAdd)?;
                self.three(codes::binary(op).of(encoding, width), to, left, right, None)
            }
            Kind::Fma => self.multiply_add(number, [operand(0)?, operand(1)?, operand(2)?], width),
            Kind::ShiftLeft(by) => {
                let value = self.in_register(operand(0)?, width)?;
                let code = codes::SHIFT_LEFT.of(encoding, width);
                self.emit(instruction!(with3, code, to, value, u32::from(by)))
            }
            Kind::Compare(op) => {
                let left = self.in_register(operand(0)?, width)?;
                let right = self.source(operand(1)?, width, false)?;
                let code = codes::COMPARE.of(encoding, width);
                let predicate = Some(codes::predicate(op));
                if encoding == Encoding::Vex {
                    return self.three(code, to, left, right, predicate);
                }
                self.three(code, Register::K1, left, right, predicate)?;
                let ones = codes::ONES.of(encoding, width);
                let mut ones = instruction!(with4, ones, to, to, to, 255u32);
                ones.set_op_mask(Register::K1);
                ones.set_zeroing_masking(true);
                self.emit(ones)
            }
            Kind::Blend => {
                let [otherwise, mask, then] = [0, 1, 2]
                    .map(|place| operand(place).and_then(|operand| self.in_register(operand, width)));
                let code = codes::BLEND.of(encoding, width);
                self.emit(instruction!(with4, code, to, otherwise?, then?, mask?))
            }
            Kind::CompareBlend(op) => {
                let left = self.in_register(operand(0)?, width)?;
                let right = self.source(operand(1)?, width, false)?;
                let code = codes::COMPARE.of(encoding, width);
                self.three(code, Register::K1, left, right, Some(codes::predicate(op)))?;
                let then = self.in_register(operand(2)?, width)?;
                let otherwise = self.in_register(operand(3)?, width)?;
                let mut blend = instruction!(with3, codes::BLEND.of(encoding, width), to, otherwise, then);
                blend.set_op_mask(Register::K1);
                self.emit(blend)
            }
            Kind::UpperHalf => {
                let value = self.in_register(operand(0)?, Width::Z)?;
                self.emit(instruction!(with3, Code::EVEX_Vextractf64x4_ymmm256_k1z_zmm_imm8, to, value, 1))
            }
            Kind::JoinHalves => {
                let low = self.in_register(operand(0)?, Width::Z)?;
                let high = self.in_register(operand(1)?, Width::Y)?;
                self.emit(instruction!(
                    with4,
                    Code::EVEX_Vinsertf64x4_zmm_k1z_zmm_ymmm256_imm8,
                    to,
                    low,
                    high,
                    1
                ))
            }
        }
    }

    fn in_register(&self, operand: Operand, width: Width) -> Result<Register, String> {
        match operand {
            Operand::Register(register) => Ok(self.register(register, width)),
            _ => Err(format!("{operand:?} should be in a register")),
        }
    }

    /// `target = operand`.
    fn set(&mut self, target: u8, operand: Operand, width: Width) -> Result<(), String> {
        let to = codes::vector(target, width);
        match operand {
            Operand::Register(register) if self.numbers.of(register) == target => Ok(()),
            Operand::Register(register) => {
                let from = self.register(register, width);
                self.two(codes::COPY.of(self.encoding, width), to, Source::Register(from))
            }
            Operand::Memory(address) => {
                let from = self.memory(address, false)?;
                self.two(codes::LOAD.of(self.encoding, width), to, Source::Memory(from))
            }
            Operand::Broadcast(address) => {
                let from = self.memory(address, false)?;
                self.two(codes::BROADCAST.of(self.encoding, width), to, Source::Memory(from))
            }
            Operand::Constant(0) => {
                let to = codes::vector(target, Width::X);
                self.three(codes::ZERO.of(self.encoding, width), to, to, Source::Register(to), None)
            }
            Operand::Constant(bits) => {
                let from = pool_source(PoolEntry { bits, bytes: 4 }, false);
                self.two(codes::BROADCAST.of(self.encoding, width), to, from)
            }
        }
    }

    /// `target = a * b + c`. The instruction overwrites one of its operands, which decides its form.
    fn multiply_add(&mut self, target: u8, operands: [Operand; 3], width: Width) -> Result<(), String> {
        let [mut a, mut b, mut c] = operands;
        let numbers = self.numbers;
        let is_register = |operand: Operand| matches!(operand, Operand::Register(_));
        let is_target =
            |operand: Operand| matches!(operand, Operand::Register(of) if numbers.of(of) == target);
        // Factors may change places: one from memory becomes the second, the target's own the first.
        if !is_register(a) || (is_register(b) && is_target(b) && !is_target(a)) {
            std::mem::swap(&mut a, &mut b);
        }
        let to = codes::vector(target, width);
        if !is_target(c) && !is_target(a) {
            // Nothing dies here: the result gets a copy, which none of the other operands is.
            let copied = if is_register(c) { &mut c } else { &mut a };
            self.set(target, *copied, width)?;
            if is_register(c) {
                let (left, right) = (self.in_register(a, width)?, self.source(b, width, false)?);
                return self.three(codes::FMA_231.of(self.encoding, width), to, left, right, None);
            }
            let (left, right) = (self.in_register(b, width)?, self.source(c, width, false)?);
            return self.three(codes::FMA_213.of(self.encoding, width), to, left, right, None);
        }
        if is_target(c) {
            let (left, right) = (self.in_register(a, width)?, self.source(b, width, false)?);
            self.three(codes::FMA_231.of(self.encoding, width), to, left, right, None)
        } else if is_register(b) {
            let (left, right) = (self.in_register(b, width)?, self.source(c, width, false)?);
            self.three(codes::FMA_213.of(self.encoding, width), to, left, right, None)
        } else {
            let (left, right) = (self.in_register(c, width)?, self.source(b, width, false)?);
            self.three(codes::FMA_132.of(self.encoding, width), to, left, right, None)
        }
    }
}

/// A constant behind the code, to be patched when its place is known.
fn pool_source(entry: PoolEntry, broadcast: bool) -> Source {
    let from = MemoryOperand::new(Register::RIP, Register::None, 1, 0, 8, broadcast, Register::None);
    Source::Pool(entry, from)
}

/// The lower 32 bits of a general register; writing them clears the upper ones.
fn lower_half(register: Register) -> Register {
    Register::EAX + (register as u32 - Register::RAX as u32)
}

/// The memory of a slot of the stack.
fn slot(place: Place) -> MemoryOperand {
    let (Place::Slot(index) | Place::Register(index)) = place;
    MemoryOperand::with_base_displ(Register::RSP, 8 * i64::from(index))
}

/// A distance in bytes that fits an instruction.
fn near(distance: i64) -> Result<i32, String> {
    i32::try_from(distance).map_err(|_| format!("a distance of {distance} bytes does not fit an instruction"))
}
