//! A system that refuses executable memory is told of by code, and the interpreter does without. A binary of its own:
//! what it forbids stays forbidden for the whole process.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use rexnet::{Backend, Code, Engine, Options, Weights};

const SPEC: &str = "rexnet(width = 0.25, depth = 0.3, size = 32, classes = 10)";

/// Forbids this process to make memory executable that was not (`prctl(PR_SET_MDWE)`, Linux 6.3). False where the
/// kernel is older.
fn forbid_executable_memory() -> bool {
    const PRCTL: i64 = 157;
    const SET_MEMORY_DENY_WRITE_EXECUTE: i64 = 65;
    const REFUSE_EXECUTE_GAIN: i64 = 1;
    let mut result = PRCTL;
    // SAFETY: this call of prctl takes numbers only and changes no memory of ours.
    unsafe {
        std::arch::asm!(
            "syscall",
            inlateout("rax") result,
            in("rdi") SET_MEMORY_DENY_WRITE_EXECUTE,
            in("rsi") REFUSE_EXECUTE_GAIN,
            in("rdx") 0,
            in("r10") 0,
            in("r8") 0,
            out("rcx") _,
            out("r11") _,
            options(nostack),
        );
    }
    result == 0
}

#[test]
fn a_system_without_executable_memory_is_told_of() {
    let options = Options::default();
    let compile = |backend| Engine::with_backend(backend).compile(SPEC, Weights::Seeded(0), &options);
    let image = compile(Backend::Jit).unwrap().to_image().unwrap();
    if !forbid_executable_memory() {
        return;
    }
    for backend in [Backend::Jit, Backend::Clif] {
        let faults = compile(backend).unwrap_err();
        assert_eq!(faults.list[0].code, Code::ExecutableMemory, "{faults}");
        assert!(faults.list[0].help.contains("interpret"), "{faults}");
    }
    // SAFETY: the image was made above.
    let faults = unsafe { Engine::new().load_image(image) }.unwrap_err();
    assert_eq!(faults.list[0].code, Code::ExecutableMemory, "{faults}");

    let mut session = compile(Backend::Interpret).unwrap().session().unwrap();
    let mut logits = [f32::NAN; 10];
    session.run(&[&[0.5; 3 * 32 * 32]], &mut [&mut logits]).unwrap();
    assert!(logits.iter().all(|logit| logit.is_finite()));
}
