//! The executor against the processor that the tests run on, where it has AVX2 and FMA.

#![cfg(target_arch = "x86_64")]

use crate::{Lanes, narrowed, operands, run_vectors};
use iced_x86::Register::{XMM0, XMM1, XMM2, YMM0, YMM1, YMM2};
use iced_x86::{Code, Instruction};
use std::arch::asm;

/// An instruction that reads `ymm0`, `ymm1` and `ymm2` and writes `ymm0`.
struct Case {
    text: &'static str,
    /// What the processor leaves in `ymm0`.
    on_processor: fn(&[Lanes; 3]) -> Lanes,
    encoded: fn() -> Instruction,
}

/// A case from the instruction's text and from its encoding, a code and the operands behind the destination.
macro_rules! case {
    ($text:literal, $with:ident, $code:ident, $($operand:expr),*) => {{
        fn on_processor(registers: &[Lanes; 3]) -> Lanes {
            let mut result: Lanes = [0; 16];
            let [d, a, b] = registers;
            // SAFETY: the caller has checked that the processor has the instruction. The loads read and the store
            // writes the first 32 of 64 bytes; the upper halves are clean at the end.
            unsafe {
                asm!(
                    "vmovups ymm0, [{d}]", "vmovups ymm1, [{a}]", "vmovups ymm2, [{b}]",
                    $text,
                    "vmovups [{result}], ymm0", "vzeroupper",
                    d = in(reg) d, a = in(reg) a, b = in(reg) b, result = in(reg) &mut result,
                    out("xmm0") _, out("xmm1") _, out("xmm2") _,
                );
            }
            result
        }
        fn encoded() -> Instruction {
            Instruction::$with(Code::$code, $($operand),*).unwrap()
        }
        Case { text: $text, on_processor, encoded }
    }};
}

#[rustfmt::skip]
const CASES: &[Case] = &[
    case!("vaddps ymm0, ymm1, ymm2", with3, VEX_Vaddps_ymm_ymm_ymmm256, YMM0, YMM1, YMM2),
    case!("vaddss xmm0, xmm1, xmm2", with3, VEX_Vaddss_xmm_xmm_xmmm32, XMM0, XMM1, XMM2),
    case!("vsubps ymm0, ymm1, ymm2", with3, VEX_Vsubps_ymm_ymm_ymmm256, YMM0, YMM1, YMM2),
    case!("vsubss xmm0, xmm1, xmm2", with3, VEX_Vsubss_xmm_xmm_xmmm32, XMM0, XMM1, XMM2),
    case!("vmulps ymm0, ymm1, ymm2", with3, VEX_Vmulps_ymm_ymm_ymmm256, YMM0, YMM1, YMM2),
    case!("vmulss xmm0, xmm1, xmm2", with3, VEX_Vmulss_xmm_xmm_xmmm32, XMM0, XMM1, XMM2),
    case!("vdivps ymm0, ymm1, ymm2", with3, VEX_Vdivps_ymm_ymm_ymmm256, YMM0, YMM1, YMM2),
    case!("vdivss xmm0, xmm1, xmm2", with3, VEX_Vdivss_xmm_xmm_xmmm32, XMM0, XMM1, XMM2),
    case!("vminps ymm0, ymm1, ymm2", with3, VEX_Vminps_ymm_ymm_ymmm256, YMM0, YMM1, YMM2),
    case!("vminss xmm0, xmm1, xmm2", with3, VEX_Vminss_xmm_xmm_xmmm32, XMM0, XMM1, XMM2),
    case!("vmaxps ymm0, ymm1, ymm2", with3, VEX_Vmaxps_ymm_ymm_ymmm256, YMM0, YMM1, YMM2),
    case!("vmaxss xmm0, xmm1, xmm2", with3, VEX_Vmaxss_xmm_xmm_xmmm32, XMM0, XMM1, XMM2),
    case!("vfmadd132ps ymm0, ymm1, ymm2", with3, VEX_Vfmadd132ps_ymm_ymm_ymmm256, YMM0, YMM1, YMM2),
    case!("vfmadd132ss xmm0, xmm1, xmm2", with3, VEX_Vfmadd132ss_xmm_xmm_xmmm32, XMM0, XMM1, XMM2),
    case!("vfmadd213ps ymm0, ymm1, ymm2", with3, VEX_Vfmadd213ps_ymm_ymm_ymmm256, YMM0, YMM1, YMM2),
    case!("vfmadd213ss xmm0, xmm1, xmm2", with3, VEX_Vfmadd213ss_xmm_xmm_xmmm32, XMM0, XMM1, XMM2),
    case!("vfmadd231ps ymm0, ymm1, ymm2", with3, VEX_Vfmadd231ps_ymm_ymm_ymmm256, YMM0, YMM1, YMM2),
    case!("vfmadd231ss xmm0, xmm1, xmm2", with3, VEX_Vfmadd231ss_xmm_xmm_xmmm32, XMM0, XMM1, XMM2),
    case!("vpaddd ymm0, ymm1, ymm2", with3, VEX_Vpaddd_ymm_ymm_ymmm256, YMM0, YMM1, YMM2),
    case!("vandps ymm0, ymm1, ymm2", with3, VEX_Vandps_ymm_ymm_ymmm256, YMM0, YMM1, YMM2),
    case!("vandnps ymm0, ymm1, ymm2", with3, VEX_Vandnps_ymm_ymm_ymmm256, YMM0, YMM1, YMM2),
    case!("vorps ymm0, ymm1, ymm2", with3, VEX_Vorps_ymm_ymm_ymmm256, YMM0, YMM1, YMM2),
    case!("vxorps ymm0, ymm1, ymm2", with3, VEX_Vxorps_ymm_ymm_ymmm256, YMM0, YMM1, YMM2),
    case!("vpxor ymm0, ymm1, ymm2", with3, VEX_Vpxor_ymm_ymm_ymmm256, YMM0, YMM1, YMM2),
    case!("vcmpps ymm0, ymm1, ymm2, 0x0", with4, VEX_Vcmpps_ymm_ymm_ymmm256_imm8, YMM0, YMM1, YMM2, 0x0),
    case!("vcmpss xmm0, xmm1, xmm2, 0x0", with4, VEX_Vcmpss_xmm_xmm_xmmm32_imm8, XMM0, XMM1, XMM2, 0x0),
    case!("vcmpps ymm0, ymm1, ymm2, 0x1", with4, VEX_Vcmpps_ymm_ymm_ymmm256_imm8, YMM0, YMM1, YMM2, 0x1),
    case!("vcmpss xmm0, xmm1, xmm2, 0x1", with4, VEX_Vcmpss_xmm_xmm_xmmm32_imm8, XMM0, XMM1, XMM2, 0x1),
    case!("vcmpps ymm0, ymm1, ymm2, 0x11", with4, VEX_Vcmpps_ymm_ymm_ymmm256_imm8, YMM0, YMM1, YMM2, 0x11),
    case!("vcmpss xmm0, xmm1, xmm2, 0x11", with4, VEX_Vcmpss_xmm_xmm_xmmm32_imm8, XMM0, XMM1, XMM2, 0x11),
    case!("vcmpps ymm0, ymm1, ymm2, 0x3", with4, VEX_Vcmpps_ymm_ymm_ymmm256_imm8, YMM0, YMM1, YMM2, 0x3),
    case!("vcmpss xmm0, xmm1, xmm2, 0x3", with4, VEX_Vcmpss_xmm_xmm_xmmm32_imm8, XMM0, XMM1, XMM2, 0x3),
    case!("vcmpps ymm0, ymm1, ymm2, 0xd", with4, VEX_Vcmpps_ymm_ymm_ymmm256_imm8, YMM0, YMM1, YMM2, 0xd),
    case!("vcmpss xmm0, xmm1, xmm2, 0xd", with4, VEX_Vcmpss_xmm_xmm_xmmm32_imm8, XMM0, XMM1, XMM2, 0xd),
    case!("vcmpps ymm0, ymm1, ymm2, 0x1d", with4, VEX_Vcmpps_ymm_ymm_ymmm256_imm8, YMM0, YMM1, YMM2, 0x1d),
    case!("vcmpss xmm0, xmm1, xmm2, 0x1d", with4, VEX_Vcmpss_xmm_xmm_xmmm32_imm8, XMM0, XMM1, XMM2, 0x1d),
    case!("vpslld ymm0, ymm1, 0", with3, VEX_Vpslld_ymm_ymm_imm8, YMM0, YMM1, 0),
    case!("vpslld ymm0, ymm1, 23", with3, VEX_Vpslld_ymm_ymm_imm8, YMM0, YMM1, 23),
    case!("vpslld ymm0, ymm1, 31", with3, VEX_Vpslld_ymm_ymm_imm8, YMM0, YMM1, 31),
    case!("vpslld ymm0, ymm1, 32", with3, VEX_Vpslld_ymm_ymm_imm8, YMM0, YMM1, 32),
    case!("vblendvps ymm0, ymm1, ymm2, ymm0", with4, VEX_Vblendvps_ymm_ymm_ymmm256_ymm, YMM0, YMM1, YMM2, YMM0),
    case!("vbroadcastss ymm0, xmm1", with2, VEX_Vbroadcastss_ymm_xmm, YMM0, XMM1),
    case!("vpbroadcastd ymm0, xmm1", with2, VEX_Vpbroadcastd_ymm_xmmm32, YMM0, XMM1),
    case!("vmovss xmm0, xmm1, xmm2", with3, VEX_Vmovss_xmm_xmm_xmm, XMM0, XMM1, XMM2),
    case!("vextractf128 xmm0, ymm1, 1", with3, VEX_Vextractf128_xmmm128_ymm_imm8, XMM0, YMM1, 1),
    case!("vinsertf128 ymm0, ymm1, xmm2, 1", with4, VEX_Vinsertf128_ymm_ymm_xmmm128_imm8, YMM0, YMM1, XMM2, 1),
    case!("vinsertf128 ymm0, ymm1, xmm2, 0", with4, VEX_Vinsertf128_ymm_ymm_xmmm128_imm8, YMM0, YMM1, XMM2, 0),
];

#[test]
fn the_processor_agrees() {
    if !(std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma")) {
        return;
    }
    for Case { text, on_processor, encoded } in CASES {
        for registers in operands() {
            let result = run_vectors(0, &registers, &[encoded()]).unwrap();
            let expected = narrowed(&on_processor(&registers), 8);
            assert_eq!(result[0], expected, "{text} of {registers:x?}");
        }
    }
}
