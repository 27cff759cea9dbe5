//! The picture of channels: those of each block against its place in the network.

use super::rows::{GIVEN, Row, TABLE_1, runs};
use crate::picture::grid;
use crate::picture::labels::spread;
use crate::picture::svg::{Point, Style, Svg, color};
use crate::text::shortened;

const WIDTH: f64 = 900.0;
/// The plot's edges but for the lower one: left, top, right.
const PLOT: [f64; 3] = [64.0, 84.0, 690.0];
/// The height of the plot, unless its labels need more.
const PLOT_HEIGHT: f64 = 394.0;
/// The room below the plot.
const BELOW: f64 = 62.0;
/// Where labels begin.
const LABELS: f64 = 724.0;
/// From one label to the next.
const LINE: f64 = 16.0;
/// Levels of different networks are set apart by so much, so that none hides another.
const APART: f64 = 1.7;
const GREY: &str = "#767676";
/// The network that the picture is about.
const BOLD: &str = "#c1272d";
/// Colours that do not ask to be looked at.
const MUTED: [&str; 8] =
    ["#7d97b5", "#b58d5f", "#7fa87f", "#8f86c9", "#5f9ea0", "#c08497", "#9a9a55", "#8c8c8c"];

/// The vertical axis.
#[derive(Clone, Copy, Debug)]
struct Axis {
    /// The channels at the upper edge.
    most: usize,
    /// Channels from one line of the grid to the next.
    step: usize,
    /// The pixels of the lower edge.
    bottom: f64,
}

impl Axis {
    /// Wide enough for all lines, and high enough for their labels.
    fn new(lines: &[Line<'_>]) -> Self {
        let channels = lines.iter().flat_map(|line| &line.widths).copied().max().unwrap_or(1);
        let labels: usize = lines.iter().map(|line| line.rows.len()).sum();
        let step = grid::step(channels);
        let bottom = PLOT[1] + PLOT_HEIGHT.max(LINE * labels as f64);
        Self { most: channels.div_ceil(step) * step, step, bottom }
    }

    fn at(&self, channels: usize) -> f64 {
        self.bottom - channels as f64 / self.most as f64 * (self.bottom - PLOT[1])
    }
}

/// A line of the picture: networks whose blocks have the same channels.
#[derive(Debug)]
struct Line<'a> {
    rows: Vec<&'a Row>,
    widths: Vec<usize>,
    color: &'static str,
    bold: bool,
    /// How far its levels are moved down.
    shift: f64,
}

impl Line<'_> {
    /// Whether most blocks have as many channels as their neighbours: then these are levels with steps between.
    fn is_in_stages(&self) -> bool {
        2 * runs(&self.widths).len() <= self.widths.len() + 1
    }

    /// Its points.
    fn points(&self, axis: Axis) -> Vec<Point> {
        let [left, _, right] = PLOT;
        let count = self.widths.len() as f64;
        let x = |place: f64| left + place / count * (right - left);
        let y = |channels: usize| axis.at(channels) + self.shift;
        if !self.is_in_stages() {
            let middle = |(index, &channels): (usize, &usize)| (x(index as f64 + 0.5), y(channels));
            return self.widths.iter().enumerate().map(middle).collect();
        }
        let mut points = Vec::new();
        let mut begin = 0;
        for (channels, blocks) in runs(&self.widths) {
            let end = begin + blocks;
            points.extend([(x(begin as f64), y(channels)), (x(end as f64), y(channels))]);
            begin = end;
        }
        points
    }
}

/// The networks of table 1 and those that were given, as an SVG document.
pub(super) fn picture(rows: &[Row]) -> String {
    let lines = lines(rows);
    let axis = Axis::new(&lines);
    let mut svg = Svg::new(WIDTH, axis.bottom + BELOW);
    grid(&mut svg, axis);
    titles(&mut svg, &lines, axis);
    for line in &lines {
        draw(&mut svg, line, axis);
    }
    labels(&mut svg, &lines, axis);
    svg.finish()
}

/// One line for all networks with the same channels, those in stages first, so that the others lie above them.
fn lines(rows: &[Row]) -> Vec<Line<'_>> {
    let shown = |row: &&Row| row.is_the_row() && [TABLE_1, GIVEN].contains(&row.record.section);
    let mut lines: Vec<Line<'_>> = Vec::new();
    for row in rows.iter().filter(shown) {
        let widths = row.widths();
        match lines.iter_mut().find(|line| line.widths == widths) {
            Some(line) => line.rows.push(row),
            None => lines.push(Line { rows: vec![row], widths, color: GREY, bold: false, shift: 0.0 }),
        }
    }
    let (mut muted, mut given) = (0, 0);
    for line in &mut lines {
        if line.rows.iter().any(|row| row.record.section == GIVEN) {
            (line.color, line.bold) = (color(given + 2), true);
            given += 1;
        } else if !line.is_in_stages() {
            (line.color, line.bold) = (BOLD, true);
        } else {
            line.color = MUTED[muted % MUTED.len()];
            muted += 1;
        }
    }
    lines.sort_by_key(|line| line.bold);
    for (place, line) in lines.iter_mut().take(muted).enumerate() {
        line.shift = APART * (place as f64 - (muted - 1) as f64 / 2.0);
    }
    lines
}

fn grid(svg: &mut Svg, axis: Axis) {
    let [left, _, right] = PLOT;
    for channels in (0..=axis.most).step_by(axis.step) {
        let y = axis.at(channels);
        svg.line((left, y), (right, y), if channels == 0 { "#333" } else { "#e8e8e8" }, 1.0, "");
        svg.text((left - 8.0, y + 4.0), Style::TEXT.anchored("end"), &channels.to_string());
    }
}

fn titles(svg: &mut Svg, lines: &[Line<'_>], axis: Axis) {
    let [left, top, right] = PLOT;
    svg.text((left, 30.0), Style::TEXT.sized(18.0).bold(), "Channels of each block");
    if lines.iter().flat_map(|line| &line.rows).any(|row| row.record.section == TABLE_1) {
        let subtitle =
            "In stages, channels stay the same and then jump. ReXNet's grow by the same with every block.";
        svg.text((left, 52.0), Style::TEXT.sized(13.0).coloured(GREY), subtitle);
    }
    let below = axis.bottom + 20.0;
    svg.text((left, below), Style::TEXT, "first block");
    svg.text((right, below), Style::TEXT.anchored("end"), "last block");
    let style = Style::TEXT.sized(13.0).anchored("middle");
    svg.text((f64::midpoint(left, right), below + 22.0), style, "place of the block in the network");
    svg.text((20.0, f64::midpoint(top, axis.bottom)), style.turned(-90.0), "output channels");
    if lines.iter().any(|line| line.shift != 0.0) {
        let style = Style::TEXT.sized(11.0).coloured(GREY).anchored("end");
        svg.text((WIDTH - 12.0, below + 22.0), style, "equal levels are set apart a little");
    }
}

fn draw(svg: &mut Svg, line: &Line<'_>, axis: Axis) {
    let names: Vec<String> =
        line.rows.iter().map(|row| format!("{}: {}", row.name, row.schedule())).collect();
    let dashed = dashes(line.rows.iter().all(|row| row.network.stand_in));
    let width = if line.bold { 3.5 } else { 1.6 };
    let points = line.points(axis);
    svg.path(&points, line.color, width, dashed, &names.join("\n"));
    if line.bold && !line.is_in_stages() {
        for (point, channels) in points.iter().zip(&line.widths) {
            svg.disc(*point, 3.5, line.color, "#fff", &format!("{channels} channels"));
        }
    }
}

/// How the line of a stand-in differs.
fn dashes(stand_in: bool) -> &'static str {
    if stand_in { "stroke-dasharray=\"6 4\"" } else { "" }
}

/// The names, each beside the end of its line.
fn labels(svg: &mut Svg, lines: &[Line<'_>], axis: Axis) {
    let mut ends: Vec<(Point, &Line<'_>, &Row)> = lines
        .iter()
        .filter_map(|line| Some((*line.points(axis).last()?, line)))
        .flat_map(|(end, line)| line.rows.iter().map(move |&row| (end, line, row)))
        .collect();
    ends.sort_by(|((_, a), ..), ((_, b), ..)| a.total_cmp(b));
    let wanted: Vec<f64> = ends.iter().map(|((_, y), ..)| *y).collect();
    let places = spread(&wanted, LINE, PLOT[1] - LINE, axis.bottom);
    for (((x, y), line, row), place) in ends.into_iter().zip(places) {
        let (right, width) = (PLOT[2], if line.bold { 1.5 } else { 1.0 });
        let leader = [(x, y), (right + 4.0, y), (LABELS - 5.0, place)];
        svg.path(&leader, line.color, width, dashes(row.network.stand_in), &row.name);
        let name = shortened(&row.name, 24);
        let name = if row.network.stand_in { format!("{name} (stand-in)") } else { name };
        let style = if line.bold { Style::TEXT.bold().coloured(line.color) } else { Style::TEXT };
        svg.text((LABELS, place + 4.0), style, &name);
    }
}
