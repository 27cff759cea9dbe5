//! Instructions as the executor keeps them: decoded once, with their operands resolved.

use super::fault::Fault;
use super::integer::IntegerStep;
use super::vector::VectorStep;
use iced_x86::{EncodingKind, Instruction, OpKind, Register};

/// An instruction ready to run.
pub(super) enum Step {
    Vector(VectorStep),
    Integer(IntegerStep),
}

impl Step {
    /// What an instruction does, or why the executor does not do it.
    pub(super) fn of(instruction: &Instruction) -> Result<Step, Fault> {
        if instruction.is_invalid() {
            return Err(Fault::Unsupported("these bytes are no instruction"));
        }
        if instruction.has_lock_prefix() || instruction.has_rep_prefix() || instruction.has_repne_prefix() {
            return Err(Fault::Unsupported("the prefix"));
        }
        match instruction.encoding() {
            EncodingKind::Legacy => IntegerStep::of(instruction).map(Step::Integer),
            EncodingKind::VEX | EncodingKind::EVEX => VectorStep::of(instruction).map(Step::Vector),
            _ => Err(Fault::Unsupported("the encoding")),
        }
    }
}

/// The sum that an address is.
#[derive(Clone, Copy)]
pub(super) struct Address {
    pub(super) base: Option<u8>,
    pub(super) index: Option<u8>,
    pub(super) scale: u64,
    pub(super) displacement: u64,
}

/// Where an operand is.
#[derive(Clone, Copy)]
pub(super) enum Operand {
    None,
    General(u8),
    Vector(u8),
    Mask(u8),
    Memory(Address),
    Immediate(u64),
}

impl Operand {
    /// An operand of an instruction; `None` beyond its last.
    pub(super) fn of(instruction: &Instruction, index: u32) -> Result<Operand, Fault> {
        if index >= instruction.op_count() {
            return Ok(Operand::None);
        }
        match instruction.op_kind(index) {
            OpKind::Register => register(instruction.op_register(index)),
            OpKind::Memory => address(instruction).map(Operand::Memory),
            OpKind::NearBranch64 => Ok(Operand::Immediate(instruction.near_branch64())),
            _ => instruction
                .try_immediate(index)
                .map(Operand::Immediate)
                .map_err(|_| Fault::Unsupported("the kind of an operand")),
        }
    }
}

fn register(register: Register) -> Result<Operand, Fault> {
    let number = register.number() as u8;
    if register.is_gpr64() || register.is_gpr32() {
        Ok(Operand::General(number))
    } else if register.is_vector_register() {
        Ok(Operand::Vector(number))
    } else if register.is_k() {
        Ok(Operand::Mask(number))
    } else {
        Err(Fault::Unsupported("a register of this kind"))
    }
}

fn address(instruction: &Instruction) -> Result<Address, Fault> {
    let part = |register: Register| match register {
        Register::None | Register::RIP => Ok(None),
        register if register.is_gpr64() => Ok(Some(register.number() as u8)),
        _ => Err(Fault::Unsupported("an address of this kind")),
    };
    if instruction.segment_prefix() != Register::None {
        return Err(Fault::Unsupported("a segment prefix"));
    }
    Ok(Address {
        base: part(instruction.memory_base())?,
        index: part(instruction.memory_index())?,
        scale: instruction.memory_index_scale().into(),
        // The decoder has added the address of the next instruction where the base is RIP.
        displacement: instruction.memory_displacement64(),
    })
}
