//! Everything on one page that needs no other file.

use super::table::{FIGURES, figures, peaks, threads, totals};
use super::{Subject, bars, roofline};
use crate::picture::svg::escaped;
use rexnet::profile::EXPECTED_SHARE;
use std::fmt::Write;

const STYLE: &str =
    "body { font: 14px Helvetica, Arial, 'DejaVu Sans', sans-serif; color: #333; background: #fff;
  max-width: 1000px; margin: 24px auto; }
svg { display: block; max-width: 100%; height: auto; }
table { border-collapse: collapse; font-size: 12px; margin: 16px 0; }
th, td { padding: 2px 7px; text-align: right; border-bottom: 1px solid #e4e4e4; white-space: nowrap; }
th:nth-child(-n+3), td:nth-child(-n+3), dd, dt { text-align: left; }
td:nth-child(3) { font-family: monospace; font-size: 11px; white-space: normal; word-break: break-all; }
tr.below td:last-child { color: #c00000; font-weight: bold; }
dl { display: grid; grid-template-columns: max-content auto; gap: 2px 16px; }
dd { margin: 0; }";

/// The page as HTML.
pub(super) fn page(subject: &Subject) -> String {
    let mut rows = String::new();
    for (index, step) in subject.profile.steps.iter().enumerate() {
        let below = if step.roofline_share() < EXPECTED_SHARE { " class=\"below\"" } else { "" };
        let names =
            format!("<td>{index}</td><td>{}</td><td>{}</td>", escaped(&step.name), escaped(&step.kernel));
        let cells: String =
            figures(subject, step).iter().map(|figure| format!("<td>{figure}</td>")).collect();
        // Writing to a string cannot fail.
        let _ = writeln!(rows, "<tr{below}>{names}{cells}</tr>");
    }
    let titles: String = FIGURES.iter().map(|title| format!("<th>{title}</th>")).collect();
    let facts: String = [("weights", subject.weights.clone())]
        .into_iter()
        .chain(peaks(&subject.profile.peaks))
        .chain(totals(subject))
        .map(|(name, value)| (name.to_owned(), value))
        .chain(threads(subject))
        .map(|(name, value)| format!("<dt>{name}</dt><dd>{}</dd>\n", escaped(&value)))
        .collect();
    let title = escaped(&format!("{}, {}", subject.title, subject.version()));
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{title}</title>\n\
         <style>\n{STYLE}\n</style>\n</head>\n<body>\n{}\n<dl>\n{facts}</dl>\n{}\n\
         <table>\n<tr><th>#</th><th>step</th><th>kernel</th>{titles}</tr>\n{rows}</table>\n\
         <p>KiB: bytes moved once. peak%: of the multiply-add peak. read%: of the bandwidth for as many bytes. \
         roof%: of the step's own roofline, the least time of all its arithmetic and its bytes.</p>\n\
         </body>\n</html>\n",
        roofline::picture(subject),
        bars::picture(subject)
    )
}
