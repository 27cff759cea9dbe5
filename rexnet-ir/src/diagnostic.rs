//! Coded faults: what is wrong with somebody's input, where, and the way out.
//!
//! Each layer owns a block of codes: `RX01` spec, `RX02` graph, `RX03` weights, `RX04` loops, `RX05` plan,
//! `RX06` machine code, `RX07` files, images and arrays, `RX08` verification, `RX09` ONNX. A code never changes its meaning.

use std::fmt;
use std::ops::Range;

macro_rules! codes {
    ($($name:ident = $code:literal, $title:literal, $explanation:literal;)*) => {
        /// Every code that rexnet can report, in one table.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code { $(#[doc = $title] $name,)* }

        impl Code {
            /// All codes, in numerical order.
            pub const ALL: &'static [Code] = &[$(Code::$name,)*];

            /// The stable spelling, such as `RX0101`.
            pub fn code(self) -> &'static str {
                match self { $(Code::$name => $code,)* }
            }

            /// One line: what kind of fault it is.
            pub fn title(self) -> &'static str {
                match self { $(Code::$name => $title,)* }
            }

            /// A paragraph: when it arises and what to do.
            pub fn explanation(self) -> &'static str {
                match self { $(Code::$name => $explanation,)* }
            }
        }
    };
}

codes! {
    SpecSyntax = "RX0101", "the spec is not well formed",
        "The text does not follow the grammar of network specs. The span shows the token at which reading stopped. README.md and the preset files of rexnet-ir show the grammar by example.";
    SpecUnknownName = "RX0102", "the spec uses an unknown name",
        "A preset, field, function, variable, activation or rounding rule of that name does not exist. The message lists the names that do.";
    SpecValue = "RX0103", "a value in the spec is out of range or of the wrong kind",
        "The value was read but makes no network: a zero width, a list of the wrong length, a fraction where a whole number is needed.";
    SpecMissing = "RX0104", "the spec lacks a required field",
        "A section or field that has no default was not given.";
    SpecDuplicate = "RX0105", "the spec says the same thing twice",
        "A field, parameter or section stands twice; which one is meant cannot be known. Remove one.";
    SpecTooLarge = "RX0106", "the spec is too long or nested too deeply",
        "Specs are limited in length, nesting, blocks and tensor sizes, so that a hostile file cannot exhaust memory or time.";
    SpecNeeded = "RX0107", "only a spec has this form",
        "A PyTorch module is written from a spec, which knows blocks; an ONNX model is a graph of operators, and has nothing that would make a readable module. Give the spec. A model that PyTorch exported is trained where it was made.";
    GraphSyntax = "RX0201", "the graph text is not well formed",
        "The text form of a graph could not be read back. `rexnetc compile NET --emit graph` shows the form.";
    GraphInvalid = "RX0202", "the graph breaks an invariant",
        "The verifier found a node whose operands, shape, layout or constants are inconsistent, or a cycle, a duplicate name or a missing output.";
    GraphTooLarge = "RX0203", "the graph or a tensor of it is too large",
        "Tensors are limited to 2^29 elements so that every offset fits the address arithmetic of the generated code, and the values alive at once and the packed weights to 4 GiB each. A graph has at most 2^14 nodes, and its kernels at most 2^18 statements.";
    WeightsFormat = "RX0301", "the weights file cannot be read",
        "Weights are read from safetensors files and from PyTorch checkpoints (.pth, .pt), told apart by their content. This file is damaged, truncated or of another format.";
    WeightsMissing = "RX0302", "a tensor is missing from the weights",
        "The network needs a tensor of that name. The message names the nearest name in the file, if there is one.";
    WeightsShape = "RX0303", "a tensor of the weights has another shape",
        "The tensor exists but its dimensions differ from those of the network: another width, depth or class count, most often.";
    WeightsType = "RX0304", "a tensor of the weights has an unsupported element type",
        "Weights are read from F32, F16, BF16 and F64; other types have no defined widening here.";
    WeightsUnused = "RX0305", "the weights hold tensors that the network does not use",
        "Names that the network does not know are reported, since most often they mean that the weights belong to another network.";
    PackedHeader = "RX0306", "the packed weights do not belong to this program",
        "The header of a packed blob carries a hash of the layout that it was packed for and a checksum of its content; one of them differs. Pack the weights again.";
    CheckpointCode = "RX0307", "the checkpoint cannot be read without running code",
        "A PyTorch checkpoint is a pickle, and a pickle may call any function of Python. rexnet runs nothing: it knows the names with which torch saves tensors and refuses all others, among them whole pickled modules, numpy's arrays and argparse's namespaces. Load the file where it was made and save the weights alone: `torch.save(model.state_dict(), FILE)`.";
    CheckpointContent = "RX0308", "the checkpoint holds no state dict",
        "A checkpoint is a dict of tensors by name, or a dict that has one under a usual key such as `state_dict` or `model`. This one was read but has neither; the message lists its keys.";
    CheckpointForm = "RX0309", "the checkpoint is stored in a way that is not read",
        "The file may well be whole, but it is compressed, big endian or written with pickle instructions that torch.save does not use. Load it with PyTorch and save the weights again.";
    CheckpointSize = "RX0310", "the checkpoint would take too much memory",
        "Reading a checkpoint may take a few times the memory of the file. This one asks for more: a damaged or hostile pickle, or tensors expanded far beyond what is stored.";
    LoopsSyntax = "RX0401", "the loop text is not well formed",
        "The text form of a loop nest could not be read back. `rexnetc compile NET --emit loops` shows the form.";
    LoopsInvalid = "RX0402", "the loop nest fails its proof",
        "The verifier could not prove from the constant bounds that every access is inside its buffer and aligned as claimed, that the types agree, or that the registers suffice.";
    Unsupported = "RX0403", "the network uses something that no kernel covers",
        "The graph is valid, but a node has attributes for which no strategy makes a loop nest.";
    PlanInvalid = "RX0501", "the memory plan is not sound",
        "Two values that are live at once share bytes, or a value lies outside the arena. This is a fault of the compiler: please report it.";
    MachineCode = "RX0601", "machine code could not be made",
        "The code generator refused a kernel. This is a fault of the compiler: please report it.";
    ExecutableMemory = "RX0602", "the system refuses executable memory",
        "Just-in-time compiled code needs pages that may be executed; this system forbids them. Use the interpreter (`--backend interpret`).";
    UnsupportedHost = "RX0603", "there is no code generator for this processor",
        "The JIT runs on x86-64 and aarch64. Use the interpreter (`--backend interpret`).";
    RustBuild = "RX0604", "emitted Rust could not be built",
        "The rust back end compiles what `rexnetc compile --emit rust` writes with this machine's `cargo`, in a cache folder, and loads it. It needs a Rust toolchain and a folder that can be written to.";
    CodeImage = "RX0605", "a compiled network in a file cannot be used",
        "An image holds machine code and weights. It is bound to the version of the compiler that made it and to the processor's vectors, and its checksum must agree. `rexnetc compile NET --emit image` makes it anew; a cache of images does so by itself.";
    Threads = "RX0606", "threads could not be started",
        "The operating system refused to start a thread; its own message is quoted. `--threads 1` starts none.";
    Memory = "RX0607", "the system refuses memory",
        "The network or a file needs more memory than the system gives this process. A smaller input or batch, a narrower network or a higher limit (`ulimit -v`, a container's) helps.";
    FileUnreadable = "RX0701", "a file cannot be read or written",
        "The operating system refused the file; its own message is quoted.";
    ImageBroken = "RX0702", "the file is not a readable JPEG or PNG",
        "The image is damaged, truncated, or of another format. JPEG and PNG are read.";
    ImageSize = "RX0703", "the image is empty or too large",
        "Images are limited to 16384 pixels a side and 512 MiB decoded.";
    ArrayBroken = "RX0704", "the array file does not fit",
        "A .npy or .npz file is damaged, is not little-endian f32, has no array of the name that is needed, or its shape is not the one that the network needs.";
    LabelsBroken = "RX0705", "the labels file does not fit",
        "A labels file holds one label a line, as many lines as the network has classes.";
    RunArguments = "RX0706", "a buffer given to a model has the wrong length",
        "Inputs and outputs are NCHW f32 without padding; the lengths are those that the model reports.";
    PreprocessingMissing = "RX0707", "nothing says how a photograph becomes the network's input",
        "A spec says it in `preprocess`; an ONNX model cannot. Give `--preprocess FIELDS`, or write the fields into a file beside the model with the ending .preprocess. A tensor needs none: `--input X.npy`.";
    FileStale = "RX0708", "a generated file is not what would be written now",
        "`rexnetc compile --check` found a file that is missing, was edited, or was written for another network, with other options or by another version. The message has the command that writes it.";
    VerificationFailed = "RX0801", "the results differ",
        "Back ends differ in a bit, or the distance to the reference or to the expected values exceeds 1e-4 of the output's range, or the class differs; or so does a node, the network after a pass, or an expected intermediate value. What is to blame is named as far as it is known.";
    NetworksDiffer = "RX0802", "the two networks are not the same",
        "After normalisation (passes, batch norms folded) the graphs are not isomorphic, or a weight differs by more than 1e-5 of its tensor's range. The first place where they part is named.";
    OnnxFormat = "RX0901", "the file is not a readable ONNX model",
        "The protobuf message is damaged, truncated, nested too deeply, or of another format.";
    OnnxUnsupported = "RX0902", "the ONNX model uses something that is not supported",
        "An operator, an attribute, an element type or a dynamic extent that the importer does not cover. All such places are reported at once.";
    OnnxInvalid = "RX0903", "the ONNX model is not well formed",
        "A name is used but never defined, defined twice, part of a cycle, or a tensor's length does not fit its dimensions.";
    OnnxExternal = "RX0904", "external data of the ONNX model cannot be used",
        "The file that holds a tensor is outside the model's folder, is missing or is too short.";
    OnnxQuantised = "RX0905", "the ONNX model is quantised",
        "Quantised models (QDQ and QLinear operators) are not compiled yet; give the f32 model.";
}

/// Where a fault lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// Nowhere in particular.
    None,
    /// A range of bytes in the source text.
    Span(Range<usize>),
    /// A node of the graph, a kernel, or a tensor, by name.
    Name(String),
    /// A file.
    File(String),
    /// A line of a text form, counted from 1.
    Line(usize),
}

/// One fault: code, place, cause, way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Which kind of fault.
    pub code: Code,
    /// Where.
    pub location: Location,
    /// What is wrong, as a sentence without a full stop.
    pub cause: String,
    /// What to do about it; may be empty where the cause already says it.
    pub help: String,
}

impl Diagnostic {
    /// A fault without a way out of its own.
    pub fn new(code: Code, location: Location, cause: impl Into<String>) -> Self {
        Self { code, location, cause: cause.into(), help: String::new() }
    }

    /// The same fault with a way out.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = help.into();
        self
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error[{}]: ", self.code.code())?;
        match &self.location {
            Location::None | Location::Span(_) => {}
            Location::Name(name) => write!(f, "{name}: ")?,
            Location::File(path) => write!(f, "{path}: ")?,
            Location::Line(line) => write!(f, "line {line}: ")?,
        }
        write!(f, "{}", self.cause)?;
        if !self.help.is_empty() {
            write!(f, "\n  help: {}", self.help)?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostic {}

/// All the faults that one step found; never empty when it is an error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics {
    /// In the order found.
    pub list: Vec<Diagnostic>,
}

impl Diagnostics {
    /// Adds a fault.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.list.push(diagnostic);
    }

    /// `Ok(value)` when nothing was found.
    pub fn into_result<T>(self, value: T) -> Result<T, Diagnostics> {
        if self.list.is_empty() { Ok(value) } else { Err(self) }
    }

    /// Whether a fault of this code is among them.
    pub fn contains(&self, code: Code) -> bool {
        self.list.iter().any(|diagnostic| diagnostic.code == code)
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Self {
        Self { list: vec![diagnostic] }
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, diagnostic) in self.list.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{diagnostic}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_distinct_and_in_order() {
        let codes: Vec<_> = Code::ALL.iter().map(|code| code.code()).collect();
        assert!(codes.windows(2).all(|pair| pair[0] < pair[1]), "{codes:?}");
    }
}
