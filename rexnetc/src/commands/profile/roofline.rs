//! The roofline picture (S. Williams, A. Waterman, D. Patterson, 2009): multiply-accumulates a byte against
//! multiply-accumulates a second, both logarithmic.

use super::Subject;
use super::table::{peaks, size};
use crate::picture::svg::{Point, Style, Svg, color};
use crate::text::shortened;
use rexnet::profile::{EXPECTED_SHARE, StepProfile};

const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 620.0;
/// The plot's edges: left, top, right, bottom.
const PLOT: [f64; 4] = [70.0, 76.0, 790.0, 565.0];
/// How many steps are named: those that lose most.
const NAMED: usize = 6;
const GREY: &str = "#777";
const RIM: &str = "#c00000";

/// A logarithmic axis.
#[derive(Clone, Copy, Debug)]
struct Axis {
    low: f64,
    high: f64,
    /// The pixels of the two.
    from: f64,
    to: f64,
}

impl Axis {
    fn at(&self, value: f64) -> f64 {
        self.from + (value / self.low).ln() / (self.high / self.low).ln() * (self.to - self.from)
    }

    /// 1, 2 and 5 times each power of ten; where that would be too many, the powers alone.
    fn ticks(&self) -> Vec<f64> {
        let decades = (self.high / self.low).log10();
        let steps: &[f64] = if decades > 3.5 { &[1.0] } else { &[1.0, 2.0, 5.0] };
        let (first, last) = (self.low.log10().floor() as i32, self.high.log10().ceil() as i32);
        (first..=last)
            .flat_map(|power| steps.iter().map(move |step| step * 10f64.powi(power)))
            .filter(|tick| (self.low..=self.high).contains(tick))
            .collect()
    }
}

/// The steps that have multiply-accumulates, with their indices: others have no place here.
fn shown(subject: &Subject) -> impl Iterator<Item = (usize, &StepProfile)> {
    subject.profile.steps.iter().enumerate().filter(|(_, step)| step.rate() > 0.0 && step.intensity() > 0.0)
}

/// Both axes, wide enough for every step and the peak.
fn axes(subject: &Subject) -> [Axis; 2] {
    let [left, top, right, bottom] = PLOT;
    let peak = subject.profile.peaks.multiply_adds_per_second / 1e9;
    let around = |values: &mut dyn Iterator<Item = f64>, low: f64, high: f64| {
        values.fold((low, high), |(low, high), value| (low.min(value / 1.5), high.max(value * 1.5)))
    };
    let x = around(&mut shown(subject).map(|(_, step)| step.intensity()), 0.2, 40.0);
    let y = around(&mut shown(subject).map(|(_, step)| step.rate() / 1e9), peak / 20.0, peak * 1.5);
    [Axis { low: x.0, high: x.1, from: left, to: right }, Axis { low: y.0, high: y.1, from: bottom, to: top }]
}

/// The picture as an SVG document.
pub(super) fn picture(subject: &Subject) -> String {
    let mut svg = Svg::new(WIDTH, HEIGHT);
    let axes = axes(subject);
    titles(&mut svg, subject);
    grid(&mut svg, axes);
    roofs(&mut svg, subject, axes);
    steps(&mut svg, subject, axes);
    legend(&mut svg, subject);
    svg.finish()
}

fn titles(svg: &mut Svg, subject: &Subject) {
    let (profile, left) = (&subject.profile, PLOT[0]);
    let title = format!("{}, batch {}; {}", subject.title, subject.batch, subject.version());
    svg.text((left, 28.0), Style::TEXT.sized(18.0), &shortened(&title, 95));
    let share = 100.0 * profile.floor_seconds() / profile.run.min;
    let run = format!(
        "{:.2} ms a run, {share:.0} % of the multiply-add peak; {:.0} % of the roofline of its steps",
        1e3 * profile.run.min,
        100.0 * profile.roofline_seconds() / profile.run.min
    );
    svg.text((left, 48.0), Style::TEXT, &run);
    let [(_, rate), (_, reads)] = peaks(&profile.peaks);
    let peaks = format!("Peaks of one thread: {rate}; reads of {reads}");
    svg.text((left, 65.0), Style::TEXT.coloured(GREY), &peaks);
}

fn grid(svg: &mut Svg, [x, y]: [Axis; 2]) {
    let [left, top, right, bottom] = PLOT;
    for tick in x.ticks() {
        svg.line((x.at(tick), top), (x.at(tick), bottom), "#e4e4e4", 1.0, "");
        svg.text((x.at(tick), bottom + 17.0), Style::TEXT.anchored("middle"), &tick.to_string());
    }
    for tick in y.ticks() {
        svg.line((left, y.at(tick)), (right, y.at(tick)), "#e4e4e4", 1.0, "");
        svg.text((left - 7.0, y.at(tick) + 4.0), Style::TEXT.anchored("end"), &tick.to_string());
    }
    svg.line((left, bottom), (right, bottom), "#333", 1.0, "");
    svg.line((left, top), (left, bottom), "#333", 1.0, "");
    let middle = f64::midpoint(left, right);
    let style = Style::TEXT.sized(13.0).anchored("middle");
    svg.text((middle, bottom + 40.0), style, "multiply-accumulates a byte moved");
    svg.text((22.0, f64::midpoint(top, bottom)), style.turned(-90.0), "GMAC/s");
}

fn roofs(svg: &mut Svg, subject: &Subject, [x, y]: [Axis; 2]) {
    let right = PLOT[2];
    let peaks = &subject.profile.peaks;
    let peak = peaks.multiply_adds_per_second / 1e9;
    let mut first_ridge = x.high;
    for (index, read) in peaks.reads.iter().enumerate() {
        let bandwidth = read.bytes_per_second / 1e9;
        let (begin, end) = (x.low.max(y.low / bandwidth), x.high.min(peak / bandwidth));
        if begin >= end {
            continue;
        }
        first_ridge = first_ridge.min(end);
        let [from, to] = [begin, end].map(|value| (x.at(value), y.at(value * bandwidth)));
        svg.line(from, to, GREY, 1.5, "");
        // One lower than the other, so that the names of near roofs do not meet.
        let part = (0.93 - 0.16 * index as f64).max(0.1);
        let along = |a: f64, b: f64| a + part * (b - a);
        let turned = (to.1 - from.1).atan2(to.0 - from.0).to_degrees();
        let at = (along(from.0, to.0), along(from.1, to.1) - 5.0);
        let name = format!("{}: {bandwidth:.0} GB/s", size(read.bytes));
        svg.text(at, Style::TEXT.sized(11.0).coloured(GREY).anchored("end").turned(turned), &name);
    }
    let begin = if first_ridge < x.high { first_ridge } else { x.low };
    svg.line((x.at(begin), y.at(peak)), (right, y.at(peak)), "#333", 2.0, "");
    let name = format!("multiply-add peak: {peak:.1} GMAC/s");
    svg.text((right - 6.0, y.at(peak) - 7.0), Style::TEXT.anchored("end"), &name);
}

/// The colour of a kind: by the order in which the kinds first run, which does not change from one profile to the next.
fn color_of_kind(subject: &Subject, kind: &str) -> &'static str {
    let mut kinds: Vec<&str> = Vec::new();
    for step in &subject.profile.steps {
        if !kinds.contains(&step.kind.as_str()) {
            kinds.push(&step.kind);
        }
    }
    color(kinds.iter().position(|other| *other == kind).unwrap_or(usize::MAX))
}

/// The colour of a step's kind.
pub(super) fn color_of(subject: &Subject, step: &StepProfile) -> &'static str {
    color_of_kind(subject, &step.kind)
}

/// What is told of a step to who points at it.
pub(super) fn hint(subject: &Subject, index: usize, step: &StepProfile) -> String {
    let bound = if step.arithmetic_seconds >= step.memory_seconds { "arithmetic" } else { "memory" };
    format!(
        "{index}: {}, {}; {:.1} µs, {:.0} % of the multiply-add peak, {:.0} % of its roofline ({bound})",
        step.name,
        step.kernel,
        1e6 * step.time.min,
        100.0 * subject.profile.share_of_peak(step.rate()),
        100.0 * step.roofline_share()
    )
}

fn steps(svg: &mut Svg, subject: &Subject, [x, y]: [Axis; 2]) {
    let whole = subject.profile.step_seconds();
    let mut shown: Vec<(usize, &StepProfile)> = shown(subject).collect();
    // The large ones first, so that they hide nothing.
    shown.sort_by(|(_, a), (_, b)| b.time.min.total_cmp(&a.time.min));
    let at = |step: &StepProfile| (x.at(step.intensity()), y.at(step.rate() / 1e9));
    let radius = |step: &StepProfile| (45.0 * (step.time.min / whole).sqrt()).clamp(2.5, 40.0);
    for (_, step) in &shown {
        let (across, up) = at(step);
        let bound = step.multiply_accumulates as f64 / step.roofline_seconds() / 1e9;
        let bound = y.at(bound.min(y.high)).min(up);
        svg.line((across, up), (across, bound), color_of(subject, step), 1.0, "stroke-opacity=\"0.6\"");
        svg.line((across - 4.0, bound), (across + 4.0, bound), color_of(subject, step), 1.5, "");
    }
    for (index, step) in &shown {
        let color = color_of(subject, step);
        let rim = if step.roofline_share() < EXPECTED_SHARE { RIM } else { color };
        svg.disc(at(step), radius(step), color, rim, &hint(subject, *index, step));
    }
    let lost = |step: &StepProfile| step.time.min - step.roofline_seconds();
    shown.sort_by(|(_, a), (_, b)| lost(b).total_cmp(&lost(a)));
    let mut taken: Vec<(Point, Point)> = Vec::new();
    for (_, step) in shown.iter().take(NAMED) {
        let ((across, up), name) = (at(step), shortened(&step.name, 24));
        let width = 6.2 * name.chars().count() as f64;
        let beside = across + radius(step) + 4.0;
        let left = if beside + width > PLOT[2] { across - radius(step) - 4.0 - width } else { beside };
        let free =
            [0.0, 13.0, -13.0, 26.0, -26.0, 39.0, -39.0].into_iter().map(|shift| up + shift).find(|&up| {
                taken
                    .iter()
                    .all(|&((l, r), (t, b))| left > r || left + width < l || up - 10.0 > b || up + 3.0 < t)
            });
        if let Some(up) = free {
            taken.push(((left, left + width), (up - 10.0, up + 3.0)));
            svg.text((left, up + 4.0), Style::TEXT.sized(11.0), &name);
        }
    }
}

fn legend(svg: &mut Svg, subject: &Subject) {
    let (profile, left) = (&subject.profile, PLOT[2] + 20.0);
    let mut top = PLOT[1] + 10.0;
    for group in profile.groups().iter().take(12) {
        let color = color_of_kind(subject, &group.kind);
        svg.disc((left, top - 4.0), 6.0, color, color, &group.kind);
        svg.text((left + 12.0, top), Style::TEXT, &shortened(&group.kind, 24));
        let (time, roof) = (group.seconds, group.roofline_seconds);
        let figures = format!(
            "{:.0} % of the time, {:.0} % of its roof",
            100.0 * time / profile.step_seconds(),
            100.0 * roof / time
        );
        svg.text((left + 12.0, top + 14.0), Style::TEXT.sized(10.5).coloured(GREY), &figures);
        top += 34.0;
    }
    let hidden = profile.steps.len() - shown(subject).count();
    let mut notes = vec![
        "A disc is a step, its area its time;".to_owned(),
        "the tick above it is its own roof:".to_owned(),
        "all arithmetic, or its bytes.".to_owned(),
        format!("Red rim: below {:.0} % of that roof.", 100.0 * EXPECTED_SHARE),
    ];
    if hidden > 0 {
        notes.push(format!("{hidden} steps without MACs are not here."));
    }
    for note in notes {
        svg.text((left - 6.0, top + 6.0), Style::TEXT.sized(10.5).coloured(GREY), &note);
        top += 14.0;
    }
}

#[cfg(test)]
mod tests {
    use super::Axis;

    #[test]
    fn ticks_are_few_and_lie_inside() {
        let axis = Axis { low: 0.3, high: 60.0, from: 0.0, to: 100.0 };
        assert_eq!(axis.ticks(), [0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0]);
        assert!((axis.at(0.3)).abs() < 1e-9 && (axis.at(60.0) - 100.0).abs() < 1e-9);
        let wide = Axis { high: 3000.0, ..axis };
        assert_eq!(wide.ticks(), [1.0, 10.0, 100.0, 1000.0]);
    }
}
