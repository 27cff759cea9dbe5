//! Random graphs and random specs, from end to end.

use crate::backends::run_everywhere;
use crate::choices::Choices;
use crate::comparison::{assert_within, range, widen};
use crate::inputs;
use crate::random_graph::random_graph;
use proptest::prelude::*;
use rexnet_codegen::driver::{Request, Source, Taps, Weights, check, compile};
use rexnet_ir::graph::{self, Graph};
use rexnet_ir::onnx::{Verdict, export};
use rexnet_ir::reference::evaluate_outputs;

/// Runs everywhere and compares with the reference: within 1e-4 of an output's range, as for published networks.
/// Where little is left after cancelling, the range is taken to be 1, the size of inputs and weights.
fn conform(graph: &Graph) {
    let data = inputs::for_graph(graph);
    let inputs = inputs::borrow(&data);
    let agreed = run_everywhere(None, "network", graph, &inputs, &Taps::None);
    for graph in [graph, &agreed.graph] {
        for (actual, expected) in agreed.outputs.iter().zip(evaluate_outputs(graph, &inputs).unwrap()) {
            let bound = 1e-4 * range(&expected.data).max(1.0);
            assert_within("the reference", &widen(actual), &expected.data, |_| bound);
        }
    }
}

fn spec() -> impl Strategy<Value = String> {
    let preset = proptest::sample::select(vec!["rexnet", "efficientnet_lite0"]);
    (preset, 10u32..60, 10u32..70, 17usize..41, 1usize..21).prop_map(
        |(preset, width, depth, size, classes)| {
            let (width, depth) = (f64::from(width) / 100.0, f64::from(depth) / 100.0);
            format!("{preset}(width = {width}, depth = {depth}, size = {size}, classes = {classes})")
        },
    )
}

proptest! {
    #![proptest_config(crate::cases(5))]

    #[test]
    fn specs_agree(spec in spec(), batch in 1usize..3) {
        let request = Request { batch: Some(batch), ..Request::new(&spec, Weights::Seeded(8)) };
        conform(&compile(request).unwrap().source);
    }
}

proptest! {
    #![proptest_config(crate::cases(64))]

    #[test]
    fn graphs_agree(mut choices in Choices::strategy(80)) {
        conform(&random_graph(&mut choices));
    }
}

proptest! {
    #![proptest_config(crate::cases(48))]

    #[test]
    fn a_check_says_yes_exactly_of_what_compiles(mut choices in Choices::strategy(80)) {
        let file = export(&random_graph(&mut choices)).unwrap();
        let checked = check(&Request::new(Source::onnx(file.clone()), Weights::Zeros)).unwrap();
        let covered = checked.nodes.iter().all(|node| node.verdict == Verdict::Covered);
        let compiled = compile(Request::new(Source::onnx(file), Weights::Own));
        let yes = covered && checked.faults.list.is_empty();
        prop_assert_eq!(yes, compiled.is_ok(), "{:?} {}", checked.nodes, checked.faults);
    }
}

proptest! {
    #![proptest_config(crate::cases(256))]

    #[test]
    fn graphs_come_back_from_their_text(mut choices in Choices::strategy(80)) {
        let text = random_graph(&mut choices).to_string();
        let read = graph::parse(&text).unwrap_or_else(|faults| panic!("{faults}\n{text}"));
        prop_assert_eq!(read.to_string(), text);
    }
}
