//! Pictures, as SVG of our own: what charts are drawn with, and where their labels go.

pub(crate) mod labels;
pub(crate) mod svg;
