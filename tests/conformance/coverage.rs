//! What the suite runs: every version that an emitted module can contain, every tier of machine code and every
//! encoding of the assembler. Beside this, [`RustBatch::finish`] asserts for each test that every version had a program.

use crate::backends::{Backend, EVERY, Way, run_everywhere};
use crate::batch::RustBatch;
use crate::inputs;
use rexnet_codegen::driver::Taps;
use rexnet_codegen::emit::machine::Tier;
use rexnet_codegen::emit::rust::Version;
use rexnet_codegen::emit::x64::Encoding;
use rexnet_codegen::target::Target;
use rexnet_ir::graph;

/// The least graph that has a kernel.
const GRAPH: &str = "graph @least {
  %0 = input() @x : f32[1,8,1,1] nchw
  %1 = mul(%0, %0) @square : f32[1,8,1,1] nchw
  output @square = %1
}";

/// Everything that can run programs, with the target whose programs it is best at.
fn ways() -> Vec<(Way, Option<Target>)> {
    let versions = Version::ALL.map(|version| (Way::Rust(version), Some(version.target())));
    let tiers = Tier::ALL.map(|tier| (Way::MachineCode(tier), Some(tier.target())));
    let executed = [Encoding::Vex, Encoding::Evex].map(|encoding| (Way::Executed(encoding), None));
    [(Way::Interpreter, None)].into_iter().chain(versions).chain(tiers).chain(executed).collect()
}

/// The ways without a row among these back ends, or whose programs none of these targets gives.
fn left_out<'r>(
    rows: impl Iterator<Item = &'r Backend> + Clone,
    targets: impl Iterator<Item = &'r Target> + Clone,
) -> Vec<Way> {
    let runs = |way: Way| rows.clone().any(|row| row.way == way);
    let gives = |own: Target| targets.clone().any(|target| target.name == own.name);
    let mut ways = ways();
    ways.retain(|&(way, target)| !runs(way) || !target.is_none_or(gives));
    ways.into_iter().map(|(way, _)| way).collect()
}

#[test]
fn nothing_is_left_out() {
    assert_eq!(left_out(EVERY.iter(), Target::ALL.iter()), []);
    for (index, row) in EVERY.iter().enumerate() {
        let others = EVERY.iter().enumerate().filter(|(other, _)| *other != index).map(|(_, row)| row);
        assert_eq!(left_out(others, Target::ALL.iter()), [row.way], "without {}", row.name);
    }
    for (index, target) in Target::ALL.iter().enumerate() {
        let others = Target::ALL.iter().enumerate().filter(|(other, _)| *other != index);
        let others = others.map(|(_, target)| target);
        assert_ne!(left_out(EVERY.iter(), others), [], "without {}", target.name);
    }
}

#[test]
fn every_version_is_run_everywhere() {
    let graph = graph::parse(GRAPH).unwrap();
    let data = inputs::for_graph(&graph);
    let mut rust = RustBatch::default();
    run_everywhere(Some(&mut rust), "least", &graph, &inputs::borrow(&data), &Taps::None);
    assert_eq!(rust.lacking(), []);
    rust.finish();
}
