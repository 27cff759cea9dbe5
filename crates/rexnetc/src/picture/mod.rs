//! Pictures, as SVG of our own.

pub(crate) mod svg;
