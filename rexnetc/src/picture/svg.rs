//! SVG, as much as the charts need.

use std::fmt::Write;

/// Escapes text for XML and HTML.
pub(crate) fn escaped(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => result.push_str("&amp;"),
            '<' => result.push_str("&lt;"),
            '>' => result.push_str("&gt;"),
            '"' => result.push_str("&quot;"),
            // Control characters are no XML.
            letter if letter.is_control() => result.push('\u{fffd}'),
            letter => result.push(letter),
        }
    }
    result
}

/// A point in pixels, from the upper left corner.
pub(crate) type Point = (f64, f64);

/// How text stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    /// The height of the letters, in pixels.
    pub(crate) size: f64,
    /// `start`, `middle` or `end`.
    pub(crate) anchor: &'static str,
    /// The colour of the letters.
    pub(crate) color: &'static str,
    /// Degrees, clockwise about the text's point.
    pub(crate) turned: f64,
    /// Whether the letters are.
    pub(crate) bold: bool,
}

impl Style {
    /// Dark text that begins at its point.
    pub(crate) const TEXT: Style =
        Style { size: 12.0, anchor: "start", color: "#333", turned: 0.0, bold: false };

    /// Beginning, middle or end at its point.
    pub(crate) fn anchored(self, anchor: &'static str) -> Self {
        Self { anchor, ..self }
    }

    /// Of letters of that height.
    pub(crate) fn sized(self, size: f64) -> Self {
        Self { size, ..self }
    }

    /// In that colour.
    pub(crate) fn coloured(self, color: &'static str) -> Self {
        Self { color, ..self }
    }

    /// Turned by so many degrees.
    pub(crate) fn turned(self, turned: f64) -> Self {
        Self { turned, ..self }
    }

    /// Bold.
    pub(crate) fn bold(self) -> Self {
        Self { bold: true, ..self }
    }
}

/// A picture in the making.
#[derive(Debug)]
pub(crate) struct Svg {
    width: f64,
    height: f64,
    body: String,
}

impl Svg {
    /// An empty picture of so many pixels.
    pub(crate) fn new(width: f64, height: f64) -> Self {
        Self { width, height, body: String::new() }
    }

    /// The whole, on a white ground.
    pub(crate) fn finish(self) -> String {
        let Self { width, height, body } = self;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" font-family=\"Helvetica, Arial, 'DejaVu Sans', sans-serif\">\n\
             <rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n{body}</svg>\n"
        )
    }

    fn push(&mut self, element: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.body, "{element}");
    }

    /// A line; `style` is further attributes.
    pub(crate) fn line(&mut self, (x1, y1): Point, (x2, y2): Point, color: &str, width: f64, style: &str) {
        self.push(format_args!(
            "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"{color}\" \
             stroke-width=\"{width}\" {style}/>"
        ));
    }

    /// Text with a white rim, so that lines do not cross it. The rim is a text of its own: few programs draw strokes
    /// below fills.
    pub(crate) fn text(&mut self, (x, y): Point, style: Style, text: &str) {
        let Style { size, anchor, color, turned, bold } = style;
        let weight = if bold { " font-weight=\"bold\"" } else { "" };
        let turn = match turned {
            0.0 => String::new(),
            angle => format!(" transform=\"rotate({angle:.1} {x:.1} {y:.1})\""),
        };
        let rim = "stroke=\"#fff\" stroke-width=\"3\" stroke-linejoin=\"round\" aria-hidden=\"true\"";
        for (color, rim) in [("#fff", rim), (color, "")] {
            self.push(format_args!(
                "<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{size}\" text-anchor=\"{anchor}\"{weight} \
                 fill=\"{color}\" {rim}{turn}>{}</text>",
                escaped(text)
            ));
        }
    }

    /// A line through points that tells `title` to who points at it; `style` is further attributes.
    pub(crate) fn path(&mut self, points: &[Point], color: &str, width: f64, style: &str, title: &str) {
        let points: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        self.push(format_args!(
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"{width}\" \
             stroke-linejoin=\"round\" {style}><title>{}</title></polyline>",
            points.join(" "),
            escaped(title)
        ));
    }

    /// A disc that tells `title` to who points at it.
    pub(crate) fn disc(&mut self, (x, y): Point, radius: f64, color: &str, rim: &str, title: &str) {
        self.push(format_args!(
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius:.1}\" fill=\"{color}\" fill-opacity=\"0.75\" \
             stroke=\"{rim}\" stroke-width=\"1.5\"><title>{}</title></circle>",
            escaped(title)
        ));
    }

    /// A rectangle from its upper left corner.
    pub(crate) fn bar(
        &mut self,
        (x, y): Point,
        (width, height): Point,
        color: &str,
        opacity: f64,
        title: &str,
    ) {
        self.push(format_args!(
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{height:.1}\" fill=\"{color}\" \
             fill-opacity=\"{opacity}\"><title>{}</title></rect>",
            width.max(0.0),
            escaped(title)
        ));
    }
}

/// Colours that are told apart by most eyes: those of Okabe and Ito, without yellow, with a brown.
const COLORS: [&str; 7] = ["#cc79a7", "#56b4e9", "#009e73", "#0072b2", "#e69f00", "#d55e00", "#8c6d46"];

/// The colour of what is listed at that place; grey after the first few.
pub(crate) fn color(place: usize) -> &'static str {
    COLORS.get(place).copied().unwrap_or("#888888")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_their_element() {
        let mut svg = Svg::new(10.0, 10.0);
        svg.text((1.0, 2.0), Style::TEXT, "</text><script>\"&\u{0}");
        let text = svg.finish();
        assert!(text.contains(">&lt;/text&gt;&lt;script&gt;&quot;&amp;\u{fffd}</text>"), "{text}");
    }
}
