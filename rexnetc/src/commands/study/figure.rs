//! The curves of the rank study: a panel for each form of layer, a curve for each nonlinearity.

use super::layer::{Form, Nonlinearity};
use super::points::{MEASURES, Point, Spread};
use crate::picture::canvas::Canvas;
use crate::picture::svg::{Style, color};

/// Width and height.
pub(super) const SIZE: (f64, f64) = (1120.0, 700.0);
/// The upper left corner of the first panel.
const FIRST: (f64, f64) = (66.0, 96.0);
/// Width and height of a panel.
const PANEL: (f64, f64) = (270.0, 220.0);
/// From one panel to the next.
const APART: (f64, f64) = (306.0, 298.0);
/// Where the names of curves begin.
const LEGEND: f64 = 974.0;
const GREY: &str = "#767676";
/// Of the curve without a nonlinearity.
const PLAIN: &str = "#333";

/// Draws the figure.
pub(super) fn figure(canvas: &mut dyn Canvas, points: &[Point], nonlinearities: &[Nonlinearity]) {
    let title = "Rank of what random layers give";
    canvas.text((FIRST.0, 30.0), Style::TEXT.sized(18.0).bold(), title);
    let subtitle = "mean of the networks of each point, bars of one standard deviation";
    canvas.text((FIRST.0, 52.0), Style::TEXT.sized(13.0).coloured(GREY), subtitle);
    for (row, (name, value)) in MEASURES.into_iter().enumerate() {
        let y = FIRST.1 + APART.1 * row as f64;
        let middle = y + PANEL.1 / 2.0;
        canvas.text((18.0, middle), Style::TEXT.sized(13.0).anchored("middle").turned(-90.0), name);
        for (place, form) in Form::ALL.into_iter().enumerate() {
            let panel = Panel { left: FIRST.0 + APART.0 * place as f64, top: y };
            panel.axes(canvas, form.title());
            for curve in points.chunk_by(|a, b| a.form == b.form && a.nonlinearity == b.nonlinearity) {
                if curve[0].form == form {
                    panel.curve(canvas, curve, value, nonlinearities);
                }
            }
        }
    }
    legend(canvas, nonlinearities);
}

/// The colour, the dashes and the width of a nonlinearity's curve. Those of ReLU, ReLU6 and leaky ReLU lie on each other: the
/// first are wider.
fn pen(nonlinearity: usize) -> (&'static str, Option<[f64; 2]>, f64) {
    match nonlinearity {
        0 => (PLAIN, Some([5.0, 3.0]), 1.8),
        1 => (color(0), None, 5.4),
        2 => (color(1), None, 3.4),
        other => (color(other - 1), None, 1.6),
    }
}

fn legend(canvas: &mut dyn Canvas, nonlinearities: &[Nonlinearity]) {
    for (place, (name, _)) in nonlinearities.iter().enumerate() {
        let y = FIRST.1 + 12.0 + 22.0 * place as f64;
        let (color, dashes, width) = pen(place);
        canvas.path(&[(LEGEND, y), (LEGEND + 26.0, y)], color, width, dashes, name);
        canvas.text((LEGEND + 34.0, y + 4.0), Style::TEXT, name);
    }
}

/// A panel by its upper left corner; both axes go from 0 to 1.
struct Panel {
    left: f64,
    top: f64,
}

impl Panel {
    fn at(&self, ratio: f64, value: f64) -> (f64, f64) {
        (self.left + ratio * PANEL.0, self.top + (1.0 - value.clamp(0.0, 1.0)) * PANEL.1)
    }

    fn axes(&self, canvas: &mut dyn Canvas, title: &str) {
        canvas.text((self.left, self.top - 10.0), Style::TEXT.sized(13.0).bold(), title);
        for step in 0..=5 {
            let value = f64::from(step) / 5.0;
            let grid = if step == 0 { PLAIN } else { "#e8e8e8" };
            canvas.path(&[self.at(0.0, value), self.at(1.0, value)], grid, 1.0, None, "");
            let (x, y) = self.at(0.0, value);
            canvas.text((x - 7.0, y + 4.0), Style::TEXT.sized(11.0).anchored("end"), &format!("{value:.1}"));
            let (x, y) = self.at(value, 0.0);
            canvas.text((x, y + 16.0), Style::TEXT.sized(11.0).anchored("middle"), &format!("{value:.1}"));
        }
        let (x, y) = self.at(0.5, 0.0);
        canvas.text((x, y + 36.0), Style::TEXT.anchored("middle"), "input / output channels");
    }

    fn curve(
        &self,
        canvas: &mut dyn Canvas,
        curve: &[Point],
        value: fn(&Point) -> Spread,
        nonlinearities: &[Nonlinearity],
    ) {
        let nonlinearity = curve[0].nonlinearity;
        let (color, dashes, width) = pen(nonlinearity);
        // Bars of different curves stand beside each other.
        let aside = (nonlinearity as f64 - (nonlinearities.len() - 1) as f64 / 2.0) * 1.2;
        for point in curve {
            let Spread { mean, deviation } = value(point);
            let ends = [mean - deviation, mean + deviation].map(|value| self.at(point.ratio, value));
            let ends = ends.map(|(x, y)| (x + aside, y));
            let name = nonlinearities[nonlinearity].0;
            let title = format!("{name} at {:.1}: {mean:.3} ± {deviation:.3}", point.ratio);
            canvas.path(&ends, color, 0.9, None, &title);
        }
        let line: Vec<_> = curve.iter().map(|point| self.at(point.ratio, value(point).mean)).collect();
        canvas.path(&line, color, width, dashes, nonlinearities[nonlinearity].0);
    }
}
