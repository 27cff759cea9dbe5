//! Diagnostics for people and for programs.

use crate::arguments::MessageFormat;
use crate::origin::Origin;
use crate::terminal::{Terminal, print_json};
use ariadne::{CharSet, Color, Config, IndexType, Label, Report, ReportKind, Source};
use rexnet::{Diagnostic, Diagnostics, Location};
use serde_json::{Value, json};
use std::io::Write;
use std::ops::Range;

/// The most faults that are printed for people; JSON has all.
const SHOWN: usize = 20;

/// Prints faults on standard error; with `--json` on standard output as `{"errors": […]}` too.
pub(crate) fn print(faults: &Diagnostics, origin: Option<&Origin>, terminal: &Terminal) {
    print_text(faults, origin, terminal);
    if terminal.json {
        // Nothing is left to say it with when this fails.
        let _ = print_json(&json!({ "errors": errors(faults, origin) }));
    }
}

/// Prints faults on standard error: drawn in the text where they have a place in it, with the name of a binary file
/// before those of its nodes; or each as JSON on a line of its own.
pub(crate) fn print_text(faults: &Diagnostics, origin: Option<&Origin>, terminal: &Terminal) {
    if terminal.messages == MessageFormat::Json {
        let told = errors(faults, origin);
        return told.iter().for_each(|error| terminal.note(&error.to_string()));
    }
    for fault in faults.list.iter().take(SHOWN) {
        match origin {
            Some(Origin { name, text: Some(text) }) if let Location::Span(span) = &fault.location => {
                draw(fault, span, name, text, terminal);
            }
            Some(Origin { name, text: None }) => terminal.note(&in_file(fault, name).to_string()),
            Some(_) | None => terminal.note(&fault.to_string()),
        }
    }
    let more = faults.list.len().saturating_sub(SHOWN);
    if more > 0 {
        terminal.note(&format!("and {more} more; --json lists all"));
    }
}

/// The fault with the file's name in its location.
fn in_file(fault: &Diagnostic, file: &str) -> Diagnostic {
    let location = match &fault.location {
        Location::None => Location::File(file.to_owned()),
        Location::Name(name) => Location::File(format!("{file}: {name}")),
        other => other.clone(),
    };
    Diagnostic { location, ..fault.clone() }
}

fn draw(fault: &Diagnostic, span: &Range<usize>, id: &str, text: &str, terminal: &Terminal) {
    let span = clamp(text, span);
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
    let mut drawing = Vec::new();
    match builder.finish().write((id, Source::from(text)), &mut drawing) {
        Ok(()) => {
            let _ = std::io::stderr().lock().write_all(&drawing);
        }
        Err(_) => terminal.note(&fault.to_string()),
    }
}

/// The faults as JSON.
pub(crate) fn errors(faults: &Diagnostics, origin: Option<&Origin>) -> Vec<Value> {
    let file = origin.filter(|origin| origin.text.is_none()).map(|origin| &origin.name);
    faults
        .list
        .iter()
        .map(|fault| {
            let location = match &fault.location {
                Location::None => file.map_or(Value::Null, |file| json!({ "file": file })),
                Location::Span(span) => place(span, origin),
                Location::Name(name) => match file {
                    Some(file) => json!({ "file": file, "name": name }),
                    None => json!({ "name": name }),
                },
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
fn place(span: &Range<usize>, origin: Option<&Origin>) -> Value {
    let Some(Origin { name, text: Some(text) }) = origin else {
        return json!({ "start": span.start, "end": span.end });
    };
    let span = clamp(text, span);
    let before = &text[..span.start];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    json!({
        "file": name,
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
