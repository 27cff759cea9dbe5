//! Which pass changed what a network means.

use super::compare::Difference;
use super::{argument, rounding};
use rexnet_codegen::driver;
use rexnet_ir::diagnostic::Diagnostics;
use rexnet_ir::graph::{Graph, Op};
use rexnet_ir::passes::Pass;
use rexnet_ir::reference::{self, Array, Rounding};
use std::collections::HashMap;
use std::ops::ControlFlow;

/// The f64 reference on the graph after every pass, beside the graph as its source says it.
#[derive(Clone, Debug, PartialEq)]
pub struct Bisection {
    /// The passes in order, up to the first whose graph gives other outputs.
    pub passes: Vec<PassCheck>,
    /// The first node of the graph after the last of `passes` whose value is not what the source's node of that name
    /// has. `None` when no pass changed an output, or no such node is left.
    pub first_divergent: Option<(String, &'static str, Difference)>,
}

/// The outputs after one pass.
#[derive(Clone, Debug, PartialEq)]
pub struct PassCheck {
    /// The pass.
    pub pass: &'static str,
    /// The nodes that it rewrote.
    pub rewrote: usize,
    /// The output that is furthest from the source's, as a part of what is allowed.
    pub difference: Difference,
}

impl Bisection {
    /// The pass that brought a difference in.
    pub fn culprit(&self) -> Option<&PassCheck> {
        self.passes.iter().find(|check| !check.difference.passed())
    }
}

/// Runs the passes one after the other and evaluates the graph after each that changed anything.
///
/// # Errors
/// Those of the passes; `RX0706` when the input does not fit.
pub(super) fn bisect(
    source: &Graph,
    passes: &[Pass],
    input: &[f32],
    observe: &mut dyn FnMut(&str),
) -> Result<Bisection, Diagnostics> {
    let truth = outputs(source, input)?;
    let mut rounded = None;
    let mut graph = source.clone();
    let mut found = Bisection { passes: Vec::new(), first_divergent: None };
    let mut known = worst(&truth, &truth, None);
    let mut before = graph.clone();
    driver::run_passes(&mut graph, passes, &mut |graph, report| {
        observe(&format!("evaluating after {}", report.pass));
        if !unchanged(&before, graph) {
            let values = outputs(graph, input)?;
            known = worst(&values, &truth, None);
            if !known.passed() {
                let rounded = match &rounded {
                    Some(rounded) => rounded,
                    None => rounded.insert(rounding::of_outputs(source, &[input])?),
                };
                known = worst(&values, &truth, Some(rounded));
            }
            before = graph.clone();
        }
        let (rewrote, difference) = (report.acted.len(), known.clone());
        found.passes.push(PassCheck { pass: report.pass, rewrote, difference });
        if known.passed() {
            return Ok(ControlFlow::Continue(()));
        }
        found.first_divergent = first_divergent(source, graph, input)?;
        Ok(ControlFlow::Break(()))
    })?;
    Ok(found)
}

/// Whether a pass did nothing at all, whatever it says of itself: neither to nodes nor to weights.
fn unchanged(before: &Graph, after: &Graph) -> bool {
    let constants = || before.order().into_iter().filter(|&id| before.node(id).op == Op::Constant);
    before.to_string() == after.to_string()
        && constants().all(|id| {
            let name = &before.node(id).name;
            before.constant(name) == after.constant(name)
        })
}

fn outputs(graph: &Graph, input: &[f32]) -> Result<Vec<Array>, Diagnostics> {
    reference::evaluate_outputs(graph, &[input])
        .map_err(|name| argument(&name, "the reference has no value for it".to_owned()).into())
}

/// The output that is furthest from its standard in terms of the tolerance.
fn worst(values: &[Array], standard: &[Array], rounded: Option<&[Rounding]>) -> Difference {
    let share = |difference: &Difference| match difference.tolerance {
        tolerance if tolerance > 0.0 => difference.max_abs_error / tolerance,
        _ => difference.max_abs_error,
    };
    let rounding = |at: usize| rounded.and_then(|rounded| rounded.get(at));
    let pairs = values.iter().zip(standard).enumerate();
    let compared = pairs.map(|(at, (value, standard))| of_arrays(value, standard, rounding(at)));
    compared.max_by(|a, b| share(a).total_cmp(&share(b))).unwrap_or(Difference {
        max_abs_error: 0.0,
        tolerance: 0.0,
        elements: 0,
        classes: 0,
    })
}

fn of_arrays(value: &Array, standard: &Array, rounding: Option<&Rounding>) -> Difference {
    match rounding {
        _ if value.dims != standard.dims => Difference::of_shapes(&standard.data),
        Some(rounding) => Difference::rounded(&value.data, &standard.data, None, rounding, true),
        None => Difference::within_tolerance(&value.data, &standard.data, None),
    }
}

/// A name stands for the same value before and after a pass.
fn first_divergent(
    source: &Graph,
    graph: &Graph,
    input: &[f32],
) -> Result<Option<(String, &'static str, Difference)>, Diagnostics> {
    let evaluate = |graph: &Graph| {
        reference::evaluate(graph, &[input])
            .map_err(|name| argument(&name, "the reference has no value for it".to_owned()))
    };
    let (truth, values) = (evaluate(source)?, evaluate(graph)?);
    let truth: HashMap<&str, &Array> =
        truth.iter().map(|(&id, array)| (source.node(id).name.as_str(), array)).collect();
    let mut order = graph.order().into_iter().filter_map(|id| Some((graph.node(id), values.get(&id)?)));
    Ok(order.find_map(|(node, value)| {
        let standard = truth.get(node.name.as_str())?;
        let difference = match value.dims == standard.dims {
            true => Difference::of_node(&value.data, &standard.data),
            false => Difference::of_shapes(&standard.data),
        };
        (!difference.passed()).then(|| (node.name.clone(), node.op.name(), difference))
    }))
}

#[cfg(test)]
mod tests {
    use super::super::seeded_input;
    use super::*;
    use rexnet_codegen::driver::{Request, Weights};
    use rexnet_ir::diagnostic::Diagnostic;
    use rexnet_ir::graph::Tensor;
    use rexnet_ir::passes::{PIPELINE, Report};

    const LAYER: &str = "features.16";

    /// Doubles the weights of a layer, whatever passes made of it before.
    fn double_weights(graph: &mut Graph, _: &mut Report) -> Result<(), Diagnostic> {
        let of_layer = |name: &&String| name.starts_with(&format!("{LAYER}.conv.weight"));
        let names: Vec<String> = graph.order().into_iter().map(|id| graph.node(id).name.clone()).collect();
        let Some(name) = names.iter().find(of_layer) else { return Ok(()) };
        let Some(weight) = graph.constant(name) else { return Ok(()) };
        let doubled: Vec<f32> = weight.data().iter().map(|value| value * 2.0).collect();
        let Some(tensor) = Tensor::new(weight.dims().to_vec(), doubled) else { return Ok(()) };
        graph.edit().bind(name, tensor)
    }

    fn small() -> Result<Graph, Diagnostics> {
        let request = Request::new("rexnet(width = 0.25, size = 32, classes = 10)", Weights::Own);
        let mut described = driver::describe(&request)?;
        described.bind(&Weights::Seeded(1))?;
        Ok(described.graph)
    }

    #[test]
    fn the_pipeline_keeps_the_meaning() -> Result<(), Diagnostics> {
        let found = bisect(&small()?, PIPELINE, &seeded_input(3 * 32 * 32, 1), &mut |_| {})?;
        assert_eq!(found.passes.len(), PIPELINE.len());
        assert!(found.culprit().is_none() && found.first_divergent.is_none(), "{found:?}");
        assert!(found.passes.iter().any(|check| check.rewrote > 0));
        Ok(())
    }

    #[test]
    fn a_broken_pass_is_named_with_the_node_that_it_broke() -> Result<(), Diagnostics> {
        let broken = Pass::new("double_weights", "doubles the weights of a layer", double_weights);
        for place in [0, 5, PIPELINE.len()] {
            let mut passes = PIPELINE.to_vec();
            passes.insert(place, broken);
            let found = bisect(&small()?, &passes, &seeded_input(3 * 32 * 32, 1), &mut |_| {})?;
            assert_eq!(found.culprit().map(|check| check.pass), Some("double_weights"));
            assert_eq!(found.passes.len(), place + 1);
            let (node, _, _) = found.first_divergent.ok_or(Diagnostics::default())?;
            assert!(node.starts_with(LAYER), "{node}");
        }
        Ok(())
    }
}
