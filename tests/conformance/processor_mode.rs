//! The caller's floating-point mode changes no result, and comes back as it was.
#![cfg(target_arch = "x86_64")]

use crate::backends::{backends, run};
use crate::comparison::assert_same_bits;
use crate::inputs;
use rexnet_codegen::driver::{Compilation, Request, Weights, compile};
use rexnet_ir::graph;
use std::arch::asm;

/// Products of 1e-20 with itself are subnormal; sums of values of different size round.
const GRAPH: &str = "graph @mode {
  %0 = input() @x : f32[1,8,3,3] nchw
  %1 = mul(%0, %0) @square : f32[1,8,3,3] nchw
  %2 = add(%1, %0) @sum : f32[1,8,3,3] nchw
  %3 = activate(%2) {function=silu} @silu : f32[1,8,3,3] nchw
  output @square = %1
  output @sum = %2
  output @silu = %3
}";

/// Flush to zero, subnormals are zeros, round toward zero, all exceptions masked.
const HOSTILE: u32 = 0x1f80 | 1 << 15 | 1 << 6 | 3 << 13;

/// The control bits; the low six are flags that any operation may raise.
const CONTROL: u32 = !0x3f;

fn mode() -> u32 {
    let mut mode = 0u32;
    // SAFETY: stores MXCSR to a local variable.
    unsafe { asm!("stmxcsr [{}]", in(reg) &raw mut mode, options(nostack, preserves_flags)) };
    mode
}

fn set_mode(mode: u32) {
    // SAFETY: no reserved bit is set in the modes of this file.
    unsafe { asm!("ldmxcsr [{}]", in(reg) &raw const mode, options(nostack, preserves_flags, readonly)) };
}

#[test]
fn the_callers_mode_does_not_matter() {
    let graph = graph::parse(GRAPH).unwrap();
    let Compilation { program, weights, .. } = compile(Request::new(graph.clone(), Weights::Own)).unwrap();
    let mut data = inputs::for_graph(&graph);
    data[0].iter_mut().step_by(2).for_each(|value| *value *= 1e-20);
    let input = inputs::borrow(&data);
    let usual = mode() & CONTROL;
    for backend in backends().filter(|backend| backend.is_native()) {
        let name = backend.name;
        let executable = backend.prepare(&program).unwrap();
        let expected = run(name, &executable, &program, &weights, &input);
        assert!(expected[0].iter().any(|value| value.is_subnormal()));
        set_mode(HOSTILE);
        let actual = run(name, &executable, &program, &weights, &input);
        let after = mode() & CONTROL;
        set_mode(usual);
        assert_eq!(after, HOSTILE & CONTROL, "{name}");
        for (actual, expected) in actual.iter().zip(&expected) {
            assert_same_bits(name, actual, expected);
        }
    }
}
