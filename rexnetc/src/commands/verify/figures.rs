//! The report as JSON; docs/verify.md describes it.

use super::Subject;
use rexnet::verification::{
    Bisection, Check, Difference, Divergence, ExpectedNode, ExpectedNodes, NodeCheck, NodeReport, TOLERANCE,
};
use serde_json::{Value, json};

/// Everything that was found.
pub(super) fn to_json(subject: &Subject) -> Value {
    let report = &subject.report;
    let first = report.first_divergent.as_ref();
    let against = subject.explanation.as_ref().map(|explanation| {
        let mut json = explanation.comparison.to_json();
        json["gives_expected"] = json!(explanation.gives_expected);
        json
    });
    json!({
        "passed": subject.passed(),
        "max_abs_error": report.max_abs_error,
        "tolerance_of_range": TOLERANCE,
        "layer": subject.layer(),
        "first_divergent": first.map(|found| &found.node),
        "divergence": first.map(divergence),
        "checks": report.checks.iter().map(check).collect::<Vec<_>>(),
        "nodes": report.nodes.as_ref().map(|nodes| nodes.iter().map(node).collect::<Vec<_>>()),
        "bisection": report.bisection.as_ref().map(bisection),
        "expected_nodes": report.expected_nodes.as_ref().map(expected_nodes),
        "against": against,
        "network": subject.title,
        "input": subject.input.origin,
        "images": subject.input.batch,
        "weights": subject.weights,
        "reason": subject.diagnostic().map(|fault| fault.cause),
    })
}

/// Infinite distances are `null`: JSON has no such number.
fn difference(difference: &Difference) -> Value {
    json!({
        "passed": difference.passed(),
        "max_abs_error": difference.max_abs_error,
        "tolerance": difference.tolerance,
        "different_elements": difference.elements,
    })
}

/// Both objects in one.
fn with(mut object: Value, more: Value) -> Value {
    if let (Value::Object(object), Value::Object(more)) = (&mut object, more) {
        object.extend(more);
    }
    object
}

fn check(check: &Check) -> Value {
    let about = json!({
        "backend": check.backend.name(),
        "output": check.output,
        "against": check.standard.to_string(),
        "different_classes": check.difference.classes,
    });
    with(difference(&check.difference), about)
}

fn divergence(found: &Divergence) -> Value {
    let about = json!({
        "node": found.node,
        "operator": found.operator,
        "fused_with": found.fused_with,
        "backend": found.backend.name(),
        "against": found.standard.to_string(),
    });
    with(difference(&found.difference), about)
}

fn node(node: &NodeReport) -> Value {
    let backend = |check: &NodeCheck| {
        let about = json!({
            "backend": check.backend.name(),
            "max_ulps": check.closeness.max_ulps,
            "cosine": check.closeness.cosine,
            "different_bits": check.bits.as_ref().map(|bits| bits.elements),
        });
        with(difference(&check.reference), about)
    };
    json!({
        "node": node.node,
        "operator": node.operator,
        "shape": node.dims,
        "absorbs": node.absorbs,
        "passed": node.passed(),
        "backends": node.checks.iter().map(backend).collect::<Vec<_>>(),
    })
}

fn bisection(bisection: &Bisection) -> Value {
    let passes = bisection.passes.iter();
    let first = bisection.first_divergent.as_ref().map(|(node, operator, found)| {
        with(difference(found), json!({ "node": node, "operator": operator }))
    });
    json!({
        "culprit": bisection.culprit().map(|check| check.pass),
        "first_divergent": first,
        "passes": passes
            .map(|check| with(difference(&check.difference), json!({ "pass": check.pass, "rewrote": check.rewrote })))
            .collect::<Vec<_>>(),
    })
}

fn expected_nodes(nodes: &ExpectedNodes) -> Value {
    let compared = |node: &ExpectedNode| {
        let about = json!({
            "node": node.node,
            "operator": node.operator,
            "shape": node.dims,
            "expected_shape": node.expected_dims,
            "max_ulps": node.closeness.map(|closeness| closeness.max_ulps),
            "cosine": node.closeness.map(|closeness| closeness.cosine),
        });
        with(difference(&node.difference), about)
    };
    json!({
        "first_divergent": nodes.first_divergent().map(|node| &node.node),
        "suspects": nodes.suspects,
        "unknown": nodes.unknown,
        "compared": nodes.compared.iter().map(compared).collect::<Vec<_>>(),
    })
}
