//! The names of the classes.

use crate::file;
use crate::network::Net;
use crate::weights::Chosen;
use rexnet::{Code, Diagnostic, Location, labels};
use std::path::{Path, PathBuf};

/// The ending of the file beside a model.
const ENDING: &str = "labels";
/// The longest labels file.
const MAX_BYTES: usize = 16 << 20;

/// Those of the file, else those in the weights, else of NAME.labels beside the weights or the network's file, else
/// ImageNet's for 1000 classes, else numbers.
///
/// # Errors
/// `RX0701` when the file cannot be read, `RX0705` when it does not fit.
pub(crate) fn choose(
    flag: Option<&Path>,
    net: &Net,
    weights: &Chosen,
    classes: usize,
) -> Result<Vec<String>, Diagnostic> {
    if let (None, Some(text)) = (flag, weights.labels()) {
        let location = Location::File(weights.to_string());
        return labels::parse(&text, classes).map_err(|fault| Diagnostic { location, ..fault });
    }
    match flag.map(PathBuf::from).or_else(|| beside(net, weights)) {
        Some(path) => read(&path, classes),
        None => {
            let imagenet = labels::imagenet();
            Ok(if classes == imagenet.len() {
                imagenet.into_iter().map(str::to_owned).collect()
            } else {
                (0..classes).map(|class| format!("class {class}")).collect()
            })
        }
    }
}

/// Whether anything names the classes.
pub(crate) fn are_known(flag: Option<&Path>, net: &Net, weights: &Chosen, classes: usize) -> bool {
    flag.is_some()
        || weights.labels().is_some()
        || beside(net, weights).is_some()
        || classes == labels::imagenet().len()
}

/// The file beside the weights or the network.
fn beside(net: &Net, weights: &Chosen) -> Option<PathBuf> {
    let files = [weights.file(), net.file()].into_iter().flatten();
    files.map(|file| file.with_extension(ENDING)).find(|path| path.exists())
}

fn read(path: &Path, classes: usize) -> Result<Vec<String>, Diagnostic> {
    let location = Location::File(path.display().to_string());
    let text = String::from_utf8(file::read(path, MAX_BYTES)?).map_err(|_| {
        Diagnostic::new(Code::LabelsBroken, location.clone(), "this is not a text file in UTF-8")
    })?;
    labels::parse(&text, classes).map_err(|fault| Diagnostic { location, ..fault })
}
