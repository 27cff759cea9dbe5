//! Diagnostics for people and for programs.

use crate::network::Net;
use crate::terminal::{Terminal, print_json};
use ariadne::{CharSet, Color, Config, IndexType, Label, Report, ReportKind, Source};
use rexnet::{Diagnostic, Diagnostics, Location};
use serde_json::{Value, json};
use std::io::Write;
use std::ops::Range;

/// The most faults that are printed for people; JSON has all.
const SHOWN: usize = 20;

/// Prints faults on standard error; with `--json` on standard output as `{"errors": […]}` too.
pub(crate) fn print(faults: &Diagnostics, net: Option<&Net>, terminal: &Terminal) {
    print_text(faults, net, terminal);
    if terminal.json {
        // Nothing is left to say it with when this fails.
        let _ = print_json(&json!({ "errors": errors(faults, net) }));
    }
}

/// Prints faults on standard error: drawn in the spec's text where they have a place in it.
pub(crate) fn print_text(faults: &Diagnostics, net: Option<&Net>, terminal: &Terminal) {
    for fault in faults.list.iter().take(SHOWN) {
        match (&fault.location, net) {
            (Location::Span(span), Some(net)) => draw(fault, span, net, terminal),
            _ => terminal.note(&fault.to_string()),
        }
    }
    let more = faults.list.len().saturating_sub(SHOWN);
    if more > 0 {
        terminal.note(&format!("and {more} more; --json lists all"));
    }
}

fn draw(fault: &Diagnostic, span: &Range<usize>, net: &Net, terminal: &Terminal) {
    let span = clamp(&net.text, span);
    let id = net.name.as_str();
    let mut builder = Report::build(ReportKind::Error, (id, span.clone()))
        .with_code(fault.code.code())
        .with_config(
            Config::default()
                .with_index_type(IndexType::Byte)
                .with_char_set(CharSet::Ascii)
                .with_color(terminal.color),
        )
        .with_message(fault.code.title())
        .with_label(Label::new((id, span)).with_message(&fault.cause).with_color(Color::Red));
    if !fault.help.is_empty() {
        builder = builder.with_help(&fault.help);
    }
    let mut text = Vec::new();
    match builder.finish().write((id, Source::from(net.text.as_str())), &mut text) {
        Ok(()) => {
            let _ = std::io::stderr().lock().write_all(&text);
        }
        Err(_) => terminal.note(&fault.to_string()),
    }
}

/// The faults as JSON.
pub(crate) fn errors(faults: &Diagnostics, net: Option<&Net>) -> Vec<Value> {
    faults
        .list
        .iter()
        .map(|fault| {
            let location = match &fault.location {
                Location::None => Value::Null,
                Location::Span(span) => place(span, net),
                Location::Name(name) => json!({ "name": name }),
                Location::File(file) => json!({ "file": file }),
                Location::Line(line) => json!({ "line": line }),
            };
            json!({
                "code": fault.code.code(),
                "location": location,
                "cause": fault.cause,
                "help": fault.help,
            })
        })
        .collect()
}

/// A range of bytes, with file, line and column of its start where the text is known.
fn place(span: &Range<usize>, net: Option<&Net>) -> Value {
    let Some(net) = net else { return json!({ "start": span.start, "end": span.end }) };
    let span = clamp(&net.text, span);
    let before = &net.text[..span.start];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    json!({
        "file": net.name,
        "start": span.start,
        "end": span.end,
        "line": before.matches('\n').count() + 1,
        "column": before[line_start..].chars().count() + 1,
    })
}

/// The span within the text, on boundaries of characters.
fn clamp(text: &str, span: &Range<usize>) -> Range<usize> {
    let start = text.floor_char_boundary(span.start);
    start..text.ceil_char_boundary(span.end).max(start)
}
