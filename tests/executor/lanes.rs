//! What the vector instructions compute in each lane.

/// How many lanes the widest register has.
pub(super) const LANES: usize = 16;

/// The bits of a vector register, 32 a lane.
pub(super) type Lanes = [u32; LANES];

/// The NaN that an operation without a NaN operand results in.
const DEFAULT_NAN: u32 = 0xffc0_0000;
/// The bit that makes a NaN quiet.
const QUIET: u32 = 0x0040_0000;

/// An operation of two operands.
#[derive(Clone, Copy)]
pub(super) enum Binary {
    Add,
    Subtract,
    Multiply,
    Divide,
    Minimum,
    Maximum,
    AddIntegers,
    And,
    AndNot,
    Or,
    Xor,
}

impl Binary {
    /// The result in every lane.
    pub(super) fn apply(self, first: &Lanes, second: &Lanes) -> Lanes {
        match self {
            Binary::Add => each(first, second, |a, b| arithmetic(a, b, |a, b| a + b)),
            Binary::Subtract => each(first, second, |a, b| arithmetic(a, b, |a, b| a - b)),
            Binary::Multiply => each(first, second, |a, b| arithmetic(a, b, |a, b| a * b)),
            Binary::Divide => each(first, second, |a, b| arithmetic(a, b, |a, b| a / b)),
            // The second operand, as it is, where one is NaN and where both are zeros.
            Binary::Minimum => each(first, second, |a, b| if float(a) < float(b) { a } else { b }),
            Binary::Maximum => each(first, second, |a, b| if float(a) > float(b) { a } else { b }),
            Binary::AddIntegers => each(first, second, u32::wrapping_add),
            Binary::And => each(first, second, |a, b| a & b),
            Binary::AndNot => each(first, second, |a, b| !a & b),
            Binary::Or => each(first, second, |a, b| a | b),
            Binary::Xor => each(first, second, |a, b| a ^ b),
        }
    }
}

/// A condition on two numbers.
#[derive(Clone, Copy)]
pub(super) enum Predicate {
    Equal,
    Less,
    Unordered,
    GreaterOrEqual,
}

impl Predicate {
    /// The condition that an immediate operand names, where it is a supported one.
    pub(super) fn of(immediate: u8) -> Option<Predicate> {
        match immediate {
            0x00 => Some(Predicate::Equal),
            0x01 | 0x11 => Some(Predicate::Less),
            0x03 => Some(Predicate::Unordered),
            0x0d | 0x1d => Some(Predicate::GreaterOrEqual),
            _ => None,
        }
    }

    /// All bits of the lanes where the condition holds.
    pub(super) fn apply(self, first: &Lanes, second: &Lanes) -> Lanes {
        match self {
            Predicate::Equal => compare(first, second, |a, b| a == b),
            Predicate::Less => compare(first, second, |a, b| a < b),
            Predicate::Unordered => compare(first, second, |a, b| a.is_nan() || b.is_nan()),
            Predicate::GreaterOrEqual => compare(first, second, |a, b| a >= b),
        }
    }
}

/// `first * second + addend`, rounded once.
pub(super) fn fused(first: &Lanes, second: &Lanes, addend: &Lanes) -> Lanes {
    std::array::from_fn(|lane| {
        let (a, b, c) = (first[lane], second[lane], addend[lane]);
        propagated(&[a, b, c]).unwrap_or_else(|| settled(float(a).mul_add(float(b), float(c))))
    })
}

/// In every bit the bit of `table` that the bits of the operands number.
pub(super) fn ternary_logic(table: u8, first: &Lanes, second: &Lanes, third: &Lanes) -> Lanes {
    let chosen = |number: u32, lane: usize| {
        let operand = |bits: u32, one: u32| if one != 0 { bits } else { !bits };
        operand(first[lane], number & 4)
            & operand(second[lane], number & 2)
            & operand(third[lane], number & 1)
    };
    std::array::from_fn(|lane| {
        (0..8).filter(|number| table >> number & 1 != 0).fold(0, |bits, number| bits | chosen(number, lane))
    })
}

/// Shifts every lane to the left; 0 where all its bits leave.
pub(super) fn shift_left(lanes: &Lanes, count: u8) -> Lanes {
    lanes.map(|lane| lane.checked_shl(count.into()).unwrap_or(0))
}

/// A bit for every lane, its sign.
pub(super) fn signs(lanes: &Lanes) -> u16 {
    lanes.iter().rev().fold(0, |bits, lane| bits << 1 | (lane >> 31) as u16)
}

/// All bits of the lanes whose bit is set.
pub(super) fn spread(bits: u64) -> Lanes {
    std::array::from_fn(|lane| if bits >> lane & 1 != 0 { u32::MAX } else { 0 })
}

fn each(first: &Lanes, second: &Lanes, operation: impl Fn(u32, u32) -> u32) -> Lanes {
    std::array::from_fn(|lane| operation(first[lane], second[lane]))
}

fn compare(first: &Lanes, second: &Lanes, condition: impl Fn(f32, f32) -> bool) -> Lanes {
    each(first, second, |a, b| if condition(float(a), float(b)) { u32::MAX } else { 0 })
}

fn arithmetic(first: u32, second: u32, operation: impl Fn(f32, f32) -> f32) -> u32 {
    propagated(&[first, second]).unwrap_or_else(|| settled(operation(float(first), float(second))))
}

/// The first NaN among operands, quiet.
fn propagated(operands: &[u32]) -> Option<u32> {
    operands.iter().find(|&&bits| float(bits).is_nan()).map(|bits| bits | QUIET)
}

/// The bits of a result that no NaN led to.
fn settled(result: f32) -> u32 {
    if result.is_nan() { DEFAULT_NAN } else { result.to_bits() }
}

fn float(bits: u32) -> f32 {
    f32::from_bits(bits)
}
