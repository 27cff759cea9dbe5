//! `rexnetc run` of networks that are no classifiers: what they give is described, and written as arrays.

use super::run::Run;
use crate::facts::Facts;
use crate::failure::{Exit, Failure};
use crate::file;
use crate::input::Input;
use crate::network::Net;
use crate::npy;
use crate::photograph;
use crate::preprocess;
use crate::runner::Runner;
use crate::terminal::{Terminal, print_json};
use crate::text::{ms, shape};
use crate::weights::Chosen;
use rexnet_codegen::plan::Port;
use serde_json::{Value, json};
use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

/// One output of all images.
struct Map {
    name: String,
    dims: Vec<usize>,
    data: Vec<f32>,
}

impl Map {
    /// The least and the greatest number.
    fn range(&self) -> [f32; 2] {
        let numbers = || self.data.iter().copied().filter(|value| !value.is_nan());
        [numbers().fold(f32::INFINITY, f32::min), numbers().fold(f32::NEG_INFINITY, f32::max)]
    }

    fn to_json(&self) -> Value {
        let [least, greatest] = self.range();
        json!({ "name": self.name, "shape": self.dims, "min": least, "max": greatest })
    }
}

/// The extents of one output of several runs: more rows where the first extent counts images, else an axis of runs.
fn of_runs(dims: &[usize], batch: usize, runs: usize) -> Vec<usize> {
    match dims {
        _ if runs == 1 => dims.to_vec(),
        [first, rest @ ..] if *first == batch => [&[batch * runs], rest].concat(),
        _ => [&[runs], dims].concat(),
    }
}

/// Runs the network on the tensor, or on one image after the other.
pub(super) fn run_maps(
    arguments: &Run,
    net: &Net,
    facts: &Facts,
    weights: &Chosen,
    (images, input): (&[OsString], Option<Input>),
    terminal: &Terminal,
) -> Result<Exit, Failure> {
    if let Chosen::Seeded(_) = weights {
        terminal.note(&format!("weights: {weights}"));
    }
    let batch = input.as_ref().map_or(1, |input| input.batch);
    let preprocessing = match &input {
        Some(_) => None,
        None => {
            let chosen = arguments.preprocess.choose(net, facts)?;
            Some(chosen.ok_or_else(|| preprocess::missing(net))?)
        }
    };
    let mut runner = Runner::new(net, weights, arguments.how(batch), terminal)?;
    let empty = |port: &Port| Map { name: port.name.clone(), dims: port.dims.clone(), data: Vec::new() };
    let mut maps: Vec<Map> = runner.outputs().iter().map(empty).collect();
    let mut buffers = runner.buffers();
    let mut time = Duration::ZERO;
    let mut take = |runner: &mut Runner, input: &[f32]| {
        time += runner.run(input, &mut buffers)?;
        maps.iter_mut().zip(&buffers).for_each(|(map, buffer)| map.data.extend_from_slice(buffer));
        Ok::<_, Failure>(())
    };
    if let Some(input) = &input {
        take(&mut runner, &input.data)?;
    }
    let bar = terminal.bar(images.len());
    for path in images {
        bar.set_message(path.display().to_string());
        if let Some(preprocessing) = &preprocessing {
            let photograph = photograph::read(runner.input_dims(), preprocessing, Path::new(path))?;
            take(&mut runner, &photograph.input)?;
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    for map in &mut maps {
        map.dims = of_runs(&map.dims, batch, images.len().max(1));
    }
    match (&arguments.output, &maps[..]) {
        (None, _) => {}
        (Some(path), [only]) => npy::write(path, &only.dims, &only.data)?,
        (Some(folder), _) => {
            file::make_directory(folder)?;
            for map in &maps {
                npy::write(
                    &folder.join(format!("{}.npy", file::plain_name(&map.name))),
                    &map.dims,
                    &map.data,
                )?;
            }
        }
    }
    if terminal.json {
        let outputs: Vec<Value> = maps.iter().map(Map::to_json).collect();
        print_json(
            &json!({ "network": facts.title, "weights": weights.to_string(), "ms": ms(time), "outputs": outputs }),
        )?;
        return Ok(Exit::Done);
    }
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}, {:.3} ms", facts.title, ms(time))?;
    for map in &maps {
        let [least, greatest] = map.range();
        writeln!(out, "  {:<12} {:<20} {least:.4} to {greatest:.4}", map.name, shape(&map.dims))?;
    }
    Ok(Exit::Done)
}
