//! What a function under test must not do.

use crate::executor::{Buffer, run};
use crate::{assemble, at, leave, load};
use iced_x86::{Code, Instruction, MemoryOperand, Register};

/// Runs code on a read-only buffer and a writable one behind it, of 16 elements each; RAX and RCX are their addresses.
fn run_body(body: &[Instruction], alignment: usize) -> Result<(), String> {
    let mut instructions =
        vec![load(Register::RAX, at(Register::RDI, 0)), load(Register::RCX, at(Register::RDI, 8))];
    instructions.extend_from_slice(body);
    let mut buffers = [false, true].map(|writable| Buffer { content: vec![1.0; 16], writable });
    run(&assemble(&instructions, &[1; 16]), &mut buffers, &[alignment; 2], 1000)
}

/// That code ends in an error which says this.
fn refused(body: &[Instruction], message: &str) {
    let error = run_body(body, 32).unwrap_err();
    assert!(error.contains(message), "{error:?} says {message:?}");
}

fn read(code: Code, register: Register, place: MemoryOperand) -> Instruction {
    Instruction::with2(code, register, place).unwrap()
}

fn write(code: Code, place: MemoryOperand, register: Register) -> Instruction {
    Instruction::with2(code, place, register).unwrap()
}

#[test]
fn accesses_outside() {
    let load_ymm = |place| read(Code::VEX_Vmovups_ymm_ymmm256, Register::YMM0, place);
    for offset in [-4, 36, 64, 1 << 30] {
        refused(&[load_ymm(at(Register::RAX, offset))], "are outside of all memory");
        let store = write(Code::VEX_Vmovups_ymmm256_ymm, at(Register::RCX, offset), Register::YMM0);
        refused(&[store], "are outside of all memory");
    }
    refused(&[load(Register::RAX, at(Register::RDI, 16))], "8 bytes at 0x200000018 are outside");
    refused(&[load(Register::RAX, at(Register::RBX, 0))], "are outside of all memory");
    let fits = [load_ymm(at(Register::RAX, 32)), leave()[0], leave()[1]];
    run_body(&fits, 32).unwrap();
}

#[test]
fn writes_to_what_is_read_only() {
    let constants = MemoryOperand::with_base_displ(Register::RIP, 0);
    for place in [at(Register::RAX, 0), at(Register::RDI, 0), constants] {
        refused(&[write(Code::VEX_Vmovss_m32_xmm, place, Register::XMM0)], "a write to read-only memory");
    }
}

#[test]
fn alignment() {
    let aligned = |place| {
        let load = read(Code::VEX_Vmovaps_ymm_ymmm256, Register::YMM0, place);
        [load, leave()[0], leave()[1]]
    };
    run_body(&aligned(at(Register::RAX, 0)), 32).unwrap();
    run_body(&aligned(at(Register::RAX, 32)), 32).unwrap();
    refused(&aligned(at(Register::RAX, 16)), "is not a multiple of 32");
    run_body(&aligned(at(Register::RAX, 0)), 16).unwrap_err();
    run_body(&aligned(MemoryOperand::with_base_displ(Register::RIP, 0)), 4).unwrap();
    let store = write(Code::EVEX_Vmovaps_zmmm512_k1z_zmm, at(Register::RCX, 0), Register::ZMM0);
    refused(&[store], "`vmovaps [rcx],zmm0` at 0x8: 0x500000020 is not a multiple of 64");
}

#[test]
fn unknown_instructions() {
    let refuse = |instruction: Result<Instruction, _>| refused(&[instruction.unwrap()], "unsupported");
    let [a, b, c] = [Register::ZMM0, Register::ZMM1, Register::ZMM2];
    refuse(Instruction::with2(Code::VEX_Vsqrtps_ymm_ymmm256, Register::YMM0, Register::YMM1));
    refuse(Instruction::with2(Code::Addps_xmm_xmmm128, Register::XMM0, Register::XMM1));
    refuse(Instruction::with2(Code::Add_r16_rm16, Register::AX, Register::CX));
    refuse(Instruction::with_branch(Code::Jo_rel8_64, 0));
    refuse(Instruction::with1(Code::Jmp_rm64, Register::RAX));
    refuse(Instruction::with4(
        Code::VEX_Vcmpps_ymm_ymm_ymmm256_imm8,
        Register::YMM0,
        Register::YMM1,
        Register::YMM2,
        2,
    ));
    let mut rounded = Instruction::with3(Code::EVEX_Vaddps_zmm_k1z_zmm_zmmm512b32_er, a, b, c).unwrap();
    rounded.set_rounding_control(iced_x86::RoundingControl::RoundDown);
    refused(&[rounded], "unsupported: rounding in the instruction");
}

#[test]
fn control_flow() {
    refused(&[], "`int3` at 0x8: unsupported: the instruction");
    refused(&[Instruction::with_branch(Code::Jmp_rel8_64, 2).unwrap()], "more than 1000 instructions");
    refused(&[Instruction::with_branch(Code::Je_rel8_64, 2).unwrap()], "a decision on an undefined flag");
    let push = Instruction::with1(Code::Push_r64, Register::RAX).unwrap();
    refused(&[push, Instruction::with(Code::Retnq)], "control leaves the code");
    let outside = assemble(&[Instruction::with(Code::Nopd)], &[]);
    assert!(run(&outside, &mut [], &[], 10).unwrap_err().contains("control leaves the code"));
}

#[test]
fn the_convention_at_the_return() {
    let [zero_upper, ret] = leave();
    for register in [Register::RBX, Register::RBP, Register::R12, Register::R13, Register::R14, Register::R15]
    {
        let name = format!("{register:?}").to_lowercase();
        let clobber = Instruction::with1(Code::Inc_rm64, register).unwrap();
        refused(&[clobber, ret], &format!("the return with a changed {name}"));
    }
    for (code, register) in [
        (Code::VEX_Vmovups_ymm_ymmm256, Register::YMM5),
        (Code::EVEX_Vmovups_ymm_k1z_ymmm256, Register::YMM25),
        (Code::EVEX_Vmovups_zmm_k1z_zmmm512, Register::ZMM5),
    ] {
        let dirty = read(code, register, at(Register::RAX, 0));
        refused(&[dirty, ret], "the return without vzeroupper");
        refused(&[zero_upper, dirty, ret], "the return without vzeroupper");
        run_body(&[dirty, zero_upper, ret], 32).unwrap();
    }
    let narrow = read(Code::VEX_Vmovups_xmm_xmmm128, Register::XMM5, at(Register::RAX, 0));
    run_body(&[narrow, ret], 32).unwrap();
}
