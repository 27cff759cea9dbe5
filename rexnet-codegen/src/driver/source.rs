//! What a network is given as, and the one rule about the names of files.

use super::MAX_WEIGHTS_BYTES;
use crate::emit::IMAGE_MAGIC;
use rexnet_ir::Bytes;
use rexnet_ir::diagnostic::{Code, Diagnostic, Location};
use rexnet_ir::graph::Graph;
use rexnet_ir::onnx;
use rexnet_ir::spec::{self, Network};
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// A description of a network.
#[derive(Clone, Debug)]
pub enum Source {
    /// A preset call such as `rexnet(width = 1.0)`, or the text of a `.rexnet` file.
    Spec(String),
    /// A spec that was understood already.
    Network(Box<Network>),
    /// An ONNX model.
    Onnx {
        /// The content of the file. The compiled network shares it.
        file: Bytes,
        /// The folder that external data is read from; none is read without.
        folder: Option<PathBuf>,
    },
    /// A graph that was made by hand, or by altering the graph of another source.
    Graph(Box<Graph>),
}

impl Source {
    /// An ONNX model without external data: a `Vec<u8>`, a `&'static [u8]`, or [`Bytes`] of a memory map.
    pub fn onnx(file: impl Into<Bytes>) -> Self {
        Source::Onnx { file: file.into(), folder: None }
    }
}

impl From<&str> for Source {
    fn from(spec: &str) -> Self {
        Source::Spec(spec.to_owned())
    }
}

impl From<&String> for Source {
    fn from(spec: &String) -> Self {
        Source::Spec(spec.clone())
    }
}

impl From<String> for Source {
    fn from(spec: String) -> Self {
        Source::Spec(spec)
    }
}

impl From<Network> for Source {
    fn from(network: Network) -> Self {
        Source::Network(Box::new(network))
    }
}

impl From<Graph> for Source {
    fn from(graph: Graph) -> Self {
        Source::Graph(Box::new(graph))
    }
}

impl Source {
    /// Reads the network that an argument names: a file, or standard input, or the spec that it is.
    ///
    /// # Errors
    /// As [`Named::new`] and [`Source::of_content`]; `RX0701` when a file cannot be read or is too long.
    pub fn open(argument: impl Into<OsString>) -> Result<Self, Diagnostic> {
        match Named::new(argument)? {
            Named::Spec(text) => Ok(Source::Spec(text)),
            Named::File(kind, path) => {
                let content = read_file(&path, kind.max_bytes())?;
                Self::of_content(kind, content, Some(&path))
            }
            Named::StandardInput => {
                let content = read_standard_input()?;
                Self::of_content(FileKind::of_content(&content), content, None)
            }
        }
    }

    /// The content of a file of a kind. External data of a model lies in the folder of `path`, and is not read without.
    ///
    /// # Errors
    /// `RX0101` for a spec that is no text in UTF-8, `RX0605` for a compiled network, which has no source.
    pub fn of_content(
        kind: FileKind,
        content: impl Into<Bytes>,
        path: Option<&Path>,
    ) -> Result<Self, Diagnostic> {
        let content = content.into();
        let location =
            || Location::File(path.map_or(STANDARD_INPUT.to_owned(), |path| path.display().to_string()));
        match kind {
            FileKind::Spec => match str::from_utf8(&content) {
                Ok(text) => Ok(Source::Spec(text.to_owned())),
                Err(_) => {
                    let cause = "this is not a text file in UTF-8";
                    Err(Diagnostic::new(Code::SpecSyntax, location(), cause))
                }
            },
            FileKind::Onnx => {
                let folder = path.map(|path| match path.parent() {
                    Some(folder) if folder != Path::new("") => folder.to_path_buf(),
                    Some(_) | None => PathBuf::from("."),
                });
                Ok(Source::Onnx { file: content, folder })
            }
            FileKind::Image => {
                let cause = "a compiled network can only be run: `rexnetc run` and `rexnetc bench` take it";
                Err(Diagnostic::new(Code::CodeImage, location(), cause)
                    .with_help("give the spec or the model that it was compiled from"))
            }
        }
    }
}

impl Source {
    /// The names of the inputs, which can be known while their extents are free; `None` where only the network itself says.
    ///
    /// # Errors
    /// `RX0901` when a model does not read.
    pub fn input_names(&self) -> Result<Option<Vec<String>>, Diagnostic> {
        match self {
            Source::Onnx { file, .. } => onnx::input_names(file.clone()).map(Some),
            Source::Spec(_) | Source::Network(_) | Source::Graph(_) => Ok(None),
        }
    }
}

/// What stands for the name of a file that is standard input.
pub const STANDARD_INPUT: &str = "<standard input>";

/// What a file that describes a network holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// The text of a spec.
    Spec,
    /// An ONNX model.
    Onnx,
    /// A compiled network.
    Image,
}

impl FileKind {
    /// The endings of files, which may be written in any case.
    const ENDINGS: [(&'static str, FileKind); 3] =
        [("rexnet", FileKind::Spec), ("onnx", FileKind::Onnx), ("rxi", FileKind::Image)];

    /// The kind that the ending of a file's name says; `None` for other endings.
    pub fn of_name(path: &Path) -> Option<Self> {
        let own = path.extension()?;
        Self::ENDINGS.iter().find(|(ending, _)| own.eq_ignore_ascii_case(ending)).map(|&(_, kind)| kind)
    }

    /// The kind of content without a name: a compiled network begins with its magic number, a spec is text, and a model
    /// is neither, since its first fields are numbers of a few bits.
    pub fn of_content(content: &[u8]) -> Self {
        let is_text = |byte: &u8| *byte >= b' ' || matches!(byte, b'\t' | b'\n' | b'\r');
        if content.starts_with(IMAGE_MAGIC) {
            FileKind::Image
        } else if content.iter().take(TOLD_BYTES).all(is_text) {
            FileKind::Spec
        } else {
            FileKind::Onnx
        }
    }

    /// The ending of such files.
    pub fn ending(self) -> &'static str {
        Self::ENDINGS.iter().find(|(_, kind)| *kind == self).map_or("", |&(ending, _)| ending)
    }

    /// The longest such file that is read, in bytes.
    pub fn max_bytes(self) -> usize {
        match self {
            FileKind::Spec => spec::MAX_BYTES,
            FileKind::Onnx => onnx::MAX_MODEL_BYTES,
            FileKind::Image => MAX_IMAGE_BYTES,
        }
    }
}

/// The longest image that is read, in bytes.
pub const MAX_IMAGE_BYTES: usize = 8 << 30;
/// How many bytes tell the kind of content.
const TOLD_BYTES: usize = 4096;

/// What an argument says that the network is. All entrances read their arguments by this rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// A spec.
    Spec(String),
    /// A file, by the ending of its name.
    File(FileKind, PathBuf),
    /// The content of standard input.
    StandardInput,
}

impl Named {
    /// `-` is standard input; a name that ends in `.rexnet`, `.onnx` or `.rxi` is a file; all other text is a spec.
    ///
    /// # Errors
    /// `RX0101` for an argument that is neither a file's name nor text in UTF-8.
    pub fn new(argument: impl Into<OsString>) -> Result<Self, Diagnostic> {
        let argument = argument.into();
        if argument == "-" {
            return Ok(Named::StandardInput);
        }
        if let Some(kind) = FileKind::of_name(Path::new(&argument)) {
            return Ok(Named::File(kind, argument.into()));
        }
        argument.into_string().map(Named::Spec).map_err(|argument| {
            let location = Location::File(argument.display().to_string());
            let cause = "a spec is text in UTF-8, and the name of a file ends in .rexnet or .onnx";
            Diagnostic::new(Code::SpecSyntax, location, cause)
        })
    }
}

/// Reads a regular file of at most `limit` bytes.
///
/// # Errors
/// `RX0701` when there is none, or it is longer.
pub fn read_file(path: &Path, limit: usize) -> Result<Vec<u8>, Diagnostic> {
    let read = || -> io::Result<Vec<u8>> {
        // Before it is opened: a pipe would wait for a writer.
        if !std::fs::metadata(path)?.is_file() {
            return Err(io::Error::other("it is no file"));
        }
        read_limited(File::open(path)?, limit)
    };
    read().map_err(|error| unreadable(Location::File(path.display().to_string()), &error))
}

/// Reads standard input to its end.
///
/// # Errors
/// `RX0701` when it cannot be read, or is longer than the longest model.
pub fn read_standard_input() -> Result<Vec<u8>, Diagnostic> {
    let content = read_limited(io::stdin().lock(), FileKind::Onnx.max_bytes());
    content.map_err(|error| unreadable(Location::File(STANDARD_INPUT.to_owned()), &error))
}

fn read_limited(from: impl Read, limit: usize) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    from.take(limit as u64 + 1).read_to_end(&mut content)?;
    if content.len() > limit { Err(io::Error::other("it is too long")) } else { Ok(content) }
}

fn unreadable(location: Location, error: &io::Error) -> Diagnostic {
    Diagnostic::new(Code::FileUnreadable, location, error.to_string())
}

/// A file in a model's folder. The importer passes plain relative names; links must not lead out either.
pub(super) fn read_external(folder: Option<&Path>, name: &str) -> Result<Bytes, String> {
    let folder = folder.ok_or("the model's folder is not known")?;
    let fault = |error: io::Error| format!("{name}: {error}");
    let folder = folder.canonicalize().map_err(fault)?;
    let path = folder.join(name).canonicalize().map_err(fault)?;
    if !path.starts_with(&folder) {
        return Err(format!("{name} leads out of the model's folder"));
    }
    // Before it is opened: a pipe would wait for who writes to it.
    let metadata = std::fs::metadata(&path).map_err(fault)?;
    if !metadata.is_file() || metadata.len() > MAX_WEIGHTS_BYTES as u64 {
        return Err(format!("{name} is no file, or too large"));
    }
    let file = File::open(&path).map_err(fault)?;
    let mut content = Vec::new();
    file.take(MAX_WEIGHTS_BYTES as u64).read_to_end(&mut content).map_err(fault)?;
    Ok(content.into())
}
