//! The back ends, and what it means that they agree.

#![allow(dead_code, reason = "two test crates share this file, and each uses a part")]

use crate::batch::RustBatch;
use crate::comparison::assert_same_bits;
use crate::runnable::{Runnable, teams};
use rexnet_codegen::driver::{Compilation, Request, Taps, Weights, compile};
use rexnet_codegen::emit::machine::Tier;
use rexnet_codegen::emit::rust::Version;
use rexnet_codegen::emit::x64::{self, Encoding};
use rexnet_codegen::loops::sections;
use rexnet_codegen::memory::AlignedBuffer;
use rexnet_codegen::plan::{PackedWeights, Program};
use rexnet_codegen::run::Executable;
use rexnet_codegen::run::MachineCode;
use rexnet_codegen::run::emitted::{Library, Optimisation};
use rexnet_codegen::target::Target;
use rexnet_ir::diagnostic::Diagnostics;
use rexnet_ir::graph::Graph;
use rexnet_threads::{Team, Threads};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A way to run a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// The interpreter of loops.
    Interpreter,
    /// Machine code of a tier, run by this processor.
    MachineCode(Tier),
    /// Our assembler's code, executed instruction by instruction: this processor need not know them.
    Executed(Encoding),
    /// Emitted Rust of a version, compiled by `cargo` and loaded.
    Rust(Version),
}

/// A row of [`EVERY`].
#[derive(Debug)]
pub(crate) struct Backend {
    /// For messages.
    pub(crate) name: &'static str,
    /// How it runs a program.
    pub(crate) way: Way,
}

impl Backend {
    /// Whether its instructions are this processor's.
    pub(crate) fn is_native(&self) -> bool {
        !matches!(self.way, Way::Executed(_))
    }

    /// Whether it runs on this machine.
    fn runs_here(&self) -> bool {
        match self.way {
            Way::Interpreter | Way::Executed(_) => true,
            Way::MachineCode(tier) => tier.runs_here(),
            Way::Rust(version) => version.runs_here(),
        }
    }

    /// Whether it would run what other rows run: our assembler refuses each section, and Cranelift's code or the
    /// interpreter takes its place.
    fn repeats(&self, program: &Program) -> bool {
        let encoding = match self.way {
            Way::MachineCode(tier) => tier.encoding(),
            Way::Executed(encoding) => Some(encoding),
            Way::Interpreter | Way::Rust(_) => None,
        };
        encoding.is_some_and(|encoding| {
            let refused = |kernel| {
                sections(kernel).iter().all(|section| x64::function(kernel, section, encoding).is_err())
            };
            program.kernels.iter().all(refused)
        })
    }

    /// Makes a program ready to run.
    pub(crate) fn prepare(&self, program: &Program) -> Result<Runnable, Diagnostics> {
        match self.way {
            Way::Interpreter => Ok(Runnable::Executable(Executable::Interpreter)),
            Way::MachineCode(tier) => MachineCode::compile(program, tier)
                .map(|code| Runnable::compiled(Executable::MachineCode(code))),
            Way::Executed(encoding) => Ok(Runnable::assembled(program, encoding)),
            Way::Rust(version) => Ok(rust(&[(program, version)], Optimisation::Full)?.swap_remove(0)),
        }
    }
}

/// The back ends. The first is the one that the others are compared with.
pub(crate) const EVERY: &[Backend] = &[
    Backend { name: "interpreter", way: Way::Interpreter },
    Backend { name: "clif", way: Way::MachineCode(Tier::Clif) },
    Backend { name: "jit avx2", way: Way::MachineCode(Tier::Avx2) },
    Backend { name: "jit avx512", way: Way::MachineCode(Tier::Avx512) },
    Backend { name: "executed avx2", way: Way::Executed(Encoding::Vex) },
    Backend { name: "executed avx512", way: Way::Executed(Encoding::Evex) },
    Backend { name: "rust portable", way: Way::Rust(Version::Portable) },
    Backend { name: "rust avx2", way: Way::Rust(Version::Avx2) },
    Backend { name: "rust avx512", way: Way::Rust(Version::Avx512) },
    Backend { name: "rust neon", way: Way::Rust(Version::Neon) },
];

/// Every back end that this machine has. The first is the one that the others are compared with.
pub(crate) fn backends() -> impl Iterator<Item = &'static Backend> {
    EVERY.iter().filter(|backend| backend.runs_here())
}

/// The back end of that way, if this machine has it.
pub(crate) fn backend(way: Way) -> Option<&'static Backend> {
    backends().find(|backend| backend.way == way)
}

/// The back ends that need no compiler at hand: quick enough for thousands of programs.
pub(crate) fn in_process() -> impl Iterator<Item = &'static Backend> {
    backends().filter(|backend| !matches!(backend.way, Way::Rust(_)))
}

/// The version of emitted Rust that runs a target's programs; `None` where the target's are machine code alone.
pub(crate) fn version_for(target: &Target) -> Option<Version> {
    EVERY.iter().find_map(|backend| match backend.way {
        Way::Rust(version) if version.target() == *target => Some(version),
        _ => None,
    })
}

/// Emitted Rust, compiled together, once a list of programs, and kept between runs of the tests.
pub(crate) fn rust(
    programs: &[(&Program, Version)],
    optimisation: Optimisation,
) -> Result<Vec<Runnable>, Diagnostics> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("emitted");
    let libraries = Library::build_all(programs, optimisation, &folder)?;
    Ok(libraries.into_iter().map(|library| Runnable::compiled(Executable::Library(library))).collect())
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
        let request = Request {
            targets: vec![*target],
            taps: taps.clone(),
            ..Request::new(graph.clone(), Weights::Own)
        };
        let Compilation { graph: optimised, program, weights, .. } =
            compile(request).unwrap_or_else(|faults| panic!("{what}, {}: {faults}", target.name));
        assert_nothing_refused(what, target, &program);
        for backend in in_process().filter(|backend| !backend.repeats(&program)) {
            let what = format!("{what}, {} on {}", backend.name, target.name);
            let executable = backend.prepare(&program).unwrap_or_else(|faults| panic!("{what}: {faults}"));
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
        if let (Some(rust), Some(version), Some(agreed)) = (rust.as_deref_mut(), version_for(target), &agreed)
        {
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
