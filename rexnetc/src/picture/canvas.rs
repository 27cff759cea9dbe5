//! What charts are drawn on: the same drawing as SVG and as PNG.

use super::raster::Raster;
use super::svg::{Point, Style, Svg};

/// Something to draw on. Lengths are pixels, points from the upper left corner, colours `#rgb` or `#rrggbb`.
pub(crate) trait Canvas {
    /// A line through points, dashed by lengths of dash and gap where there are some. Where there can be one, `title` is told
    /// to who points at it.
    fn path(&mut self, points: &[Point], color: &str, width: f64, dashes: Option<[f64; 2]>, title: &str);

    /// Text with a white rim, so that lines do not cross it.
    fn text(&mut self, at: Point, style: Style, text: &str);

    /// A rectangle from its upper left corner.
    fn bar(&mut self, at: Point, size: Point, color: &str, opacity: f64, title: &str);
}

/// A drawing of so many pixels as an SVG document, and as a PNG file of twice as many.
///
/// # Errors
/// What the PNG encoder says.
pub(crate) fn draw(
    (width, height): Point,
    drawing: impl Fn(&mut dyn Canvas),
) -> Result<(String, Vec<u8>), png::EncodingError> {
    let mut svg = Svg::new(width, height);
    drawing(&mut svg);
    let mut raster = Raster::new(width, height);
    drawing(&mut raster);
    Ok((svg.finish(), raster.finish()?))
}

impl Canvas for Svg {
    fn path(&mut self, points: &[Point], color: &str, width: f64, dashes: Option<[f64; 2]>, title: &str) {
        let dashes = dashes.map(|[dash, gap]| format!("stroke-dasharray=\"{dash} {gap}\""));
        Svg::path(self, points, color, width, &dashes.unwrap_or_default(), title);
    }

    fn text(&mut self, at: Point, style: Style, text: &str) {
        Svg::text(self, at, style, text);
    }

    fn bar(&mut self, at: Point, size: Point, color: &str, opacity: f64, title: &str) {
        Svg::bar(self, at, size, color, opacity, title);
    }
}
