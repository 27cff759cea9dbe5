//! What the command line accepts.

use crate::commands::{
    bench, check, compile, dump, eval, explain, help, info, pack, profile, run, study, table, verify,
};
use clap::{Args, Parser, Subcommand, ValueEnum};
use rexnet::Sizes;
use std::path::PathBuf;

/// Compile, run, verify and measure lightweight vision networks.
///
/// NET is a spec such as "rexnet(width = 1.0)", or a file: .rexnet holds a spec, .onnx a model. `rexnetc help spec` prints
/// the reference of the spec language.
///
/// Exit codes: 0 done; 1 something is wrong with the input; 2 wrong usage; 3 the verification failed.
#[derive(Debug, Parser)]
#[command(name = "rexnetc", version, max_term_width = 110, disable_help_subcommand = true)]
pub(crate) struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
    /// When to print in colour.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: Color,
    /// Print JSON on standard output, errors too.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// How errors are told on standard error: drawn for people, or as JSON, an object a line.
    #[arg(long, global = true, value_name = "FORMAT", default_value = "human")]
    pub(crate) message_format: MessageFormat,
}

/// How errors are told on standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum MessageFormat {
    /// For people, the place in the text drawn.
    Human,
    /// For programs.
    Json,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Info(info::Info),
    Run(run::Run),
    Verify(verify::Verify),
    Eval(eval::Eval),
    Bench(bench::Bench),
    Profile(profile::ProfileArguments),
    Table(table::TableArguments),
    Study(study::Study),
    Check(check::Check),
    Compile(compile::Compile),
    Pack(pack::Pack),
    Dump(dump::Dump),
    Explain(explain::Explain),
    Help(help::Help),
}

/// When to print in colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Height and width as `224,320`, or one number for both.
pub(crate) fn size(text: &str) -> Result<[usize; 2], String> {
    let side = |text: &str| match text.trim().parse::<usize>() {
        Ok(side) if side > 0 => Ok(side),
        _ => Err(format!("`{text}` is no number of pixels")),
    };
    let (height, width) = text.split_once(',').unwrap_or((text, text));
    Ok([side(height)?, side(width)?])
}

/// Extents of inputs that a model leaves free.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct SizeArguments {
    /// Height and width of the input, whatever the network says; needed where a model leaves them free and no input is given.
    #[arg(long, value_name = "HEIGHT[,WIDTH]", value_parser = size)]
    size: Option<[usize; 2]>,
    /// A free extent of a model by its name, or as `INPUT[AXIS]`; may be given several times.
    #[arg(long, value_name = "NAME=N", value_parser = binding)]
    bind: Vec<(String, usize)>,
}

impl SizeArguments {
    /// For the compiler.
    pub(crate) fn sizes(&self) -> Sizes {
        Sizes { size: self.size, bindings: self.bind.clone(), shapes: Vec::new() }
    }

    /// Whether there are any.
    pub(crate) fn are_given(&self) -> bool {
        self.size.is_some() || !self.bind.is_empty()
    }
}

/// `NAME=N`.
fn binding(text: &str) -> Result<(String, usize), String> {
    let (name, extent) = text.rsplit_once('=').ok_or("write it as NAME=N")?;
    match extent.parse() {
        Ok(extent) if extent > 0 => Ok((name.to_owned(), extent)),
        Ok(_) | Err(_) => Err(format!("`{extent}` is no extent, a whole number of at least 1")),
    }
}

/// The weights of a network.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct WeightsArguments {
    /// A file for a spec, .safetensors or a PyTorch checkpoint (.pth, .pt); without it efficientnet_lite0 has its trained
    /// weights and other specs seeded ones, but to pack those needs --seed. An ONNX model brings its own.
    #[arg(long, value_name = "FILE")]
    pub(crate) weights: Option<PathBuf>,
    /// The seed of whatever is drawn: weights and inputs that are not given; 0 by default.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
}

impl WeightsArguments {
    /// The seed of whatever is drawn.
    pub(crate) fn seed(&self) -> u64 {
        self.seed.unwrap_or(0)
    }

    /// Whether the user asked for certain weights, be it drawn ones.
    pub(crate) fn are_given(&self) -> bool {
        self.weights.is_some() || self.seed.is_some()
    }
}

/// Reads a number of threads: 1 to 1024, or 0 for as many as there are physical cores.
pub(crate) fn threads(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Ok(rexnet::threads::physical_cores()),
        Ok(threads @ 1..=1024) => Ok(threads),
        Ok(_) | Err(_) => Err("a network runs on 1 to 1024 threads".to_owned()),
    }
}

/// Reads a number of images: 1 to 1024.
pub(crate) fn batch(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(batch @ 1..=1024) => Ok(batch),
        Ok(_) | Err(_) => Err("a batch has 1 to 1024 images".to_owned()),
    }
}
