//! The table for terminals.

use super::Table;
use super::rows::Row;
use crate::text::{millions, shortened, thousandths_of_millions, wrapped};
use std::io::{self, Write};

/// The columns of a terminal that are used.
const WIDTH: usize = 110;

/// Prints two lines a network, then the remarks, in at most 110 columns but for long schedules.
pub(super) fn print(table: &Table, out: &mut impl Write) -> io::Result<()> {
    for (section, rows) in table.sections() {
        heading(section, table.measurement.is_some(), out)?;
        for row in rows {
            line(table, row, out)?;
        }
        writeln!(out)?;
    }
    let remarks = table.remarks();
    for (index, (row, remark)) in remarks.iter().enumerate() {
        let text = format!("[{}] {}: {remark}", index + 1, row.name);
        writeln!(out, "{}", wrapped(&text, WIDTH, 4))?;
    }
    if !remarks.is_empty() {
        writeln!(out)?;
    }
    for sentence in table.legend() {
        writeln!(out, "{}", wrapped(&sentence, WIDTH, 0))?;
    }
    Ok(())
}

fn heading(section: &str, timed: bool, out: &mut impl Write) -> io::Result<()> {
    let [over, times] = if timed {
        [" ".repeat(10) + "ms a run", format!(" {:>8} {:>8}", "min", "median")]
    } else {
        Default::default()
    };
    let parts = format!("{section:<36} {:>18} {:>18}  {:<8}{over}", "parameters", "MACs", "counts");
    writeln!(out, "{}", parts.trim_end())?;
    let counted = format!("{:>10} {:>7}", "counted", "publ.");
    let parts = format!("{:<28} {:>7} {counted} {counted}  {:<8}{times}", "network", "top-1 %", "agree");
    writeln!(out, "{}", parts.trim_end())
}

fn line(table: &Table, row: &Row, out: &mut impl Write) -> io::Result<()> {
    let published = |figure: Option<&'static str>| figure.unwrap_or("–");
    let name = match (row.is_the_row(), row.network.stand_in) {
        (false, _) => format!("  {}", row.name),
        (true, true) => format!("{} (stand-in)", row.name),
        (true, false) => row.name.clone(),
    };
    let number = table.number(row).map_or(String::new(), |number| format!(" [{number}]"));
    let verdict = format!("{}{number}", row.verdict().word());
    let times =
        row.latency.map_or(String::new(), |latency| format!(" {:>8.3} {:>8.3}", latency.min, latency.median));
    let parts = format!(
        "{:<28} {:>7} {:>10} {:>7} {:>10} {:>7}  {verdict:<8}{times}",
        shortened(&name, 28),
        published(row.record.top_1),
        thousandths_of_millions(row.counts.parameters),
        published(row.record.parameters),
        millions(row.counts.multiply_accumulates),
        published(row.record.macs),
    );
    writeln!(out, "{}\n    {}: {}", parts.trim_end(), row.call, row.schedule())
}
