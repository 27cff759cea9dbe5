//! The report on one page that needs no other file.

use super::Subject;
use super::text::{share, ulps};
use crate::picture::svg::escaped;
use crate::text::shape;
use rexnet::verification::{Bisection, Check, Difference, ExpectedNodes, NodeReport, Standard, TOLERANCE};
use std::fmt::Write;

const STYLE: &str = include_str!("page.css");

/// The page as HTML.
pub(super) fn page(subject: &Subject) -> String {
    let title = escaped(&subject.title);
    let body = [
        head(subject),
        checks(subject),
        against(subject),
        subject.report.expected_nodes.as_ref().map_or(String::new(), expected_nodes),
        subject.report.bisection.as_ref().map_or(String::new(), bisection),
        subject.report.nodes.as_ref().map_or(String::new(), |nodes| table_of_nodes(subject, nodes)),
        legend(),
    ]
    .concat();
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>verify: {title}</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n{body}</body>\n</html>\n"
    )
}

/// The verdict, the reason, and what was verified.
fn head(subject: &Subject) -> String {
    let (class, verdict) = if subject.passed() { ("ok", "verified") } else { ("bad", "not verified") };
    let layer = match (subject.passed(), subject.layer()) {
        (false, Some(layer)) => format!("<p class=\"layer\">layer <code>{}</code></p>\n", escaped(layer)),
        _ => String::new(),
    };
    let reason = match subject.diagnostic() {
        Some(fault) => escaped(&fault.cause),
        None => summary(subject),
    };
    let facts: String = [
        ("weights", subject.weights.clone()),
        ("input", subject.input.origin.clone()),
        ("images", subject.input.batch.to_string()),
    ]
    .iter()
    .map(|(name, value)| format!("<dt>{name}</dt><dd>{}</dd>", escaped(value)))
    .collect();
    format!(
        "<header class=\"{class}\">\n<p class=\"verdict\">{verdict}</p>\n<h1>{}</h1>\n{layer}<p>{reason}</p>\n</header>\n\
         <dl>{facts}</dl>\n",
        escaped(&subject.title)
    )
}

/// What was found, where all is well.
fn summary(subject: &Subject) -> String {
    let report = &subject.report;
    let several = report.checks.iter().any(|check| matches!(check.standard, Standard::Backend(_)));
    let bits = if several { "All back ends give the same bits. " } else { "" };
    let expected = report.checks.iter().any(|check| check.standard == Standard::Expected);
    let standards = if expected { "the reference and from what is expected" } else { "the reference" };
    let worst = report.checks.iter().map(|check| share(&check.difference)).filter(|share| share.is_finite());
    format!(
        "{bits}The greatest distance from {standards} is {}, {:.2} % of what is allowed.",
        number(report.max_abs_error),
        100.0 * worst.fold(0.0, f64::max)
    )
}

/// A small number.
fn number(value: f64) -> String {
    if value == 0.0 { "0".to_owned() } else { format!("{value:.2e}") }
}

/// How far an error fills its bar, which is logarithmic: from a millionth of what is allowed to a thousand times that.
fn filled(share: f64) -> f64 {
    const DECADES: [f64; 2] = [-6.0, 3.0];
    if share == 0.0 {
        return 0.0;
    }
    let place = (share.log10() - DECADES[0]) / (DECADES[1] - DECADES[0]);
    (100.0 * place).clamp(1.0, 100.0)
}

/// A bar with a mark at what is allowed, and the numbers for who points at it.
fn bar(difference: &Difference) -> String {
    let class = if difference.passed() { "bar" } else { "bar over" };
    let width = filled(share(difference));
    format!(
        "<span class=\"{class}\" title=\"{}\"><i style=\"width:{width:.1}%\"></i></span>",
        escaped(&difference.to_string())
    )
}

fn sign(passed: bool) -> &'static str {
    if passed { "<td class=\"sign\">✓</td>" } else { "<td class=\"sign no\">✗</td>" }
}

/// Of what is over the tolerance, and no failure.
const OVER: &str = "<td class=\"sign over\">!</td>";

fn row_class(passed: bool) -> &'static str {
    if passed { "" } else { " class=\"no\"" }
}

fn checks(subject: &Subject) -> String {
    let report = &subject.report;
    let row = |check: &Check| {
        let Check { backend, output, standard, difference } = check;
        let passed = difference.passed();
        let bits = difference.tolerance == 0.0 && passed;
        let measure = if bits { "<span class=\"bits\">same bits</span>".to_owned() } else { bar(difference) };
        let error = if bits { String::new() } else { number(difference.max_abs_error) };
        format!(
            "<tr{}>{}<td>{}</td><td>{}</td><td>{standard}</td><td>{measure}</td><td class=\"number\">{error}</td></tr>\n",
            row_class(passed),
            sign(passed),
            escaped(output),
            backend.name(),
        )
    };
    let rows: String = report.checks.iter().map(row).collect();
    format!(
        "<section>\n<h2>Outputs</h2>\n<table>\n<tr><th></th><th>output</th><th>back end</th><th>against</th>\
         <th class=\"wide\">error</th><th class=\"number\">max</th></tr>\n{rows}</table>\n</section>\n"
    )
}

fn bisection(bisection: &Bisection) -> String {
    let mut rows = String::new();
    for check in &bisection.passes {
        let passed = check.difference.passed();
        // Writing to a string cannot fail.
        let _ = writeln!(
            rows,
            "<tr{}>{}<td>{}</td><td class=\"number\">{}</td><td>{}</td><td class=\"number\">{}</td></tr>",
            row_class(passed),
            sign(passed),
            check.pass,
            if check.rewrote == 0 { "–".to_owned() } else { check.rewrote.to_string() },
            bar(&check.difference),
            number(check.difference.max_abs_error),
        );
    }
    let verdict = match (bisection.culprit(), &bisection.first_divergent) {
        (None, _) => "No pass changes what the network means.".to_owned(),
        (Some(check), Some((node, operator, difference))) => format!(
            "<strong>{}</strong> changes what the network means, first in <code>{}</code> ({operator}): {}",
            check.pass,
            escaped(node),
            escaped(&difference.to_string())
        ),
        (Some(check), None) => format!("<strong>{}</strong> changes what the network means.", check.pass),
    };
    format!(
        "<section>\n<h2>Passes</h2>\n<p>{verdict}</p>\n<table>\n<tr><th></th><th>after</th>\
         <th class=\"number\">rewrote</th><th class=\"wide\">error of the outputs</th><th class=\"number\">max</th></tr>\n{rows}</table>\n\
         </section>\n"
    )
}

fn expected_nodes(nodes: &ExpectedNodes) -> String {
    let mut rows = String::new();
    let first = nodes.first_divergent().map(|node| &node.node);
    for node in &nodes.compared {
        let passed = node.difference.passed();
        let measure = |closeness: fn(&rexnet::verification::Closeness) -> String| {
            node.closeness.as_ref().map_or("other shape".to_owned(), closeness)
        };
        let _ = writeln!(
            rows,
            "<tr{}>{}<td><code>{}</code>{}</td><td>{}</td><td class=\"number\">{}</td><td>{}</td>\
             <td class=\"number\">{}</td><td class=\"number\">{}</td></tr>",
            row_class(passed),
            sign(passed),
            escaped(&node.node),
            if first == Some(&node.node) { FIRST } else { "" },
            node.operator,
            shape(&node.dims),
            bar(&node.difference),
            measure(ulps),
            measure(|closeness| number(1.0 - closeness.cosine)),
        );
    }
    let mut notes = String::new();
    if nodes.suspects.len() > 1 {
        let names: Vec<String> =
            nodes.suspects.iter().map(|name| format!("<code>{}</code>", escaped(name))).collect();
        let _ = writeln!(notes, "<p>One of these is another layer: {}</p>", names.join(", "));
    }
    if !nodes.unknown.is_empty() {
        let _ = writeln!(notes, "<p>{} expected values are none of the network.</p>", nodes.unknown.len());
    }
    format!(
        "<section>\n<h2>Expected values of nodes, beside the reference</h2>\n{notes}<table>\n{}{rows}</table>\n</section>\n",
        heads("")
    )
}

const FIRST: &str = " <span class=\"first\">first</span>";

/// The heads of a table of nodes.
fn heads(more: &str) -> String {
    format!(
        "<tr><th></th><th>node</th><th>operator</th><th class=\"number\">shape</th>{more}<th class=\"wide\">error</th>\
         <th class=\"number\">ULP</th><th class=\"number\">1 − cosine</th></tr>\n"
    )
}

fn against(subject: &Subject) -> String {
    let Some(explanation) = &subject.explanation else { return String::new() };
    let comparison = &explanation.comparison;
    let line = |[layer, names, cause]: &[String; 3]| {
        let [layer, names, cause] = [layer, names, cause].map(|text| escaped(text));
        format!("<tr><td><code>{layer}</code></td><td><code>{names}</code></td><td>{cause}</td></tr>\n")
    };
    let rows: String = comparison.lines().iter().map(line).collect();
    let table = match rows.as_str() {
        "" => String::new(),
        rows => {
            format!("<table>\n<tr><th>layer</th><th>what differs</th><th>how</th></tr>\n{rows}</table>\n")
        }
    };
    let text = explanation
        .text(&subject.report)
        .map_or(String::new(), |text| format!("<p>{}</p>\n", escaped(&text)));
    let only: String = comparison
        .only_in_one()
        .iter()
        .map(|(title, names)| {
            format!("<p>Only in {}: <code>{}</code></p>\n", escaped(title), escaped(&names.join(", ")))
        })
        .collect();
    format!(
        "<section>\n<h2>Against {}</h2>\n<p>{}</p>\n{text}{table}{only}</section>\n",
        escaped(comparison.other_title()),
        escaped(&comparison.verdict()),
    )
}

fn table_of_nodes(subject: &Subject, nodes: &[NodeReport]) -> String {
    let first = subject.report.first_divergent.as_ref();
    // Errors add up from node to node, and decide nothing where the outputs agree.
    let excused = subject.report.consistent() && first.is_none();
    let mut rows = String::new();
    for node in nodes {
        let is_first = first.is_some_and(|found| found.node == node.node);
        let absorbs = match &node.absorbs {
            Some(inner) => format!("<br><small>with <code>{}</code></small>", escaped(inner)),
            None => String::new(),
        };
        // Back ends with the same bits have the same errors.
        let same_bits = node.has_same_bits();
        let shown = if same_bits { 1 } else { node.checks.len() };
        for check in node.checks.iter().take(shown) {
            let passed = check.reference.passed() && check.bits.as_ref().is_none_or(Difference::passed);
            let backend = if same_bits && node.checks.len() > 1 { "all" } else { check.backend.name() };
            let bits = match &check.bits {
                Some(bits) if !bits.passed() => {
                    format!(" <span class=\"first\">{} other bits</span>", bits.elements)
                }
                _ => String::new(),
            };
            let _ = writeln!(
                rows,
                "<tr{}>{}<td><code>{}</code>{}{absorbs}</td><td>{}</td><td class=\"number\">{}</td><td>{backend}{bits}</td>\
                 <td>{}</td><td class=\"number\">{}</td><td class=\"number\">{}</td></tr>",
                row_class(passed || excused),
                if !passed && excused { OVER } else { sign(passed) },
                escaped(&node.node),
                if is_first { FIRST } else { "" },
                node.operator,
                shape(&node.dims),
                bar(&check.reference),
                ulps(&check.closeness),
                number(1.0 - check.closeness.cosine),
            );
        }
    }
    format!(
        "<section>\n<h2>Nodes of the optimised graph, beside the reference</h2>\n<table>\n{}{rows}</table>\n</section>\n",
        heads("<th>back end</th>")
    )
}

fn legend() -> String {
    format!(
        "<footer>\n<p>Bars are logarithmic, a decade a mark. The line is what is allowed: {TOLERANCE:e} of the range of the \
         standard, or what rounding to f32 does to the value where that is more. ULP: how many representable numbers \
         lie between a value and the reference's, rounded; around zero \
         numbers are dense, and many ULP are no harm. Cosine: of the angle between all values of a node and the \
         reference's; 0 is no angle at all. A node with a mark of exclamation is over \
         what is allowed though the outputs agree: rounding adds up from node to node. One <em>with</em> another shares a kernel with it, and the other's values are nowhere.</p>\n</footer>\n"
    )
}
