//! Values that are alive at once never share bytes, and the checker sees it when they do.

use crate::choices::Choices;
use crate::random_graph::random_graph;
use proptest::prelude::*;
use rexnet_codegen::driver::{Request, Weights, compile};
use rexnet_codegen::plan::{Allocation, Place, Program, check};
use rexnet_ir::diagnostic::Code;

fn random_program(choices: &mut Choices) -> Program {
    let graph = random_graph(choices);
    compile(Request::new(graph, Weights::Own)).unwrap().program
}

fn meet(a: &Allocation, b: &Allocation) -> bool {
    a.first <= b.last && b.first <= a.last
}

fn overlap(a: &Allocation, b: &Allocation) -> bool {
    a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes
}

/// Lets a value lie elsewhere, for all the steps that touch it.
fn move_value(program: &mut Program, index: usize, offset: usize) {
    let old = program.allocations[index].clone();
    program.allocations[index].offset = offset;
    for step in &mut program.steps[old.first..=old.last] {
        for place in &mut step.arguments {
            if *place == Place::Arena(old.offset) {
                *place = Place::Arena(offset);
            }
        }
    }
}

fn is_refused(program: &Program) -> bool {
    check(program).is_err_and(|faults| faults.contains(Code::PlanInvalid))
}

proptest! {
    #![proptest_config(crate::cases(256))]

    #[test]
    fn live_values_never_overlap(mut choices in Choices::strategy(80)) {
        let program = random_program(&mut choices);
        prop_assert!(program.arena_bytes >= program.arena_lower_bound);
        for (index, a) in program.allocations.iter().enumerate() {
            prop_assert!(a.offset % 64 == 0 && a.offset + a.bytes <= program.arena_bytes, "{program}");
            for b in &program.allocations[..index] {
                prop_assert!(!meet(a, b) || !overlap(a, b), "{} and {}:\n{program}", a.name, b.name);
            }
        }
    }

    #[test]
    fn plans_that_were_tampered_with_are_refused(mut choices in Choices::strategy(80)) {
        let program = random_program(&mut choices);
        check(&program).unwrap();
        for (index, moved) in program.allocations.iter().enumerate() {
            let refused_at = |offset: usize| {
                let mut tampered = program.clone();
                move_value(&mut tampered, index, offset);
                is_refused(&tampered)
            };
            prop_assert!(refused_at(moved.offset + 4), "{} misaligned:\n{program}", moved.name);
            prop_assert!(refused_at(program.arena_bytes), "{} beyond the arena:\n{program}", moved.name);
            prop_assert!(refused_at(usize::MAX - 63), "{} beyond all memory:\n{program}", moved.name);
            for other in program.allocations.iter().filter(|other| other.name != moved.name && meet(other, moved)) {
                prop_assert!(
                    refused_at(other.offset),
                    "{} in the place of {}:\n{program}", moved.name, other.name
                );
            }
        }
        let mut short = program.clone();
        for step in &mut short.steps {
            step.arguments.pop();
        }
        prop_assert!(is_refused(&short), "{program}");
    }
}
