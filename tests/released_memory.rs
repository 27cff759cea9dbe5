//! Machine code is freed with the last handle: compiling again and again does not grow the process. A binary of
//! its own, so that no other test's memory is measured.

use rexnet_codegen::driver::{Request, Weights, compile};
use rexnet_codegen::emit::machine::Tier;
use rexnet_codegen::plan::Program;
use rexnet_codegen::run::MachineCode;
use rexnet_ir::graph;
use rexnet_ir::weights::seed;

const GRAPH: &str = "graph @tiny {
  %0 = input() @x : f32[1,3,8,8] nchw
  %1 = constant() @w : f32[16,3,3,3] nchw
  %2 = conv2d(%0, %1) {stride=[2,2], pad=[1,1,1,1], dilation=[1,1], groups=1} @conv : f32[1,16,4,4] nchw
  %3 = global_average_pool(%2) @pool : f32[1,16,1,1] nchw
  output @out = %3
}";

/// Virtual and resident memory of this process in pages; `None` where the system does not say.
fn pages() -> Option<[i64; 2]> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    let mut numbers = text.split(' ').map(|number| number.parse().ok());
    Some([numbers.next()??, numbers.next()??])
}

fn compile_and_drop(program: &Program, tier: Tier, times: usize) {
    for _ in 0..times {
        MachineCode::compile(program, tier).unwrap();
    }
}

#[test]
fn compiling_and_dropping_does_not_grow() {
    let mut graph = graph::parse(GRAPH).unwrap();
    seed(&mut graph, 0).unwrap();
    let program = compile(Request::new(graph, Weights::Own)).unwrap().program;
    for (tier, cycles) in [(Tier::best_here(), 10_000), (Tier::Clif, 200)] {
        // The allocator's own pools fill up first.
        compile_and_drop(&program, tier, 50);
        let Some(before) = pages() else { return };
        compile_and_drop(&program, tier, cycles);
        let after = pages().unwrap();
        // A leak of every module would be as many times at least one page of code, and 64 KiB of addresses.
        let [virtual_growth, resident_growth] = [after[0] - before[0], after[1] - before[1]];
        assert!(resident_growth < 150, "{}: {resident_growth} pages more are resident", tier.name());
        assert!(virtual_growth < 1_000, "{}: {virtual_growth} pages more are mapped", tier.name());
    }
}
