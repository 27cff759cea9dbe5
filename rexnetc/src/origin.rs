//! Where faults lie, as far as they do not say it themselves.

/// Something that the user wrote or named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The file's name, or what stands for it.
    pub(crate) name: String,
    /// The text that spans point into; `None` for a binary file, whose faults name nodes.
    pub(crate) text: Option<String>,
}
