//! Faults at tokens, before it is known whether the tokens came from text or from a macro.

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Location};
use proc_macro2::Span;

/// One fault in a spec, at the tokens that cause it.
#[derive(Clone, Debug)]
pub struct Fault {
    /// The tokens.
    pub span: Span,
    /// What is wrong; its location is left to the span.
    pub diagnostic: Diagnostic,
}

/// All faults that were found in a spec.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// In the order found.
    pub list: Vec<Fault>,
}

impl From<Fault> for Faults {
    fn from(fault: Fault) -> Self {
        Self { list: vec![fault] }
    }
}

impl Faults {
    /// Adds a fault.
    pub fn push(&mut self, code: Code, span: Span, cause: impl Into<String>) {
        self.push_help(code, span, cause, "");
    }

    /// Adds a fault with a way out.
    pub fn push_help(&mut self, code: Code, span: Span, cause: impl Into<String>, help: impl Into<String>) {
        let diagnostic = Diagnostic::new(code, Location::None, cause).with_help(help);
        self.list.push(Fault { span, diagnostic });
    }

    /// `Ok(value)` when nothing was found.
    ///
    /// # Errors
    /// The faults, when there are any.
    pub fn into_result<T>(self, value: Option<T>) -> Result<T, Faults> {
        match value {
            Some(value) if self.list.is_empty() => Ok(value),
            _ => Err(self),
        }
    }

    /// The faults of a preset, told at the call that caused them.
    pub(super) fn at_call(mut self, preset: &str, call: Span) -> Self {
        for fault in &mut self.list {
            fault.span = call;
            fault.diagnostic.cause = format!("preset {preset}: {}", fault.diagnostic.cause);
        }
        self
    }

    /// The faults as byte ranges of the text that was lexed, in the order of the text.
    pub(super) fn in_text(self, source: &str) -> Diagnostics {
        let mut list: Vec<Diagnostic> = Vec::new();
        for Fault { span, mut diagnostic } in self.list {
            let range = span.byte_range();
            // The parser's word for "at the end" is a span without position.
            let range = if range == (0..0) { source.len()..source.len() } else { range };
            diagnostic.location = Location::Span(range);
            list.push(diagnostic);
        }
        list.sort_by_key(|diagnostic| match &diagnostic.location {
            Location::Span(range) => (range.start, range.end),
            Location::None | Location::Name(_) | Location::File(_) | Location::Line(_) => (0, 0),
        });
        list.dedup();
        Diagnostics { list }
    }
}
