//! A kernel as a list of machine operations on virtual registers, loops marked by where they begin and end.

use crate::loops::{BinaryOp, BufferId};

/// A register before it has a number. Written more than once where it is an element of a register array.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Virtual(pub(super) u32);

/// A loop, by its place in [`Nest::loops`]. An unrolled loop around it makes several of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct LoopId(pub(super) u32);

/// A pointer that walks through a buffer, by its place in [`Nest::streams`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct StreamId(pub(super) u32);

/// How much of a vector register an operation is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Width {
    /// The lowest f32 or i32.
    Scalar,
    /// 128 bits.
    X,
    /// 256 bits.
    Y,
    /// 512 bits.
    Z,
}

impl Width {
    /// The width of so many lanes, at most 16.
    pub(super) fn of_lanes(lanes: usize) -> Self {
        match lanes {
            1 => Width::Scalar,
            2..=4 => Width::X,
            5..=8 => Width::Y,
            _ => Width::Z,
        }
    }
}

/// A place in memory: a pointer and a constant distance from it, in elements of 4 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) stream: StreamId,
    pub(super) elements: i32,
}

/// What an operation reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operand {
    Register(Virtual),
    /// As many elements as the operation has lanes.
    Memory(Address),
    /// One element for all lanes.
    Broadcast(Address),
    /// These bits in every lane.
    Constant(u32),
}

/// What is done. Operands are named in the order of [`Operation::operands`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `target = a`, whatever `a` is.
    Move,
    /// Writes `a`, a register, to memory.
    Store(Address),
    /// `target = a op b`; no comparison.
    Binary(BinaryOp),
    /// `target = a * b + c`.
    Fma,
    /// `target = a << by`.
    ShiftLeft(u8),
    /// `target = mask of (a op b)`; a comparison.
    Compare(BinaryOp),
    /// `target = b ? c : a`: where the mask `b` is all ones, `c`.
    Blend,
    /// `target = (a op b) ? c : d`.
    CompareBlend(BinaryOp),
    /// `target = ` the upper half of `a`, whose width is twice the operation's.
    UpperHalf,
    /// `target = ` the lower half of `a` below `b`, whose width is half the operation's.
    JoinHalves,
}

impl Kind {
    /// Which operand may be read from memory or a constant, of those at hand: the only one that the instruction can
    /// take from there. Of a multiply-add it may be any one.
    pub(super) fn takes_from_memory(self, operand: usize) -> bool {
        match self {
            Kind::Move | Kind::Fma => true,
            Kind::Binary(_) | Kind::Compare(_) | Kind::CompareBlend(_) => operand == 1,
            Kind::Store(_) | Kind::ShiftLeft(_) | Kind::Blend | Kind::UpperHalf | Kind::JoinHalves => false,
        }
    }
}

/// One machine operation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Operation {
    pub(super) kind: Kind,
    pub(super) width: Width,
    /// What is written; nothing by a store.
    pub(super) target: Option<Virtual>,
    pub(super) operands: [Option<Operand>; 4],
    /// The statement that it comes from, counted as the text form prints them.
    pub(super) statement: u32,
}

impl Operation {
    /// The registers that are read.
    pub(super) fn reads(&self) -> impl Iterator<Item = Virtual> + '_ {
        self.operands.iter().filter_map(|operand| match operand {
            Some(Operand::Register(register)) => Some(*register),
            _ => None,
        })
    }
}

/// An entry of the list.
#[derive(Clone, Copy, Debug)]
pub(super) enum Item {
    /// A loop's body begins.
    Enter(LoopId),
    /// It ends.
    Leave(LoopId),
    Operation(Operation),
}

/// How often a loop's body runs, at least once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Count {
    Constant(i64),
    /// As often as the call says, from the pass on that it says: the inner loop of a section.
    Range,
    /// Once, for the pass that the call says: the outer loop of a section. It is not among the items.
    Pass,
}

/// A loop.
#[derive(Clone, Copy, Debug)]
pub(super) struct Loop {
    pub(super) passes: Count,
    /// How many loops deep it holds others; 0 for an innermost one.
    pub(super) height: usize,
    /// The statement that it comes from.
    pub(super) statement: u32,
}

/// A pointer's way through its buffer: how many bytes it moves with each pass of each loop. Loops that none of its
/// accesses lies in have no entry.
#[derive(Clone, Debug)]
pub(super) struct Stream {
    pub(super) buffer: BufferId,
    pub(super) steps: Vec<Option<i64>>,
}

impl Stream {
    /// The bytes that a pass of the loop moves it, or `None` where the loop has no use for it.
    pub(super) fn step(&self, id: LoopId) -> Option<i64> {
        self.steps.get(id.0 as usize).copied().flatten()
    }
}

/// A kernel's operations.
#[derive(Debug)]
pub(super) struct Nest {
    pub(super) items: Vec<Item>,
    pub(super) loops: Vec<Loop>,
    pub(super) streams: Vec<Stream>,
    /// The number of virtual registers.
    pub(super) registers: u32,
}

impl Nest {
    /// A virtual register that nothing else uses.
    pub(super) fn fresh(&mut self) -> Virtual {
        self.registers += 1;
        Virtual(self.registers - 1)
    }
}
