//! All intermediate values compared, and where a difference begins.

use super::closeness::Closeness;
use super::compare::Difference;
use super::report::{Divergence, NodeCheck, NodeReport, Standard};
use super::{Compile, argument, compilation, rounding};
use crate::jit::{Backend, Model};
use rexnet_codegen::driver::Compilation;
use rexnet_codegen::lower::absorbed;
use rexnet_ir::diagnostic::Diagnostics;
use rexnet_ir::graph::{Graph, NodeId, Op};
use rexnet_ir::reference;
use std::collections::{HashMap, HashSet};

/// The nodes of an optimised graph that compute something.
pub(super) struct Tappable {
    /// In the order of computation. The nodes that [`Op::Relayout`] adds for layouts alone are none of them.
    names: Vec<String>,
    /// The nodes whose values are nowhere, by the node whose kernel computes them on the way.
    absorbed: HashMap<String, String>,
}

impl Tappable {
    pub(super) fn of(compilation: &Compilation) -> Self {
        let graph = &compilation.graph;
        let name = |id| graph.node(id).name.clone();
        let computes = |op: &Op| !matches!(op, Op::Input | Op::Constant | Op::Relayout(_));
        Self {
            names: graph.order().into_iter().filter(|&id| computes(&graph.node(id).op)).map(name).collect(),
            absorbed: absorbed(graph).into_iter().map(|(inner, by)| (name(by), name(inner))).collect(),
        }
    }

    /// Those whose values are in memory, so that looking at them changes no kernel; `and` one more.
    fn taps(&self, and: Option<&str>) -> Vec<String> {
        let hidden = |name: &String| and != Some(name) && self.absorbed.values().any(|other| other == name);
        self.names.iter().filter(|name| !hidden(name)).cloned().collect()
    }
}

/// Every node on every back end beside the reference on `meaning`, by default the optimised graph; and the first that
/// differs.
///
/// Errors add up from node to node. Where the `outputs_agree` with the reference all the same, a node differs when its bits
/// do; else also when it is further from the reference than what is allowed.
///
/// The kernels are those that run without taps. Where one of them computes two nodes and is the first to differ, it is
/// parted: then it is said which of the two differs by itself, or that neither does and their common kernel is wrong.
pub(super) fn compare(
    compile: &Compile<'_>,
    tappable: &Tappable,
    meaning: Option<&Graph>,
    input: &[f32],
    outputs_agree: bool,
) -> Result<(Vec<NodeReport>, Option<Divergence>), Diagnostics> {
    let differs = |node: &&NodeReport| if outputs_agree { !node.has_same_bits() } else { !node.passed() };
    let nodes = reports(&compile(&tappable.taps(None))?, tappable, meaning, input)?;
    let Some(first) = nodes.iter().find(differs) else { return Ok((nodes, None)) };
    let mut divergence = first.divergence();
    if let Some(inner) = &first.absorbs {
        let parted = reports(&compile(&tappable.taps(Some(inner)))?, tappable, meaning, input)?;
        let own = |node: &&NodeReport| node.node == *inner || node.node == first.node;
        match parted.iter().filter(own).find(differs) {
            Some(alone) => divergence = alone.divergence(),
            None => {
                divergence = divergence.map(|found| Divergence { fused_with: Some(inner.clone()), ..found })
            }
        }
    }
    Ok((nodes, divergence))
}

/// All tapped values and the outputs, in the order of computation. The models are of one network with the same taps.
fn reports(
    models: &[(Backend, Model)],
    tappable: &Tappable,
    meaning: Option<&Graph>,
    input: &[f32],
) -> Result<Vec<NodeReport>, Diagnostics> {
    let Some((_, first)) = models.first() else { return Ok(Vec::new()) };
    let graph = match meaning {
        Some(meaning) => meaning,
        None => &compilation(first)?.graph,
    };
    let reference = reference::evaluate(graph, &[input])
        .map_err(|name| argument(&name, "the reference has no value for it".to_owned()))?;
    let mut values: Vec<(Backend, HashMap<String, Vec<f32>>)> = Vec::with_capacity(models.len());
    for (backend, model) in models {
        values.push((*backend, all_values(model, input)?));
    }
    let id_of = |name: &String| graph.find(name);
    let far = |name: &&String| {
        let (Some(exact), Some(id)) = (id_of(name).and_then(|id| reference.get(&id)), id_of(name)) else {
            return None;
        };
        let is_far = |(_, of_backend): &(Backend, HashMap<String, Vec<f32>>)| {
            let value = of_backend.get(*name);
            value.is_some_and(|value| !Difference::of_node(value, &exact.data).passed())
        };
        values.iter().any(is_far).then_some(id)
    };
    let rounded: HashSet<NodeId> = tappable.names.iter().filter_map(|name| far(&name)).collect();
    let rounded = match rounded.is_empty() {
        true => HashMap::new(),
        false => rounding::of_nodes(graph, &[input], &|id| rounded.contains(&id))?,
    };
    let report = |name: &String| {
        let id = graph.find(name)?;
        let exact = &reference.get(&id)?.data;
        let standard = values[0].1.get(name)?;
        let check = |(backend, of_backend): &(Backend, HashMap<String, Vec<f32>>)| {
            let value = of_backend.get(name)?;
            Some(NodeCheck {
                backend: *backend,
                closeness: Closeness::new(value, exact),
                bits: (*backend != values[0].0).then(|| Difference::in_bits(value, standard)),
                reference: match rounded.get(&id) {
                    Some(rounding) => Difference::of_rounded_node(value, exact, rounding),
                    None => Difference::of_node(value, exact),
                },
            })
        };
        Some(NodeReport {
            node: name.clone(),
            operator: graph.node(id).op.name(),
            dims: graph.node(id).ty.dims.clone(),
            absorbs: tappable.absorbed.get(name).cloned(),
            first_backend: values[0].0,
            checks: values.iter().filter_map(check).collect(),
        })
    };
    Ok(tappable.names.iter().filter_map(report).collect())
}

/// The values of the nodes that are outputs or taps.
fn all_values(model: &Model, input: &[f32]) -> Result<HashMap<String, Vec<f32>>, Diagnostics> {
    let mut outputs = super::buffers(model);
    let mut session = model.session()?;
    let mut slices: Vec<&mut [f32]> = outputs.iter_mut().map(Vec::as_mut_slice).collect();
    session.run(&[input], &mut slices)?;
    let graph = &compilation(model)?.graph;
    let mut values = HashMap::new();
    for (output, value) in graph.outputs().iter().zip(outputs) {
        values.insert(source_name(graph, output.node), value);
    }
    for port in &model.program().outputs[model.outputs().len()..] {
        if let Some(tap) = session.tap(&port.name) {
            values.insert(port.name.clone(), tap.data.to_vec());
        }
    }
    Ok(values)
}

/// The name of a node, or of what it only lays out otherwise.
fn source_name(graph: &Graph, mut id: NodeId) -> String {
    while let Op::Relayout(_) = graph.node(id).op {
        id = graph.node(id).operands[0];
    }
    graph.node(id).name.clone()
}

impl NodeReport {
    /// The first comparison that failed.
    fn divergence(&self) -> Option<Divergence> {
        let found = |backend, standard, difference: &Difference| {
            (!difference.passed()).then(|| Divergence {
                node: self.node.clone(),
                operator: self.operator,
                backend,
                standard,
                difference: difference.clone(),
                fused_with: None,
            })
        };
        self.checks.iter().find_map(|check| {
            let bits = check.bits.as_ref();
            bits.and_then(|bits| found(check.backend, Standard::Backend(self.first_backend), bits))
                .or_else(|| found(check.backend, Standard::Reference, &check.reference))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{BACKENDS, Request, compile, seeded_input};
    use super::*;
    use crate::jit::Engine;
    use rexnet_codegen::driver::{self, Taps, Weights};
    use rexnet_codegen::loops;
    use rexnet_ir::graph::Tensor;

    const NET: &str = "rexnet(width = 0.25, size = 32, classes = 10)";

    fn request(input: &[f32]) -> Request<'_> {
        Request { backends: &BACKENDS[..2], ..Request::new(NET, Weights::Seeded(1), input) }
    }

    fn tappable(request: &Request<'_>) -> Result<Tappable, Diagnostics> {
        Ok(Tappable::of(compilation(&compile(request, &[])?[0].1)?))
    }

    #[test]
    fn looking_changes_no_kernel() -> Result<(), Diagnostics> {
        let input = seeded_input(3 * 32 * 32, 1);
        let request = request(&input);
        let tappable = tappable(&request)?;
        assert!(tappable.absorbed.len() > 10);
        let kernels = |taps: &[String]| -> Result<Vec<String>, Diagnostics> {
            let models = compile(&request, taps)?;
            let program = models[0].1.program();
            let steps = program.steps.iter().map(|step| program.kernels[step.kernel].name.clone());
            Ok(steps.filter(|name| !name.starts_with("relayout")).collect())
        };
        // A flattened map that is its operand's memory becomes a copy of its own where it is looked at.
        let mut looked_at = kernels(&tappable.taps(None))?;
        looked_at.retain(|name| !name.starts_with("flatten"));
        assert_eq!(looked_at, kernels(&[])?);
        Ok(())
    }

    #[test]
    fn the_node_whose_weights_differ_is_named() -> Result<(), Diagnostics> {
        let input = seeded_input(3 * 32 * 32, 1);
        let request = request(&input);
        let tappable = tappable(&request)?;
        let models = [None, tappable.absorbed.values().next().map(String::as_str)]
            .map(|and| compile(&request, &tappable.taps(and)));
        let graph = &compilation(&models[0].as_ref().map_err(Clone::clone)?[0].1)?.graph;
        let compile_again = |taps: &[String]| compile(&request, taps);
        let (nodes, found) = compare(&compile_again, &tappable, None, &input, false)?;
        assert!(found.is_none() && nodes.iter().all(NodeReport::passed));
        assert!(nodes.iter().all(|node| node.checks.iter().all(|check| check.closeness.cosine > 0.999_999)));

        let mut named = 0;
        for id in graph.order() {
            let node = graph.node(id);
            let (Op::Conv2d(_), Some(bias)) = (&node.op, graph.constant_operand(id, 2)) else { continue };
            let shifted: Vec<f32> = bias.data().iter().map(|value| value + 1.0).collect();
            let mut meaning = graph.clone();
            if let Some(tensor) = Tensor::new(bias.dims().to_vec(), shifted) {
                meaning.edit().bind(&graph.node(node.operands[2]).name, tensor)?;
            }
            let (_, found) = compare(&compile_again, &tappable, Some(&meaning), &input, false)?;
            let found = found.map(|found| (found.node, found.fused_with));
            assert_eq!(found, Some((node.name.clone(), None)));
            named += 1;
        }
        assert!(named > 30, "{named}");
        Ok(())
    }

    /// Compiles with a deliberate mistake in the kernels that `is_spoiled` chooses by their names.
    fn spoiled(
        taps: &[String],
        is_spoiled: impl Fn(&str) -> bool,
    ) -> Result<Vec<(Backend, Model)>, Diagnostics> {
        let taps = Taps::Named(taps.to_vec());
        let mut compilation =
            driver::compile(driver::Request { taps, ..driver::Request::new(NET, Weights::Seeded(1)) })?;
        for kernel in compilation.program.kernels.iter_mut().filter(|kernel| is_spoiled(&kernel.name)) {
            let text = kernel.to_string();
            let mistake = text.replace("= div(", "= mul(");
            assert_ne!(text, mistake);
            *kernel = loops::parse(&mistake)?;
        }
        Ok(vec![(Backend::Interpret, Engine::with_backend(Backend::Interpret).load(compilation)?)])
    }

    #[test]
    fn a_wrong_fused_kernel_is_named_with_both_its_nodes() -> Result<(), Diagnostics> {
        let input = seeded_input(3 * 32 * 32, 1);
        let request = request(&input);
        let sound = compile(&request, &[])?;
        let program = sound[0].1.program();
        let fused = program.steps.iter().find(|step| program.kernels[step.kernel].name.starts_with("expand"));
        let fused = fused.ok_or_else(|| argument("test", "there is no fused kernel".to_owned()))?;
        let kernel = program.kernels[fused.kernel].name.clone();

        let compile = |taps: &[String]| spoiled(taps, |name| name == kernel);
        let report = super::super::verify_with(&request, &compile, &[], &mut |_| {})?;
        let found =
            report.first_divergent.as_ref().map(|found| (found.node.clone(), found.fused_with.clone()));
        let inner = tappable(&request)?.absorbed[&fused.name].clone();
        assert_eq!(found, Some((fused.name.clone(), Some(inner.clone()))));
        let cause = report.diagnostic().map_or(String::new(), |fault| fault.cause);
        assert!(cause.contains(&format!("the fused kernel of {inner} and {}", fused.name)), "{cause}");
        Ok(())
    }

    #[test]
    fn a_wrong_kernel_of_one_node_is_named() -> Result<(), Diagnostics> {
        let input = seeded_input(3 * 32 * 32, 1);
        let request = request(&input);
        let head = "pointwise_c58_1x320x1x1_silu";
        let compile = |taps: &[String]| spoiled(taps, |name| name == head);
        let report = super::super::verify_with(&request, &compile, &[], &mut |_| {})?;
        let found = report.first_divergent.map(|found| (found.node, found.fused_with));
        assert_eq!(found, Some(("features.16".to_owned(), None)));
        Ok(())
    }
}
