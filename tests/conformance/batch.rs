//! Emitted Rust for many programs at once: a crate takes seconds to build, and the same kernel in several programs is
//! compiled once.

#![allow(dead_code, reason = "two test crates share this file, and each uses a part")]

use crate::backends::{run, rust};
use crate::comparison::assert_same_bits;
use rexnet_codegen::emit::rust::Version;
use rexnet_codegen::lower::{PackedTensor, Packing};
use rexnet_codegen::plan::{self, PackedWeights, Place, PlacedTensor, Program};
use rexnet_codegen::run::emitted::Optimisation;
use rexnet_ir::graph::{Graph, Tensor};
use std::collections::HashMap;

/// Programs that emitted Rust is to run too, with what the other back ends gave. [`RustBatch::finish`] compiles them
/// together.
pub(crate) struct RustBatch {
    optimisation: Optimisation,
    recorded: Vec<Recorded>,
    /// The versions of all programs that were added, whether this processor runs them or not.
    offered: Vec<Version>,
}

struct Recorded {
    what: String,
    version: Version,
    program: Program,
    weights: PackedWeights,
    inputs: Vec<Vec<f32>>,
    expected: Vec<Vec<f32>>,
}

impl Default for RustBatch {
    /// Programs that are compiled without optimisation: for all that a kernel can be.
    fn default() -> Self {
        Self { optimisation: Optimisation::None, recorded: Vec::new(), offered: Vec::new() }
    }
}

impl RustBatch {
    /// Programs that are compiled as users compile them: for whole networks, and each operator on special values.
    pub(crate) fn optimised() -> Self {
        Self { optimisation: Optimisation::Full, recorded: Vec::new(), offered: Vec::new() }
    }

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
        if !self.offered.contains(&version) {
            self.offered.push(version);
        }
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

    /// The versions of an emitted module for which no program was added.
    pub(crate) fn lacking(&self) -> Vec<Version> {
        Version::ALL.into_iter().filter(|version| !self.offered.contains(version)).collect()
    }

    /// Compiles and runs all programs, and asserts that they give the bits of the others. Each version of an emitted
    /// module must have had a program.
    pub(crate) fn finish(mut self) {
        let recorded = std::mem::take(&mut self.recorded);
        assert_eq!(self.lacking(), [], "no program of these versions was added");
        let of_versions: Vec<(Version, Vec<&Recorded>)> = Version::ALL
            .into_iter()
            .map(|version| (version, recorded.iter().filter(|case| case.version == version).collect()))
            .filter(|(_, cases): &(Version, Vec<&Recorded>)| !cases.is_empty())
            .collect();
        let joined: Vec<Joined> = of_versions.iter().map(|(_, cases)| Joined::of(cases)).collect();
        let programs: Vec<(&Program, Version)> = joined
            .iter()
            .zip(&of_versions)
            .map(|(joined, (version, _))| (&joined.program, *version))
            .collect();
        let libraries = rust(&programs, self.optimisation).unwrap_or_else(|faults| panic!("{faults}"));
        for ((library, joined), (version, cases)) in libraries.into_iter().zip(&joined).zip(&of_versions) {
            let what = format!("rust {}, {} programs", version.name(), cases.len());
            let inputs: Vec<&[f32]> = cases.iter().flat_map(|case| &case.inputs).map(Vec::as_slice).collect();
            let mut outputs = run(&what, &library, &joined.program, &joined.weights(), &inputs).into_iter();
            for case in cases {
                for (index, expected) in case.expected.iter().enumerate() {
                    let actual = outputs.next().unwrap_or_default();
                    let what = format!("{}, rust {}, output {index}", case.what, version.name());
                    assert_same_bits(&what, &actual, expected);
                }
            }
            assert_eq!(outputs.len(), 0, "{what}: outputs that no case has");
        }
    }
}

impl Drop for RustBatch {
    fn drop(&mut self) {
        assert!(self.recorded.is_empty() || std::thread::panicking(), "the batch was not finished");
    }
}

/// Several programs as one that runs them in order: each in a part of the arena that no other touches, on inputs and
/// outputs of its own.
struct Joined<'r> {
    program: Program,
    /// The weights of each program, with where they begin.
    weights: Vec<(&'r Program, &'r PackedWeights, usize)>,
}

impl<'r> Joined<'r> {
    fn of(cases: &[&'r Recorded]) -> Self {
        let mut joined = Self { program: empty(), weights: Vec::new() };
        let mut kernels = HashMap::new();
        for case in cases {
            joined.add(case, &mut kernels);
        }
        joined
    }

    /// `kernels` are those of the joined program by their text without a name.
    fn add(&mut self, case: &'r Recorded, kernels: &mut HashMap<String, usize>) {
        let weights = self.weights_of(&case.program, &case.weights);
        let program = &mut self.program;
        let (time, arena) = (program.steps.len(), program.arena_bytes);
        let (inputs, outputs) = (program.inputs.len(), program.outputs.len());
        let own: Vec<usize> = case
            .program
            .kernels
            .iter()
            .map(|kernel| {
                let mut kernel = kernel.clone();
                let name = std::mem::take(&mut kernel.name);
                *kernels.entry(kernel.to_string()).or_insert_with(|| {
                    kernel.name = format!("{name}_{}", program.kernels.len());
                    program.kernels.push(kernel);
                    program.kernels.len() - 1
                })
            })
            .collect();
        program.steps.extend(case.program.steps.iter().cloned().map(|mut step| {
            step.kernel = own[step.kernel];
            for place in &mut step.arguments {
                *place = match *place {
                    Place::Arena(offset) => Place::Arena(arena + offset),
                    Place::Weights(offset) => Place::Weights(weights + offset),
                    Place::Input(index) => Place::Input(inputs + index),
                    Place::Output(index) => Place::Output(outputs + index),
                };
            }
            step
        }));
        program.allocations.extend(case.program.allocations.iter().cloned().map(|mut allocation| {
            allocation.offset += arena;
            allocation.first += time;
            allocation.last += time;
            allocation
        }));
        program.arena_bytes += case.program.arena_bytes.next_multiple_of(64);
        program.inputs.extend(case.program.inputs.iter().cloned());
        program.outputs.extend(case.program.outputs.iter().cloned());
    }

    /// Where the weights of a program begin: where those of the same program do, if they are the same.
    fn weights_of(&mut self, program: &'r Program, weights: &'r PackedWeights) -> usize {
        let same = |(other, content, _): &&(&Program, &PackedWeights, usize)| {
            *other == program && content.as_slice() == weights.as_slice()
        };
        if let Some((_, _, offset)) = self.weights.iter().find(same) {
            return *offset;
        }
        let offset = self.program.weight_bytes;
        let elements = weights.as_slice().len();
        if elements > 0 {
            let packing = Packing::Plain { constant: name_at(offset) };
            let tensor = PackedTensor { packing, elements };
            self.program.weights.push(PlacedTensor { tensor, offset });
        }
        self.program.weight_bytes += (4 * elements).next_multiple_of(64);
        self.weights.push((program, weights, offset));
        offset
    }

    /// The weights of all programs, packed as they already are.
    fn weights(&self) -> PackedWeights {
        let mut graph = Graph::new("weights");
        for (_, weights, offset) in
            self.weights.iter().filter(|(_, weights, _)| !weights.as_slice().is_empty())
        {
            let content = weights.as_slice().to_vec();
            let tensor = Tensor::new([content.len()], content).unwrap();
            graph.edit().bound_constant(name_at(*offset), tensor).unwrap();
        }
        plan::pack(&self.program, &graph).unwrap_or_else(|faults| panic!("{faults}"))
    }
}

/// What the weights that begin there are called.
fn name_at(offset: usize) -> String {
    format!("weights_{offset}")
}

/// A program that does nothing.
fn empty() -> Program {
    Program {
        name: "joined".to_owned(),
        kernels: Vec::new(),
        steps: Vec::new(),
        inputs: Vec::new(),
        outputs: Vec::new(),
        allocations: Vec::new(),
        arena_bytes: 0,
        arena_lower_bound: 0,
        weights: Vec::new(),
        weight_bytes: 0,
        layout_hash: 0,
    }
}
