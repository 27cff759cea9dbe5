//! One operation as the instructions that do it.

use super::assemble::{Assembler, GENERAL_REGISTERS, PoolEntry, TABLE, instruction, near, slot};
use super::nest::{Address, Kind, Operand, Operation, Virtual, Width};
use super::pointers::Place;
use super::{Encoding, instruction as codes};
use crate::loops::BinaryOp;
use iced_x86::{Code, Instruction, MemoryOperand, Register};

/// An operand that may lie in memory.
#[derive(Clone, Copy, Debug)]
enum Source {
    Register(Register),
    Memory(MemoryOperand),
    Pool(PoolEntry, MemoryOperand),
}

impl Assembler<'_> {
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

    pub(super) fn operation(&mut self, operation: &Operation) -> Result<(), String> {
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
