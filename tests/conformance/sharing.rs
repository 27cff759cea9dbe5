//! One model, many threads; handles that outlive what they came from.

use crate::comparison::assert_same_bits;
use crate::inputs::values;
use rexnet::threads::{Team, from_fn};
use rexnet::{Backend, Engine, Model, Options, Session, Weights};

const SPEC: &str = "rexnet(width = 0.25, depth = 0.3, size = 32, classes = 10)";

fn model(backend: Backend) -> Model {
    Engine::with_backend(backend)
        .with_cache(concat!(env!("CARGO_TARGET_TMPDIR"), "/emitted"))
        .compile(SPEC, Weights::Seeded(1), &Options::default())
        .unwrap()
}

fn classify(session: &mut Session, seed: u64) -> Vec<f32> {
    let mut logits = vec![f32::NAN; 10];
    session.run(&[&values(seed, 3 * 32 * 32)], &mut [&mut logits]).unwrap();
    logits
}

#[test]
fn threads_share_a_model() {
    for &(name, backend) in Backend::NAMES {
        let model = model(backend);
        let mut session = model.session().unwrap();
        let expected: Vec<Vec<f32>> = (0..6).map(|seed| classify(&mut session, seed)).collect();
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let (model, expected) = (&model, &expected);
                scope.spawn(move || {
                    let mut session = model.session().unwrap();
                    // Each thread in an order of its own.
                    for turn in 0..expected.len() {
                        let seed = (turn * 5 + thread) % expected.len();
                        let logits = classify(&mut session, seed as u64);
                        assert_same_bits(&format!("{name}, thread {thread}"), &logits, &expected[seed]);
                    }
                });
            }
        });
    }
}

/// A network that is worth sharing, on teams of several sizes, on a pool brought from outside, and two at once on one team.
#[test]
fn sessions_run_on_teams() {
    let compile = |backend| {
        let options = Options { batch: Some(2), ..Options::default() };
        let engine = Engine::with_backend(backend);
        engine.compile(
            "rexnet(width = 0.5, depth = 0.5, size = 96, classes = 10)",
            Weights::Seeded(3),
            &options,
        )
    };
    let input = values(5, 2 * 3 * 96 * 96);
    let run = |session: &mut Session| {
        let mut logits = vec![f32::NAN; 20];
        session.run(&[&input], &mut [&mut logits]).unwrap();
        logits
    };
    for backend in [Backend::Jit, Backend::Clif] {
        let model = compile(backend).unwrap();
        let expected = run(&mut model.session().unwrap());
        for threads in [1, 2, 3, 8, 17] {
            let mut session = model.session().unwrap().on(Team::new(threads).unwrap()).unwrap();
            assert_eq!(session.threads(), threads);
            for _ in 0..3 {
                assert_same_bits(&format!("{threads} threads"), &run(&mut session), &expected);
            }
        }
        let scoped = from_fn(3, |work| {
            std::thread::scope(|scope| {
                scope.spawn(work);
                scope.spawn(work);
                work();
            });
        });
        assert_same_bits(
            "threads of a scope",
            &run(&mut model.session().unwrap().on(scoped).unwrap()),
            &expected,
        );
        let team = Team::new(3).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    let mut session = model.session().unwrap().on(team.clone()).unwrap();
                    for _ in 0..8 {
                        assert_same_bits("a shared team", &run(&mut session), &expected);
                    }
                });
            }
        });
    }
}

/// The interpreter stays on the caller's thread.
#[test]
fn interpreted_runs_are_not_shared() {
    assert_eq!(model(Backend::Interpret).session().unwrap().on(Team::new(4).unwrap()).unwrap().threads(), 1);
}

#[test]
fn sessions_outlive_engine_and_model() {
    for &(name, backend) in Backend::NAMES {
        let model = model(backend);
        let expected = classify(&mut model.session().unwrap(), 9);
        let mut session = {
            let last_handle = model;
            last_handle.session().unwrap()
        };
        let moved = std::thread::spawn(move || classify(&mut session, 9)).join().unwrap();
        assert_same_bits(name, &moved, &expected);
    }
}

#[test]
fn wrong_lengths_are_refused_before_anything_runs() {
    for &(name, backend) in Backend::NAMES {
        let mut session = model(backend).session().unwrap();
        let image = values(0, 3 * 32 * 32);
        let mut logits = [0.5; 10];
        let mut refuse = |inputs: &[&[f32]], outputs: &mut [&mut [f32]]| {
            let fault = session.run(inputs, outputs).expect_err(name);
            assert_eq!(fault.code, rexnet::Code::RunArguments, "{name}: {fault}");
        };
        refuse(&[&image[1..]], &mut [&mut logits]);
        refuse(&[&image], &mut [&mut logits[1..]]);
        refuse(&[], &mut [&mut logits]);
        refuse(&[&image, &image], &mut [&mut logits]);
        refuse(&[&image], &mut []);
        assert_eq!(logits, [0.5; 10], "{name}");
    }
}

/// Eight threads run sessions of one model while others compile and drop models, more threads than the machine has.
#[test]
fn running_and_compiling_do_not_disturb_each_other() {
    for backend in [Backend::Jit, Backend::Clif] {
        let shared = model(backend);
        let mut session = shared.session().unwrap();
        let expected: Vec<Vec<f32>> = (0..4).map(|seed| classify(&mut session, seed)).collect();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                let expected = &expected;
                scope.spawn(move || {
                    for (seed, expected) in expected.iter().enumerate() {
                        let logits = classify(&mut model(backend).session().unwrap(), seed as u64);
                        assert_same_bits("compiled meanwhile", &logits, expected);
                    }
                });
            }
            for thread in 0..8 {
                let (shared, expected) = (&shared, &expected);
                scope.spawn(move || {
                    let mut session = shared.session().unwrap();
                    for turn in 0..64 {
                        let seed = (turn + thread) % expected.len();
                        let logits = classify(&mut session, seed as u64);
                        assert_same_bits(&format!("thread {thread}"), &logits, &expected[seed]);
                    }
                });
            }
        });
    }
}
