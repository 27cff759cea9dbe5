//! The files that say of a network what it does not say itself: the names of its classes, and how photographs become
//! its input. The invocation names them, or they lie beside a model under its name.

use super::settings::Settings;
use super::source::Written;
use super::{Abilities, classify, fault, file};
use crate::plan::Program;
use rexnet_ir::diagnostic::{Code, Diagnostic};
use rexnet_ir::labels;
use rexnet_ir::spec::preprocessing::Preprocessing;
use rexnet_ir::spec::syntax::Spanned;
use rexnet_ir::spec::{self, Fault, Faults};
use std::path::Path;

/// The longest labels file.
const MAX_LABELS_BYTES: usize = 16 << 20;

/// The files, read.
#[derive(Debug)]
pub(super) struct Sidecars {
    labels: Option<Sidecar>,
    preprocessing: Option<Sidecar>,
}

/// The path of a file as it is relative to the crate, and the content.
#[derive(Debug)]
struct Sidecar {
    path: Spanned<String>,
    text: String,
    /// Whether the invocation names it: a file that only lies there may be for other programs.
    is_named: bool,
}

impl Sidecars {
    /// Reads what there is; what cannot be read is a fault.
    pub(super) fn read(
        settings: &Settings,
        written: Option<&Written>,
        folder: Option<&Path>,
        faults: &mut Faults,
    ) -> Self {
        let mut read = |named: &Option<Spanned<String>>, ending: &str, code: Code, limit: usize| {
            let path = named.clone().or_else(|| beside(written?, folder?, ending))?;
            let content = file::read(&path, folder, &format!("models/classifier.{ending}"), limit);
            let content = content.map_err(|fault| faults.list.push(fault)).ok()?;
            match String::from_utf8(content) {
                Ok(text) => Some(Sidecar { path, text, is_named: named.is_some() }),
                Err(_) => {
                    faults.push(code, path.span, format!("`{}` is not a text file in UTF-8", path.node));
                    None
                }
            }
        };
        Self {
            labels: read(&settings.labels, "labels", Code::LabelsBroken, MAX_LABELS_BYTES),
            preprocessing: read(&settings.preprocess, "preprocess", Code::SpecSyntax, spec::MAX_BYTES),
        }
    }

    /// The paths, relative to the crate.
    pub(super) fn files(&self) -> impl Iterator<Item = &str> {
        [&self.labels, &self.preprocessing].into_iter().flatten().map(|sidecar| sidecar.path.node.as_str())
    }

    /// The names of the classes: one a class of the only output.
    pub(super) fn names(&self, program: &Program, faults: &mut Faults) -> Option<Vec<String>> {
        let Sidecar { path: Spanned { node: path, span }, text, is_named } = self.labels.as_ref()?;
        let [output] = program.outputs.as_slice() else {
            if *is_named {
                let cause = "a network of several outputs has no classes";
                faults.push(Code::LabelsBroken, *span, cause.to_owned());
            }
            return None;
        };
        let classes = output.dims.last().copied().unwrap_or(1);
        match labels::parse(text, classes) {
            Ok(names) => Some(names),
            Err(found) => {
                let diagnostic = Diagnostic { cause: format!("`{path}`: {}", found.cause), ..found };
                faults.list.push(Fault { span: *span, diagnostic });
                None
            }
        }
    }

    /// How photographs become the input, if a file says so. Where the invocation names the file and photographs cannot be
    /// classified, that is a fault.
    pub(super) fn preprocessing(
        &self,
        program: &Program,
        abilities: Abilities,
        std: bool,
        faults: &mut Faults,
    ) -> Option<Preprocessing> {
        let Sidecar { path: Spanned { node: path, span }, text, is_named } = self.preprocessing.as_ref()?;
        let classifies = if !abilities.image {
            Err("photographs need the Cargo feature `image` of rexnet".to_owned())
        } else if !std {
            Err("photographs are prepared with `std`".to_owned())
        } else {
            classify::extents(program)
        };
        let [height, width, _] = match classifies {
            Ok(extents) => extents,
            Err(cause) => {
                if *is_named {
                    let help = "leave `preprocess` out, or mend that";
                    faults.list.push(fault(Code::SpecValue, *span, cause, help));
                }
                return None;
            }
        };
        // Only this crate's own tokens say where in the text they stand.
        proc_macro2::fallback::force();
        let parsed = spec::parse_preprocessing(text, [3, height, width]);
        proc_macro2::fallback::unforce();
        let told = |found: Diagnostic| {
            let diagnostic = Diagnostic { cause: format!("`{path}`: {}", found.cause), ..found };
            Fault { span: *span, diagnostic }
        };
        parsed.map_err(|found| faults.list.extend(found.list.into_iter().map(told))).ok()
    }
}

/// The path of the file beside a model with another ending, if there is one.
fn beside(written: &Written, folder: &Path, ending: &str) -> Option<Spanned<String>> {
    let Written::File { path, span, text: None } = written else { return None };
    let path = Path::new(path).with_extension(ending);
    let is_there = folder.join(&path).is_file();
    is_there.then(|| Spanned { node: path.to_string_lossy().into_owned(), span: *span })
}
