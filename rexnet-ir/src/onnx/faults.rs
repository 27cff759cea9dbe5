//! What is wrong with a model, collected within bounds.

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Location};

/// The most faults that are told; the others are counted.
const MAX_FAULTS: usize = 1000;
/// The most characters of a name or a cause: both may quote the file.
const MAX_CHARACTERS: usize = 400;

/// The faults found so far.
#[derive(Debug, Default)]
pub(super) struct Faults {
    list: Diagnostics,
    /// The code of the first that is not told.
    beyond: Option<Code>,
    left_out: usize,
}

impl Faults {
    pub(super) fn push(&mut self, code: Code, name: &str, cause: &str) {
        if self.list.list.len() < MAX_FAULTS {
            self.list.push(Diagnostic::new(code, Location::Name(shortened(name)), shortened(cause)));
        } else {
            self.beyond.get_or_insert(code);
            self.left_out += 1;
        }
    }

    /// Nothing when there are none.
    pub(super) fn finish(mut self) -> Result<(), Diagnostics> {
        if let Some(code) = self.beyond {
            let cause = format!("{} more faults are not listed", self.left_out);
            self.list.push(Diagnostic::new(code, Location::None, cause));
        }
        self.list.into_result(())
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_CHARACTERS) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}
