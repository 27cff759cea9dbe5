//! `rexnetc help [TOPIC]`.

use crate::arguments::Arguments;
use crate::failure::{Exit, Failure};
use clap::{Args, CommandFactory};
use rexnet_ir::spec;
use std::io::Write;

/// The topic that is no subcommand: the reference of the spec language.
const SPEC: &str = "spec";

/// Print the help of a subcommand, or the reference of the spec language.
#[derive(Args, Debug)]
pub(crate) struct Help {
    /// A subcommand, one of its own subcommands behind it; or `spec`.
    #[arg(value_name = "TOPIC")]
    topic: Vec<String>,
}

/// Prints the text of a topic.
pub(crate) fn help(arguments: &Help) -> Result<Exit, Failure> {
    let mut out = std::io::stdout().lock();
    if arguments.topic == [SPEC] {
        out.write_all(spec::REFERENCE.as_bytes())?;
        return Ok(Exit::Done);
    }
    let mut all = Arguments::command();
    all.build();
    let mut command = &mut all;
    for topic in &arguments.topic {
        let known: Vec<String> =
            command.get_subcommands().map(|known| format!("\n  {}", known.get_name())).collect();
        command = command.find_subcommand_mut(topic).ok_or_else(|| {
            Failure::Usage(format!("there is no topic {topic:?}; there are:{}\n  {SPEC}", known.concat()))
        })?;
    }
    writeln!(out, "{}", command.render_long_help())?;
    Ok(Exit::Done)
}
