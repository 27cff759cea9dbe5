//! `rexnetc study rank`.

use super::figure::figure;
use super::layer::{EXPANSION, Form, Nonlinearity, SIDE, Sample, WIDTHS, nonlinearities};
use super::parallel::in_order;
use super::points::{MEASURES, Measured, Point, RATIOS, Spread, points};
use super::spectrum::TOLERANCE;
use super::table::{fixed, number, write_csv, write_files};
use crate::arguments::threads;
use crate::failure::{Exit, Failure};
use crate::picture::canvas;
use crate::terminal::{Terminal, print_json};
use clap::Args;
use rexnet::{Diagnostics, Engine};
use serde_json::{Value, json};
use std::io::{self, Write};
use std::path::PathBuf;

/// Of a point that the user leaves alone: 10,080 networks in all.
const NETWORKS: &str = "42";
/// The most networks of a point.
const MAX_NETWORKS: u64 = 10_000;

/// The rank of what layers made at random give, by how much they expand and by their nonlinearity.
///
/// Layers of three forms (a convolution of 1×1, one of 3×3, an inverted bottleneck with a depthwise 3×3 that expands six
/// times) with weights and inputs of the normal distribution, between 32 and 256 output channels, on maps of 32×32. A
/// layer's rank ratio is the number of singular values of its output above 0.05 of the largest, by its channels; beside it
/// stands the effective rank, the exponential of the entropy of the singular values, by the channels too, which has no
/// threshold. All nonlinearities see the same layers.
///
/// Written are rank.csv and rank.json with mean and standard deviation of each point, networks.csv with every network, and
/// the curves, rank.svg and rank.png.
#[derive(Args, Debug)]
pub(super) struct RankArguments {
    /// Networks of each point: of each form, ratio and nonlinearity.
    #[arg(long, value_name = "PER_POINT", default_value = NETWORKS,
          value_parser = clap::value_parser!(u64).range(1..=MAX_NETWORKS))]
    networks: u64,
    /// What is drawn depends on this only.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Threads that make networks; 0 for as many as there are physical cores. Results do not depend on it.
    #[arg(long, value_name = "N", default_value = "0", value_parser = threads)]
    threads: usize,
    /// A directory for the files.
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
}

/// Makes the networks, and writes what they give.
pub(super) fn rank(arguments: &RankArguments, terminal: &Terminal) -> Result<Exit, Failure> {
    // Before the work, so that what cannot be written is known early.
    crate::file::make_directory(&arguments.output)?;
    let nonlinearities = nonlinearities();
    let per_point = arguments.networks as usize;
    let jobs = Form::ALL.len() * RATIOS.count() * per_point;
    let bar = terminal.bar(jobs * nonlinearities.len());
    let engine = Engine::new();
    let measured = in_order(jobs, arguments.threads, |job| {
        let measured = run(arguments, job, &nonlinearities, &engine);
        bar.inc(nonlinearities.len() as u64);
        measured
    });
    bar.finish_and_clear();
    let measured = measured?;
    let points = points(&measured, nonlinearities.len());
    let record = to_json(arguments, &points, &nonlinearities);
    let (svg, png) = canvas::draw(super::figure::SIZE, |canvas| figure(canvas, &points, &nonlinearities))
        .map_err(io::Error::from)?;
    write_files(
        &arguments.output,
        &[
            ("rank.csv", points_csv(&points, &nonlinearities)?),
            ("networks.csv", networks_csv(&measured, &nonlinearities)?),
            ("rank.json", format!("{record:#}\n").into_bytes()),
            ("rank.svg", svg.into_bytes()),
            ("rank.png", png),
        ],
    )?;
    if terminal.json {
        print_json(&record)?;
    } else {
        print(&points, &nonlinearities)?;
        let networks = measured.len() * nonlinearities.len();
        terminal
            .note(&format!("{networks} networks; tables and curves are in {}", arguments.output.display()));
    }
    Ok(Exit::Done)
}

/// The layer of a job, with each nonlinearity. What is drawn depends on the number of the job alone.
fn run(
    arguments: &RankArguments,
    job: usize,
    nonlinearities: &[Nonlinearity],
    engine: &Engine,
) -> Result<Measured, Diagnostics> {
    let per_point = arguments.networks as usize;
    let place = job / per_point;
    let form = Form::ALL[place / RATIOS.count()];
    let ratio = RATIOS.start() + place % RATIOS.count();
    // With more networks a point, those that were drawn with fewer stay the same.
    let network = (job % per_point) as u64;
    let stream = place as u64 * MAX_NETWORKS + network;
    let sample = Sample::draw(form, ratio as f64 / 10.0, arguments.seed, [network, stream]);
    let ranks = nonlinearities.iter().map(|&(_, function)| sample.ranks(function, engine));
    Ok(Measured {
        form,
        ratio,
        input_channels: sample.input_channels,
        output_channels: sample.output_channels,
        ranks: ranks.collect::<Result<_, _>>()?,
    })
}

fn points_csv(points: &[Point], nonlinearities: &[Nonlinearity]) -> io::Result<Vec<u8>> {
    let columns = [
        "form",
        "ratio",
        "nonlinearity",
        "rank_ratio_mean",
        "rank_ratio_deviation",
        "effective_rank_ratio_mean",
        "effective_rank_ratio_deviation",
    ];
    let rows = points.iter().map(|point| {
        let (rank, effective) = (point.rank, point.effective);
        let spreads = [rank.mean, rank.deviation, effective.mean, effective.deviation].map(fixed);
        let name = nonlinearities[point.nonlinearity].0;
        [&[point.form.name().to_owned(), format!("{:.1}", point.ratio), name.to_owned()][..], &spreads]
            .concat()
    });
    write_csv(&columns, rows)
}

fn networks_csv(measured: &[Measured], nonlinearities: &[Nonlinearity]) -> io::Result<Vec<u8>> {
    let columns =
        ["form", "ratio", "input_channels", "output_channels", "nonlinearity", "rank", "effective_rank"];
    let rows = measured.iter().flat_map(|layer| {
        layer.ranks.iter().zip(nonlinearities).map(|(ranks, (name, _))| {
            vec![
                layer.form.name().to_owned(),
                format!("{:.1}", layer.ratio as f64 / 10.0),
                layer.input_channels.to_string(),
                layer.output_channels.to_string(),
                (*name).to_owned(),
                ranks.rank.to_string(),
                fixed(ranks.effective),
            ]
        })
    });
    write_csv(&columns, rows)
}

fn to_json(arguments: &RankArguments, points: &[Point], nonlinearities: &[Nonlinearity]) -> Value {
    let spread =
        |spread: Spread| json!({ "mean": number(spread.mean), "deviation": number(spread.deviation) });
    let point = |point: &Point| {
        json!({
            "form": point.form.name(),
            "ratio": point.ratio,
            "nonlinearity": nonlinearities[point.nonlinearity].0,
            "rank_ratio": spread(point.rank),
            "effective_rank_ratio": spread(point.effective),
        })
    };
    json!({
        "seed": arguments.seed,
        "networks_per_point": arguments.networks,
        "tolerance": TOLERANCE,
        "side": SIDE,
        "output_channels": WIDTHS,
        "expansion": EXPANSION,
        "points": points.iter().map(point).collect::<Vec<_>>(),
    })
}

/// Rank and effective rank, a table for each form.
fn print(points: &[Point], nonlinearities: &[Nonlinearity]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for of_form in points.chunk_by(|a, b| a.form == b.form) {
        for (kind, value) in MEASURES {
            writeln!(out, "{}: {kind}, mean, by input / output channels", of_form[0].form.title())?;
            write!(out, "{:12}", "")?;
            for ratio in RATIOS {
                write!(out, "{:>6.1}", ratio as f64 / 10.0)?;
            }
            writeln!(out)?;
            for curve in of_form.chunk_by(|a, b| a.nonlinearity == b.nonlinearity) {
                write!(out, "{:12}", nonlinearities[curve[0].nonlinearity].0)?;
                for point in curve {
                    write!(out, "{:>6.2}", value(point).mean)?;
                }
                writeln!(out)?;
            }
            writeln!(out)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// To the last bit, and with fewer networks a point those that are left are the same.
    #[test]
    fn networks_depend_on_the_seed_alone() {
        let engine = Engine::new();
        let nonlinearities = &nonlinearities()[..2];
        let some = |threads, networks, jobs: [usize; 4]| {
            let output = PathBuf::new();
            let arguments = RankArguments { networks, seed: 5, threads, output };
            let run = |place: usize| run(&arguments, jobs[place], nonlinearities, &engine);
            in_order(jobs.len(), threads, run).unwrap()
        };
        // The first network of four points, of one each and of three each.
        let jobs = [0, 2, 11, 21];
        let found = some(1, 1, jobs);
        assert_eq!(found, some(3, 1, jobs));
        assert_eq!(found, some(2, 3, jobs.map(|job| 3 * job)));
        assert!(found.iter().map(|layer| layer.form).eq([0, 0, 1, 2].map(|form| Form::ALL[form])));
    }
}
