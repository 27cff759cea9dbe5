//! The back ends, and what it means that they agree.

#![allow(dead_code, reason = "two test crates share this file, and each uses a part")]

use crate::comparison::assert_same_bits;
use crate::runnable::{Runnable, teams};
use rexnet_codegen::driver::{Options, Taps, compile_graph};
use rexnet_codegen::emit::machine::Tier;
use rexnet_codegen::emit::rust::Version;
use rexnet_codegen::emit::x64::{self, Encoding};
use rexnet_codegen::loops::sections;
use rexnet_codegen::memory::AlignedBuffer;
use rexnet_codegen::plan::{PackedWeights, Program};
use rexnet_codegen::run::Executable;
use rexnet_codegen::run::MachineCode;
use rexnet_codegen::run::emitted::Library;
use rexnet_codegen::target::Target;
use rexnet_ir::diagnostic::Diagnostics;
use rexnet_ir::graph::Graph;
use rexnet_threads::{Team, Threads};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// A way to run a program.
pub(crate) struct Backend {
    /// For messages.
    pub(crate) name: &'static str,
    /// The target whose programs it runs for every graph; all others it runs only where a test is about single
    /// kernels. `None` for all.
    target: Option<Target>,
    /// The tier of machine code, run by this processor, that it is.
    tier: Option<Tier>,
    /// Makes a program ready to run.
    pub(crate) prepare: fn(&Program) -> Result<Runnable, Diagnostics>,
}

impl Backend {
    /// Whether its instructions are this processor's.
    pub(crate) fn is_native(&self) -> bool {
        !self.name.starts_with("executed")
    }

    /// The version of emitted Rust that it is.
    fn version(&self) -> Option<Version> {
        Version::ALL.into_iter().find(|version| Some(version.target()) == self.target)
    }
}

const EVERY: &[Backend] = &[
    Backend {
        name: "interpreter",
        target: None,
        tier: None,
        prepare: |_| Ok(Runnable::Executable(Executable::Interpreter)),
    },
    Backend {
        name: "clif",
        target: None,
        tier: Some(Tier::Clif),
        prepare: |program| machine_code(program, Tier::Clif),
    },
    Backend {
        name: "jit avx2",
        target: None,
        tier: Some(Tier::Avx2),
        prepare: |program| machine_code(program, Tier::Avx2),
    },
    Backend {
        name: "jit avx512",
        target: None,
        tier: Some(Tier::Avx512),
        prepare: |program| machine_code(program, Tier::Avx512),
    },
    Backend {
        name: "executed avx2",
        target: None,
        tier: None,
        prepare: |program| Ok(Runnable::assembled(program, Encoding::Vex)),
    },
    Backend {
        name: "executed avx512",
        target: None,
        tier: None,
        prepare: |program| Ok(Runnable::assembled(program, Encoding::Evex)),
    },
    Backend {
        name: "rust portable",
        target: Some(Target::PORTABLE),
        tier: None,
        prepare: |program| rust(program, Version::Portable),
    },
    Backend {
        name: "rust avx2",
        target: Some(Target::AVX2),
        tier: None,
        prepare: |program| rust(program, Version::Avx2),
    },
    Backend {
        name: "rust avx512",
        target: Some(Target::AVX512),
        tier: None,
        prepare: |program| rust(program, Version::Avx512),
    },
    Backend {
        name: "rust neon",
        target: Some(Target::NEON),
        tier: None,
        prepare: |program| rust(program, Version::Neon),
    },
];

/// Every back end that this machine has. The first is the one that the others are compared with.
pub(crate) fn backends() -> impl Iterator<Item = &'static Backend> {
    EVERY
        .iter()
        .filter(|backend| backend.version().is_none_or(Version::runs_here))
        .filter(|backend| backend.tier.is_none_or(Tier::runs_here))
}

/// The back ends that need no compiler at hand: quick enough for thousands of programs.
pub(crate) fn in_process() -> impl Iterator<Item = &'static Backend> {
    backends().filter(|backend| backend.target.is_none())
}

/// Every back end that runs a target's programs.
pub(crate) fn backends_for(target: &Target) -> impl Iterator<Item = &'static Backend> {
    backends().filter(|backend| backend.target.is_none_or(|own| own == *target))
}

/// Emitted Rust, compiled once a program and kept between runs of the tests.
pub(crate) fn rust(program: &Program, version: Version) -> Result<Runnable, Diagnostics> {
    Library::build(program, version, &emitted())
        .map(|library| Runnable::compiled(Executable::Library(library)))
}

fn machine_code(program: &Program, tier: Tier) -> Result<Runnable, Diagnostics> {
    MachineCode::compile(program, tier).map(|code| Runnable::compiled(Executable::MachineCode(code)))
}

/// Where emitted Rust is compiled.
fn emitted() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("emitted")
}

/// Programs that emitted Rust is to run too, with what the other back ends gave. They are compiled together, by
/// [`RustBatch::finish`]: one after the other would take minutes.
#[derive(Default)]
pub(crate) struct RustBatch {
    recorded: Vec<Recorded>,
}

struct Recorded {
    what: String,
    version: Version,
    program: Program,
    weights: PackedWeights,
    inputs: Vec<Vec<f32>>,
    expected: Vec<Vec<f32>>,
}

impl RustBatch {
    /// Adds a program for one version, with what the other back ends gave. A version that this processor lacks is left
    /// out.
    pub(crate) fn add(
        &mut self,
        what: &str,
        version: Version,
        (program, weights): (Program, PackedWeights),
        inputs: &[&[f32]],
        expected: &[Vec<f32>],
    ) {
        if version.runs_here() {
            self.recorded.push(Recorded {
                what: what.to_owned(),
                version,
                program,
                weights,
                inputs: inputs.iter().map(|input| input.to_vec()).collect(),
                expected: expected.to_vec(),
            });
        }
    }

    /// Compiles and runs all programs, and asserts that they give the bits of the others.
    pub(crate) fn finish(mut self) {
        let recorded = std::mem::take(&mut self.recorded);
        let mut distinct: Vec<(&Program, Version)> = Vec::new();
        let mut places = Vec::new();
        for case in &recorded {
            let program = (&case.program, case.version);
            let known = distinct.iter().position(|other| *other == program);
            places.push(known.unwrap_or_else(|| {
                distinct.push(program);
                distinct.len() - 1
            }));
        }
        let libraries = Library::build_all(&distinct, &emitted()).unwrap_or_else(|faults| panic!("{faults}"));
        let libraries: Vec<Runnable> =
            libraries.into_iter().map(|library| Runnable::compiled(Executable::Library(library))).collect();
        for (case, place) in recorded.iter().zip(places) {
            let what = format!("{}, rust {}", case.what, case.version.name());
            let inputs: Vec<&[f32]> = case.inputs.iter().map(Vec::as_slice).collect();
            let outputs = run(&what, &libraries[place], &case.program, &case.weights, &inputs);
            for (index, (actual, expected)) in outputs.iter().zip(&case.expected).enumerate() {
                assert_same_bits(&format!("{what}, output {index}"), actual, expected);
            }
        }
    }
}

impl Drop for RustBatch {
    fn drop(&mut self) {
        assert!(self.recorded.is_empty() || std::thread::panicking(), "the batch was not finished");
    }
}

/// What all back ends and targets agreed on.
pub(crate) struct Agreed {
    /// The outputs in order.
    pub(crate) outputs: Vec<Vec<f32>>,
    /// The graph after the passes, the same for every target.
    pub(crate) graph: Graph,
}

/// Runs a graph for every target on every back end that needs no compiler at hand, and asserts that all give the same
/// bits; `rust` is to do the same later.
pub(crate) fn run_everywhere(
    mut rust: Option<&mut RustBatch>,
    what: &str,
    graph: &Graph,
    inputs: &[&[f32]],
    taps: &Taps,
) -> Agreed {
    let mut agreed: Option<Agreed> = None;
    for target in Target::ALL {
        let options = Options { target: *target, taps: taps.clone(), ..Options::default() };
        let (optimised, _, program, weights) = compile_graph(graph, &options)
            .unwrap_or_else(|faults| panic!("{what}, {}: {faults}", target.name));
        assert_nothing_refused(what, target, &program);
        for backend in in_process() {
            let what = format!("{what}, {} on {}", backend.name, target.name);
            let executable = (backend.prepare)(&program).unwrap_or_else(|faults| panic!("{what}: {faults}"));
            let outputs = run(&what, &executable, &program, &weights, inputs);
            match &agreed {
                None => agreed = Some(Agreed { outputs, graph: optimised.clone() }),
                Some(first) => {
                    for (index, (expected, actual)) in first.outputs.iter().zip(&outputs).enumerate() {
                        assert_same_bits(&format!("{what}, output {index}"), actual, expected);
                    }
                }
            }
        }
        let version = Version::ALL.into_iter().find(|version| version.target() == *target);
        if let (Some(rust), Some(version), Some(agreed)) = (rust.as_deref_mut(), version, &agreed) {
            rust.add(what, version, (program, weights), inputs, &agreed.outputs);
        }
    }
    agreed.expect("there are back ends and targets")
}

/// Asserts that a tier makes every kernel that was lowered for it.
fn assert_nothing_refused(what: &str, target: &Target, program: &Program) {
    for (own, encoding) in [(Target::AVX2, Encoding::Vex), (Target::AVX512, Encoding::Evex)] {
        for kernel in program.kernels.iter().filter(|_| own == *target) {
            for section in sections(kernel) {
                if let Err(cause) = x64::function(kernel, &section, encoding) {
                    panic!("{what}, {}: {} is refused: {cause}", own.name, kernel.name);
                }
            }
        }
    }
}

/// Programs of so many steps are no networks.
const FEW_STEPS: usize = 6;
/// Which team is next.
static TURN: AtomicUsize = AtomicUsize::new(0);

/// Runs a program twice in hostile memory: inputs and outputs are aligned to their elements only, and arena and
/// outputs hold NaNs, then what the first run left; and on teams of several threads, every pass a chunk of its own.
/// Asserts that all runs give the same bits.
pub(crate) fn run(
    what: &str,
    executable: &Runnable,
    program: &Program,
    weights: &PackedWeights,
    inputs: &[&[f32]],
) -> Vec<Vec<f32>> {
    let shifted: Vec<Vec<f32>> = inputs.iter().map(|input| [&[f32::NAN], *input].concat()).collect();
    let inputs: Vec<&[f32]> = shifted.iter().map(|input| &input[1..]).collect();
    let mut arena = AlignedBuffer::zeroed(program.arena_bytes / 4);
    arena.as_mut_slice().fill(f32::NAN);
    // `None` where it has no code that threads could share.
    let mut once = |team: Option<&Team>| {
        let mut outputs: Vec<Vec<f32>> =
            program.outputs.iter().map(|port| vec![f32::NAN; port.elements() + 1]).collect();
        let mut slices: Vec<&mut [f32]> = outputs.iter_mut().map(|output| &mut output[1..]).collect();
        let ran = match team {
            None => executable.run(program, weights, &mut arena, &inputs, &mut slices),
            Some(team) => executable.run_on(team, program, weights, &mut arena, &inputs, &mut slices)?,
        };
        ran.unwrap_or_else(|fault| panic!("{what}: {fault}"));
        let outputs = outputs.into_iter().map(|output| output[1..].to_vec()).collect::<Vec<Vec<f32>>>();
        Some(outputs)
    };
    let first = once(None).unwrap_or_default();
    let mut compare = |how: &str, team: Option<&Team>| {
        for (first, second) in first.iter().zip(once(team).into_iter().flatten()) {
            assert_same_bits(&format!("{what}, {how}"), &second, first);
        }
    };
    compare("second run", None);
    // Networks on all teams, the many programs of a few steps on one after the other.
    let teams = teams();
    let turn = TURN.fetch_add(1, Ordering::Relaxed) % teams.len();
    for (_, team) in
        teams.iter().enumerate().filter(|(index, _)| program.steps.len() > FEW_STEPS || *index == turn)
    {
        compare(&format!("{} threads", team.count()), Some(team));
    }
    first
}
