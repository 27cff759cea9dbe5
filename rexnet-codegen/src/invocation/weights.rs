//! The file that `weights = "…"` names. No more is read of it than its header and its length.

use super::source::Written;
use super::{fault, file};
use crate::plan::{PACKED_HEADER_BYTES, PACKED_MAGIC, PackedHeader, Program};
use proc_macro2::Span;
use rexnet_ir::diagnostic::Code;
use rexnet_ir::spec::Fault;
use rexnet_ir::spec::syntax::{Source, Spanned};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The header of a file of packed weights.
#[derive(Debug)]
pub(super) struct Header {
    layout_hash: u64,
    content_bytes: u64,
    span: Span,
    /// How to pack the weights again.
    help: String,
}

impl Header {
    /// Reads the header of a file in the crate's folder.
    ///
    /// # Errors
    /// `RX0103` for a path that leads nowhere in the crate, `RX0701` for a file that cannot be read, `RX0306` for one
    /// that holds no packed weights of this version.
    pub(super) fn read(
        path: &Spanned<String>,
        folder: Option<&Path>,
        source: Option<&Written>,
    ) -> Result<Self, Fault> {
        let help = packing(&path.node, source);
        let place = file::in_crate(path, folder, "models/classifier.rxw")?;
        let (start, bytes) = read_start(&place).map_err(|error| file::unreadable(path, &error, &help))?;
        let Spanned { node: path, span } = path;
        let relative = Path::new(path);
        let refuse = |cause: String| Err(fault(Code::PackedHeader, *span, cause, &help));
        if let Some(named) = named_weights(relative, &start) {
            return refuse(format!("`{path}` holds {named}; here packed ones are needed"));
        }
        let header = match start.first_chunk().map(PackedHeader::read) {
            Some(Ok(header)) => header,
            Some(Err(cause)) => return refuse(format!("`{path}`: {cause}")),
            None => return refuse(format!("`{path}` is shorter than the header of packed weights")),
        };
        let content_bytes = bytes - PACKED_HEADER_BYTES as u64;
        if header.content_bytes != content_bytes {
            return refuse(format!(
                "`{path}` is not as long as its header says: it holds {content_bytes} bytes of weights, not {}",
                header.content_bytes
            ));
        }
        let layout_hash = header.layout_hash;
        Ok(Self { layout_hash, content_bytes, span: *span, help })
    }

    /// Whether the file was packed for this program.
    ///
    /// # Errors
    /// `RX0306` when it was not.
    pub(super) fn check(&self, program: &Program) -> Result<(), Fault> {
        if self.layout_hash == program.layout_hash && self.content_bytes == program.weight_bytes as u64 {
            return Ok(());
        }
        let cause = format!(
            "the weights were packed for another network: layout {:016x}, not {:016x}",
            self.layout_hash, program.layout_hash
        );
        Err(fault(Code::PackedHeader, self.span, cause, &self.help))
    }
}

/// The first bytes of a file, and how many it has.
fn read_start(path: &Path) -> io::Result<(Vec<u8>, u64)> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let mut start = Vec::with_capacity(PACKED_HEADER_BYTES);
    file.take(PACKED_HEADER_BYTES as u64).read_to_end(&mut start)?;
    Ok((start, metadata.len()))
}

/// What holds weights by name, told by the name of the file or by how it begins: the length of a JSON object and the
/// object, a zip archive, a pickle.
fn named_weights(path: &Path, start: &[u8]) -> Option<&'static str> {
    let ends_in =
        |ending: &str| path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case(ending));
    if ends_in("safetensors") || (start.get(8) == Some(&b'{') && !start.starts_with(PACKED_MAGIC)) {
        return Some("safetensors weights");
    }
    let is_checkpoint = start.starts_with(b"PK\x03\x04") || start.starts_with(&[0x80]);
    (["pth", "pt"].into_iter().any(ends_in) || is_checkpoint).then_some("weights of a PyTorch checkpoint")
}

/// The command that makes the file.
fn packing(path: &str, source: Option<&Written>) -> String {
    let (network, note) = match source {
        Some(Written::File { path, .. }) => (path.clone(), String::new()),
        Some(Written::Spec(Source::Call(call))) => (format!("\"{call}\""), String::new()),
        Some(Written::Spec(Source::Definition(definition))) => {
            let file = format!("{}.rexnet", definition.name);
            (file.clone(), format!(", where {file} holds the definition"))
        }
        None => ("NET".to_owned(), String::new()),
    };
    // A model brings its weights.
    let is_model = source.is_some_and(Written::is_model);
    let weights = |file: &str| if is_model { String::new() } else { format!(" --weights {file}") };
    let is_packed =
        Path::new(path).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("rxw"));
    if is_packed {
        let weights = weights("FILE.safetensors");
        return format!("pack them: `rexnetc pack {network}{weights} -o {path}`{note}");
    }
    let packed = Path::new(path).with_extension("rxw");
    let packed = packed.display();
    format!(
        "pack them: `rexnetc pack {network}{} -o {packed}`{note}; then give \"{packed}\" here",
        weights(path)
    )
}
