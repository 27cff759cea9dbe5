//! Operations as instructions: which of the processor's codes does what, in either encoding.

use super::Encoding;
use super::nest::Width;
use crate::loops::BinaryOp;
use iced_x86::{Code, Register};

/// The codes of an operation: VEX for a scalar, 128 and 256 bits, then EVEX for a scalar, 128, 256 and 512 bits.
pub(super) struct Codes {
    vex: [Code; 3],
    evex: [Code; 4],
}

impl Codes {
    /// The code of that width.
    pub(super) fn of(&self, encoding: Encoding, width: Width) -> Code {
        match (encoding, width) {
            (Encoding::Vex, Width::Scalar) => self.vex[0],
            (Encoding::Vex, Width::X) => self.vex[1],
            // No value of a VEX kernel is wider.
            (Encoding::Vex, Width::Y | Width::Z) => self.vex[2],
            (Encoding::Evex, width) => self.evex[width as usize],
        }
    }
}

macro_rules! codes {
    ($($name:ident = [$($vex:ident),*], [$($evex:ident),*];)*) => {
        $(pub(super) const $name: Codes = Codes { vex: [$(Code::$vex),*], evex: [$(Code::$evex),*] };)*
    };
}

codes! {
    LOAD = [VEX_Vmovss_xmm_m32, VEX_Vmovups_xmm_xmmm128, VEX_Vmovups_ymm_ymmm256],
        [EVEX_Vmovss_xmm_k1z_m32, EVEX_Vmovups_xmm_k1z_xmmm128, EVEX_Vmovups_ymm_k1z_ymmm256, EVEX_Vmovups_zmm_k1z_zmmm512];
    STORE = [VEX_Vmovss_m32_xmm, VEX_Vmovups_xmmm128_xmm, VEX_Vmovups_ymmm256_ymm],
        [EVEX_Vmovss_m32_k1_xmm, EVEX_Vmovups_xmmm128_k1z_xmm, EVEX_Vmovups_ymmm256_k1z_ymm, EVEX_Vmovups_zmmm512_k1z_zmm];
    COPY = [VEX_Vmovaps_xmm_xmmm128, VEX_Vmovaps_xmm_xmmm128, VEX_Vmovaps_ymm_ymmm256],
        [EVEX_Vmovaps_xmm_k1z_xmmm128, EVEX_Vmovaps_xmm_k1z_xmmm128, EVEX_Vmovaps_ymm_k1z_ymmm256, EVEX_Vmovaps_zmm_k1z_zmmm512];
    BROADCAST = [VEX_Vmovss_xmm_m32, VEX_Vbroadcastss_xmm_m32, VEX_Vbroadcastss_ymm_m32],
        [EVEX_Vmovss_xmm_k1z_m32, EVEX_Vbroadcastss_xmm_k1z_xmmm32, EVEX_Vbroadcastss_ymm_k1z_xmmm32, EVEX_Vbroadcastss_zmm_k1z_xmmm32];
    // The upper bits of the register become zeros too.
    ZERO = [VEX_Vxorps_xmm_xmm_xmmm128, VEX_Vxorps_xmm_xmm_xmmm128, VEX_Vxorps_xmm_xmm_xmmm128],
        [EVEX_Vpxord_xmm_k1z_xmm_xmmm128b32, EVEX_Vpxord_xmm_k1z_xmm_xmmm128b32, EVEX_Vpxord_xmm_k1z_xmm_xmmm128b32, EVEX_Vpxord_xmm_k1z_xmm_xmmm128b32];
    ADD = [VEX_Vaddss_xmm_xmm_xmmm32, VEX_Vaddps_xmm_xmm_xmmm128, VEX_Vaddps_ymm_ymm_ymmm256],
        [EVEX_Vaddss_xmm_k1z_xmm_xmmm32_er, EVEX_Vaddps_xmm_k1z_xmm_xmmm128b32, EVEX_Vaddps_ymm_k1z_ymm_ymmm256b32, EVEX_Vaddps_zmm_k1z_zmm_zmmm512b32_er];
    SUB = [VEX_Vsubss_xmm_xmm_xmmm32, VEX_Vsubps_xmm_xmm_xmmm128, VEX_Vsubps_ymm_ymm_ymmm256],
        [EVEX_Vsubss_xmm_k1z_xmm_xmmm32_er, EVEX_Vsubps_xmm_k1z_xmm_xmmm128b32, EVEX_Vsubps_ymm_k1z_ymm_ymmm256b32, EVEX_Vsubps_zmm_k1z_zmm_zmmm512b32_er];
    MUL = [VEX_Vmulss_xmm_xmm_xmmm32, VEX_Vmulps_xmm_xmm_xmmm128, VEX_Vmulps_ymm_ymm_ymmm256],
        [EVEX_Vmulss_xmm_k1z_xmm_xmmm32_er, EVEX_Vmulps_xmm_k1z_xmm_xmmm128b32, EVEX_Vmulps_ymm_k1z_ymm_ymmm256b32, EVEX_Vmulps_zmm_k1z_zmm_zmmm512b32_er];
    DIV = [VEX_Vdivss_xmm_xmm_xmmm32, VEX_Vdivps_xmm_xmm_xmmm128, VEX_Vdivps_ymm_ymm_ymmm256],
        [EVEX_Vdivss_xmm_k1z_xmm_xmmm32_er, EVEX_Vdivps_xmm_k1z_xmm_xmmm128b32, EVEX_Vdivps_ymm_k1z_ymm_ymmm256b32, EVEX_Vdivps_zmm_k1z_zmm_zmmm512b32_er];
    MIN = [VEX_Vminss_xmm_xmm_xmmm32, VEX_Vminps_xmm_xmm_xmmm128, VEX_Vminps_ymm_ymm_ymmm256],
        [EVEX_Vminss_xmm_k1z_xmm_xmmm32_sae, EVEX_Vminps_xmm_k1z_xmm_xmmm128b32, EVEX_Vminps_ymm_k1z_ymm_ymmm256b32, EVEX_Vminps_zmm_k1z_zmm_zmmm512b32_sae];
    MAX = [VEX_Vmaxss_xmm_xmm_xmmm32, VEX_Vmaxps_xmm_xmm_xmmm128, VEX_Vmaxps_ymm_ymm_ymmm256],
        [EVEX_Vmaxss_xmm_k1z_xmm_xmmm32_sae, EVEX_Vmaxps_xmm_k1z_xmm_xmmm128b32, EVEX_Vmaxps_ymm_k1z_ymm_ymmm256b32, EVEX_Vmaxps_zmm_k1z_zmm_zmmm512b32_sae];
    INT_ADD = [VEX_Vpaddd_xmm_xmm_xmmm128, VEX_Vpaddd_xmm_xmm_xmmm128, VEX_Vpaddd_ymm_ymm_ymmm256],
        [EVEX_Vpaddd_xmm_k1z_xmm_xmmm128b32, EVEX_Vpaddd_xmm_k1z_xmm_xmmm128b32, EVEX_Vpaddd_ymm_k1z_ymm_ymmm256b32, EVEX_Vpaddd_zmm_k1z_zmm_zmmm512b32];
    SHIFT_LEFT = [VEX_Vpslld_xmm_xmm_imm8, VEX_Vpslld_xmm_xmm_imm8, VEX_Vpslld_ymm_ymm_imm8],
        [EVEX_Vpslld_xmm_k1z_xmmm128b32_imm8, EVEX_Vpslld_xmm_k1z_xmmm128b32_imm8, EVEX_Vpslld_ymm_k1z_ymmm256b32_imm8, EVEX_Vpslld_zmm_k1z_zmmm512b32_imm8];
    // A vector of masks; in EVEX code a mask register.
    COMPARE = [VEX_Vcmpss_xmm_xmm_xmmm32_imm8, VEX_Vcmpps_xmm_xmm_xmmm128_imm8, VEX_Vcmpps_ymm_ymm_ymmm256_imm8],
        [EVEX_Vcmpss_kr_k1_xmm_xmmm32_imm8_sae, EVEX_Vcmpps_kr_k1_xmm_xmmm128b32_imm8, EVEX_Vcmpps_kr_k1_ymm_ymmm256b32_imm8, EVEX_Vcmpps_kr_k1_zmm_zmmm512b32_imm8_sae];
    BLEND = [VEX_Vblendvps_xmm_xmm_xmmm128_xmm, VEX_Vblendvps_xmm_xmm_xmmm128_xmm, VEX_Vblendvps_ymm_ymm_ymmm256_ymm],
        [EVEX_Vblendmps_xmm_k1z_xmm_xmmm128b32, EVEX_Vblendmps_xmm_k1z_xmm_xmmm128b32, EVEX_Vblendmps_ymm_k1z_ymm_ymmm256b32, EVEX_Vblendmps_zmm_k1z_zmm_zmmm512b32];
    // `target = target * c + b`
    FMA_132 = [VEX_Vfmadd132ss_xmm_xmm_xmmm32, VEX_Vfmadd132ps_xmm_xmm_xmmm128, VEX_Vfmadd132ps_ymm_ymm_ymmm256],
        [EVEX_Vfmadd132ss_xmm_k1z_xmm_xmmm32_er, EVEX_Vfmadd132ps_xmm_k1z_xmm_xmmm128b32, EVEX_Vfmadd132ps_ymm_k1z_ymm_ymmm256b32, EVEX_Vfmadd132ps_zmm_k1z_zmm_zmmm512b32_er];
    // `target = b * target + c`
    FMA_213 = [VEX_Vfmadd213ss_xmm_xmm_xmmm32, VEX_Vfmadd213ps_xmm_xmm_xmmm128, VEX_Vfmadd213ps_ymm_ymm_ymmm256],
        [EVEX_Vfmadd213ss_xmm_k1z_xmm_xmmm32_er, EVEX_Vfmadd213ps_xmm_k1z_xmm_xmmm128b32, EVEX_Vfmadd213ps_ymm_k1z_ymm_ymmm256b32, EVEX_Vfmadd213ps_zmm_k1z_zmm_zmmm512b32_er];
    // `target = b * c + target`
    FMA_231 = [VEX_Vfmadd231ss_xmm_xmm_xmmm32, VEX_Vfmadd231ps_xmm_xmm_xmmm128, VEX_Vfmadd231ps_ymm_ymm_ymmm256],
        [EVEX_Vfmadd231ss_xmm_k1z_xmm_xmmm32_er, EVEX_Vfmadd231ps_xmm_k1z_xmm_xmmm128b32, EVEX_Vfmadd231ps_ymm_k1z_ymm_ymmm256b32, EVEX_Vfmadd231ps_zmm_k1z_zmm_zmmm512b32_er];
    // With the immediate 255: all ones.
    ONES = [INVALID, INVALID, INVALID],
        [EVEX_Vpternlogd_xmm_k1z_xmm_xmmm128b32_imm8, EVEX_Vpternlogd_xmm_k1z_xmm_xmmm128b32_imm8, EVEX_Vpternlogd_ymm_k1z_ymm_ymmm256b32_imm8, EVEX_Vpternlogd_zmm_k1z_zmm_zmmm512b32_imm8];
}

/// The codes of an operation that is no comparison.
pub(super) fn binary(op: BinaryOp) -> &'static Codes {
    match op {
        BinaryOp::Add => &ADD,
        BinaryOp::Sub => &SUB,
        BinaryOp::Mul => &MUL,
        BinaryOp::Div => &DIV,
        // `a < b ? a : b` and `a > b ? a : b`, as the processor's are.
        BinaryOp::Min => &MIN,
        BinaryOp::Max => &MAX,
        BinaryOp::IntAdd => &INT_ADD,
        BinaryOp::Less | BinaryOp::Unordered => &COMPARE,
    }
}

/// The immediate of a comparison, quiet with NaN.
pub(super) fn predicate(op: BinaryOp) -> u32 {
    const LESS_QUIET: u32 = 0x11;
    const UNORDERED_QUIET: u32 = 0x03;
    if op == BinaryOp::Less { LESS_QUIET } else { UNORDERED_QUIET }
}

/// The vector register of that number.
pub(super) fn vector(number: u8, width: Width) -> Register {
    let first = match width {
        Width::Scalar | Width::X => Register::XMM0,
        Width::Y => Register::YMM0,
        Width::Z => Register::ZMM0,
    };
    first + u32::from(number)
}
