//! The executor of assembled kernels against plain arithmetic and against the processor.

mod arithmetic;
mod contract;
#[path = "../executor/mod.rs"]
mod executor;
mod integers;
mod moves;
mod processor;

use executor::{Buffer, run};
use iced_x86::{Code, Encoder, Instruction, MemoryOperand, Mnemonic, Register};

/// The bits of a vector register.
type Lanes = [u32; 16];

/// Numbers at which an operation may behave specially.
const SPECIAL: Lanes = [
    0x0000_0000, // 0
    0x8000_0000, // -0
    0x3f80_0000, // 1
    0xbfc0_0000, // -1.5
    0x7f80_0000, // infinity
    0xff80_0000, // -infinity
    0x7fc1_2345, // quiet NaN
    0xffe5_4321, // quiet NaN
    0x7f81_1111, // signalling NaN
    0x0080_0000, // least normal number
    0x0000_0001, // least subnormal number
    0x807f_ffff, // greatest subnormal number, negative
    0x7f7f_ffff, // greatest number
    0xff7f_ffff, // its negative
    0x3f80_0001, // the number behind 1
    0x3400_0000, // half the distance between them
];

/// Triples of registers: special numbers in all pairs, then random ones.
fn operands() -> Vec<[Lanes; 3]> {
    let rotated = |by: usize| std::array::from_fn(|lane| SPECIAL[(lane + by) % 16]);
    let mut state = 1_u64;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 32) as u32
    };
    let mut triples: Vec<_> =
        (0..256).map(|number| [SPECIAL, rotated(number % 16), rotated(number / 16)]).collect();
    triples.extend((0..64).map(|_| std::array::from_fn(|_| std::array::from_fn(|_| random()))));
    // Of similar size, where sums cancel and round.
    triples.extend(
        (0..64)
            .map(|_| std::array::from_fn(|_| std::array::from_fn(|_| 0x3f00_0000 | random() & 0x80ff_ffff))),
    );
    triples
}

/// Machine code from instructions. A branch's target is the number of an instruction; the displacement of an address
/// relative to RIP counts from the constants, which lie behind the code, aligned to 64 bytes.
fn assemble(instructions: &[Instruction], constants: &[u32]) -> Vec<u8> {
    let encode = |instruction: &Instruction, offset: u64| {
        let mut encoder = Encoder::new(64);
        encoder.encode(instruction, offset).unwrap_or_else(|error| panic!("{instruction:?}: {error}"));
        encoder.take_buffer()
    };
    let mut offsets = vec![0];
    for instruction in instructions {
        let mut instruction = *instruction;
        if instruction.is_jcc_short_or_near() || instruction.is_jmp_short_or_near() {
            instruction.set_near_branch64(0);
        }
        let end = offsets[offsets.len() - 1] + encode(&instruction, 0).len() as u64;
        offsets.push(end);
    }
    let start = offsets[instructions.len()].next_multiple_of(64);
    let mut code = Vec::new();
    for (instruction, &offset) in instructions.iter().zip(&offsets) {
        let mut instruction = *instruction;
        if instruction.is_jcc_short_or_near() || instruction.is_jmp_short_or_near() {
            instruction.set_near_branch64(offsets[instruction.near_branch64() as usize]);
        } else if instruction.memory_base() == Register::RIP {
            instruction.set_memory_displacement64(instruction.memory_displacement64() + start);
        }
        code.extend(encode(&instruction, offset));
    }
    if !constants.is_empty() {
        code.resize(start as usize, 0xcc);
        code.extend(constants.iter().flat_map(|constant| constant.to_le_bytes()));
    }
    code
}

/// Loads `inputs` into the vector registers from `first` on, runs `body`, and returns what they then hold. RAX is the
/// address of the inputs, which `body` may write too.
fn run_vectors(first: u32, inputs: &[Lanes], body: &[Instruction]) -> Result<Vec<Lanes>, String> {
    run_with_memory(first, inputs, body).map(|(registers, _)| registers)
}

/// As `run_vectors`, and what the inputs' memory then holds.
fn run_with_memory(
    first: u32,
    inputs: &[Lanes],
    body: &[Instruction],
) -> Result<(Vec<Lanes>, Vec<Lanes>), String> {
    let places = || (0..inputs.len() as u32).map(|number| (Register::ZMM0 + first + number, number));
    let mut instructions = vec![load(Register::RAX, at(Register::RDI, 0))];
    instructions.extend(places().map(|(register, number)| {
        let place = at(Register::RAX, 64 * i64::from(number));
        Instruction::with2(Code::EVEX_Vmovups_zmm_k1z_zmmm512, register, place).unwrap()
    }));
    instructions.extend_from_slice(body);
    instructions.push(load(Register::RCX, at(Register::RDI, 8)));
    instructions.extend(places().map(|(register, number)| {
        let place = at(Register::RCX, 64 * i64::from(number));
        Instruction::with2(Code::EVEX_Vmovups_zmmm512_k1z_zmm, place, register).unwrap()
    }));
    instructions.extend(leave());
    let content = inputs.as_flattened().iter().map(|&bits| f32::from_bits(bits)).collect();
    let mut buffers = [
        Buffer { content, writable: true },
        Buffer { content: vec![0.0; 16 * inputs.len()], writable: true },
    ];
    run(&assemble(&instructions, &[]), &mut buffers, &[64, 4], 1000)?;
    let lanes = |buffer: &Buffer| {
        let elements = buffer.content.as_chunks().0;
        elements.iter().map(|elements: &[f32; 16]| elements.map(f32::to_bits)).collect()
    };
    Ok((lanes(&buffers[1]), lanes(&buffers[0])))
}

/// The end of a function.
fn leave() -> [Instruction; 2] {
    [Instruction::with(Code::VEX_Vzeroupper), Instruction::with(Code::Retnq)]
}

fn at(base: Register, displacement: i64) -> MemoryOperand {
    MemoryOperand::with_base_displ(base, displacement)
}

fn load(register: Register, place: MemoryOperand) -> Instruction {
    Instruction::with2(Code::Mov_r64_rm64, register, place).unwrap()
}

/// A mask register's bits, by way of a general register.
fn set_mask(mask: Register, bits: u32) -> [Instruction; 2] {
    [
        Instruction::with2(Code::Mov_r32_imm32, Register::EDX, bits).unwrap(),
        Instruction::with2(Code::VEX_Kmovw_kr_r32, mask, Register::EDX).unwrap(),
    ]
}

/// An instruction under a mask.
fn masked(mut instruction: Instruction, mask: Register, zeroing: bool) -> Instruction {
    instruction.set_op_mask(mask);
    instruction.set_zeroing_masking(zeroing);
    instruction
}

/// A form of a vector instruction.
#[derive(Clone, Copy, Debug)]
struct Form {
    code: Code,
    /// The lanes of its widest register.
    lanes: usize,
    evex: bool,
}

impl Form {
    /// The VEX and EVEX forms of a mnemonic.
    fn all(mnemonic: Mnemonic) -> Vec<Form> {
        let forms: Vec<_> = Code::values()
            .filter(|code| code.mnemonic() == mnemonic)
            .filter_map(|code| {
                let name = format!("{code:?}");
                let evex = name.starts_with("EVEX_");
                let widest = [("zmm", 16), ("ymm", 8), ("xmm", 4)];
                let lanes = widest.iter().find(|(registers, _)| name.contains(registers))?.1;
                (evex || name.starts_with("VEX_")).then_some(Form { code, lanes, evex })
            })
            .collect();
        assert!(!forms.is_empty(), "{mnemonic:?} has forms");
        forms
    }

    /// The number of the first register that the tests use with it.
    fn first(self) -> u32 {
        if self.evex { 17 } else { 3 }
    }

    /// A register of its width.
    fn register(self, number: u32) -> Register {
        let base = match self.lanes {
            16 => Register::ZMM0,
            8 => Register::YMM0,
            _ => Register::XMM0,
        };
        base + self.first() + number
    }
}

/// `lanes` of a register, the rest of it 0.
fn narrowed(register: &Lanes, lanes: usize) -> Lanes {
    std::array::from_fn(|lane| if lane < lanes { register[lane] } else { 0 })
}
