//! Charts as pixels.

use super::canvas::Canvas;
use super::svg::{Point, Style};
use tiny_skia::{Color, FillRule, LineJoin, Paint, PathBuilder, Pixmap, Rect, Stroke, StrokeDash, Transform};
use ttf_parser::{Face, OutlineBuilder};

/// Pixels of the file for one of the drawing.
const SCALE: f64 = 2.0;
/// The letters that charts use, of DejaVu Sans: no font of the system is asked for, so pictures are the same everywhere.
const FONT: &[u8] = include_bytes!("fonts/DejaVuSans.ttf");
const BOLD_FONT: &[u8] = include_bytes!("fonts/DejaVuSans-Bold.ttf");

/// A picture in the making; without pixels where it would be too large.
pub(crate) struct Raster {
    pixels: Option<Pixmap>,
}

impl Raster {
    /// A white picture of so many pixels of the drawing.
    pub(crate) fn new(width: f64, height: f64) -> Self {
        let mut pixels = Pixmap::new((width * SCALE) as u32, (height * SCALE) as u32);
        if let Some(pixels) = &mut pixels {
            pixels.fill(Color::WHITE);
        }
        Self { pixels }
    }

    /// As a PNG file.
    ///
    /// # Errors
    /// What the encoder says.
    pub(crate) fn finish(self) -> Result<Vec<u8>, png::EncodingError> {
        let (width, height) = self.pixels.as_ref().map_or((1, 1), |pixels| (pixels.width(), pixels.height()));
        // The ground is opaque, so all pixels are.
        let colors = self.pixels.iter().flat_map(|pixels| pixels.pixels());
        let mut bytes: Vec<u8> =
            colors.flat_map(|pixel| [pixel.red(), pixel.green(), pixel.blue()]).collect();
        bytes.resize(3 * width as usize * height as usize, 255);
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, width, height);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_compression(png::Compression::High);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&bytes)?;
        writer.finish()?;
        Ok(file)
    }

    fn stroke(&mut self, path: &tiny_skia::Path, color: &str, stroke: &Stroke, place: Transform) {
        if let Some(pixels) = &mut self.pixels {
            pixels.stroke_path(path, &paint(color, 1.0), stroke, place, None);
        }
    }
}

impl Canvas for Raster {
    fn path(&mut self, points: &[Point], color: &str, width: f64, dashes: Option<[f64; 2]>, _title: &str) {
        let mut builder = PathBuilder::new();
        for (index, &(x, y)) in points.iter().enumerate() {
            let (x, y) = (x as f32, y as f32);
            if index == 0 { builder.move_to(x, y) } else { builder.line_to(x, y) }
        }
        let dash = dashes.and_then(|[dash, gap]| StrokeDash::new(vec![dash as f32, gap as f32], 0.0));
        let stroke = Stroke { width: width as f32, line_join: LineJoin::Round, dash, ..Stroke::default() };
        if let Some(path) = builder.finish() {
            self.stroke(&path, color, &stroke, scaled());
        }
    }

    fn text(&mut self, (x, y): Point, style: Style, text: &str) {
        let Ok(face) = Face::parse(if style.bold { BOLD_FONT } else { FONT }, 0) else { return };
        let (outline, width) = outline(&face, text);
        let size = style.size / f64::from(face.units_per_em());
        let before = match style.anchor {
            "middle" => width / 2.0,
            "end" => width,
            _ => 0.0,
        };
        let Some(path) = outline.finish() else { return };
        let place = Transform::from_translate(-before as f32, 0.0)
            // A font's vertical axis points up.
            .post_scale(size as f32, -size as f32)
            .post_rotate(style.turned as f32)
            .post_translate(x as f32, y as f32)
            .post_concat(scaled());
        let rim = Stroke { width: (3.0 / size) as f32, line_join: LineJoin::Round, ..Stroke::default() };
        self.stroke(&path, "#fff", &rim, place);
        if let Some(pixels) = &mut self.pixels {
            pixels.fill_path(&path, &paint(style.color, 1.0), FillRule::Winding, place, None);
        }
    }

    fn bar(&mut self, (x, y): Point, (width, height): Point, color: &str, opacity: f64, _title: &str) {
        let rectangle = Rect::from_xywh(x as f32, y as f32, width.max(0.0) as f32, height.max(0.0) as f32);
        if let (Some(pixels), Some(rectangle)) = (&mut self.pixels, rectangle) {
            pixels.fill_rect(rectangle, &paint(color, opacity), scaled(), None);
        }
    }
}

fn scaled() -> Transform {
    Transform::from_scale(SCALE as f32, SCALE as f32)
}

fn paint(color: &str, opacity: f64) -> Paint<'static> {
    let digits = color.trim_start_matches('#');
    let number = u32::from_str_radix(digits, 16).unwrap_or(0);
    let channel = |place: u32| match digits.len() {
        3 => (number >> (4 * place) & 15) * 17,
        _ => number >> (8 * place) & 255,
    };
    let mut paint = Paint { anti_alias: true, ..Paint::default() };
    let [red, green, blue] = [2, 1, 0].map(|place| channel(place) as u8);
    paint.set_color_rgba8(red, green, blue, (opacity * 255.0).round() as u8);
    paint
}

/// The outlines of letters beside each other, and their width, in the font's units.
fn outline(face: &Face<'_>, text: &str) -> (PathBuilder, f64) {
    let mut outline = Outline { path: PathBuilder::new(), x: 0.0 };
    for letter in text.chars() {
        let glyph = face.glyph_index(letter).unwrap_or_default();
        face.outline_glyph(glyph, &mut outline);
        outline.x += f32::from(face.glyph_hor_advance(glyph).unwrap_or(0));
    }
    (outline.path, f64::from(outline.x))
}

/// A path to which the outlines of letters are added from `x` on.
struct Outline {
    path: PathBuilder,
    x: f32,
}

impl OutlineBuilder for Outline {
    fn move_to(&mut self, x: f32, y: f32) {
        self.path.move_to(self.x + x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.path.line_to(self.x + x, y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        self.path.quad_to(self.x + x1, y1, self.x + x, y);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        self.path.cubic_to(self.x + x1, y1, self.x + x2, y2, self.x + x, y);
    }

    fn close(&mut self) {
        self.path.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pixels of a PNG file, `[r, g, b]` each, and its width.
    fn decoded(file: &[u8]) -> (Vec<u8>, usize) {
        let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        (pixels, info.width as usize)
    }

    #[test]
    fn shapes_lie_where_they_were_drawn() {
        let mut raster = Raster::new(40.0, 30.0);
        raster.bar((10.0, 10.0), (5.0, 5.0), "#d55e00", 1.0, "");
        raster.path(&[(0.0, 25.0), (40.0, 25.0)], "#333", 2.0, None, "");
        let (pixels, width) = decoded(&raster.finish().unwrap());
        let at = |x: usize, y: usize| &pixels[3 * (y * width + x)..][..3];
        assert_eq!(width, 80);
        assert_eq!(at(25, 25), [0xd5, 0x5e, 0x00]);
        assert_eq!(at(35, 25), [0xff; 3]);
        assert_eq!(at(40, 50), [0x33; 3]);
    }

    #[test]
    fn text_stands_beside_its_point_as_it_is_anchored() {
        for (anchor, begins) in [("start", 100), ("end", 0)] {
            let mut raster = Raster::new(100.0, 20.0);
            raster.text((50.0, 15.0), Style::TEXT.anchored(anchor), "1×1");
            let (pixels, width) = decoded(&raster.finish().unwrap());
            let dark = |x: usize| (0..40).any(|y| pixels[3 * (y * width + x)] < 128);
            let columns: Vec<usize> = (0..width).filter(|&x| dark(x)).collect();
            assert!(
                !columns.is_empty() && columns.iter().all(|x| (begins..begins + 100).contains(x)),
                "{columns:?}"
            );
        }
    }
}
