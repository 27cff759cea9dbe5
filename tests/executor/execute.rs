//! Running a vector instruction.

use super::decode::Operand;
use super::fault::Fault;
use super::lanes::{LANES, Lanes, fused, shift_left, signs, spread, ternary_logic};
use super::memory::{Memory, check_aligned, full};
use super::registers::Registers;
use super::vector::{Operation, VectorStep};

/// The operand is of a kind that the instruction has not.
const KIND: Fault = Fault::Unsupported("the kind of an operand");

/// Lanes of 128 bits.
const SCALAR_WIDTH: usize = 4;

impl VectorStep {
    /// Runs the instruction.
    pub(super) fn execute(&self, registers: &mut Registers, memory: &mut Memory) -> Result<(), Fault> {
        let active = match self.mask {
            0 => full(self.lanes),
            mask => registers.masks[mask] as u16 & full(self.lanes),
        };
        let read = |index: usize| self.read(index, self.lanes, active, registers, memory);
        let result = match self.operation {
            Operation::ZeroUpper => {
                registers.zero_upper();
                return Ok(());
            }
            Operation::MoveMask => return self.move_mask(registers),
            Operation::MoveNumber => return self.move_number(registers, memory),
            Operation::Compare(predicate) => {
                let result = predicate.apply(&read(1)?, &read(2)?);
                if let Operand::Mask(mask) = self.operands[0] {
                    registers.masks[usize::from(mask)] = u64::from(signs(&result) & active);
                    return Ok(());
                }
                result
            }
            Operation::MoveLane => match self.operands[2] {
                Operand::None => read(1)?,
                _ => read(2)?,
            },
            Operation::Move => read(1)?,
            Operation::Broadcast => match self.operands[1] {
                Operand::General(register) => [registers.general[usize::from(register)] as u32; LANES],
                _ => [self.read(1, 1, active.min(1), registers, memory)?[0]; LANES],
            },
            Operation::Binary(operation) => operation.apply(&read(1)?, &read(2)?),
            Operation::Fused([a, b, c]) => fused(&read(a)?, &read(b)?, &read(c)?),
            Operation::ShiftLeft => shift_left(&read(1)?, self.immediate),
            Operation::SelectBySign => select(signs(&read(3)?), &read(2)?, &read(1)?),
            Operation::SelectByMask => {
                let kept = if self.zeroing { [0; LANES] } else { read(1)? };
                let result = select(active, &read(2)?, &kept);
                return self.write_all(&result, registers);
            }
            Operation::TernaryLogic => ternary_logic(self.immediate, &read(0)?, &read(1)?, &read(2)?),
            Operation::Extract(part) => {
                let Operand::Vector(source) = self.operands[1] else { return Err(KIND) };
                let source = &registers.vectors[usize::from(source)];
                let mut result = [0; LANES];
                let start = self.part_start(part, self.source_lanes);
                result[..part].copy_from_slice(&source[start..start + part]);
                result
            }
            Operation::Insert(part) => {
                let mut result = read(1)?;
                let start = self.part_start(part, self.lanes);
                let inserted = self.read(2, part, full(part), registers, memory)?;
                result[start..start + part].copy_from_slice(&inserted[..part]);
                result
            }
            Operation::MaskToVector => {
                let Operand::Mask(source) = self.operands[1] else { return Err(KIND) };
                spread(registers.masks[usize::from(source)])
            }
        };
        self.write(result, active, registers, memory)
    }

    /// The lane at which the part begins that the immediate operand names, among `lanes`.
    fn part_start(&self, part: usize, lanes: usize) -> usize {
        usize::from(self.immediate) * part % lanes
    }

    /// A source operand. Lanes of a memory operand that are not active are not read.
    fn read(
        &self,
        index: usize,
        lanes: usize,
        active: u16,
        registers: &Registers,
        memory: &Memory,
    ) -> Result<Lanes, Fault> {
        match &self.operands[index] {
            Operand::Vector(register) => Ok(registers.vectors[usize::from(*register)]),
            Operand::Memory(address) => {
                let address = registers.address(address);
                if self.broadcast {
                    return Ok([memory.read_lanes(address, 1, active.min(1))?[0]; LANES]);
                }
                if self.aligned {
                    check_aligned(address, 4 * lanes)?;
                }
                memory.read_lanes(address, lanes, active)
            }
            Operand::None | Operand::General(_) | Operand::Mask(_) | Operand::Immediate(_) => Err(KIND),
        }
    }

    /// Writes a result to the destination, under the mask.
    fn write(
        &self,
        mut result: Lanes,
        active: u16,
        registers: &mut Registers,
        memory: &mut Memory,
    ) -> Result<(), Fault> {
        match &self.operands[0] {
            Operand::Vector(register) => {
                let old = registers.vectors[usize::from(*register)];
                if active != full(self.lanes) {
                    let kept = if self.zeroing { [0; LANES] } else { old };
                    result = select(active, &result, &kept);
                }
                if self.scalar {
                    // A load has no source for the other lanes: they become 0.
                    let others = match self.operands[1] {
                        Operand::Vector(_) if matches!(self.operation, Operation::Fused(_)) => old,
                        Operand::Vector(source) => registers.vectors[usize::from(source)],
                        _ => [0; LANES],
                    };
                    result[1..].copy_from_slice(&others[1..]);
                }
                self.write_all(&result, registers)
            }
            Operand::Memory(address) => {
                let address = registers.address(address);
                if self.aligned {
                    check_aligned(address, 4 * self.lanes)?;
                }
                memory.write_lanes(address, self.lanes, active, &result)
            }
            Operand::None | Operand::General(_) | Operand::Mask(_) | Operand::Immediate(_) => Err(KIND),
        }
    }

    /// Writes the whole destination register.
    fn write_all(&self, result: &Lanes, registers: &mut Registers) -> Result<(), Fault> {
        let Operand::Vector(register) = self.operands[0] else { return Err(KIND) };
        let width = if self.scalar { SCALAR_WIDTH } else { self.lanes };
        registers.set_vector(register, width, *result);
        Ok(())
    }

    /// The lowest lane, from or to a general register or memory.
    fn move_number(&self, registers: &mut Registers, memory: &mut Memory) -> Result<(), Fault> {
        let number = match &self.operands[1] {
            Operand::Vector(register) => registers.vectors[usize::from(*register)][0],
            Operand::General(register) => registers.general[usize::from(*register)] as u32,
            Operand::Memory(address) => memory.read(registers.address(address), false)? as u32,
            Operand::None | Operand::Mask(_) | Operand::Immediate(_) => return Err(KIND),
        };
        match &self.operands[0] {
            Operand::Vector(register) => {
                let mut lanes = [0; LANES];
                lanes[0] = number;
                registers.set_vector(*register, SCALAR_WIDTH, lanes);
                Ok(())
            }
            Operand::General(register) => {
                registers.set_general(*register, false, number.into());
                Ok(())
            }
            Operand::Memory(address) => memory.write(registers.address(address), false, number.into()),
            Operand::None | Operand::Mask(_) | Operand::Immediate(_) => Err(KIND),
        }
    }

    /// 16 bits between a mask and a general register, or between masks.
    fn move_mask(&self, registers: &mut Registers) -> Result<(), Fault> {
        let bits = match self.operands[1] {
            Operand::Mask(mask) => registers.masks[usize::from(mask)],
            Operand::General(register) => registers.general[usize::from(register)],
            _ => return Err(KIND),
        } & 0xffff;
        match self.operands[0] {
            Operand::Mask(mask) => registers.masks[usize::from(mask)] = bits,
            Operand::General(register) => registers.set_general(register, false, bits),
            _ => return Err(KIND),
        }
        Ok(())
    }
}

/// `chosen` in the lanes whose bit is set, `others` in the rest.
fn select(bits: u16, chosen: &Lanes, others: &Lanes) -> Lanes {
    std::array::from_fn(|lane| if bits >> lane & 1 != 0 { chosen[lane] } else { others[lane] })
}
