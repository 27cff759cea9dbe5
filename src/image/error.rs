//! What can go wrong between a file and the network's input.

use std::fmt;
use std::path::{Path, PathBuf};

/// Why an image cannot be used. [`ImageError::code`] is stable; the wording is not.
#[derive(Debug)]
#[non_exhaustive]
pub enum ImageError {
    /// RX0701: the file cannot be read.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        cause: std::io::Error,
    },
    /// RX0702: the bytes are no JPEG or PNG, or a broken one.
    Undecodable {
        /// The file, if the bytes came from one.
        path: Option<PathBuf>,
        /// What is wrong with them.
        cause: String,
    },
    /// RX0703: the image, or what is asked of it, is too large or empty.
    Size {
        /// The file, if the image came from one.
        path: Option<PathBuf>,
        /// Which size is wrong.
        cause: String,
        /// What to do.
        help: String,
    },
}

impl ImageError {
    /// The stable code of this kind of error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "RX0701",
            Self::Undecodable { .. } => "RX0702",
            Self::Size { .. } => "RX0703",
        }
    }

    pub(super) fn undecodable(cause: impl fmt::Display) -> Self {
        Self::Undecodable { path: None, cause: cause.to_string() }
    }

    pub(super) fn size(cause: impl fmt::Display, help: impl fmt::Display) -> Self {
        Self::Size { path: None, cause: cause.to_string(), help: help.to_string() }
    }

    pub(super) fn in_file(mut self, file: &Path) -> Self {
        match &mut self {
            Self::Unreadable { path, .. } => *path = file.to_path_buf(),
            Self::Undecodable { path, .. } | Self::Size { path, .. } => *path = Some(file.to_path_buf()),
        }
        self
    }
}

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { path, .. } => write!(f, "{}: ", path.display())?,
            Self::Undecodable { path: Some(path), .. } | Self::Size { path: Some(path), .. } => {
                write!(f, "{}: ", path.display())?;
            }
            Self::Undecodable { path: None, .. } | Self::Size { path: None, .. } => f.write_str("image: ")?,
        }
        match self {
            Self::Unreadable { cause, .. } => {
                write!(f, "cannot be read: {cause}; check the path and its permissions")
            }
            Self::Undecodable { cause, .. } => {
                write!(f, "not a readable JPEG or PNG: {cause}; save it again as a JPEG or PNG file")
            }
            Self::Size { cause, help, .. } => write!(f, "{cause}; {help}"),
        }
    }
}

impl std::error::Error for ImageError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreadable { cause, .. } => Some(cause),
            Self::Undecodable { .. } | Self::Size { .. } => None,
        }
    }
}
