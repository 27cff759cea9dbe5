//! The registers and flags, and the rules for writing them.

use super::decode::Address;
use super::fault::Fault;
use super::lanes::{LANES, Lanes};
use super::memory::STACK_POINTER;

pub(super) const RCX: usize = 1;
pub(super) const RDX: usize = 2;
pub(super) const RSP: usize = 4;
pub(super) const RSI: usize = 6;
pub(super) const RDI: usize = 7;

/// The registers that a function leaves as it finds them.
const CALLEE_SAVED: [(usize, &str); 7] =
    [(3, "rbx"), (RSP, "rsp"), (5, "rbp"), (12, "r12"), (13, "r13"), (14, "r14"), (15, "r15")];

/// The flags; `None` is undefined.
#[derive(Clone, Copy, Default)]
pub(super) struct Flags {
    pub(super) zero: Option<bool>,
    pub(super) sign: Option<bool>,
    pub(super) carry: Option<bool>,
    pub(super) overflow: Option<bool>,
}

/// What a function under test computes with.
pub(super) struct Registers {
    pub(super) general: [u64; 16],
    pub(super) vectors: [Lanes; 32],
    pub(super) masks: [u64; 8],
    pub(super) flags: Flags,
    /// Whether more than 128 bits of a vector register were written after the last `vzeroupper`.
    dirty: bool,
}

impl Registers {
    /// Registers as nobody may count on them: general ones hold odd numbers that are no addresses, vectors hold NaNs.
    pub(super) fn undefined() -> Registers {
        let mut general: [u64; 16] = std::array::from_fn(undefined_general);
        general[RSP] = STACK_POINTER;
        Registers {
            general,
            vectors: std::array::from_fn(|register| {
                std::array::from_fn(|lane| 0x7fa5_0000 | (register << 8 | lane) as u32)
            }),
            masks: std::array::from_fn(|register| 0x5a5a_5a5a_5a5a_a5a5_u64.rotate_left(register as u32)),
            flags: Flags::default(),
            dirty: false,
        }
    }

    /// The address that an operand names.
    pub(super) fn address(&self, address: &Address) -> u64 {
        let base = address.base.map_or(0, |base| self.general[usize::from(base)]);
        let index = address.index.map_or(0, |index| self.general[usize::from(index)]);
        base.wrapping_add(index.wrapping_mul(address.scale)).wrapping_add(address.displacement)
    }

    /// Writes a general register; its upper half becomes 0 where the instruction is not `wide`.
    pub(super) fn set_general(&mut self, register: u8, wide: bool, number: u64) {
        self.general[usize::from(register)] = if wide { number } else { number & 0xffff_ffff };
    }

    /// Writes a vector register. `width` lanes are the instruction's; those above become 0.
    pub(super) fn set_vector(&mut self, register: u8, width: usize, mut lanes: Lanes) {
        lanes[width..].fill(0);
        self.vectors[usize::from(register)] = lanes;
        self.dirty |= width > 4;
    }

    /// What `vzeroupper` does: registers 16 and above keep what they hold.
    pub(super) fn zero_upper(&mut self) {
        for vector in &mut self.vectors[..16] {
            vector[4..LANES].fill(0);
        }
        self.dirty = false;
    }

    /// That the function leaves as the calling convention demands, its return address popped.
    pub(super) fn check_return(&self) -> Result<(), Fault> {
        for (register, name) in CALLEE_SAVED {
            let kept =
                if register == RSP { STACK_POINTER.wrapping_add(8) } else { undefined_general(register) };
            if self.general[register] != kept {
                return Err(Fault::Clobbered(name));
            }
        }
        if self.dirty { Err(Fault::DirtyUpperHalves) } else { Ok(()) }
    }
}

/// What a general register holds at first.
fn undefined_general(register: usize) -> u64 {
    0xdead_beef_dead_0001 | (register as u64) << 8
}
