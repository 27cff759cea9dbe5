//! How a command can end.

use crate::origin::Origin;
use crate::report;
use crate::terminal::Terminal;
use clap::CommandFactory;
use clap::error::ErrorKind;
use rexnet::{Code, Diagnostic, Diagnostics, Location};
use std::io;
use std::process::ExitCode;

/// The exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// The work is done.
    Done = 0,
    /// Something is wrong with the user's input.
    Input = 1,
    /// The results differ.
    VerificationFailed = 3,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

/// Why a command stopped.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Faults in the user's input.
    Input {
        /// The faults.
        faults: Diagnostics,
        /// What spans point into and names are of.
        origin: Option<Box<Origin>>,
    },
    /// A combination of arguments that makes no sense; exit code 2.
    Usage(String),
    /// Standard output could not be written.
    Output(io::Error),
}

impl Failure {
    /// Says what went wrong, and with which code to exit. Does not return from wrong usage.
    pub(crate) fn report(self, terminal: &Terminal) -> Exit {
        match self {
            Failure::Input { faults, origin } => {
                report::print(&faults, origin.as_deref(), terminal);
                Exit::Input
            }
            Failure::Usage(message) => {
                crate::arguments::Arguments::command().error(ErrorKind::ValueValidation, message).exit()
            }
            // Whoever reads our output has seen enough.
            Failure::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Done,
            Failure::Output(error) => {
                let location = Location::File("standard output".to_owned());
                let cause = format!("cannot be written: {error}");
                let fault = Diagnostic::new(Code::FileUnreadable, location, cause);
                report::print_text(&fault.into(), None, terminal);
                Exit::Input
            }
        }
    }
}

impl From<Diagnostics> for Failure {
    fn from(faults: Diagnostics) -> Self {
        Failure::Input { faults, origin: None }
    }
}

impl From<Diagnostic> for Failure {
    fn from(fault: Diagnostic) -> Self {
        Diagnostics::from(fault).into()
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Failure::Output(error)
    }
}
