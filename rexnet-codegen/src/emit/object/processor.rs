//! What no instruction of Cranelift does: the processor's floating-point mode, and what features it has. A few bytes of
//! machine code each.

use super::Made;
use crate::emit::clif;
use cranelift_codegen::ir::{AbiParam, Signature, Type, types};
#[cfg(not(target_arch = "aarch64"))]
use cranelift_codegen::ir::{
    InstBuilder, MemFlagsData, StackSlotData, StackSlotKind, Value, condcodes::IntCC,
};
#[cfg(not(target_arch = "aarch64"))]
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};
use cranelift_module::{FuncId, Linkage, Module};
use cranelift_object::ObjectModule;

/// Rounds to nearest, keeps subnormals, traps nothing; returns the mode before. By System V's convention.
#[cfg(not(target_arch = "aarch64"))]
const ENTER_MODE: &[u8] = &[
    0x50, // push rax
    0x0f, 0xae, 0x1c, 0x24, // stmxcsr [rsp]
    0x58, // pop rax
    0x68, 0x80, 0x1f, 0x00, 0x00, // push 1F80h
    0x0f, 0xae, 0x14, 0x24, // ldmxcsr [rsp]
    0x59, // pop rcx
    0xc3, // ret
];
/// Takes the mode.
#[cfg(not(target_arch = "aarch64"))]
const RESTORE_MODE: &[u8] = &[
    0x57, // push rdi
    0x0f, 0xae, 0x14, 0x24, // ldmxcsr [rsp]
    0x5f, // pop rdi
    0xc3, // ret
];
/// `cpuid` of the leaf that it takes, subleaf 0: EAX, EBX, ECX and EDX go to the four places that it is told.
#[cfg(not(target_arch = "aarch64"))]
const CPUID: &[u8] = &[
    0x53, // push rbx
    0x89, 0xf8, // mov eax, edi
    0x31, 0xc9, // xor ecx, ecx
    0x0f, 0xa2, // cpuid
    0x89, 0x06, // mov [rsi], eax
    0x89, 0x5e, 0x04, // mov [rsi+4], ebx
    0x89, 0x4e, 0x08, // mov [rsi+8], ecx
    0x89, 0x56, 0x0c, // mov [rsi+0Ch], edx
    0x5b, // pop rbx
    0xc3, // ret
];
/// The registers whose content the system keeps: the low half of XCR0. Only where `cpuid` says that there is `xgetbv`.
#[cfg(not(target_arch = "aarch64"))]
const XCR0: &[u8] = &[
    0x31, 0xc9, // xor ecx, ecx
    0x0f, 0x01, 0xd0, // xgetbv
    0xc3, // ret
];

/// Rounds to nearest, keeps subnormals, traps nothing; returns the mode before.
#[cfg(target_arch = "aarch64")]
const ENTER_MODE: &[u8] = &[
    0x00, 0x44, 0x3b, 0xd5, // mrs x0, fpcr
    0x1f, 0x44, 0x1b, 0xd5, // msr fpcr, xzr
    0xc0, 0x03, 0x5f, 0xd6, // ret
];
/// Takes the mode.
#[cfg(target_arch = "aarch64")]
const RESTORE_MODE: &[u8] = &[
    0x00, 0x44, 0x1b, 0xd5, // msr fpcr, x0
    0xc0, 0x03, 0x5f, 0xd6, // ret
];

/// The functions of a module.
pub(super) struct Primitives {
    /// `fn() -> u64`: sets the kernels' floating-point mode, and returns the caller's.
    pub(super) enter_mode: FuncId,
    /// `fn(u64)`: sets the caller's.
    pub(super) restore_mode: FuncId,
}

impl Primitives {
    /// Defines them; on x86-64 also `NAME_processor_features`, which the header declares.
    pub(super) fn define(module: &mut ObjectModule, name: &str) -> Made<Self> {
        let mut define = |own: &str, bytes: &[u8], takes: &[Type], returns: &[Type]| {
            let mut signature = Signature::new(clif::signature(module.isa()).call_conv);
            signature.params.extend(takes.iter().copied().map(AbiParam::new));
            signature.returns.extend(returns.iter().copied().map(AbiParam::new));
            let id = module.declare_function(&format!("{name}.{own}"), Linkage::Local, &signature)?;
            module.define_function_bytes(id, 16, bytes, &[])?;
            Made::Ok(id)
        };
        let primitives = Self {
            enter_mode: define("enter_mode", ENTER_MODE, &[], &[types::I64])?,
            restore_mode: define("restore_mode", RESTORE_MODE, &[types::I64], &[])?,
        };
        #[cfg(not(target_arch = "aarch64"))]
        {
            let cpuid = define("cpuid", CPUID, &[types::I32, types::I64], &[])?;
            let xcr0 = define("xcr0", XCR0, &[], &[types::I32])?;
            features(module, &format!("{name}_processor_features"), cpuid, xcr0)?;
        }
        Ok(primitives)
    }
}

/// A function `fn() -> u32`: bit 0 where processor and system have AVX2 and FMA, bit 1 where they have AVX-512 (F, VL, DQ,
/// BW) too.
#[cfg(not(target_arch = "aarch64"))]
fn features(module: &mut ObjectModule, name: &str, cpuid: FuncId, xcr0: FuncId) -> Made<()> {
    /// In ECX of leaf 1: FMA, OSXSAVE and AVX.
    const AVX: i64 = 1 << 12 | 1 << 27 | 1 << 28;
    /// In EBX of leaf 7: AVX2.
    const AVX2: i64 = 1 << 5;
    /// In EBX of leaf 7: AVX-512 F, DQ, BW and VL.
    const AVX512: i64 = 1 << 16 | 1 << 17 | 1 << 30 | 1 << 31;
    /// In XCR0: 128-bit and 256-bit registers.
    const YMM: i64 = 0x6;
    /// In XCR0: those, masks and 512-bit registers.
    const ZMM: i64 = 0xe6;

    let mut signature = module.make_signature();
    signature.returns.push(AbiParam::new(types::I32));
    let id = module.declare_function(name, Linkage::Export, &signature)?;
    let mut context = module.make_context();
    context.func.signature = signature;
    let (cpuid, xcr0) = (
        module.declare_func_in_func(cpuid, &mut context.func),
        module.declare_func_in_func(xcr0, &mut context.func),
    );
    let mut frontend = FunctionBuilderContext::new();
    let mut builder = FunctionBuilder::new(&mut context.func, &mut frontend);
    let registers = builder.create_sized_stack_slot(StackSlotData::new(StackSlotKind::ExplicitSlot, 16, 4));
    let [entry, saved, listed, none] = std::array::from_fn(|_| builder.create_block());
    builder.switch_to_block(entry);
    let place = builder.ins().stack_addr(types::I64, registers, 0);
    let leaf = |builder: &mut FunctionBuilder<'_>, number: i64, register: i32| {
        let number = builder.ins().iconst(types::I32, number);
        builder.ins().call(cpuid, &[number, place]);
        builder.ins().load(types::I32, MemFlagsData::trusted(), place, 4 * register)
    };
    let has = |builder: &mut FunctionBuilder<'_>, word: Value, bits: i64| {
        let bits = builder.ins().iconst(types::I32, bits);
        let common = builder.ins().band(word, bits);
        builder.ins().icmp(IntCC::Equal, common, bits)
    };
    let ecx = leaf(&mut builder, 1, 2);
    let avx = has(&mut builder, ecx, AVX);
    builder.ins().brif(avx, saved, &[], none, &[]);
    builder.switch_to_block(saved);
    let last = leaf(&mut builder, 0, 0);
    let seven = builder.ins().iconst(types::I32, 7);
    let enough = builder.ins().icmp(IntCC::UnsignedGreaterThanOrEqual, last, seven);
    builder.ins().brif(enough, listed, &[], none, &[]);
    builder.switch_to_block(listed);
    let ebx = leaf(&mut builder, 7, 1);
    let call = builder.ins().call(xcr0, &[]);
    let state = builder.inst_results(call)[0];
    let [avx2, ymm, avx512, zmm] = [(ebx, AVX2), (state, YMM), (ebx, AVX512), (state, ZMM)]
        .map(|(word, bits)| has(&mut builder, word, bits));
    let avx2 = builder.ins().band(avx2, ymm);
    let avx512 = builder.ins().band(avx512, zmm);
    let avx512 = builder.ins().band(avx512, avx2);
    let [low, high] = [avx2, avx512].map(|bit| builder.ins().uextend(types::I32, bit));
    let two = builder.ins().iconst(types::I32, 2);
    let high = builder.ins().imul(high, two);
    let both = builder.ins().bor(low, high);
    builder.ins().return_(&[both]);
    builder.switch_to_block(none);
    let zero = builder.ins().iconst(types::I32, 0);
    builder.ins().return_(&[zero]);
    builder.seal_all_blocks();
    builder.finalize(module.isa().frontend_config());
    Ok(module.define_function(id, &mut context)?)
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::{CPUID, ENTER_MODE, RESTORE_MODE, XCR0};
    use iced_x86::{Decoder, DecoderOptions, Formatter, NasmFormatter};

    /// The comments beside the bytes say what they are.
    #[test]
    fn the_bytes_are_the_instructions_in_the_comments() {
        let source = include_str!("processor.rs");
        for (name, bytes) in
            [("ENTER_MODE", ENTER_MODE), ("RESTORE_MODE", RESTORE_MODE), ("CPUID", CPUID), ("XCR0", XCR0)]
        {
            let start = source.find(&format!("const {name}: &[u8] = &[")).unwrap();
            let comments = source[start..].lines().skip(1).take_while(|line| *line != "];");
            let comments: Vec<&str> = comments.map(|line| line.split_once("// ").unwrap().1).collect();
            let mut formatter = NasmFormatter::new();
            let instructions = Decoder::with_ip(64, bytes, 0, DecoderOptions::NONE).into_iter();
            let texts = instructions.map(|instruction| {
                let mut text = String::new();
                formatter.format(&instruction, &mut text);
                text.replace(',', ", ").replace("push qword", "push").replace("dword ", "")
            });
            assert_eq!(texts.collect::<Vec<_>>(), comments, "{name}");
        }
    }
}
