//! `rexnetc run [NET] [IMAGE…]`.

use super::answers::{Answer, Printer, classify};
use super::maps;
use crate::arguments::{SizeArguments, WeightsArguments, batch, threads};
use crate::class_names;
use crate::embedded;
use crate::failure::{Exit, Failure};
use crate::input::Input;
use crate::network::{Net, is_network};
use crate::npy;
use crate::photograph;
use crate::preprocess::{self, PreprocessArguments};
use crate::runner::{How, Runner, Via, via};
use crate::terminal::Terminal;
use crate::weights::Chosen;
use clap::Args;
use rexnet::{Diagnostic, Diagnostics, Preprocessing, softmax, top};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Classify photographs, or run a network on photographs or a tensor.
///
/// `rexnetc run photo.jpg` uses EfficientNet-Lite0 with trained ImageNet weights, which are part of this program.
///
/// The first argument is NET if it ends in .rexnet or .onnx, is the name of a preset, or if it is not an existing file and
/// does not look like one: it has no ending such as .jpg, and is no path. All others are images.
///
/// An ONNX model does not say how photographs become its input: write that into a file beside it, MODEL.preprocess for
/// MODEL.onnx, or give it to --preprocess. Names of classes may lie beside it as MODEL.labels.
///
/// Classes are printed of a network with one output, a vector for each image: of a spec, of photographs, and of a tensor
/// where something names the classes or --top asks for them. Of all else, such as a backbone with features, the extents and
/// ranges of the outputs are printed; where there are several, --output is a folder, with a file NAME.npy for each.
#[derive(Args, Debug)]
pub(crate) struct Run {
    /// The network, then JPEG or PNG files; or only these.
    #[arg(value_name = "NET|IMAGE")]
    arguments: Vec<OsString>,
    #[command(flatten)]
    sizes: SizeArguments,
    #[command(flatten)]
    pub(super) weights: WeightsArguments,
    /// A tensor instead of images: f32 of the shape [images, channels, height, width]; of an .npz file the array with the
    /// input's name, else the only one.
    #[arg(long, value_name = "X.npy|X.npz")]
    pub(super) input: Option<PathBuf>,
    /// Write the network's output here, unless an image fails: f32 of the output's own shape, with the rows of all images
    /// where its first extent counts images, and with an axis of images in front where it does not and there are several;
    /// for several outputs, a folder.
    #[arg(long, value_name = "Y.npy")]
    pub(super) output: Option<PathBuf>,
    /// How many classes to print; 5 without this.
    #[arg(long, value_name = "K")]
    top: Option<usize>,
    /// What computes the network: jit is the fastest back end that this machine has, clif Cranelift's code, rust the
    /// emitted source, which cargo builds once and a cache folder keeps, interpret the loops interpreted, reference
    /// the f64 evaluator; the last two are slow.
    #[arg(long, value_name = "B", default_value = "jit", value_parser = via())]
    backend: Via,
    /// The names of the classes, one a line. Without this: those that the weights file has in its metadata under
    /// `labels`, else the file NAME.labels beside the weights NAME.safetensors or .pth, the spec NAME.rexnet or the
    /// model NAME.onnx, else ImageNet's for networks of 1000 classes.
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// Images in one run; empty ones fill the last.
    #[arg(long, value_name = "N", value_parser = batch, conflicts_with = "input")]
    batch: Option<usize>,
    /// Threads that share each run; 0 for as many as there are physical cores.
    #[arg(long, value_name = "N", default_value = "1", value_parser = threads)]
    threads: usize,
    #[command(flatten)]
    pub(super) preprocess: PreprocessArguments,
}

/// How many classes are printed.
const TOP: usize = 5;

impl Run {
    fn top(&self) -> usize {
        self.top.unwrap_or(TOP)
    }

    pub(super) fn how(&self, batch: usize) -> How {
        How { batch, via: self.backend, threads: self.threads }
    }
}

/// Runs the network on every image, or on the tensor.
pub(crate) fn run(arguments: &Run, terminal: &Terminal) -> Result<Exit, Failure> {
    let (net, images) = match arguments.arguments.split_first() {
        Some((first, images)) if is_network(first) => (Net::to_run(first)?, images),
        _ => (Net::spec(embedded::SPEC), &arguments.arguments[..]),
    };
    let mut net = net.sized(&arguments.sizes)?;
    match (images, &arguments.input) {
        ([], None) => return Err(Failure::Usage("give an image, or a tensor with --input".to_owned())),
        ([_, ..], Some(_)) => {
            return Err(Failure::Usage("give images or a tensor with --input, not both".to_owned()));
        }
        _ => {}
    }
    let (facts, input) = match &arguments.input {
        Some(path) => {
            let (facts, input) = Input::from_file(path, &mut net)?;
            (facts, Some(input))
        }
        None => (net.facts(Some(1))?, None),
    };
    let weights = Chosen::to_run(&arguments.weights, facts.network.as_ref())?;
    let classes_are_meant = || {
        input.is_none()
            || arguments.top.is_some()
            || facts.is_known_classifier()
            || class_names::are_known(arguments.labels.as_deref(), &net, &weights, facts.classes())
    };
    if !(facts.is_classifier() && classes_are_meant()) {
        return maps::run_maps(arguments, &net, &facts, &weights, (images, input), terminal);
    }
    let labels = class_names::choose(arguments.labels.as_deref(), &net, &weights, facts.classes())?;
    if let Chosen::Seeded(_) = weights {
        terminal.note(&format!("weights: {weights}"));
    }
    let mut printer = Printer { labels: &labels, weights: &weights, terminal, compile_time: Duration::ZERO };
    let (answers, mut faults) = match &input {
        Some(input) => run_tensor(arguments, &net, input, &mut printer)?,
        None => {
            let preprocessing = arguments.preprocess.choose(&net, &facts)?;
            let preprocessing = preprocessing.ok_or_else(|| preprocess::missing(&net))?;
            run_images(arguments, &net, images, &preprocessing, &mut printer)?
        }
    };
    if let (Some(path), []) = (&arguments.output, &faults.list[..]) {
        let logits: Vec<f32> = answers.iter().flat_map(|answer| answer.logits.iter().copied()).collect();
        let dims = [&[answers.len()], &facts.output()?[1..]].concat();
        if let Err(fault) = npy::write(path, &dims, &logits) {
            terminal.note(&fault.to_string());
            faults.push(fault);
        }
    }
    printer.finish(&answers, &faults)?;
    Ok(if faults.list.is_empty() { Exit::Done } else { Exit::Input })
}

/// Answers, and faults that are already told.
type Outcome = Result<(Vec<Answer>, Diagnostics), Failure>;

fn run_tensor(arguments: &Run, net: &Net, input: &Input, printer: &mut Printer<'_>) -> Outcome {
    let mut runner = Runner::new(net, printer.weights, arguments.how(input.batch), printer.terminal)?;
    printer.begin(&runner);
    let mut outputs = runner.buffers();
    let network = runner.run(&input.data, &mut outputs)?;
    let logits = outputs.into_iter().next().unwrap_or_default();
    let row = (logits.len() / input.batch.max(1)).max(1);
    let answers: Vec<Answer> = logits
        .chunks(row)
        .enumerate()
        .map(|(index, logits)| Answer {
            name: if input.batch == 1 { input.origin.clone() } else { format!("{}[{index}]", input.origin) },
            top: top(&softmax(logits), arguments.top()),
            logits: logits.to_vec(),
            decode: Duration::ZERO,
            prepare: Duration::ZERO,
            network: network / input.batch as u32,
        })
        .collect();
    if !printer.terminal.json {
        for (index, answer) in answers.iter().enumerate() {
            printer.print(&mut io::stdout().lock(), answer, index == 0)?;
        }
    }
    Ok((answers, Diagnostics::default()))
}

fn run_images(
    arguments: &Run,
    net: &Net,
    images: &[OsString],
    preprocessing: &Preprocessing,
    printer: &mut Printer<'_>,
) -> Outcome {
    let how = arguments.how(arguments.batch.unwrap_or(1));
    let mut runner = Runner::new(net, printer.weights, how, printer.terminal)?;
    if let Some(wanted) = arguments.batch.filter(|&wanted| wanted != runner.batch()) {
        let cause = format!("it was compiled for {} images a run, --batch says {wanted}", runner.batch());
        return Err(Failure::Usage(cause));
    }
    printer.begin(&runner);
    let bar = printer.terminal.bar(images.len());
    let mut answers: Vec<Answer> = Vec::with_capacity(images.len());
    let mut faults = Diagnostics::default();
    let mut waiting = Vec::new();
    for (index, path) in images.iter().enumerate() {
        bar.set_message(path.display().to_string());
        let mut fail = |fault: Diagnostic| {
            bar.suspend(|| printer.terminal.note(&fault.to_string()));
            faults.push(fault);
        };
        match photograph::read(runner.input_dims(), preprocessing, Path::new(path)) {
            Ok(photograph) => waiting.push(photograph),
            Err(fault) => fail(fault),
        }
        if waiting.len() == runner.batch() || (index + 1 == images.len() && !waiting.is_empty()) {
            match classify(&mut runner, std::mem::take(&mut waiting), arguments.top()) {
                Ok(classified) => {
                    for answer in classified {
                        if !printer.terminal.json {
                            let first = answers.is_empty();
                            bar.suspend(|| printer.print(&mut io::stdout().lock(), &answer, first))?;
                        }
                        answers.push(answer);
                    }
                }
                Err(fault) => fail(fault),
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok((answers, faults))
}
