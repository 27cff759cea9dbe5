//! The report as text.

use super::Subject;
use crate::text::{shape, shortened};
use rexnet::verification::{
    Bisection, Closeness, Difference, ExpectedNode, ExpectedNodes, NodeReport, TOLERANCE,
};
use std::io::{self, Write};

/// The most characters of a node's name.
const NAME: usize = 30;

/// Every check; every node if that is wanted, and else the first that differs.
pub(super) fn print(out: &mut impl Write, subject: &Subject, all_nodes: bool) -> io::Result<()> {
    let report = &subject.report;
    writeln!(out, "{}", subject.title)?;
    let (weights, input) = (&subject.weights, &subject.input);
    writeln!(out, "  weights: {weights}; input: {}, images: {}", input.origin, input.batch)?;
    let several = report.checks.iter().any(|check| check.output != report.checks[0].output);
    for check in &report.checks {
        let verdict = verdict(check.difference.passed());
        let (backend, standard) = (check.backend.name(), check.standard.to_string());
        let output = if several { format!("{:<10} ", check.output) } else { String::new() };
        writeln!(out, "  {verdict} {output}{backend:<9} against {standard:<9}  {}", check.difference)?;
    }
    if let Some(nodes) = report.nodes.as_ref().filter(|_| all_nodes) {
        print_nodes(out, nodes, report.first_divergent.as_ref().map(|found| found.node.as_str()))?;
    }
    let over = report.nodes.iter().flatten().filter(|node| !node.passed()).count();
    if over > 0 && report.consistent() && report.first_divergent.is_none() {
        writeln!(
            out,
            "  {over} nodes are over what is allowed; the outputs agree all the same: rounding adds up"
        )?;
    }
    if let Some(found) = &report.first_divergent {
        writeln!(out, "first node that differs: {} ({})", found.node, found.operator)?;
        writeln!(out, "  {found}")?;
    }
    if let Some(bisection) = &report.bisection {
        print_bisection(out, bisection)?;
    }
    if let Some(nodes) = &report.expected_nodes {
        print_expected(out, nodes)?;
    }
    if let Some(explanation) = &subject.explanation {
        write!(out, "against {}: ", explanation.comparison.other_title())?;
        explanation.comparison.print_differences(out)?;
        if let Some(text) = explanation.text(report) {
            writeln!(out, "{text}")?;
        }
    }
    let verdict = if subject.passed() { "verified" } else { "not verified" };
    writeln!(out, "{verdict}: max |error| {:.3e}, {TOLERANCE:e} of the range allowed", report.max_abs_error)
}

fn verdict(passed: bool) -> &'static str {
    if passed { "ok  " } else { "FAIL" }
}

/// The error as a part of what is allowed; infinite where nothing is and there is one.
pub(super) fn share(difference: &Difference) -> f64 {
    match difference.max_abs_error {
        0.0 => 0.0,
        error => error / difference.tolerance,
    }
}

/// `∞` where a number is compared with none.
pub(super) fn ulps(closeness: &Closeness) -> String {
    match closeness.max_ulps {
        u32::MAX => "∞".to_owned(),
        ulps => ulps.to_string(),
    }
}

fn print_nodes(out: &mut impl Write, nodes: &[NodeReport], first: Option<&str>) -> io::Result<()> {
    let backends = nodes.first().map_or(0, |node| node.checks.len());
    let name = "node";
    writeln!(
        out,
        "  {name:<NAME$} {:<18} {:>15} {:<9} {:>10} {:>9} {:>10} {:>12}",
        "operator", "shape", "back end", "max |err|", "allowed", "ULP", "1 - cosine"
    )?;
    for node in nodes {
        // Back ends with the same bits have the same errors.
        let differing =
            node.checks.iter().filter(|check| check.bits.as_ref().is_none_or(|bits| !bits.passed()));
        let alike = node.checks.iter().filter(|check| check.bits.as_ref().is_some_and(Difference::passed));
        let alike = alike.count() + 1;
        for (index, check) in differing.enumerate() {
            let backend = match index {
                0 if alike == backends && backends > 1 => "all",
                _ => check.backend.name(),
            };
            let mark = match first {
                Some(first) if first == node.node && index == 0 => "  <- first that differs",
                _ if !node.passed() => "  over what is allowed",
                _ => "",
            };
            writeln!(
                out,
                "  {:<NAME$} {:<18} {:>15} {backend:<9} {:>10.3e} {:>8.2}% {:>10} {:>12.2e}{mark}",
                shortened(&node.node, NAME),
                node.operator,
                shape(&node.dims),
                check.closeness.max_abs_error,
                100.0 * share(&check.reference),
                ulps(&check.closeness),
                1.0 - check.closeness.cosine,
            )?;
        }
    }
    Ok(())
}

fn print_bisection(out: &mut impl Write, bisection: &Bisection) -> io::Result<()> {
    match (bisection.culprit(), &bisection.first_divergent) {
        (None, _) => {
            let worst = bisection.passes.iter().map(|check| share(&check.difference)).fold(0.0, f64::max);
            let count = bisection.passes.len();
            writeln!(
                out,
                "passes: none of {count} changes what the network means, at most {:.2} % of what is allowed",
                100.0 * worst
            )
        }
        (Some(check), first) => {
            writeln!(out, "passes: {} changes what the network means: {}", check.pass, check.difference)?;
            match first {
                Some((node, operator, difference)) => {
                    writeln!(out, "  the first node that differs: {node} ({operator}), {difference}")
                }
                None => Ok(()),
            }
        }
    }
}

fn print_expected(out: &mut impl Write, nodes: &ExpectedNodes) -> io::Result<()> {
    let differing = nodes.compared.iter().filter(|node| !node.difference.passed()).count();
    writeln!(out, "expected nodes: {} compared, {differing} differ", nodes.compared.len())?;
    if !nodes.unknown.is_empty() {
        let names = nodes.unknown.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
        let more = if nodes.unknown.len() > 3 { ", …" } else { "" };
        writeln!(out, "  {} are none of the network: {names}{more}", nodes.unknown.len())?;
    }
    if let Some(first) = nodes.first_divergent() {
        let ExpectedNode { node, operator, .. } = first;
        writeln!(out, "  first that differs: {node} ({operator}): {first}")?;
        if nodes.suspects.len() > 1 {
            let count = nodes.suspects.len();
            let names = nodes.suspects.iter().take(6).cloned().collect::<Vec<_>>().join(", ");
            let more = if count > 6 { ", …" } else { "" };
            writeln!(out, "  one of these {count} is another: {names}{more}")?;
        }
    }
    Ok(())
}
