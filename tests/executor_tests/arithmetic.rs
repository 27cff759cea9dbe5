//! Operations on lanes against plain arithmetic, in all their forms.

use crate::{Form, Lanes, at, masked, narrowed, operands, run_vectors, set_mask};
use iced_x86::{Code, Instruction, Mnemonic, Register};

fn float(bits: u32) -> f32 {
    f32::from_bits(bits)
}

/// A result where no operand is NaN; otherwise the first operand that is, quiet.
fn ordered(operands: &[u32], result: f32) -> u32 {
    match operands.iter().find(|&&bits| float(bits).is_nan()) {
        Some(nan) => nan | 0x0040_0000,
        None if result.is_nan() => 0xffc0_0000,
        None => result.to_bits(),
    }
}

/// An operation on `[destination, first, second]`.
type Expected = fn([u32; 3]) -> u32;

/// Operations of a destination and two sources, packed and scalar.
const OPERATIONS: &[(Mnemonic, Option<Mnemonic>, Expected)] = &[
    (Mnemonic::Vaddps, Some(Mnemonic::Vaddss), |[_, a, b]| ordered(&[a, b], float(a) + float(b))),
    (Mnemonic::Vsubps, Some(Mnemonic::Vsubss), |[_, a, b]| ordered(&[a, b], float(a) - float(b))),
    (Mnemonic::Vmulps, Some(Mnemonic::Vmulss), |[_, a, b]| ordered(&[a, b], float(a) * float(b))),
    (Mnemonic::Vdivps, Some(Mnemonic::Vdivss), |[_, a, b]| ordered(&[a, b], float(a) / float(b))),
    (Mnemonic::Vminps, Some(Mnemonic::Vminss), |[_, a, b]| if float(a) < float(b) { a } else { b }),
    (Mnemonic::Vmaxps, Some(Mnemonic::Vmaxss), |[_, a, b]| if float(a) > float(b) { a } else { b }),
    (Mnemonic::Vfmadd132ps, Some(Mnemonic::Vfmadd132ss), |[d, a, b]| {
        ordered(&[d, b, a], float(d).mul_add(float(b), float(a)))
    }),
    (Mnemonic::Vfmadd213ps, Some(Mnemonic::Vfmadd213ss), |[d, a, b]| {
        ordered(&[a, d, b], float(a).mul_add(float(d), float(b)))
    }),
    (Mnemonic::Vfmadd231ps, Some(Mnemonic::Vfmadd231ss), |[d, a, b]| {
        ordered(&[a, b, d], float(a).mul_add(float(b), float(d)))
    }),
    (Mnemonic::Vpaddd, None, |[_, a, b]| a.wrapping_add(b)),
    (Mnemonic::Vandps, None, |[_, a, b]| a & b),
    (Mnemonic::Vandnps, None, |[_, a, b]| !a & b),
    (Mnemonic::Vorps, None, |[_, a, b]| a | b),
    (Mnemonic::Vxorps, None, |[_, a, b]| a ^ b),
    (Mnemonic::Vpxor, None, |[_, a, b]| a ^ b),
    (Mnemonic::Vpxord, None, |[_, a, b]| a ^ b),
];

fn results(registers: &[Lanes; 3], expected: Expected) -> Lanes {
    std::array::from_fn(|lane| expected([registers[0][lane], registers[1][lane], registers[2][lane]]))
}

#[test]
fn packed_operations() {
    for &(mnemonic, _, expected) in OPERATIONS {
        for form in Form::all(mnemonic) {
            let [d, a, b] = [0, 1, 2].map(|number| form.register(number));
            let instruction = Instruction::with3(form.code, d, a, b).unwrap();
            for registers in operands() {
                let expected = narrowed(&results(&registers, expected), form.lanes);
                let result = run_vectors(form.first(), &registers, &[instruction]).unwrap();
                assert_eq!(result[0], expected, "{form:?} of {registers:x?}");
                assert_eq!(result[1..], registers[1..], "{form:?} leaves its sources");
            }
        }
    }
}

#[test]
fn memory_operands_masks_and_broadcasts() {
    let inputs = operands();
    for &(mnemonic, _, expected) in OPERATIONS {
        for form in Form::all(mnemonic) {
            let [d, a] = [0, 1].map(|number| form.register(number));
            let instruction = Instruction::with3(form.code, d, a, at(Register::RAX, 128)).unwrap();
            for registers in inputs.iter().step_by(37) {
                let computed = results(registers, expected);
                let result = run_vectors(form.first(), registers, &[instruction]).unwrap();
                assert_eq!(result[0], narrowed(&computed, form.lanes), "{form:?} of memory");
                if !form.evex {
                    continue;
                }
                for zeroing in [false, true] {
                    let mut body = set_mask(Register::K3, 0xa5c3).to_vec();
                    body.push(masked(instruction, Register::K3, zeroing));
                    let kept: Lanes = std::array::from_fn(|lane| match 0xa5c3 >> lane & 1 {
                        0 if zeroing => 0,
                        0 => registers[0][lane],
                        _ => computed[lane],
                    });
                    let result = run_vectors(form.first(), registers, &body).unwrap();
                    assert_eq!(result[0], narrowed(&kept, form.lanes), "{form:?} under a mask");
                }
                let mut broadcast = instruction;
                broadcast.set_is_broadcast(true);
                let spread = [registers[0], registers[1], [registers[2][0]; 16]];
                let result = run_vectors(form.first(), registers, &[broadcast]).unwrap();
                let expected = narrowed(&results(&spread, expected), form.lanes);
                assert_eq!(result[0], expected, "{form:?} of a broadcast");
            }
        }
    }
}

#[test]
fn scalar_operations() {
    for &(packed, scalar, expected) in OPERATIONS {
        let fused = format!("{packed:?}").contains("fmadd");
        for form in scalar.into_iter().flat_map(Form::all) {
            let [d, a, b] = [0, 1, 2].map(|number| form.register(number));
            for registers in operands() {
                let mut lanes = narrowed(&registers[usize::from(!fused)], 4);
                lanes[0] = results(&registers, expected)[0];
                let bodies = [
                    Instruction::with3(form.code, d, a, b).unwrap(),
                    Instruction::with3(form.code, d, a, at(Register::RAX, 128)).unwrap(),
                ];
                for body in bodies {
                    let result = run_vectors(form.first(), &registers, &[body]).unwrap();
                    assert_eq!(result[0], lanes, "{form:?} of {registers:x?}");
                }
            }
        }
    }
}

/// A predicate's immediate operands and meaning.
type Predicate = (&'static [u32], fn(f32, f32) -> bool);

const PREDICATES: &[Predicate] = &[
    (&[0x00], |a, b| a == b),
    (&[0x01, 0x11], |a, b| a < b),
    (&[0x03], |a, b| a.is_nan() || b.is_nan()),
    (&[0x0d, 0x1d], |a, b| a >= b),
];

#[test]
fn comparisons() {
    for mnemonic in [Mnemonic::Vcmpps, Mnemonic::Vcmpss] {
        for form in Form::all(mnemonic) {
            for &(immediates, holds) in PREDICATES {
                for (&immediate, registers) in immediates
                    .iter()
                    .flat_map(|immediate| operands().into_iter().map(move |r| (immediate, r)))
                {
                    let [_, first, second] = &registers;
                    let all: Lanes = std::array::from_fn(|lane| {
                        if holds(float(first[lane]), float(second[lane])) { u32::MAX } else { 0 }
                    });
                    let scalar = mnemonic == Mnemonic::Vcmpss;
                    let [d, a, b] = [0, 1, 2].map(|number| form.register(number));
                    let destination = if form.evex { Register::K2 } else { d };
                    let compare = Instruction::with4(form.code, destination, a, b, immediate).unwrap();
                    let mut body = set_mask(Register::K1, 0x5a3c).to_vec();
                    let expected = if form.evex {
                        body.push(masked(compare, Register::K1, false));
                        let spread = Code::EVEX_Vpmovm2d_zmm_kr;
                        body.push(
                            Instruction::with2(spread, Register::ZMM0 + form.first(), Register::K2).unwrap(),
                        );
                        let chosen: Lanes = std::array::from_fn(|lane| all[lane] * (0x5a3c >> lane & 1));
                        narrowed(&chosen, if scalar { 1 } else { form.lanes })
                    } else {
                        body.push(compare);
                        let mut expected = narrowed(if scalar { first } else { &all }, form.lanes);
                        expected[0] = all[0];
                        expected
                    };
                    let result = run_vectors(form.first(), &registers, &body).unwrap();
                    assert_eq!(result[0], expected, "{form:?} {immediate:#x} of {registers:x?}");
                }
            }
        }
    }
}

#[test]
fn shifts() {
    for form in Form::all(Mnemonic::Vpslld).into_iter().filter(|form| format!("{form:?}").contains("imm8")) {
        for count in [0, 1, 23, 31, 32, 255] {
            for registers in operands().into_iter().step_by(19) {
                let [d, a] = [0, 1].map(|number| form.register(number));
                let shift = Instruction::with3(form.code, d, a, count).unwrap();
                let shifted = registers[1].map(|bits| if count < 32 { bits << count } else { 0 });
                let result = run_vectors(form.first(), &registers, &[shift]).unwrap();
                assert_eq!(result[0], narrowed(&shifted, form.lanes), "{form:?} by {count}");
            }
        }
    }
}

#[test]
fn ternary_logic() {
    for form in Form::all(Mnemonic::Vpternlogd) {
        let [d, a, b] = [0, 1, 2].map(|number| form.register(number));
        for table in 0..=255_u32 {
            let registers = operands()[300];
            let logic = Instruction::with4(form.code, d, a, b, table).unwrap();
            let expected: Lanes = std::array::from_fn(|lane| {
                (0..32).fold(0, |bits, bit| {
                    let of = |register: usize| registers[register][lane] >> bit & 1;
                    bits | (table >> (of(0) << 2 | of(1) << 1 | of(2)) & 1) << bit
                })
            });
            let result = run_vectors(form.first(), &registers, &[logic]).unwrap();
            assert_eq!(result[0], narrowed(&expected, form.lanes), "{form:?} {table:#x}");
        }
    }
}

#[test]
fn masks_on_single_lanes_and_on_logic() {
    let registers = operands()[300];
    let [d, a, b] = [17, 18, 19].map(|number| Register::XMM0 + number);
    let scalars = [Code::EVEX_Vaddss_xmm_k1z_xmm_xmmm32_er, Code::EVEX_Vmovss_xmm_k1z_xmm_xmm];
    let logic = Code::EVEX_Vpternlogd_zmm_k1z_zmm_zmmm512b32_imm8;
    for zeroing in [false, true] {
        for (code, bits) in scalars.into_iter().flat_map(|code| [(code, 0b1110), (code, 0b0001)]) {
            let mut body = set_mask(Register::K6, bits).to_vec();
            body.push(masked(Instruction::with3(code, d, a, b).unwrap(), Register::K6, zeroing));
            let mut expected = narrowed(&registers[1], 4);
            expected[0] = match (bits & 1, code) {
                (0, _) if zeroing => 0,
                (0, _) => registers[0][0],
                (_, Code::EVEX_Vmovss_xmm_k1z_xmm_xmm) => registers[2][0],
                _ => ordered(
                    &[registers[1][0], registers[2][0]],
                    float(registers[1][0]) + float(registers[2][0]),
                ),
            };
            assert_eq!(run_vectors(17, &registers, &body).unwrap()[0], expected, "{code:?} {bits:#b}");
        }
        let mut body = set_mask(Register::K6, 0x0ff1).to_vec();
        let [d, a] = [17, 18].map(|number| Register::ZMM0 + number);
        // The table of `destination ^ first ^ second`.
        let instruction = Instruction::with4(logic, d, a, at(Register::RAX, 128), 0x96).unwrap();
        body.push(masked(instruction, Register::K6, zeroing));
        let expected: Lanes = std::array::from_fn(|lane| match 0x0ff1 >> lane & 1 {
            0 if zeroing => 0,
            0 => registers[0][lane],
            _ => registers[0][lane] ^ registers[1][lane] ^ registers[2][lane],
        });
        assert_eq!(run_vectors(17, &registers, &body).unwrap()[0], expected);
    }
}
