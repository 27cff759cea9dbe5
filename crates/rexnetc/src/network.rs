//! The argument NET: a spec, or a file that holds one.

use crate::failure::Failure;
use crate::file;
use rexnet::{Code, Diagnostic, Diagnostics, Location};
use rexnet_ir::spec::{self, Network};
use std::path::Path;

/// The ending of files that hold a spec.
const ENDING: &str = "rexnet";
/// What stands for a file's name where the spec is an argument.
const SPEC: &str = "<spec>";

/// A network as the user named it.
#[derive(Clone, Debug)]
pub(crate) struct Net {
    /// The file's name, or `<spec>`.
    pub(crate) name: String,
    /// The text of the spec.
    pub(crate) text: String,
}

impl Net {
    /// A spec as it is.
    pub(crate) fn spec(text: impl Into<String>) -> Self {
        Self { name: SPEC.to_owned(), text: text.into() }
    }

    /// Reads the argument: what ends in `.rexnet` is a file, everything else a spec.
    ///
    /// # Errors
    /// `RX0701` and `RX0106` when the file is missing or too long, `RX0101` when it is no text.
    pub(crate) fn from_argument(argument: &str) -> Result<Self, Diagnostic> {
        let path = Path::new(argument);
        if !has_ending(path) {
            return Ok(Self::spec(argument));
        }
        let bytes = file::read(path, spec::MAX_BYTES)?;
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Self { name: argument.to_owned(), text }),
            Err(_) => Err(Diagnostic::new(
                Code::SpecSyntax,
                Location::File(argument.to_owned()),
                "this is not a text file in UTF-8",
            )),
        }
    }

    /// The network of the spec.
    ///
    /// # Errors
    /// All faults of the spec.
    pub(crate) fn parse(&self) -> Result<Network, Failure> {
        spec::parse_network(&self.text).map_err(|faults| {
            if self.name == SPEC && Path::new(&self.text).is_file() {
                let location = Location::File(self.text.clone());
                let fault =
                    Diagnostic::new(Code::SpecSyntax, location, "this file is not taken for a network");
                return fault.with_help("the names of files that hold a spec end in .rexnet").into();
            }
            self.fail(faults)
        })
    }

    /// Faults whose spans point into this spec.
    pub(crate) fn fail(&self, faults: Diagnostics) -> Failure {
        Failure::Input { faults, net: Some(Box::new(self.clone())) }
    }
}

/// Whether the first argument of `run` is a network and not an image. What ends in `.rexnet` or is the name of a
/// preset is; any other existing file is not; of the rest, what has a file's ending (`.` and a letter, then letters and digits) or is
/// a path without brackets is meant to be an image.
pub(crate) fn is_network(argument: &str) -> bool {
    let path = Path::new(argument);
    if has_ending(path) || spec::PRESETS.iter().any(|preset| preset.name == argument) {
        return true;
    }
    if path.is_file() {
        return false;
    }
    let ending = argument.rsplit_once('.').map_or("", |(_, ending)| ending);
    let file_ending = ending.starts_with(|first: char| first.is_ascii_alphabetic())
        && ending.chars().all(|letter| letter.is_ascii_alphanumeric());
    let bare_path = argument.contains(['/', '\\']) && !argument.contains(['(', '<', '{']);
    !(file_ending || bare_path)
}

fn has_ending(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == ENDING)
}

#[cfg(test)]
mod tests {
    use super::is_network;

    #[test]
    fn networks_are_told_from_images() {
        for network in [
            "rexnet",
            "rexnet(width = 1.0)",
            "rexnet(width = 0.5, classes = 1.e3)",
            "<width=1.0>",
            "rexnet(width = 1 / 2)",
            "rexnet(width = 1.0",
            "no/such/file.rexnet",
            "network x { }",
        ] {
            assert!(is_network(network), "{network}");
        }
        for image in ["photo.jgp", "photo (1).jpg", "photos/coffee.png", "photos/coffee", "/", "a.b.jpeg"] {
            assert!(!is_network(image), "{image}");
        }
    }
}
