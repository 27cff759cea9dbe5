//! `rexnetc explain CODE`.

use crate::failure::{Exit, Failure};
use crate::terminal::{Terminal, print_json};
use clap::Args;
use rexnet::Code;
use serde_json::json;
use std::io::Write;

/// Tell more about the code of an error.
#[derive(Args, Debug)]
pub(crate) struct Explain {
    /// A code such as RX0303.
    code: String,
}

/// Prints title and explanation.
pub(crate) fn explain(arguments: &Explain, terminal: &Terminal) -> Result<Exit, Failure> {
    let found = Code::ALL.iter().find(|code| code.code().eq_ignore_ascii_case(&arguments.code));
    let Some(code) = found else {
        let list: String =
            Code::ALL.iter().map(|code| format!("\n  {} {}", code.code(), code.title())).collect();
        return Err(Failure::Usage(format!("there is no code {:?}; there are:{list}", arguments.code)));
    };
    if terminal.json {
        print_json(&json!({
            "code": code.code(),
            "title": code.title(),
            "explanation": code.explanation(),
        }))?;
    } else {
        let mut out = std::io::stdout().lock();
        writeln!(out, "{}: {}\n\n{}", code.code(), code.title(), code.explanation())?;
    }
    Ok(Exit::Done)
}
