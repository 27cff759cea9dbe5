//! The command line of rexnet. Each subcommand is a file in [`commands`]; how a network is compiled is the
//! libraries' business.

mod allocator;
mod arguments;
mod class_names;
mod commands;
mod dataset;
mod embedded;
mod facts;
mod failure;
mod file;
mod input;
mod network;
mod npy;
mod npz;
mod origin;
mod photograph;
mod picture;
mod preprocess;
mod report;
mod runner;
mod terminal;
mod text;
mod weights;

use arguments::Arguments;
use clap::Parser;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: allocator::Coded = allocator::Coded;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.json {
        allocator::tell_as_json();
    }
    let terminal = terminal::Terminal::new(arguments.color, arguments.json, arguments.message_format);
    match commands::run(&arguments.command, &terminal) {
        Ok(exit) => exit.into(),
        Err(failure) => failure.report(&terminal).into(),
    }
}
