//! The subcommands, one file each: its arguments, what it does, how it prints.

mod answers;
pub(crate) mod bench;
pub(crate) mod check;
mod code_arguments;
pub(crate) mod compile;
pub(crate) mod dump;
pub(crate) mod eval;
pub(crate) mod explain;
mod forms;
mod freshness;
pub(crate) mod help;
pub(crate) mod info;
mod maps;
mod measure;
mod object_files;
pub(crate) mod pack;
pub(crate) mod profile;
pub(crate) mod run;
mod rust_source;
mod serve;
pub(crate) mod study;
pub(crate) mod table;
pub(crate) mod verify;

use crate::arguments::Command;
use crate::failure::{Exit, Failure};
use crate::terminal::Terminal;

/// Runs a subcommand.
pub(crate) fn run(command: &Command, terminal: &Terminal) -> Result<Exit, Failure> {
    match command {
        Command::Info(arguments) => info::info(arguments, terminal),
        Command::Run(arguments) => run::run(arguments, terminal),
        Command::Eval(arguments) => eval::eval(arguments, terminal),
        Command::Verify(arguments) => verify::verify(arguments, terminal),
        Command::Bench(arguments) => bench::bench(arguments, terminal),
        Command::Profile(arguments) => profile::run(arguments, terminal),
        Command::Table(arguments) => table::table(arguments, terminal),
        Command::Study(arguments) => study::study(arguments, terminal),
        Command::Check(arguments) => check::check(arguments, terminal),
        Command::Compile(arguments) => compile::compile(arguments, terminal),
        Command::Pack(arguments) => pack::pack(arguments, terminal),
        Command::Dump(arguments) => dump::dump(arguments, terminal),
        Command::Explain(arguments) => explain::explain(arguments, terminal),
        Command::Help(arguments) => help::help(arguments),
    }
}
