//! The two streams: results on standard output, everything else on standard error.

use crate::arguments::{Color, MessageFormat};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{IsTerminal, Write};
use std::time::Duration;

/// How to print.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terminal {
    /// Whether messages on standard error have colours.
    pub(crate) color: bool,
    /// Whether results and errors are JSON.
    pub(crate) json: bool,
    /// How errors are told on standard error.
    pub(crate) messages: MessageFormat,
}

impl Terminal {
    /// Decides by the options and by where standard error goes.
    pub(crate) fn new(color: Color, json: bool, messages: MessageFormat) -> Self {
        let color = match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
        };
        Self { color, json, messages }
    }

    /// A line on standard error. A closed stream is no fault.
    pub(crate) fn note(&self, line: &str) {
        let _ = writeln!(std::io::stderr().lock(), "{line}");
    }

    /// A spinner with a message, visible on a terminal only.
    pub(crate) fn spinner(&self) -> ProgressBar {
        let style = ProgressStyle::with_template("{spinner} {msg}");
        let bar = ProgressBar::with_draw_target(None, self.target())
            .with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        bar.enable_steady_tick(Duration::from_millis(100));
        bar
    }

    /// A bar of `len` items, visible on a terminal only and if there are several.
    pub(crate) fn bar(&self, len: usize) -> ProgressBar {
        if len < 2 {
            return ProgressBar::hidden();
        }
        let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}");
        ProgressBar::with_draw_target(Some(len as u64), self.target())
            .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
    }

    fn target(&self) -> ProgressDrawTarget {
        if std::io::stderr().is_terminal() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        }
    }
}

/// Prints a JSON value on standard output.
pub(crate) fn print_json(value: &serde_json::Value) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{value:#}")?;
    out.flush()
}
