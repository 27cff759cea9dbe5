//! The vector instructions: what each mnemonic is, and the forms of it that are refused.

use super::decode::Operand;
use super::fault::Fault;
use super::lanes::{Binary, Predicate};
use iced_x86::{EncodingKind, Instruction, Mnemonic, OpKind, Register, RoundingControl};

/// What a vector instruction does.
#[derive(Clone, Copy)]
pub(super) enum Operation {
    /// The destination is the source.
    Move,
    /// `vmovss`: the lowest lane of the last operand; between registers, with the other lanes of the first source.
    MoveLane,
    /// `vmovd`, the lowest lane from or to a general register or memory.
    MoveNumber,
    /// `kmovw`.
    MoveMask,
    /// Every lane is the lowest one of the source.
    Broadcast,
    Binary(Binary),
    /// `a * b + c`, each the number of an operand; the destination is operand 0.
    Fused([usize; 3]),
    ShiftLeft,
    /// To a vector register or a mask.
    Compare(Predicate),
    /// `vblendvps`: by the signs of the last operand.
    SelectBySign,
    /// `vblendmps`: by the mask.
    SelectByMask,
    TernaryLogic,
    /// A part of so many lanes of a register.
    Extract(usize),
    /// A register with one part of so many lanes replaced.
    Insert(usize),
    MaskToVector,
    ZeroUpper,
}

/// A vector instruction.
pub(super) struct VectorStep {
    pub(super) operation: Operation,
    pub(super) operands: [Operand; 4],
    /// How many lanes it computes, from the lowest on; of a scalar instruction, one.
    pub(super) lanes: usize,
    /// How many lanes the source of an extraction has.
    pub(super) source_lanes: usize,
    /// Whether it computes the lowest lane only, and takes the rest of 128 bits from a source.
    pub(super) scalar: bool,
    /// The number of the mask that chooses the lanes; 0 for all.
    pub(super) mask: usize,
    /// Whether lanes that are not chosen become 0, and do not stay.
    pub(super) zeroing: bool,
    /// Whether its memory operand is one lane, the same for all.
    pub(super) broadcast: bool,
    /// Whether its memory operand must be aligned to its size.
    pub(super) aligned: bool,
    /// The last operand, where it is an immediate one.
    pub(super) immediate: u8,
}

/// The operation of a mnemonic, and whether it is scalar.
fn operation(mnemonic: Mnemonic, immediate: u8) -> Result<(Operation, bool), Fault> {
    let packed = |operation| Ok((operation, false));
    let scalar = |operation| Ok((operation, true));
    let predicate =
        || Predicate::of(immediate).map(Operation::Compare).ok_or(Fault::Unsupported("the predicate"));
    match mnemonic {
        Mnemonic::Vmovups | Mnemonic::Vmovaps | Mnemonic::Vmovdqu32 | Mnemonic::Vmovdqa32 => {
            packed(Operation::Move)
        }
        Mnemonic::Vmovss => scalar(Operation::MoveLane),
        Mnemonic::Vmovd => scalar(Operation::MoveNumber),
        Mnemonic::Kmovw => packed(Operation::MoveMask),
        Mnemonic::Vbroadcastss | Mnemonic::Vpbroadcastd => packed(Operation::Broadcast),
        Mnemonic::Vaddps => packed(Operation::Binary(Binary::Add)),
        Mnemonic::Vaddss => scalar(Operation::Binary(Binary::Add)),
        Mnemonic::Vsubps => packed(Operation::Binary(Binary::Subtract)),
        Mnemonic::Vsubss => scalar(Operation::Binary(Binary::Subtract)),
        Mnemonic::Vmulps => packed(Operation::Binary(Binary::Multiply)),
        Mnemonic::Vmulss => scalar(Operation::Binary(Binary::Multiply)),
        Mnemonic::Vdivps => packed(Operation::Binary(Binary::Divide)),
        Mnemonic::Vdivss => scalar(Operation::Binary(Binary::Divide)),
        Mnemonic::Vminps => packed(Operation::Binary(Binary::Minimum)),
        Mnemonic::Vminss => scalar(Operation::Binary(Binary::Minimum)),
        Mnemonic::Vmaxps => packed(Operation::Binary(Binary::Maximum)),
        Mnemonic::Vmaxss => scalar(Operation::Binary(Binary::Maximum)),
        Mnemonic::Vpaddd => packed(Operation::Binary(Binary::AddIntegers)),
        Mnemonic::Vandps => packed(Operation::Binary(Binary::And)),
        Mnemonic::Vandnps => packed(Operation::Binary(Binary::AndNot)),
        Mnemonic::Vorps => packed(Operation::Binary(Binary::Or)),
        Mnemonic::Vxorps | Mnemonic::Vpxor | Mnemonic::Vpxord => packed(Operation::Binary(Binary::Xor)),
        Mnemonic::Vfmadd132ps => packed(Operation::Fused([0, 2, 1])),
        Mnemonic::Vfmadd132ss => scalar(Operation::Fused([0, 2, 1])),
        Mnemonic::Vfmadd213ps => packed(Operation::Fused([1, 0, 2])),
        Mnemonic::Vfmadd213ss => scalar(Operation::Fused([1, 0, 2])),
        Mnemonic::Vfmadd231ps => packed(Operation::Fused([1, 2, 0])),
        Mnemonic::Vfmadd231ss => scalar(Operation::Fused([1, 2, 0])),
        Mnemonic::Vpslld => packed(Operation::ShiftLeft),
        Mnemonic::Vcmpps => packed(predicate()?),
        Mnemonic::Vcmpss => scalar(predicate()?),
        Mnemonic::Vblendvps => packed(Operation::SelectBySign),
        Mnemonic::Vblendmps | Mnemonic::Vpblendmd => packed(Operation::SelectByMask),
        Mnemonic::Vpternlogd => packed(Operation::TernaryLogic),
        Mnemonic::Vextractf128 | Mnemonic::Vextractf32x4 => packed(Operation::Extract(4)),
        Mnemonic::Vextractf64x4 | Mnemonic::Vextractf32x8 => packed(Operation::Extract(8)),
        Mnemonic::Vinsertf128 | Mnemonic::Vinsertf32x4 => packed(Operation::Insert(4)),
        Mnemonic::Vinsertf64x4 | Mnemonic::Vinsertf32x8 => packed(Operation::Insert(8)),
        Mnemonic::Vpmovm2d => packed(Operation::MaskToVector),
        Mnemonic::Vzeroupper => packed(Operation::ZeroUpper),
        _ => Err(Fault::Unsupported("the instruction")),
    }
}

impl VectorStep {
    /// What an instruction does.
    pub(super) fn of(instruction: &Instruction) -> Result<VectorStep, Fault> {
        let immediate = match instruction.op_count() {
            0 => 0,
            count => instruction.try_immediate(count - 1).unwrap_or(0) as u8,
        };
        let (operation, scalar) = operation(instruction.mnemonic(), immediate)?;
        if instruction.rounding_control() != RoundingControl::None || instruction.suppress_all_exceptions() {
            return Err(Fault::Unsupported("rounding in the instruction"));
        }
        if matches!(operation, Operation::ShiftLeft)
            && instruction.op_kind(instruction.op_count() - 1) != OpKind::Immediate8
        {
            return Err(Fault::Unsupported("a count that is no immediate"));
        }
        let register_lanes = register_lanes(instruction, operation);
        let step = VectorStep {
            operation,
            operands: [
                Operand::of(instruction, 0)?,
                Operand::of(instruction, 1)?,
                Operand::of(instruction, 2)?,
                Operand::of(instruction, 3)?,
            ],
            lanes: match operation {
                Operation::Extract(part) => part,
                _ if scalar => 1,
                _ => register_lanes,
            },
            source_lanes: register_lanes,
            scalar,
            mask: match instruction.op_mask() {
                Register::None => 0,
                mask => mask.number(),
            },
            zeroing: instruction.zeroing_masking(),
            broadcast: instruction.is_broadcast(),
            aligned: matches!(instruction.mnemonic(), Mnemonic::Vmovaps | Mnemonic::Vmovdqa32),
            immediate,
        };
        match operation {
            Operation::Extract(_) | Operation::Insert(_) if step.mask != 0 => {
                Err(Fault::Unsupported("a mask with this instruction"))
            }
            // The masked one chooses between its sources; without a mask it is a move.
            Operation::SelectByMask if step.mask == 0 => {
                Err(Fault::Unsupported("a selection without a mask"))
            }
            Operation::Compare(_) if instruction.encoding() == EncodingKind::EVEX && step.zeroing => {
                Err(Fault::Unsupported("zeroing in a mask"))
            }
            _ => Ok(step),
        }
    }
}

/// The lanes of the first of the operands that is a vector register; of the source where an instruction makes its
/// vector smaller.
fn register_lanes(instruction: &Instruction, operation: Operation) -> usize {
    let first = u32::from(matches!(operation, Operation::Extract(_)));
    (first..instruction.op_count().min(2))
        .filter(|&index| instruction.op_kind(index) == OpKind::Register)
        .map(|index| instruction.op_register(index))
        .find(|register| register.is_vector_register())
        .map_or(0, |register| register.size() / 4)
}
