//! `rexnetc info NET`.

use crate::arguments::{SizeArguments, WeightsArguments, batch};
use crate::facts::{Facts, STAND_IN};
use crate::failure::{Exit, Failure};
use crate::network::Net;
use crate::preprocess::PreprocessArguments;
use crate::terminal::{Terminal, print_json};
use crate::text::{grouped, millions, shape};
use crate::weights::Chosen;
use clap::Args;
use rexnet::{Geometry, Interpolation, Preprocessing};
use rexnet_codegen::driver::{self, Compilation};
use rexnet_ir::graph::{Graph, NodeId, Op};
use serde_json::{Value, json};
use std::ffi::OsString;
use std::io::{self, Write};

/// Say what a network costs: parameters, multiply-accumulates, memory, layers.
#[derive(Args, Debug)]
pub(crate) struct Info {
    /// The network.
    net: OsString,
    #[command(flatten)]
    sizes: SizeArguments,
    #[command(flatten)]
    weights: WeightsArguments,
    #[command(flatten)]
    preprocess: PreprocessArguments,
    /// Images in one run; 1, unless a model is fixed to more.
    #[arg(long, value_name = "N", value_parser = batch)]
    batch: Option<usize>,
}

/// Compiles the network, without machine code, and prints its figures.
pub(crate) fn info(arguments: &Info, terminal: &Terminal) -> Result<Exit, Failure> {
    let net = Net::from_argument(&arguments.net)?.sized(&arguments.sizes)?;
    let facts = net.facts(arguments.batch)?;
    let weights = Chosen::new(&arguments.weights, facts.network.as_ref())?;
    let preprocessing = arguments.preprocess.choose(&net, &facts)?;
    let request = net.request(weights.source(), Some(facts.batch()));
    let compilation = driver::compile(request).map_err(|faults| net.fail(weights.locate(faults)))?;
    weights.warn_of_unused(Some(&compilation), terminal);
    let figures = Figures { facts, weights, preprocessing, compilation };
    if terminal.json {
        print_json(&figures.to_json())?;
    } else {
        figures.print(&mut std::io::stdout().lock())?;
    }
    Ok(Exit::Done)
}

/// What is printed.
struct Figures {
    facts: Facts,
    weights: Chosen,
    preprocessing: Option<Preprocessing>,
    compilation: Compilation,
}

impl Figures {
    /// Exporters fold batch norms or keep them: those of a model are counted alike.
    fn folded(&self) -> bool {
        self.facts.network.is_none()
    }

    fn parameters(&self) -> u64 {
        let Compilation { source, graph, .. } = &self.compilation;
        if self.folded() { graph } else { source }.counts().parameters
    }

    fn to_json(&self) -> Value {
        let Figures { facts, weights, preprocessing, compilation } = self;
        let Compilation { source, graph, program, .. } = compilation;
        let layers: Vec<Value> = layers(graph)
            .map(|id| {
                let node = graph.node(id);
                json!({
                    "name": node.name,
                    "operator": node.op.name(),
                    "output": node.ty.dims,
                    "macs": graph.multiply_accumulates(id),
                })
            })
            .collect();
        json!({
            "network": facts.title,
            "stand_in": facts.stand_in(),
            "params": self.parameters(),
            "params_after_folding": self.folded(),
            "macs": source.counts().multiply_accumulates,
            "arena_bytes": program.arena_bytes,
            "arena_lower_bound": program.arena_lower_bound,
            "weight_bytes": program.weight_bytes,
            "weights": weights.to_string(),
            "layout_hash": format!("{:016x}", program.layout_hash),
            "kernels": program.kernels.len(),
            "inputs": ports(&program.inputs),
            "outputs": ports(&program.outputs),
            "classes": classes(compilation),
            "preprocessing": preprocessing.as_ref().map(preprocessing_to_json),
            "layers": layers,
        })
    }

    fn print(&self, out: &mut impl Write) -> io::Result<()> {
        let Figures { facts, weights, preprocessing, compilation } = self;
        let Compilation { source, graph, program, .. } = compilation;
        let gap = 100.0 * (program.arena_bytes as f64 / program.arena_lower_bound.max(1) as f64 - 1.0);
        writeln!(out, "{}", facts.title)?;
        let mut row = |name: &str, value: String| writeln!(out, "  {name:<15} {value}");
        if facts.stand_in() {
            row("stand-in", STAND_IN.to_owned())?;
        }
        let after = if self.folded() { ", batch norms folded" } else { "" };
        row("parameters", format!("{}{after}", grouped(self.parameters())))?;
        let macs = source.counts().multiply_accumulates;
        row("MACs", format!("{} ({})", millions(macs), grouped(macs)))?;
        row(
            "arena",
            format!(
                "{} bytes, lower bound {} ({gap:+.1} %)",
                grouped(program.arena_bytes as u64),
                grouped(program.arena_lower_bound as u64)
            ),
        )?;
        row("packed weights", format!("{} bytes", grouped(program.weight_bytes as u64)))?;
        row("weights", weights.to_string())?;
        for port in &program.inputs {
            row("input", format!("{} f32 {}", port.name, shape(&port.dims)))?;
        }
        for port in &program.outputs {
            row("output", format!("{} f32 {}", port.name, shape(&port.dims)))?;
        }
        row("classes", classes(compilation).map_or("no classifier".to_owned(), |count| count.to_string()))?;
        row("photographs", preprocessing.as_ref().map_or("not stated".to_owned(), describe))?;
        row("kernels", format!("{} distinct ones for {} steps", program.kernels.len(), program.steps.len()))?;

        let rows: Vec<[String; 4]> = layers(graph)
            .map(|id| {
                let node = graph.node(id);
                let macs = graph.multiply_accumulates(id);
                let macs = if macs == 0 { String::new() } else { grouped(macs) };
                [node.name.clone(), node.op.name().to_owned(), shape(&node.ty.dims), macs]
            })
            .collect();
        let width =
            |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0).max(8);
        let widths = [0, 1, 2, 3].map(width);
        let titles = ["layer", "operator", "output", "MACs"].map(str::to_owned);
        writeln!(out)?;
        for [name, operator, output, macs] in std::iter::once(&titles).chain(&rows) {
            let [a, b, c, d] = widths;
            writeln!(out, "{name:<a$}  {operator:<b$}  {output:<c$}  {macs:>d$}")?;
        }
        Ok(())
    }
}

/// The nodes of the optimised graph that compute something.
fn layers(graph: &Graph) -> impl Iterator<Item = NodeId> {
    let mut order = graph.order();
    order.retain(|&id| !matches!(graph.node(id).op, Op::Input | Op::Constant));
    order.into_iter()
}

/// The length of the first output where that is a vector for each image.
fn classes(compilation: &Compilation) -> Option<usize> {
    let images = compilation.program.inputs.first()?.dims.first()?;
    match compilation.program.outputs.first()?.dims.as_slice() {
        [rows, classes] if rows == images => Some(*classes),
        _ => None,
    }
}

fn ports(ports: &[rexnet_codegen::plan::Port]) -> Vec<Value> {
    ports.iter().map(|port| json!({ "name": port.name, "shape": port.dims })).collect()
}

fn preprocessing_to_json(preprocessing: &Preprocessing) -> Value {
    let geometry = match preprocessing.geometry {
        Geometry::ResizeThenCrop { short_side } => json!({ "resize_then_crop": short_side }),
        Geometry::CropThenResize { fraction } => json!({ "crop_then_resize": fraction }),
    };
    json!({
        "geometry": geometry,
        "interpolation": interpolation(preprocessing),
        "scale": preprocessing.scale,
        "mean": preprocessing.mean,
        "std": preprocessing.std,
    })
}

fn interpolation(preprocessing: &Preprocessing) -> &'static str {
    match preprocessing.interpolation {
        Interpolation::Bilinear => "bilinear",
        Interpolation::Bicubic => "bicubic",
    }
}

fn describe(preprocessing: &Preprocessing) -> String {
    let Preprocessing { scale, mean, std, .. } = preprocessing;
    let filter = interpolation(preprocessing);
    let geometry = match preprocessing.geometry {
        Geometry::ResizeThenCrop { short_side } => {
            format!("short side to {short_side} ({filter}), then the centre")
        }
        Geometry::CropThenResize { fraction } => {
            format!("the centre {fraction} of the short side ({filter})")
        }
    };
    format!("{geometry}; (byte / {scale} - {mean:?}) / {std:?}")
}
