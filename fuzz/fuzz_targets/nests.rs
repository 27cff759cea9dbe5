//! Random kernels on every tier: interpreter, Cranelift, and the wide assembler, whose code for the vectors that this
//! processor has is run, and for all vectors executed instruction by instruction.
#![no_main]

#[path = "../../tests/properties/choices.rs"]
#[allow(dead_code, reason = "the tape is the fuzzer's")]
mod choices;
#[path = "../../tests/executor/mod.rs"]
mod executor;
#[path = "../../tests/properties/kernels.rs"]
mod kernels;
#[path = "../../tests/conformance/runnable.rs"]
#[allow(dead_code, reason = "nothing is run on threads here")]
mod runnable;
#[path = "../../tests/conformance/single_kernel.rs"]
mod single_kernel;

use rexnet_codegen::emit::x64::Encoding;
use rexnet_codegen::run::Executable;
use rexnet_codegen::emit::machine::Tier;
use rexnet_codegen::run::MachineCode;
use rexnet_codegen::loops;
use rexnet_codegen::memory::AlignedBuffer;
use runnable::Runnable;

libfuzzer_sys::fuzz_target!(|tape: Vec<u16>| {
    let kernel = kernels::random_kernel(&mut choices::Choices::of(tape));
    loops::verify(&kernel).expect("random kernels are sound");
    let program = single_kernel::program_of(kernel);
    let weights = single_kernel::weights_of(&program, &[1.25, -0.5, 3.0, 1e-40, f32::INFINITY, -0.0, 7.5]);
    let input: Vec<f32> = (0..kernels::ELEMENTS[0]).map(|at| (at * 37 % 101) as f32 / 25.0 - 2.0).collect();
    let mut tiers: Vec<(&str, Runnable)> = vec![("interpreter", Runnable::Executable(Executable::Interpreter))];
    for tier in Tier::ALL.into_iter().filter(|tier| tier.runs_here()) {
        let code = MachineCode::compile(&program, tier).expect("every kernel compiles");
        tiers.push((tier.name(), Runnable::compiled(Executable::MachineCode(code))));
    }
    tiers.push(("executed avx2", Runnable::assembled(&program, Encoding::Vex)));
    tiers.push(("executed avx512", Runnable::assembled(&program, Encoding::Evex)));
    let mut expected: Option<Vec<f32>> = None;
    for (name, runnable) in tiers {
        let mut arena = AlignedBuffer::zeroed(program.arena_bytes / 4);
        let mut output = vec![f32::NAN; kernels::ELEMENTS[3]];
        runnable.run(&program, &weights, &mut arena, &[&input], &mut [&mut output]).expect(name);
        let expected = expected.get_or_insert_with(|| output.clone());
        let same = |(a, b): (&f32, &f32)| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan());
        assert!(output.iter().zip(&*expected).all(same), "{name}:\n{}", program.kernels[0]);
    }
});
