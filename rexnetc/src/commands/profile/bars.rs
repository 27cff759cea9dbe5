//! The time of each step as a bar, with the part that the machine had to take.

use super::Subject;
use super::roofline::{color_of, hint};
use crate::picture::svg::{Style, Svg};
use crate::text::shortened;

const WIDTH: f64 = 1000.0;
/// A row's height.
const ROW: f64 = 16.0;
/// Where bars begin and the longest one ends.
const BARS: [f64; 2] = [230.0, 860.0];

/// The chart as an SVG document.
pub(super) fn picture(subject: &Subject) -> String {
    let steps = &subject.profile.steps;
    let mut svg = Svg::new(WIDTH, 42.0 + ROW * steps.len() as f64);
    let note = "Least time of each step; the dark part is its roofline";
    svg.text((BARS[0], 20.0), Style::TEXT.sized(13.0), note);
    let longest = steps.iter().map(|step| step.time.min.max(step.roofline_seconds())).fold(0.0, f64::max);
    let scale = if longest > 0.0 { (BARS[1] - BARS[0]) / longest } else { 0.0 };
    for (index, step) in steps.iter().enumerate() {
        let top = 32.0 + ROW * index as f64;
        let (color, hint) = (color_of(subject, step), hint(subject, index, step));
        let name = format!("{index}  {}", shortened(&step.name, 30));
        svg.text((BARS[0] - 6.0, top + 11.0), Style::TEXT.sized(11.0).anchored("end"), &name);
        let (time, roof) = (scale * step.time.min, scale * step.roofline_seconds());
        svg.bar((BARS[0], top + 1.0), (time, ROW - 3.0), color, 0.4, &hint);
        svg.bar((BARS[0], top + 1.0), (roof, ROW - 3.0), color, 0.9, &hint);
        let figures = format!("{:.1} µs, {:.0} %", 1e6 * step.time.min, 100.0 * step.roofline_share());
        svg.text((BARS[0] + time.max(roof) + 5.0, top + 11.0), Style::TEXT.sized(10.5), &figures);
    }
    svg.finish()
}
