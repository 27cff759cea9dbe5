//! `rexnetc study channels NET`.

use super::channels_figure::{figure, size};
use super::feature_maps::{Layer, Observed};
use super::images::Images;
use super::parallel::in_order;
use super::spectrum::TOLERANCE;
use super::table::{fixed, number, write_csv, write_files};
use crate::arguments::{SizeArguments, WeightsArguments, threads};
use crate::failure::{Exit, Failure};
use crate::file;
use crate::network::Net;
use crate::picture::canvas;
use crate::preprocess::{self, PreprocessArguments};
use crate::terminal::{Terminal, print_json};
use crate::text::shortened;
use crate::weights::Chosen;
use clap::Args;
use rexnet::{Code, Diagnostic, Location};
use serde_json::{Value, json};
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;

/// How many directions of its channels every layer of a network uses, on images.
///
/// The feature map of a convolution, after batch norm, squeeze-excite and activation, is a matrix of channels by positions,
/// those of all images beside each other. Its rank is the number of its singular values above 0.05 of the largest; its
/// effective rank, the exponential of their entropy, needs no threshold. Where both are far below the channels, the layer
/// has channels that are mixtures of others; where they fall from layer to layer, the configuration starves.
///
/// There must be more positions than channels, or the rank is that of the positions: give more images then. Left out are
/// convolutions after which a channel has one position, such as those of squeeze-excite. Sums with a shortcut belong to no
/// layer.
#[derive(Args, Debug)]
pub(super) struct ChannelsArguments {
    /// The network.
    net: OsString,
    #[command(flatten)]
    sizes: SizeArguments,
    /// JPEG or PNG files.
    #[arg(value_name = "IMAGE", required_unless_present = "data")]
    pub(super) images: Vec<OsString>,
    /// Look at N by N parts of each image too, half as high and wide and overlapping, where images are few.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = crops, conflicts_with = "data")]
    pub(super) crops: usize,
    /// A test set instead, as `rexnetc eval` takes it.
    #[arg(long, value_name = "DIR", conflicts_with = "images")]
    pub(super) data: Option<PathBuf>,
    /// Only the first N images of the test set.
    #[arg(long, value_name = "N", requires = "data", conflicts_with = "images",
          value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) first: Option<u64>,
    #[command(flatten)]
    weights: WeightsArguments,
    #[command(flatten)]
    preprocess: PreprocessArguments,
    /// Threads that compute singular values; 0 for as many as there are physical cores.
    #[arg(long, value_name = "N", default_value = "0", value_parser = threads)]
    threads: usize,
    /// A directory for channels.csv, channels.json, and a picture, channels.svg and channels.png.
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
}

/// Reads a number of parts a side: 0 to 16.
fn crops(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(parts @ 0..=16) => Ok(parts),
        Ok(_) | Err(_) => Err("an image has 0 to 16 parts a side".to_owned()),
    }
}

/// A layer and its ranks.
pub(super) struct Row {
    /// The name of its map in the graph.
    pub(super) name: String,
    /// What it is.
    pub(super) kind: String,
    /// Channels that it reads and gives.
    pub(super) channels: [usize; 2],
    size: [usize; 2],
    positions: usize,
    /// Singular values above the tolerance.
    pub(super) rank: usize,
    /// The effective rank.
    pub(super) effective: f64,
}

impl Row {
    fn new(layer: &Layer) -> Result<Self, Diagnostic> {
        let ranks = layer.gram.ranks().ok_or_else(|| {
            let cause = "the feature map has values that are infinite or no numbers";
            Diagnostic::new(Code::RunArguments, Location::Name(layer.name.clone()), cause)
                .with_help("check weights and preprocessing with `rexnetc verify`")
        })?;
        Ok(Self {
            name: layer.name.clone(),
            kind: layer.kind.clone(),
            channels: [layer.input_channels, layer.output_channels],
            size: layer.size,
            positions: layer.gram.positions(),
            rank: ranks.rank,
            effective: ranks.effective,
        })
    }

    /// A rank by the channels.
    fn by_channels(&self, rank: f64) -> f64 {
        rank / self.channels[1] as f64
    }

    /// Whether there are too few positions for the rank to be that of the channels.
    fn is_short(&self) -> bool {
        self.positions < self.channels[1]
    }

    fn ratio(&self) -> f64 {
        self.channels[0] as f64 / self.channels[1] as f64
    }

    fn to_json(&self) -> Value {
        let [input_channels, output_channels] = self.channels;
        json!({
            "layer": self.name,
            "kind": self.kind,
            "input_channels": input_channels,
            "output_channels": output_channels,
            "ratio": number(self.ratio()),
            "height": self.size[0],
            "width": self.size[1],
            "positions": self.positions,
            "rank": self.rank,
            "rank_ratio": number(self.by_channels(self.rank as f64)),
            "effective_rank": number(self.effective),
            "effective_rank_ratio": number(self.by_channels(self.effective)),
        })
    }
}

/// Runs the network on every image, and looks at its layers.
pub(super) fn channels(arguments: &ChannelsArguments, terminal: &Terminal) -> Result<Exit, Failure> {
    let net = Net::from_argument(&arguments.net)?.sized(&arguments.sizes)?;
    let mut described = net.describe(Some(1))?;
    let facts = net.facts(Some(1))?;
    let weights = Chosen::to_run(&arguments.weights, described.network.as_ref())?;
    let preprocessing = arguments.preprocess.choose(&net, &facts)?;
    let preprocessing = preprocessing.ok_or_else(|| preprocess::missing(&net))?;
    let images = Images::choose(arguments, &net, &weights, &facts)?;
    if let Some(folder) = &arguments.output {
        file::make_directory(folder)?;
    }
    described.bind(&weights.source()).map_err(|faults| net.fail(weights.locate(faults)))?;
    let mut observed = Observed::new(described.graph).map_err(|faults| net.fail(faults))?;
    let bar = terminal.bar(images.len() + observed.layers.len());
    bar.set_message("images");
    let dims = observed.input_dims();
    let mut looked_at = 0;
    for index in 0..images.len() {
        for input in images.read(index, &dims, &preprocessing)? {
            observed.look(&input)?;
            looked_at += 1;
        }
        bar.inc(1);
    }
    bar.set_message("singular values");
    let layers = &observed.layers;
    let rows = in_order(layers.len(), arguments.threads, |index| {
        let row = Row::new(&layers[index]);
        bar.inc(1);
        Ok(row?)
    });
    let rows = rows.map_err(|faults| net.fail(faults))?;
    bar.finish_and_clear();
    let title = format!("{}; weights: {weights}", facts.title);
    let record = json!({
        "network": title,
        "images": looked_at,
        "tolerance": TOLERANCE,
        "layers": rows.iter().map(Row::to_json).collect::<Vec<_>>(),
    });
    if let Some(folder) = &arguments.output {
        let name = net.stem().unwrap_or_else(|| facts.title.clone());
        let (svg, png) =
            canvas::draw(size(&rows), |canvas| figure(canvas, &name, &rows)).map_err(io::Error::from)?;
        write_files(
            folder,
            &[
                ("channels.csv", to_csv(&rows)?),
                ("channels.json", format!("{record:#}\n").into_bytes()),
                ("channels.svg", svg.into_bytes()),
                ("channels.png", png),
            ],
        )?;
    }
    if terminal.json {
        print_json(&record)?;
    } else {
        print(&title, looked_at, &rows)?;
    }
    Ok(Exit::Done)
}

fn to_csv(rows: &[Row]) -> io::Result<Vec<u8>> {
    let columns = [
        "layer",
        "kind",
        "input_channels",
        "output_channels",
        "ratio",
        "height",
        "width",
        "positions",
        "rank",
        "rank_ratio",
        "effective_rank",
        "effective_rank_ratio",
    ];
    let rows = rows.iter().map(|row| {
        let [input, output] = row.channels.map(|channels| channels.to_string());
        let [height, width] = row.size;
        let counts = [height, width, row.positions, row.rank].map(|count| count.to_string());
        let ranks =
            [row.by_channels(row.rank as f64), row.effective, row.by_channels(row.effective)].map(fixed);
        let channels = [input, output, fixed(row.ratio())];
        [&[row.name.clone(), row.kind.clone()][..], &channels, &counts, &ranks].concat()
    });
    write_csv(&columns, rows)
}

fn print(title: &str, images: usize, rows: &[Row]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let plural = if images == 1 { "" } else { "s" };
    writeln!(out, "{title}; {images} image{plural}")?;
    writeln!(
        out,
        "{:<32} {:<15} {:>5} {:>5} {:>7} {:>6} {:>10} {:>15}",
        "layer", "kind", "in", "out", "map", "rank", "rank ratio", "effective ratio"
    )?;
    for row in rows {
        let [input, output] = row.channels;
        let [height, width] = row.size;
        writeln!(
            out,
            "{:<32} {:<15} {input:>5} {output:>5} {:>7} {:>6} {:>10.2} {:>15.2}{}",
            shortened(&row.name, 32),
            row.kind,
            format!("{height}x{width}"),
            row.rank,
            row.by_channels(row.rank as f64),
            row.by_channels(row.effective),
            if row.is_short() { " *" } else { "" }
        )?;
    }
    if rows.iter().any(Row::is_short) {
        writeln!(out, "* fewer positions than channels, which bounds the rank: give more images")?;
    }
    Ok(())
}
