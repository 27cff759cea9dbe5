//! The layers of a network as bars: their channels, and how many directions of them are used.

use super::channels::Row;
use crate::picture::canvas::Canvas;
use crate::picture::grid;
use crate::picture::svg::{Point, Style, color};
use crate::text::shortened;

/// The upper left corner of the plot.
const FIRST: Point = (64.0, 96.0);
/// The height of the plot.
const HEIGHT: f64 = 300.0;
/// From one bar to the next, and the width of a bar.
const BAR: [f64; 2] = [15.0, 11.0];
/// The least width of the plot: its titles need as much.
const LEAST: f64 = 700.0;
const GREY: &str = "#767676";
/// Of channels that add nothing.
const PALE: &str = "#c9ced6";

/// Width and height.
pub(super) fn size(rows: &[Row]) -> Point {
    (FIRST.0 + width(rows) + 24.0, FIRST.1 + HEIGHT + 54.0)
}

fn width(rows: &[Row]) -> f64 {
    LEAST.max(BAR[0] * rows.len() as f64)
}

/// Draws the figure.
pub(super) fn figure(canvas: &mut dyn Canvas, title: &str, rows: &[Row]) {
    let (left, top) = FIRST;
    let bottom = top + HEIGHT;
    let most = rows.iter().map(|row| row.channels[1]).max().unwrap_or(1);
    let step = grid::step(most);
    let most = most.div_ceil(step) * step;
    let y = |channels: f64| bottom - channels / most as f64 * HEIGHT;
    canvas.text((left, 30.0), Style::TEXT.sized(18.0).bold(), &shortened(title, 64));
    for channels in (0..=most).step_by(step) {
        let place = y(channels as f64);
        let grid = if channels == 0 { "#333" } else { "#e8e8e8" };
        canvas.path(&[(left, place), (left + width(rows), place)], grid, 1.0, None, "");
        let style = Style::TEXT.sized(11.0).anchored("end");
        canvas.text((left - 7.0, place + 4.0), style, &channels.to_string());
    }
    let middle = f64::midpoint(top, bottom);
    canvas.text((18.0, middle), Style::TEXT.sized(13.0).anchored("middle").turned(-90.0), "channels");
    let below = (left + width(rows) / 2.0, bottom + 30.0);
    canvas.text(
        below,
        Style::TEXT.sized(13.0).anchored("middle"),
        "convolutions, from the first to the last",
    );
    for (place, row) in rows.iter().enumerate() {
        let x = left + BAR[0] * place as f64 + (BAR[0] - BAR[1]) / 2.0;
        let [input, output] = row.channels;
        let title = format!(
            "{} ({}), {input} to {output} channels: rank {}, effective rank {:.1}",
            row.name, row.kind, row.rank, row.effective
        );
        for (value, color) in [(output as f64, PALE), (row.rank as f64, kind_color(row))] {
            canvas.bar((x, y(value)), (BAR[1], bottom - y(value)), color, 1.0, &title);
        }
        let mark = y(row.effective);
        canvas.path(&[(x - 1.0, mark), (x + BAR[1] + 1.0, mark)], "#111", 2.0, None, &title);
    }
    legend(canvas);
}

fn kind_color(row: &Row) -> &'static str {
    match &row.kind {
        kind if kind.starts_with("depthwise") => color(4),
        _ if row.channels[0] < row.channels[1] => color(3),
        _ => color(2),
    }
}

fn legend(canvas: &mut dyn Canvas) {
    let mut x = FIRST.0;
    let y = 62.0;
    let entries = [
        (PALE, "channels", 84.0),
        (color(3), "rank, where channels grow", 194.0),
        (color(2), "elsewhere", 86.0),
        (color(4), "depthwise", 94.0),
    ];
    for (color, name, advance) in entries {
        canvas.bar((x, y - 10.0), (12.0, 12.0), color, 1.0, name);
        canvas.text((x + 18.0, y), Style::TEXT.coloured(GREY), name);
        x += advance;
    }
    canvas.path(&[(x, y - 4.0), (x + 14.0, y - 4.0)], "#111", 2.0, None, "");
    canvas.text((x + 20.0, y), Style::TEXT.coloured(GREY), "effective rank");
}
