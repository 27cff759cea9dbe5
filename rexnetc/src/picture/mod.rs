//! Pictures, as SVG of our own and as PNG: what charts are drawn with, and where their labels go.

pub(crate) mod canvas;
pub(crate) mod grid;
pub(crate) mod labels;
mod raster;
pub(crate) mod svg;
