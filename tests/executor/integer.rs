//! The instructions on general registers, and the control flow.

use super::decode::Operand;
use super::fault::Fault;
use super::memory::Memory;
use super::registers::{Flags, RSP, Registers};
use iced_x86::{Instruction, Mnemonic, OpKind};

/// Where control goes behind an instruction.
pub(super) enum Flow {
    Next,
    Jump(u64),
}

#[derive(Clone, Copy)]
enum Operation {
    Move,
    LoadAddress,
    Add,
    Subtract,
    /// Of its second and third operand, low half.
    Multiply,
    Compare,
    Increment,
    Decrement,
    And,
    Test,
    Xor,
    Jump,
    JumpIf(Condition),
    Push,
    Pop,
    Return,
    Nothing,
}

#[derive(Clone, Copy)]
enum Condition {
    Equal,
    NotEqual,
    Less,
    GreaterOrEqual,
    Below,
    AboveOrEqual,
}

/// An instruction on general registers.
pub(super) struct IntegerStep {
    operation: Operation,
    operands: [Operand; 3],
    /// Whether its numbers have 64 bits, not 32.
    wide: bool,
}

impl IntegerStep {
    /// What an instruction does.
    pub(super) fn of(instruction: &Instruction) -> Result<IntegerStep, Fault> {
        let operation = match instruction.mnemonic() {
            Mnemonic::Mov => Operation::Move,
            Mnemonic::Lea => Operation::LoadAddress,
            Mnemonic::Add => Operation::Add,
            Mnemonic::Sub => Operation::Subtract,
            Mnemonic::Imul if instruction.op_count() == 3 => Operation::Multiply,
            Mnemonic::Cmp => Operation::Compare,
            Mnemonic::Inc => Operation::Increment,
            Mnemonic::Dec => Operation::Decrement,
            Mnemonic::And => Operation::And,
            Mnemonic::Test => Operation::Test,
            Mnemonic::Xor => Operation::Xor,
            Mnemonic::Jmp => Operation::Jump,
            Mnemonic::Je => Operation::JumpIf(Condition::Equal),
            Mnemonic::Jne => Operation::JumpIf(Condition::NotEqual),
            Mnemonic::Jl => Operation::JumpIf(Condition::Less),
            Mnemonic::Jge => Operation::JumpIf(Condition::GreaterOrEqual),
            Mnemonic::Jb => Operation::JumpIf(Condition::Below),
            Mnemonic::Jae => Operation::JumpIf(Condition::AboveOrEqual),
            Mnemonic::Push => Operation::Push,
            Mnemonic::Pop => Operation::Pop,
            Mnemonic::Ret if instruction.op_count() == 0 => Operation::Return,
            Mnemonic::Nop | Mnemonic::Prefetcht0 => Operation::Nothing,
            _ => return Err(Fault::Unsupported("the instruction")),
        };
        let none = [Operand::None; 3];
        match operation {
            // Their operands are not looked at, of whatever kind they are.
            Operation::Nothing | Operation::Return => {
                return Ok(IntegerStep { operation, operands: none, wide: true });
            }
            Operation::Jump | Operation::JumpIf(_) if instruction.op0_kind() != OpKind::NearBranch64 => {
                return Err(Fault::Unsupported("a jump of this kind"));
            }
            Operation::Jump | Operation::JumpIf(_) => {
                let operands = [Operand::of(instruction, 0)?, Operand::None, Operand::None];
                return Ok(IntegerStep { operation, operands, wide: true });
            }
            _ => {}
        }
        let third = match operation {
            Operation::Multiply => Operand::of(instruction, 2)?,
            _ => Operand::None,
        };
        let operands = [Operand::of(instruction, 0)?, Operand::of(instruction, 1)?, third];
        if matches!(operation, Operation::Push | Operation::Pop)
            && !matches!(operands[0], Operand::General(_))
        {
            return Err(Fault::Unsupported("a stack instruction without a register"));
        }
        let bytes = match instruction.op0_kind() {
            OpKind::Memory => instruction.memory_size().size(),
            _ => instruction.op0_register().size(),
        };
        match bytes {
            4 | 8 => Ok(IntegerStep { operation, operands, wide: bytes == 8 }),
            _ => Err(Fault::Unsupported("numbers of this width")),
        }
    }

    /// Runs the instruction.
    pub(super) fn execute(&self, registers: &mut Registers, memory: &mut Memory) -> Result<Flow, Fault> {
        let [first, second, third] = &self.operands;
        match self.operation {
            Operation::Move => {
                let number = self.read(second, registers, memory)?;
                self.write(number, registers, memory)?;
            }
            Operation::LoadAddress => {
                let number = address_of(second, registers)?;
                self.write(number, registers, memory)?;
            }
            Operation::Add | Operation::Increment => {
                let (a, b) = self.terms(registers, memory)?;
                let sum = self.truncated(a.wrapping_add(b));
                let carry = sum < a;
                self.write(sum, registers, memory)?;
                self.set_flags(registers, sum, carry, self.negative((a ^ sum) & (b ^ sum)));
            }
            Operation::Subtract | Operation::Decrement | Operation::Compare => {
                let (a, b) = self.terms(registers, memory)?;
                let difference = self.truncated(a.wrapping_sub(b));
                if !matches!(self.operation, Operation::Compare) {
                    self.write(difference, registers, memory)?;
                }
                self.set_flags(registers, difference, a < b, self.negative((a ^ b) & (a ^ difference)));
            }
            Operation::Multiply => {
                let a = self.read(second, registers, memory)?;
                let product = self.truncated(a.wrapping_mul(self.read(third, registers, memory)?));
                self.write(product, registers, memory)?;
                registers.flags = Flags { zero: None, sign: None, carry: None, overflow: None };
            }
            Operation::And | Operation::Test | Operation::Xor => {
                let (a, b) = self.terms(registers, memory)?;
                let bits = if matches!(self.operation, Operation::Xor) { a ^ b } else { a & b };
                if !matches!(self.operation, Operation::Test) {
                    self.write(bits, registers, memory)?;
                }
                self.set_flags(registers, bits, false, false);
            }
            Operation::Jump => return Ok(Flow::Jump(self.read(first, registers, memory)?)),
            Operation::JumpIf(condition) => {
                if condition.holds(&registers.flags).ok_or(Fault::UndefinedFlag)? {
                    return Ok(Flow::Jump(self.read(first, registers, memory)?));
                }
            }
            Operation::Push => {
                let number = self.read(first, registers, memory)?;
                let top = registers.general[RSP].wrapping_sub(8);
                memory.write(top, true, number)?;
                registers.general[RSP] = top;
            }
            Operation::Pop => {
                let number = pop(registers, memory)?;
                self.write(number, registers, memory)?;
            }
            Operation::Return => return pop(registers, memory).map(Flow::Jump),
            Operation::Nothing => {}
        }
        Ok(Flow::Next)
    }

    /// The two numbers that an operation combines.
    fn terms(&self, registers: &Registers, memory: &Memory) -> Result<(u64, u64), Fault> {
        let first = self.read(&self.operands[0], registers, memory)?;
        match self.operation {
            Operation::Increment | Operation::Decrement => Ok((first, 1)),
            _ => Ok((first, self.read(&self.operands[1], registers, memory)?)),
        }
    }

    fn read(&self, operand: &Operand, registers: &Registers, memory: &Memory) -> Result<u64, Fault> {
        match operand {
            Operand::General(register) => Ok(self.truncated(registers.general[usize::from(*register)])),
            Operand::Memory(address) => memory.read(registers.address(address), self.wide),
            Operand::Immediate(number) => Ok(self.truncated(*number)),
            Operand::None | Operand::Vector(_) | Operand::Mask(_) => {
                Err(Fault::Unsupported("the kind of an operand"))
            }
        }
    }

    fn write(&self, number: u64, registers: &mut Registers, memory: &mut Memory) -> Result<(), Fault> {
        match &self.operands[0] {
            Operand::General(register) => {
                registers.set_general(*register, self.wide, number);
                Ok(())
            }
            Operand::Memory(address) => memory.write(registers.address(address), self.wide, number),
            Operand::None | Operand::Vector(_) | Operand::Mask(_) | Operand::Immediate(_) => {
                Err(Fault::Unsupported("the kind of an operand"))
            }
        }
    }

    fn truncated(&self, number: u64) -> u64 {
        if self.wide { number } else { number & 0xffff_ffff }
    }

    fn negative(&self, number: u64) -> bool {
        number >> if self.wide { 63 } else { 31 } & 1 != 0
    }

    /// Sets the flags for a result; incrementing and decrementing leave the carry.
    fn set_flags(&self, registers: &mut Registers, result: u64, carry: bool, overflow: bool) {
        let carry = match self.operation {
            Operation::Increment | Operation::Decrement => registers.flags.carry,
            _ => Some(carry),
        };
        registers.flags = Flags {
            zero: Some(result == 0),
            sign: Some(self.negative(result)),
            carry,
            overflow: Some(overflow),
        };
    }
}

impl Condition {
    /// Whether it holds; `None` where the flags that decide are undefined.
    fn holds(self, flags: &Flags) -> Option<bool> {
        match self {
            Condition::Equal => flags.zero,
            Condition::NotEqual => flags.zero.map(|zero| !zero),
            Condition::Less => Some(flags.sign? != flags.overflow?),
            Condition::GreaterOrEqual => Some(flags.sign? == flags.overflow?),
            Condition::Below => flags.carry,
            Condition::AboveOrEqual => flags.carry.map(|carry| !carry),
        }
    }
}

fn address_of(operand: &Operand, registers: &Registers) -> Result<u64, Fault> {
    match operand {
        Operand::Memory(address) => Ok(registers.address(address)),
        _ => Err(Fault::Unsupported("the kind of an operand")),
    }
}

fn pop(registers: &mut Registers, memory: &Memory) -> Result<u64, Fault> {
    let number = memory.read(registers.general[RSP], true)?;
    registers.general[RSP] = registers.general[RSP].wrapping_add(8);
    Ok(number)
}
