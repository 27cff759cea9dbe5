//! Moves, parts, broadcasts and selections.

use crate::{Form, Lanes, at, load, masked, narrowed, run_vectors, run_with_memory, set_mask};
use iced_x86::{Code, Instruction, Mnemonic, Register};

/// Registers whose lanes all differ.
fn numbered(registers: usize) -> Vec<Lanes> {
    (0..registers).map(|register| std::array::from_fn(|lane| (register * 256 + lane + 1) as u32)).collect()
}

/// Lanes chosen by a mask's bits.
fn select(bits: u32, chosen: &Lanes, others: &Lanes) -> Lanes {
    std::array::from_fn(|lane| if bits >> lane & 1 != 0 { chosen[lane] } else { others[lane] })
}

const MOVES: [Mnemonic; 4] = [Mnemonic::Vmovups, Mnemonic::Vmovaps, Mnemonic::Vmovdqu32, Mnemonic::Vmovdqa32];

/// Whether a form writes memory: its first operand is the one that may be memory.
fn stores(form: Form) -> bool {
    let name = format!("{:?}", form.code);
    ["_xmmm128_k1z_xmm", "_ymmm256_k1z_ymm", "_zmmm512_k1z_zmm", "_xmmm128_xmm", "_ymmm256_ymm"]
        .iter()
        .any(|end| name.ends_with(end))
}

#[test]
fn whole_moves() {
    let inputs = numbered(3);
    for form in MOVES.into_iter().flat_map(Form::all) {
        let [a, b] = [0, 1].map(|number| form.register(number));
        let move_registers = Instruction::with2(form.code, a, b).unwrap();
        let result = run_vectors(form.first(), &inputs, &[move_registers]).unwrap();
        assert_eq!(result, [narrowed(&inputs[1], form.lanes), inputs[1], inputs[2]], "{form:?}");
        let place = at(Register::RAX, 64);
        let (instruction, registers, memory) = if stores(form) {
            let mut memory = inputs.clone();
            memory[1][..form.lanes].copy_from_slice(&inputs[0][..form.lanes]);
            (Instruction::with2(form.code, place, a), inputs.clone(), memory)
        } else {
            let loaded = vec![narrowed(&inputs[1], form.lanes), inputs[1], inputs[2]];
            (Instruction::with2(form.code, a, place), loaded, inputs.clone())
        };
        let result = run_with_memory(form.first(), &inputs, &[instruction.unwrap()]).unwrap();
        assert_eq!(result, (registers, memory), "{form:?}");
    }
}

#[test]
fn masked_moves() {
    let inputs = numbered(3);
    let bits = 0x2b35;
    for form in MOVES.into_iter().flat_map(Form::all).filter(|form| form.evex) {
        let chosen = bits & ((1 << form.lanes) - 1);
        for zeroing in [false, true] {
            let mut body = set_mask(Register::K7, bits).to_vec();
            let place = at(Register::RAX, 64);
            if stores(form) {
                if zeroing {
                    continue;
                }
                let store = Instruction::with2(form.code, place, form.register(0)).unwrap();
                body.push(masked(store, Register::K7, false));
                let (_, memory) = run_with_memory(form.first(), &inputs, &body).unwrap();
                assert_eq!(memory[1], select(chosen, &inputs[0], &inputs[1]), "{form:?}");
            } else {
                let load = Instruction::with2(form.code, form.register(0), place).unwrap();
                body.push(masked(load, Register::K7, zeroing));
                let kept = if zeroing { [0; 16] } else { inputs[0] };
                let expected = narrowed(&select(chosen, &inputs[1], &kept), form.lanes);
                assert_eq!(run_vectors(form.first(), &inputs, &body).unwrap()[0], expected, "{form:?}");
            }
        }
    }
}

#[test]
fn lanes_behind_a_buffer_need_not_exist_under_a_mask() {
    let inputs = numbered(2);
    let behind = at(Register::RAX, 128 - 12);
    let [a, b] = [Register::ZMM20, Register::ZMM21];
    let load = Instruction::with2(Code::EVEX_Vmovups_zmm_k1z_zmmm512, a, behind).unwrap();
    let store = Instruction::with2(Code::EVEX_Vmovups_zmmm512_k1z_zmm, behind, b).unwrap();
    for instruction in [load, store] {
        for (bits, exists) in [(0b111, true), (0b1111, false)] {
            let mut body = set_mask(Register::K1, bits).to_vec();
            body.push(masked(instruction, Register::K1, false));
            assert_eq!(run_vectors(20, &inputs, &body).is_ok(), exists, "{instruction}");
        }
    }
}

#[test]
fn single_lanes() {
    let inputs = numbered(3);
    for (first, register, merge, load, store) in [
        (3, Register::XMM3, Code::VEX_Vmovss_xmm_xmm_xmm, Code::VEX_Vmovss_xmm_m32, Code::VEX_Vmovss_m32_xmm),
        (
            17,
            Register::XMM17,
            Code::EVEX_Vmovss_xmm_k1z_xmm_xmm,
            Code::EVEX_Vmovss_xmm_k1z_m32,
            Code::EVEX_Vmovss_m32_k1_xmm,
        ),
    ] {
        let body = [Instruction::with3(merge, register, register + 1, register + 2).unwrap()];
        let mut expected = narrowed(&inputs[1], 4);
        expected[0] = inputs[2][0];
        assert_eq!(run_vectors(first, &inputs, &body).unwrap()[0], expected);
        let body = [Instruction::with2(load, register, at(Register::RAX, 68)).unwrap()];
        expected = [0; 16];
        expected[0] = inputs[1][1];
        assert_eq!(run_vectors(first, &inputs, &body).unwrap()[0], expected);
        let body = [Instruction::with2(store, at(Register::RAX, 68), register).unwrap()];
        let mut memory = inputs.clone();
        memory[1][1] = inputs[0][0];
        assert_eq!(run_with_memory(first, &inputs, &body).unwrap(), (inputs.clone(), memory));
    }
}

#[test]
fn numbers_between_kinds_of_registers() {
    let inputs = numbered(2);
    for form in Form::all(Mnemonic::Vmovd) {
        let [a, b] = [0, 1].map(|number| form.register(number));
        let name = format!("{:?}", form.code);
        // There and back through memory, or through a general register.
        let to_vector = Instruction::with2(form.code, a, at(Register::RAX, 64));
        let body = match to_vector {
            Ok(instruction) if name.ends_with("_rm32") => vec![instruction],
            _ => {
                let back = if form.evex { Code::EVEX_Vmovd_xmm_rm32 } else { Code::VEX_Vmovd_xmm_rm32 };
                vec![
                    Instruction::with2(form.code, Register::R9D, b).unwrap(),
                    Instruction::with2(back, a, Register::R9D).unwrap(),
                ]
            }
        };
        let mut expected = [0; 16];
        expected[0] = inputs[1][0];
        assert_eq!(run_vectors(form.first(), &inputs, &body).unwrap()[0], expected, "{form:?}");
    }
}

#[test]
fn broadcasts() {
    let inputs = numbered(2);
    for form in [Mnemonic::Vbroadcastss, Mnemonic::Vpbroadcastd].into_iter().flat_map(Form::all) {
        let source = Register::XMM0 + form.first() + 1;
        let name = format!("{:?}", form.code);
        let mut bodies = Vec::new();
        if name.ends_with("_r32") {
            bodies.push(vec![
                Instruction::with2(Code::Mov_r32_rm32, Register::ESI, at(Register::RAX, 64)).unwrap(),
                Instruction::with2(form.code, form.register(0), Register::ESI).unwrap(),
            ]);
        }
        if name.ends_with("m32") && !name.ends_with("_rm32") {
            bodies
                .push(vec![Instruction::with2(form.code, form.register(0), at(Register::RAX, 64)).unwrap()]);
        }
        if name.ends_with("_xmm") || name.ends_with("_xmmm32") {
            bodies.push(vec![Instruction::with2(form.code, form.register(0), source).unwrap()]);
        }
        assert!(!bodies.is_empty(), "{form:?}");
        for body in bodies {
            let expected = narrowed(&[inputs[1][0]; 16], form.lanes);
            assert_eq!(run_vectors(form.first(), &inputs, &body).unwrap()[0], expected, "{form:?}");
        }
    }
}

#[test]
fn parts() {
    let inputs = numbered(3);
    let of = [
        (Mnemonic::Vextractf128, Mnemonic::Vinsertf128, 4),
        (Mnemonic::Vextractf32x4, Mnemonic::Vinsertf32x4, 4),
        (Mnemonic::Vextractf32x8, Mnemonic::Vinsertf32x8, 8),
        (Mnemonic::Vextractf64x4, Mnemonic::Vinsertf64x4, 8),
    ];
    for (extract, insert, part) in of {
        let part_register = if part == 4 { Register::XMM0 } else { Register::YMM0 };
        for form in Form::all(extract) {
            for number in 0..form.lanes / part {
                let taken = &inputs[1][number * part..][..part];
                let mut expected = [0; 16];
                expected[..part].copy_from_slice(taken);
                let to = part_register + form.first();
                let body = [Instruction::with3(form.code, to, form.register(1), number as u32).unwrap()];
                assert_eq!(run_vectors(form.first(), &inputs, &body).unwrap()[0], expected, "{form:?}");
                let place = at(Register::RAX, 128);
                let body = [Instruction::with3(form.code, place, form.register(1), number as u32).unwrap()];
                let mut memory = inputs.clone();
                memory[2][..part].copy_from_slice(taken);
                assert_eq!(run_with_memory(form.first(), &inputs, &body).unwrap().1, memory, "{form:?}");
            }
        }
        for form in Form::all(insert) {
            let [d, a] = [0, 1].map(|number| form.register(number));
            for number in 0..form.lanes / part {
                let mut expected = narrowed(&inputs[1], form.lanes);
                expected[number * part..][..part].copy_from_slice(&inputs[2][..part]);
                let from = part_register + form.first() + 2;
                let place = at(Register::RAX, 128);
                for instruction in [
                    Instruction::with4(form.code, d, a, from, number as u32).unwrap(),
                    Instruction::with4(form.code, d, a, place, number as u32).unwrap(),
                ] {
                    let result = run_vectors(form.first(), &inputs, &[instruction]).unwrap();
                    assert_eq!(result[0], expected, "{form:?}");
                }
            }
        }
    }
}

#[test]
fn selections() {
    let bits = 0x3a5c;
    let mut inputs = numbered(4);
    inputs[3] = std::array::from_fn(|lane| if bits >> lane & 1 != 0 { 0x8000_0000 } else { 0x7fff_ffff });
    for form in Form::all(Mnemonic::Vblendvps) {
        let [d, a, b, signs] = [0, 1, 2, 3].map(|number| form.register(number));
        let body = [Instruction::with4(form.code, d, a, b, signs).unwrap()];
        let expected = narrowed(&select(bits, &inputs[2], &inputs[1]), form.lanes);
        assert_eq!(run_vectors(form.first(), &inputs, &body).unwrap()[0], expected, "{form:?}");
    }
    for form in [Mnemonic::Vblendmps, Mnemonic::Vpblendmd].into_iter().flat_map(Form::all) {
        let [d, a, b] = [0, 1, 2].map(|number| form.register(number));
        for zeroing in [false, true] {
            let mut body = set_mask(Register::K4, bits).to_vec();
            let blend = Instruction::with3(form.code, d, a, b).unwrap();
            body.push(masked(blend, Register::K4, zeroing));
            let others = if zeroing { [0; 16] } else { inputs[1] };
            let expected = narrowed(&select(bits, &inputs[2], &others), form.lanes);
            assert_eq!(run_vectors(form.first(), &inputs, &body).unwrap()[0], expected, "{form:?}");
        }
    }
}

#[test]
fn masks_as_vectors() {
    let inputs = numbered(1);
    for form in Form::all(Mnemonic::Vpmovm2d) {
        let mut body = set_mask(Register::K5, 0xc0f5).to_vec();
        body.push(Instruction::with2(form.code, form.register(0), Register::K5).unwrap());
        let expected = narrowed(&select(0xc0f5, &[u32::MAX; 16], &[0; 16]), form.lanes);
        assert_eq!(run_vectors(form.first(), &inputs, &body).unwrap()[0], expected, "{form:?}");
    }
}

#[test]
fn upper_parts_become_zero() {
    let inputs = numbered(20);
    let mut body = vec![Instruction::with(Code::VEX_Vzeroupper)];
    body.push(load(Register::RAX, at(Register::RDI, 0)));
    let expected: Vec<_> = (8..28)
        .zip(&inputs)
        .map(|(register, input)| if register < 16 { narrowed(input, 4) } else { *input })
        .collect();
    assert_eq!(run_vectors(8, &inputs, &body).unwrap(), expected);
}
