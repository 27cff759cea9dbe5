//! The table as Markdown.

use super::Table;
use super::rows::Row;
use crate::text::{millions, thousandths_of_millions};
use std::fmt::Write;

/// A document of its own; with the picture, if that lies beside it.
pub(super) fn document(table: &Table, picture: Option<&str>) -> String {
    let title = if table.has_table_1() { "Table 1, recounted" } else { "Networks, counted" };
    let mut text = format!(
        "# {title}\n\nCounted from specs by `rexnetc table`, beside what is published. Table 1 is that of\n\
         \"Rethinking Channel Dimensions for Efficient Model Design\" (CVPR 2021).\n"
    );
    if let Some(picture) = picture {
        text += &format!("\n![Channels of each block: in stages, or growing with the block]({picture})\n");
    }
    for (section, rows) in table.sections() {
        text += &format!("\n## {section}\n\n");
        heading(table.measurement.is_some(), &mut text);
        for row in rows {
            line(table, row, &mut text);
        }
    }
    let remarks = table.remarks();
    if !remarks.is_empty() {
        text += "\n## Remarks\n\n";
    }
    for (index, (row, remark)) in remarks.iter().enumerate() {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}. **{}**: {remark}", index + 1, row.name);
    }
    text += "\n## How to read it\n\n";
    for sentence in table.legend() {
        let _ = writeln!(text, "- {sentence}");
    }
    text
}

fn heading(timed: bool, text: &mut String) {
    let times = if timed { " min ms | median ms |" } else { "" };
    let rule = if timed { " ---: | ---: |" } else { "" };
    let _ = writeln!(
        text,
        "| network | spec | channels: stem / blocks | top-1 % | parameters | published | MACs | published | agree |{times}"
    );
    let _ = writeln!(text, "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | --- |{rule}");
}

fn line(table: &Table, row: &Row, text: &mut String) {
    let published = |figure: Option<&'static str>| figure.unwrap_or("–");
    let name = match (row.is_the_row(), row.network.stand_in) {
        (false, _) => format!("*{}*", escaped(&row.name)),
        (true, true) => format!("{}, stand-in", escaped(&row.name)),
        (true, false) => escaped(&row.name),
    };
    let number = table.number(row).map_or(String::new(), |number| format!(" ({number})"));
    let _ = write!(
        text,
        "| {name} | `{}` | {} | {} | {} | {} | {} | {} | {}{number} |",
        escaped(&row.call),
        row.schedule(),
        published(row.record.top_1),
        thousandths_of_millions(row.counts.parameters),
        published(row.record.parameters),
        millions(row.counts.multiply_accumulates),
        published(row.record.macs),
        row.verdict().word(),
    );
    if let Some(latency) = row.latency {
        let _ = write!(text, " {:.3} | {:.3} |", latency.min, latency.median);
    }
    text.push('\n');
}

/// What the user typed must not end a cell.
fn escaped(text: &str) -> String {
    text.replace(['|', '`', '\n', '\r'], " ")
}
