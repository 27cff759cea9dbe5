//! The presets on every target: loops are proved, registers suffice, memory is near its bound.

use rexnet_codegen::driver::{Request, Weights, compile};
use rexnet_codegen::loops::register_pressure;
use rexnet_codegen::target::Target;

const SPECS: &[&str] = &[
    "rexnet(width = 0.5, size = 64)",
    "rexnet(width = 1.0)",
    "rexnet(width = 1.3, size = 160)",
    "efficientnet_lite0(size = 96)",
];

#[test]
fn every_target_compiles_every_preset() {
    for &spec in SPECS {
        for &target in Target::ALL {
            let request = Request { targets: vec![target], ..Request::new(spec, Weights::Seeded(1)) };
            let compiled = compile(request).unwrap_or_else(|faults| panic!("{spec}: {faults}"));
            let program = &compiled.program;
            for kernel in &program.kernels {
                let pressure = register_pressure(kernel, target.lanes);
                assert!(
                    target.may_spill || pressure <= target.registers,
                    "{}: {pressure} of {}\n{kernel}",
                    target.name,
                    target.registers
                );
            }
            assert!(program.arena_bytes >= program.arena_lower_bound);
            // A first-fit planner that loses more than a fifth is broken, not unlucky.
            assert!(program.arena_bytes as f64 <= 1.2 * program.arena_lower_bound as f64, "{spec}");
        }
    }
}

/// The packed weights, the arena and so the constants of emitted code serve every target.
#[test]
fn layout_does_not_depend_on_the_target() {
    let compiled: Vec<_> = Target::ALL
        .iter()
        .map(|&target| {
            let spec = "rexnet(width = 0.5, size = 64)";
            compile(Request { targets: vec![target], ..Request::new(spec, Weights::Seeded(1)) })
                .unwrap_or_else(|faults| panic!("{faults}"))
        })
        .collect();
    for other in &compiled[1..] {
        assert_eq!(other.program.layout_hash, compiled[0].program.layout_hash);
        assert_eq!(other.weights.as_slice(), compiled[0].weights.as_slice());
    }
}
