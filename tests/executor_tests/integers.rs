//! Instructions on general registers, flags, branches and addresses.

use crate::executor::{Buffer, run};
use crate::{assemble, at, leave, load};
use iced_x86::{Code, Instruction, MemoryOperand, Register};

const NUMBERS: [u64; 10] = [
    0,
    1,
    2,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x1_0000_0000,
    0x7fff_ffff_ffff_ffff,
    0x8000_0000_0000_0000,
    u64::MAX,
];

/// Runs code with two writable numbers at RAX and RAX + 8, and returns them.
fn run_numbers(numbers: [u64; 2], body: &[Instruction]) -> Result<[u64; 2], String> {
    let mut instructions = vec![load(Register::RAX, at(Register::RDI, 0))];
    instructions.extend_from_slice(body);
    instructions.extend(leave());
    let half = |number: u64| [f32::from_bits(number as u32), f32::from_bits((number >> 32) as u32)];
    let mut buffers = [Buffer { content: numbers.map(half).as_flattened().to_vec(), writable: true }];
    run(&assemble(&instructions, &[]), &mut buffers, &[8], 1000)?;
    let bits = |index: usize| u64::from(buffers[0].content[index].to_bits());
    Ok([bits(0) | bits(1) << 32, bits(2) | bits(3) << 32])
}

fn store(place: MemoryOperand, register: Register) -> Instruction {
    Instruction::with2(Code::Mov_rm64_r64, place, register).unwrap()
}

/// The number at RAX and at RAX + 8 in RCX and RDX.
fn load_both() -> Vec<Instruction> {
    vec![load(Register::RCX, at(Register::RAX, 0)), load(Register::RDX, at(Register::RAX, 8))]
}

/// The result of an operation, and whether `jb`, `jl` and `je` are taken behind it.
type Expected = fn(u64, u64) -> (u64, bool, bool, bool);

fn subtracted(a: u64, b: u64) -> (u64, bool, bool, bool) {
    (a.wrapping_sub(b), a < b, (a as i64) < b as i64, a == b)
}

fn subtracted_narrow(a: u64, b: u64) -> (u64, bool, bool, bool) {
    let (a, b) = (a as u32, b as u32);
    (a.wrapping_sub(b).into(), a < b, (a as i32) < b as i32, a == b)
}

/// A sum is less than zero, as a number of unlimited range, where sign and overflow differ.
fn added(a: u64, b: u64) -> (u64, bool, bool, bool) {
    let (sum, carry) = a.overflowing_add(b);
    (sum, carry, i128::from(a as i64) + i128::from(b as i64) < 0, sum == 0)
}

fn added_narrow(a: u64, b: u64) -> (u64, bool, bool, bool) {
    let (a, b) = (a as u32, b as u32);
    let (sum, carry) = a.overflowing_add(b);
    (sum.into(), carry, i64::from(a as i32) + i64::from(b as i32) < 0, sum == 0)
}

const OPERATIONS: &[(Code, Expected)] = &[
    (Code::Add_r64_rm64, added),
    (Code::Add_r32_rm32, added_narrow),
    (Code::Sub_r64_rm64, subtracted),
    (Code::Sub_r32_rm32, subtracted_narrow),
    (Code::Cmp_r64_rm64, |a, b| (a, subtracted(a, b).1, subtracted(a, b).2, a == b)),
    (Code::Test_rm64_r64, |a, b| (a, false, ((a & b) as i64) < 0, a & b == 0)),
    (Code::And_r64_rm64, |a, b| (a & b, false, ((a & b) as i64) < 0, a & b == 0)),
    (Code::Xor_r64_rm64, |a, b| (a ^ b, false, ((a ^ b) as i64) < 0, a ^ b == 0)),
    (Code::Xor_r32_rm32, |a, b| {
        let bits = (a ^ b) as u32;
        (bits.into(), false, (bits as i32) < 0, bits == 0)
    }),
];

#[test]
fn results_and_flags() {
    for &(code, expected) in OPERATIONS {
        let narrow = format!("{code:?}").contains("r32");
        let [first, second] =
            if narrow { [Register::ECX, Register::EDX] } else { [Register::RCX, Register::RDX] };
        for (a, b) in NUMBERS.into_iter().flat_map(|a| NUMBERS.map(|b| (a, b))) {
            let (result, below, less, equal) = expected(a, b);
            for (taken, when, unless) in [
                (below, Code::Jb_rel8_64, Code::Jae_rel32_64),
                (less, Code::Jl_rel32_64, Code::Jge_rel8_64),
                (equal, Code::Je_rel8_64, Code::Jne_rel32_64),
            ] {
                for (branch, taken) in [(when, taken), (unless, !taken)] {
                    let mut body = load_both();
                    body.extend([
                        Instruction::with2(code, first, second).unwrap(),
                        Instruction::with2(Code::Mov_r64_imm64, Register::R8, 1_u64).unwrap(),
                        // To the store, over the instruction behind it.
                        Instruction::with_branch(branch, 7).unwrap(),
                        Instruction::with2(Code::Mov_r32_imm32, Register::R8D, 0).unwrap(),
                        store(at(Register::RAX, 0), Register::RCX),
                        store(at(Register::RAX, 8), Register::R8),
                    ]);
                    let numbers = run_numbers([a, b], &body).unwrap();
                    assert_eq!(numbers, [result, taken.into()], "{code:?} {branch:?} of {a:#x} and {b:#x}");
                }
            }
        }
    }
}

#[test]
fn numbers_in_memory_and_immediate_ones() {
    let memory = |offset| at(Register::RAX, offset);
    let cases = [
        (Instruction::with2(Code::Add_rm64_imm8, memory(0), -1), [4, 7]),
        (Instruction::with2(Code::Sub_rm64_imm32, memory(8), 0x1000), [5, 7_u64.wrapping_sub(0x1000)]),
        (Instruction::with2(Code::Add_rm32_imm8, memory(0), -6), [0xffff_ffff, 7]),
        (Instruction::with2(Code::Mov_rm64_imm32, memory(0), -2), [-2_i64 as u64, 7]),
        (Instruction::with2(Code::Mov_rm32_imm32, memory(12), 3), [5, 7 | 3 << 32]),
        (Instruction::with1(Code::Inc_rm64, memory(0)), [6, 7]),
        (Instruction::with1(Code::Dec_rm32, memory(8)), [5, 6]),
        (Instruction::with2(Code::And_rm64_imm8, memory(8), 5), [5, 5]),
        (Instruction::with2(Code::Cmp_rm64_imm8, memory(8), 5), [5, 7]),
        (Instruction::with1(Code::Nop_rm32, memory(8)), [5, 7]),
        (Instruction::with1(Code::Prefetcht0_m8, memory(1 << 20)), [5, 7]),
    ];
    for (instruction, expected) in cases {
        let instruction = instruction.unwrap();
        assert_eq!(run_numbers([5, 7], &[instruction]).unwrap(), expected, "{instruction}");
    }
}

#[test]
fn counting_keeps_the_carry() {
    for code in [Code::Inc_rm64, Code::Dec_rm64] {
        // 0 - 1 carries, and the branch skips the store of 9; 1 - 1 does not.
        for (number, expected) in [(0, 0), (1, 9)] {
            let mut body = load_both();
            body.extend([
                Instruction::with2(Code::Sub_rm64_imm8, Register::RCX, 1).unwrap(),
                Instruction::with1(code, Register::RDX).unwrap(),
                Instruction::with_branch(Code::Jb_rel8_64, 7).unwrap(),
                Instruction::with2(Code::Mov_rm64_imm32, at(Register::RAX, 0), 9).unwrap(),
            ]);
            assert_eq!(run_numbers([number, 7], &body).unwrap()[0], expected, "{code:?}");
        }
    }
}

#[test]
fn addresses_loops_and_the_stack() {
    let scaled = MemoryOperand::new(Register::RCX, Register::RDX, 8, -3, 1, false, Register::None);
    let mut body = load_both();
    body.extend([
        Instruction::with2(Code::Lea_r64_m, Register::R8, scaled).unwrap(),
        Instruction::with1(Code::Push_r64, Register::RBX).unwrap(),
        Instruction::with1(Code::Push_r64, Register::R8).unwrap(),
        Instruction::with2(Code::Xor_r32_rm32, Register::EBX, Register::EBX).unwrap(),
        // Counts RCX down.
        Instruction::with2(Code::Add_rm64_imm8, Register::RBX, 3).unwrap(),
        Instruction::with1(Code::Dec_rm64, Register::RCX).unwrap(),
        Instruction::with_branch(Code::Jne_rel8_64, 7).unwrap(),
        store(at(Register::RAX, 0), Register::RBX),
        Instruction::with1(Code::Pop_r64, Register::R9).unwrap(),
        Instruction::with1(Code::Pop_r64, Register::RBX).unwrap(),
        Instruction::with_branch(Code::Jmp_rel32_64, 15).unwrap(),
        Instruction::with2(Code::Mov_r32_imm32, Register::R9D, 0).unwrap(),
        store(at(Register::RAX, 8), Register::R9),
    ]);
    assert_eq!(run_numbers([5, 7], &body).unwrap(), [15, 5 + 8 * 7 - 3]);
}

#[test]
fn constants_behind_the_code() {
    let constant = MemoryOperand::with_base_displ(Register::RIP, 4);
    let mut body = vec![
        load(Register::RAX, at(Register::RDI, 0)),
        Instruction::with2(Code::VEX_Vbroadcastss_ymm_m32, Register::YMM1, constant).unwrap(),
        Instruction::with2(Code::VEX_Vmovups_ymmm256_ymm, at(Register::RAX, 0), Register::YMM1).unwrap(),
    ];
    body.extend(leave());
    let constants = [1.5_f32, -2.5, 3.5].map(f32::to_bits);
    let mut buffers = [Buffer { content: vec![0.0; 8], writable: true }];
    run(&assemble(&body, &constants), &mut buffers, &[4], 100).unwrap();
    assert_eq!(buffers[0].content, [-2.5; 8]);
}
