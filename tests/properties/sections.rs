//! What is claimed to be independent never meets: found by touching every element of every pass.

use crate::choices::Choices;
use crate::kernels::random_kernel;
use crate::random_graph::random_graph;
use proptest::prelude::*;
use rexnet_codegen::driver::{Request, Weights, compile};
use rexnet_codegen::loops::{
    self, Access, Affine, Expression, Kernel, KernelBuilder, Role, Section, Statement, sections,
};
use rexnet_codegen::plan::{Grain, Place, Program, Schedule, Work};
use rexnet_codegen::target::Target;
use std::collections::HashMap;

/// Elements that statements touch: buffer, first element, how many, whether they are written.
fn touch(
    kernel: &Kernel,
    body: &[Statement],
    variables: &mut Vec<i64>,
    visit: &mut dyn FnMut(usize, usize, usize, bool),
) {
    fn element(access: &Access, variables: &[i64]) -> usize {
        usize::try_from(access.address.evaluate(|variable| variables[variable.0 as usize])).unwrap()
    }
    fn read(value: &Expression, variables: &[i64], visit: &mut dyn FnMut(usize, usize, usize, bool)) {
        match value {
            Expression::Load { access, lanes } => {
                visit(access.buffer.0 as usize, element(access, variables), *lanes, false);
            }
            Expression::Broadcast { access, .. } => {
                visit(access.buffer.0 as usize, element(access, variables), 1, false);
            }
            _ => value.operands().for_each(|operand| read(operand, variables, visit)),
        }
    }
    for statement in body {
        match statement {
            Statement::For { variable, begin, end, body, .. } => {
                for value in *begin..*end {
                    variables[variable.0 as usize] = value;
                    touch(kernel, body, variables, visit);
                }
            }
            Statement::Registers { .. } => {}
            Statement::Let { value, .. } | Statement::Set { value, .. } => read(value, variables, visit),
            Statement::Store { access, value } => {
                read(value, variables, visit);
                let lanes = kernel.type_of(value).lanes;
                visit(access.buffer.0 as usize, element(access, variables), lanes, true);
            }
        }
    }
}

/// What a pass of a section touches.
fn touch_pass(
    kernel: &Kernel,
    section: &Section,
    (outer, inner): (i64, i64),
    visit: &mut dyn FnMut(usize, usize, usize, bool),
) {
    let mut variables = vec![0; kernel.variables.len()];
    for (passes, value) in [(section.outer, outer), (section.inner, inner)] {
        if let Some(passes) = passes {
            variables[passes.variable.0 as usize] = value;
        }
    }
    touch(kernel, section.body(kernel), &mut variables, visit);
}

/// Who touched each element: finds two at once, one of whom writes.
#[derive(Default)]
struct Race {
    /// Element → who touched it, and whether more than one did and whether it was written.
    elements: HashMap<(usize, usize), (usize, bool, bool)>,
}

impl Race {
    /// Whether `who` meets somebody else there.
    fn touch(&mut self, who: usize, place: usize, elements: std::ops::Range<usize>, written: bool) -> bool {
        let mut met = false;
        for element in elements {
            let (first, several, was_written) =
                self.elements.entry((place, element)).or_insert((who, false, false));
            let others = *several || *first != who;
            met |= others && (written || *was_written);
            (*several, *was_written) = (others, *was_written || written);
        }
        met
    }
}

fn assert_independent(kernel: &Kernel) {
    let sections = sections(kernel);
    let shared = |buffer: usize| matches!(kernel.buffers[buffer].role, Role::Out | Role::Shared);
    for (index, section) in sections.iter().enumerate() {
        let mut race = Race::default();
        for (who, pass) in section.passes().enumerate() {
            touch_pass(kernel, section, pass, &mut |buffer, first, lanes, written| {
                let met = shared(buffer) && race.touch(who, buffer, first..first + lanes, written);
                assert!(!met, "passes of section {index} meet:\n{kernel}");
            });
        }
        for earlier in section.follows.map_or(0, |follows| follows + 1)..index {
            let mut race = Race::default();
            for who in [earlier, index] {
                for pass in sections[who].passes() {
                    touch_pass(kernel, &sections[who], pass, &mut |buffer, first, lanes, written| {
                        let met = shared(buffer) && race.touch(who, buffer, first..first + lanes, written);
                        assert!(!met, "sections {earlier} and {index} meet:\n{kernel}");
                    });
                }
            }
        }
    }
    let statements: usize = sections.iter().map(|section| section.statements(kernel).len()).sum();
    assert_eq!(statements, kernel.body.len(), "{kernel}");
}

/// A kernel of top-level loops whose addresses have random steps.
fn random_loops(choices: &mut Choices) -> Kernel {
    struct Store {
        address: Affine,
        lanes: usize,
        buffer: usize,
    }
    const ELEMENTS: usize = 4000;
    let mut builder = KernelBuilder::new("loops");
    let buffers = [Role::Out, Role::Shared].map(|role| builder.buffer("b", role, ELEMENTS, 4));
    let weights = builder.buffer("w", Role::Const, 8, 64);
    for _ in 0..1 + choices.below(3) {
        let extents = [(); 3].map(|()| choices.between(1, 5));
        let inside = choices.between(1, 4);
        let stores: Vec<(Vec<i64>, i64, usize, usize, bool)> = (0..1 + choices.below(3))
            .map(|_| {
                let steps =
                    (0..4).map(|_| choices.one_of(&[0, 1, 4, 8, 16, 24, 32, 48, 96, 3, 20])).collect();
                let constant = choices.one_of(&[0, 4, 8, 16, 48, 96, 200]);
                (steps, constant, choices.one_of(&[1, 4, 8]), choices.below(2), choices.below(2) == 1)
            })
            .collect();
        // A pass of much work makes two loops of a section worth sharing out.
        let busy = choices.one_of(&[0, 0, 3000]);
        builder.section(("i", 0..extents[0]), ("j", 0..extents[1]), |builder, i, j| {
            builder.repeat("busy", 0, busy, false, |builder, _| {
                let value = builder.load(weights, Affine::default(), 8);
                builder.bind("v", value);
            });
            builder.repeat("k", 0, extents[2], false, |builder, k| {
                builder.repeat("l", 0, inside, true, |builder, l| {
                    for (steps, constant, lanes, buffer, reads) in stores {
                        let address = [&i, &j, &k, &l]
                            .into_iter()
                            .zip(steps)
                            .fold(Affine::constant(constant), |sum, (index, step)| {
                                sum + index.clone() * step
                            });
                        let Store { address, lanes, buffer } = Store { address, lanes, buffer };
                        let value = if reads {
                            builder.load(buffers[1 - buffer], address.clone(), lanes)
                        } else {
                            Expression::f32(1.0, lanes)
                        };
                        builder.store(buffers[buffer], address, value);
                    }
                });
            });
        });
    }
    builder.finish()
}

/// Asserts that every pass of every call is in exactly one chunk, however chunks are claimed, and that chunks of one
/// stage touch nothing that one of them writes.
fn assert_schedule_holds(program: &Program, grain: Grain) {
    let own: Vec<Vec<Section>> = program.kernels.iter().map(sections).collect();
    let works: Vec<Vec<Work>> =
        own.iter().map(|own| own.iter().map(|section| Work::of(section, 8)).collect()).collect();
    let schedule = Schedule::new(program, &works, grain);
    let mut alone = HashMap::new();
    let mut order = Vec::new();
    schedule.execute_all(&mut |passes| {
        order.push((passes.step, passes.section));
        for inner in passes.inner {
            *alone.entry((passes.step, passes.section, passes.outer, inner)).or_insert(0) += 1;
        }
    });
    assert!(order.is_sorted(), "one thread does everything in order:\n{program}");
    let mut begin = 0;
    for &end in schedule.ends() {
        let mut race = Race::default();
        let mut chunk = begin;
        while chunk < end {
            // One or three at once, as several threads and one would.
            let many = if chunk % 2 == 0 { 1 } else { 3.min(end - chunk) };
            schedule.execute(chunk..chunk + many, &mut |passes| {
                let step = &program.steps[passes.step];
                let kernel = &program.kernels[step.kernel];
                for inner in passes.inner {
                    *alone.entry((passes.step, passes.section, passes.outer, inner)).or_insert(0) += 10;
                    let section = &own[step.kernel][passes.section];
                    let pass = (passes.outer, inner);
                    touch_pass(kernel, section, pass, &mut |buffer, first, lanes, written| {
                        let (place, base) = match step.arguments[buffer] {
                            _ if kernel.buffers[buffer].role == Role::Scratch => return,
                            Place::Arena(offset) => (0, offset / 4),
                            Place::Weights(_) | Place::Input(_) => return,
                            Place::Output(index) => (1 + index, 0),
                        };
                        let met = race.touch(chunk, place, base + first..base + first + lanes, written);
                        assert!(!met, "chunks of one stage meet at {}:\n{kernel}", step.name);
                    });
                }
            });
            chunk += many;
        }
        begin = end;
    }
    assert!(alone.values().all(|&times| times == 11), "every pass once:\n{program}");
}

proptest! {
    #![proptest_config(crate::cases(2000))]

    #[test]
    fn random_loops_are_independent_where_it_is_claimed(mut choices in Choices::strategy(80)) {
        let kernel = random_loops(&mut choices);
        loops::verify(&kernel).unwrap_or_else(|faults| panic!("{faults}\n{kernel}"));
        assert_independent(&kernel);
    }

    #[test]
    fn random_kernels_are_independent_where_it_is_claimed(mut choices in Choices::strategy(600)) {
        assert_independent(&random_kernel(&mut choices));
    }
}

proptest! {
    #![proptest_config(crate::cases(48))]

    #[test]
    fn chunks_of_random_graphs_do_not_meet(mut choices in Choices::strategy(80)) {
        let graph = random_graph(&mut choices);
        for target in Target::ALL {
            let request =
                Request { targets: vec![*target], ..Request::new(graph.clone(), Weights::Own) };
            let program = compile(request).unwrap().program;
            program.kernels.iter().for_each(assert_independent);
            for grain in [Grain::Finest, Grain::Modelled] {
                assert_schedule_holds(&program, grain);
            }
        }
    }
}

#[test]
fn chunks_of_networks_do_not_meet() {
    for (spec, batch) in [
        ("rexnet(width = 0.3, depth = 0.5, size = 64)", 1),
        ("rexnet(width = 0.2, depth = 0.4, size = 32)", 3),
        ("efficientnet_lite0(width = 0.3, size = 48)", 2),
    ] {
        for target in [Target::AVX2, Target::AVX512] {
            let request = Request {
                batch: Some(batch),
                targets: vec![target],
                ..Request::new(spec, Weights::Seeded(1))
            };
            let program = compile(request).unwrap().program;
            for grain in [Grain::Finest, Grain::Modelled] {
                assert_schedule_holds(&program, grain);
            }
        }
    }
}

/// What networks live on runs in parallel: of these kernels no section but the shortest is one pass that takes longer than
/// half of the whole.
#[test]
fn convolutions_can_be_shared() {
    let program = compile(Request::new("rexnet(width = 1.0)", Weights::Zeros)).unwrap().program;
    for kernel in &program.kernels {
        let all = loops::count(kernel).total();
        for (index, section) in sections(kernel).iter().enumerate() {
            let whole = section.operations.total() * section.passes().count() as u64;
            assert!(
                section.inner.is_some() || whole < 400_000 || whole < all / 2,
                "section {index} of {} has {whole} operations in one pass",
                kernel.name
            );
        }
    }
}
