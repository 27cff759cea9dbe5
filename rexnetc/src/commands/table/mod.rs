//! `rexnetc table [NET…]`.

mod channels;
mod figures;
mod latency;
mod listing;
mod markdown;
mod published;
mod rows;

use crate::arguments::threads;
use crate::facts::STAND_IN;
use crate::failure::{Exit, Failure};
use crate::file;
use crate::terminal::{Terminal, print_json};
use crate::text::grouped;
use clap::Args;
use latency::{Measurement, measure};
use rexnet::Diagnostic;
use rows::{Row, TABLE_1};
use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Recount table 1 of the paper.
///
/// The networks of table 1 of "Rethinking Channel Dimensions for Efficient Model Design" (CVPR 2021): channels,
/// parameters and multiply-accumulates counted from their specs, beside the published figures, and times measured here.
/// Where a count and a figure disagree, a note says why. Accuracies are quoted.
#[derive(Args, Debug)]
pub(crate) struct TableArguments {
    /// Further networks, as rows below the published ones: specs, or .rexnet files.
    #[arg(value_name = "NET")]
    nets: Vec<OsString>,
    /// The given networks alone.
    #[arg(long, requires = "nets", conflicts_with = "family")]
    only_given: bool,
    /// The ReXNet family, in every published width, and EfficientNet-Lite, too.
    #[arg(long)]
    family: bool,
    /// Print Markdown.
    #[arg(long, conflicts_with = "json")]
    markdown: bool,
    /// Where files go: a directory for table.md and channels.svg, a picture of the channels of all blocks; or a file that
    /// ends in .md or .svg.
    #[arg(short, long, value_name = "DIR|FILE")]
    output: Option<PathBuf>,
    /// Measure no times.
    #[arg(long, conflicts_with_all = ["iters", "threads"])]
    no_latency: bool,
    /// Timed runs of each network.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    iters: u32,
    /// Threads that share each run; 0 for as many as there are physical cores.
    #[arg(long, value_name = "N", default_value = "1", value_parser = threads)]
    threads: usize,
}

/// The networks, and how their times were measured, if they were.
struct Table {
    rows: Vec<Row>,
    measurement: Option<Measurement>,
}

impl Table {
    /// The names of the sections, in order, with their rows.
    fn sections(&self) -> impl Iterator<Item = (&'static str, &[Row])> {
        self.rows
            .chunk_by(|a, b| a.record.section == b.record.section)
            .map(|rows| (rows[0].record.section, rows))
    }

    /// Whether the networks of table 1 are in it.
    fn has_table_1(&self) -> bool {
        self.rows.iter().any(|row| row.record.section == TABLE_1)
    }

    /// The rows that a reader must know something of, as [`Row::remarks`] says it; the place in this list is their
    /// number, from 1.
    fn remarks(&self) -> Vec<(&Row, String)> {
        let remark = |row| Some((row, Row::remarks(row).join(" "))).filter(|(_, remark)| !remark.is_empty());
        self.rows.iter().filter_map(remark).collect()
    }

    /// The number of a row's remark.
    fn number(&self, row: &Row) -> Option<usize> {
        let place = self.remarks().iter().position(|(other, _)| std::ptr::eq(*other, row))?;
        Some(place + 1)
    }

    /// What is true of all rows, a sentence each.
    fn legend(&self) -> Vec<String> {
        let mut legend = vec![
            "Parameters: weights, biases, and scale and bias of batch norms. MACs: multiply-accumulates of convolutions \
             and dense layers."
                .to_owned(),
            "Counts agree where each is what is published, to the last digit that is printed. Top-1 accuracies are \
             quoted: nobody can count them. Channels are those of the stem and of every block."
                .to_owned(),
        ];
        if self.rows.iter().any(|row| !row.is_the_row()) {
            legend.push(
                "Names that are indented, or in italics, are variants, not rows of a published table."
                    .to_owned(),
            );
        }
        if self.rows.iter().any(|row| row.network.stand_in) {
            legend.push(format!("A stand-in is {STAND_IN}."));
        }
        if let Some(Measurement { target, threads, runs }) = self.measurement {
            let threads = if threads == 1 { "1 thread".to_owned() } else { format!("{threads} threads") };
            legend.push(format!(
                "Times: minimum and median of {runs} runs in ms, batch 1, {threads}, machine code made at run time \
                 ({target}), on the machine that printed this; weights are seeded, answers mean nothing."
            ));
        }
        legend
    }
}

/// Counts, measures, prints and draws.
pub(crate) fn table(arguments: &TableArguments, terminal: &Terminal) -> Result<Exit, Failure> {
    let mut rows = if arguments.only_given { Vec::new() } else { Row::published(arguments.family)? };
    for net in &arguments.nets {
        rows.push(Row::given(net)?);
    }
    let products = arguments.output.as_deref().map(products).transpose()?.unwrap_or_default();
    let measurement = match arguments.no_latency {
        true => None,
        false => Some(measure(&mut rows, arguments.threads, arguments.iters, terminal)?),
    };
    let table = Table { rows, measurement };

    let mut files = Vec::new();
    let picture = products.iter().find(|(_, product)| *product == Product::Picture).map(|(path, _)| path);
    let picture = picture.and_then(|path| path.file_name()).map(|name| name.to_string_lossy().into_owned());
    for (path, product) in &products {
        let text = match product {
            Product::Picture => channels::picture(&table.rows),
            Product::Markdown => markdown::document(&table, picture.as_deref()),
        };
        file::write(path, text.as_bytes())?;
        files.push((path.clone(), text.len()));
    }
    if terminal.json {
        print_json(&figures::to_json(&table, &files))?;
        return Ok(Exit::Done);
    }
    let mut out = std::io::stdout().lock();
    if arguments.markdown {
        write!(out, "{}", markdown::document(&table, None))?;
        return Ok(Exit::Done);
    }
    listing::print(&table, &mut out)?;
    for (path, bytes) in &files {
        writeln!(out, "  {:>12} bytes  {}", grouped(*bytes as u64), path.display())?;
    }
    Ok(Exit::Done)
}

/// A kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Product {
    /// The table as Markdown.
    Markdown,
    /// The channels of all blocks, as SVG.
    Picture,
}

/// The files to write. A directory is made where there is none, before time is spent on measuring.
///
/// # Errors
/// `RX0701` when there can be no such directory.
fn products(output: &Path) -> Result<Vec<(PathBuf, Product)>, Diagnostic> {
    let ending = output.extension().and_then(|ending| ending.to_str());
    let (directory, products) = match ending {
        Some("md") => (output.parent(), vec![(output.to_path_buf(), Product::Markdown)]),
        Some("svg") => (output.parent(), vec![(output.to_path_buf(), Product::Picture)]),
        Some(_) | None => {
            let table = (output.join("table.md"), Product::Markdown);
            (Some(output), vec![table, (output.join("channels.svg"), Product::Picture)])
        }
    };
    if let Some(directory) = directory.filter(|directory| *directory != Path::new("")) {
        file::make_directory(directory)?;
    }
    Ok(products)
}
