//! Where a difference begins.

use super::compare::Difference;
use super::{Divergence, Request, Standard, argument, compilation};
use crate::jit::{Backend, Model};
use rexnet_codegen::driver::{self, Taps};
use rexnet_ir::diagnostic::Diagnostics;
use rexnet_ir::graph::Graph;
use rexnet_ir::reference;

/// The names of all values of the optimised graph that can be tapped.
pub(super) fn tap_names(request: &Request<'_>) -> Result<Vec<String>, Diagnostics> {
    let options = driver::Options { batch: request.batch, taps: Taps::All, ..Default::default() };
    let compilation = driver::compile(request.source.clone(), request.weights.clone(), &options)?;
    let own = compilation.source.outputs().len();
    Ok(compilation.graph.outputs()[own..].iter().map(|tap| tap.name.clone()).collect())
}

/// Compares every tapped value, then the outputs, between the models and with the reference on `meaning`, by
/// default the first model's optimised graph; in the order of computation. The models are of one network with
/// the same taps.
pub(super) fn first_divergent(
    models: &[(Backend, Model)],
    meaning: Option<&Graph>,
    input: &[f32],
) -> Result<Option<Divergence>, Diagnostics> {
    let Some((_, first)) = models.first() else { return Ok(None) };
    let graph = match meaning {
        Some(meaning) => meaning,
        None => &compilation(first)?.graph,
    };
    let reference = reference::evaluate(graph, &[input])
        .map_err(|name| argument(&name, "the reference has no value for it".to_owned()))?;
    let mut values: Vec<(Backend, Vec<Vec<f32>>)> = Vec::with_capacity(models.len());
    for (backend, model) in models {
        values.push((*backend, all_values(model, input)?));
    }
    let own = first.outputs().len();
    let order = (own..graph.outputs().len()).chain(0..own);
    for index in order {
        let output = &graph.outputs()[index];
        let found = |backend, standard, difference: Difference| {
            let operator = graph.node(output.node).op.name();
            let node = output.name.clone();
            (!difference.passed()).then_some(Divergence { node, operator, backend, standard, difference })
        };
        let bits = &values[0];
        let differs = values.iter().find_map(|(backend, of_backend)| {
            let (value, standard) = (&of_backend[index], Standard::Backend(bits.0));
            found(*backend, standard, Difference::in_bits(value, &bits.1[index])).or_else(|| {
                let exact = &reference.get(&output.node)?.data;
                found(*backend, Standard::Reference, Difference::within_tolerance(value, exact, None))
            })
        });
        if differs.is_some() {
            return Ok(differs);
        }
    }
    Ok(None)
}

/// The values of the model's outputs, then of its taps, in the order of the optimised graph's outputs.
fn all_values(model: &Model, input: &[f32]) -> Result<Vec<Vec<f32>>, Diagnostics> {
    let mut values: Vec<Vec<f32>> = model.outputs().iter().map(|port| vec![0.0; port.elements()]).collect();
    let mut session = model.session();
    let mut slices: Vec<&mut [f32]> = values.iter_mut().map(Vec::as_mut_slice).collect();
    session.run(&[input], &mut slices)?;
    let taps = &model.program().outputs[values.len()..];
    values.extend(
        taps.iter().map(|port| session.tap(&port.name).map_or_else(Vec::new, |tap| tap.data.to_vec())),
    );
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::super::{BACKENDS, compile, seeded_input};
    use super::*;
    use rexnet_codegen::driver::Weights;
    use rexnet_ir::graph::{Op, Tensor};

    #[test]
    fn the_node_whose_weights_differ_is_named() -> Result<(), Diagnostics> {
        let input = seeded_input(3 * 32 * 32, 1);
        let request = Request {
            source: "rexnet(width = 0.25, size = 32, classes = 10)".into(),
            weights: Weights::Seeded(1),
            batch: 1,
            input: &input,
            expected: &[],
            backends: &BACKENDS,
        };
        let models = compile(&request, &tap_names(&request)?)?;
        assert_eq!(first_divergent(&models, None, &input)?, None);

        let graph = &compilation(&models[0].1)?.graph;
        let mut named = 0;
        for id in graph.order() {
            let node = graph.node(id);
            let (Op::Conv2d(_), Some(bias)) = (&node.op, graph.constant_operand(id, 2)) else { continue };
            let shifted: Vec<f32> = bias.data().iter().map(|value| value + 1.0).collect();
            let mut meaning = graph.clone();
            if let Some(tensor) = Tensor::new(bias.dims().to_vec(), shifted) {
                meaning.edit().bind(&graph.node(node.operands[2]).name, tensor)?;
            }
            let found = first_divergent(&models, Some(&meaning), &input)?;
            assert_eq!(found.map(|found| found.node), Some(node.name.clone()));
            named += 1;
        }
        assert!(named > 30, "{named}");
        Ok(())
    }
}
