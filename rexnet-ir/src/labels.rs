//! Files of class names.

use crate::diagnostic::{Code, Diagnostic, Location};

/// Reads a labels file: one name a line, as many as there are classes; a last empty line does not count.
///
/// # Errors
/// `RX0705` when the number of lines differs.
pub fn parse(text: &str, classes: usize) -> Result<Vec<String>, Diagnostic> {
    let labels: Vec<String> = text.lines().map(|line| line.trim().to_owned()).collect();
    if labels.len() == classes {
        return Ok(labels);
    }
    let cause = format!("there are {} labels for {classes} classes", labels.len());
    Err(Diagnostic::new(Code::LabelsBroken, Location::None, cause).with_help("give one label a line"))
}
