//! The figures for a terminal.

use super::Subject;
use crate::text::{millions, shortened};
use rexnet::profile::{EXPECTED_SHARE, Peaks, StepProfile};
use std::io::{self, Write};

/// A size in the unit that suits it: `512 KiB`.
pub(super) fn size(bytes: usize) -> String {
    if bytes >= 1 << 20 && bytes.is_multiple_of(1 << 20) {
        format!("{} MiB", bytes >> 20)
    } else {
        format!("{} KiB", bytes >> 10)
    }
}

/// What the machine can do on one thread: multiply-adds, and reads of buffers of several sizes.
pub(super) fn peaks(peaks: &Peaks) -> [(&'static str, String); 2] {
    let reads: Vec<String> = peaks
        .reads
        .iter()
        .map(|read| format!("{} {:.0} GB/s", size(read.bytes), read.bytes_per_second / 1e9))
        .collect();
    let rate = peaks.multiply_adds_per_second / 1e9;
    [("peak", format!("{rate:.1} GMAC/s on {} lanes", peaks.lanes)), ("reads", reads.join(", "))]
}

/// The network's times beside its floors, a line each.
pub(super) fn totals(subject: &Subject) -> Vec<(&'static str, String)> {
    let profile = &subject.profile;
    let (run, ms) = (profile.run, 1e3);
    let share = |floor: f64| format!("{:.3} ms, {:.0} % of the run", ms * floor, 100.0 * floor / run.min);
    let macs = profile.multiply_accumulates();
    vec![
        (
            "run",
            format!("min {:.3} ms, median {:.3} ms of {}", ms * run.min, ms * run.median, profile.rounds),
        ),
        ("steps", format!("{:.3} ms, the minima of all together", ms * profile.step_seconds())),
        ("floor", format!("{}: {} MACs at the peak", share(profile.floor_seconds()), millions(macs))),
        (
            "arithmetic",
            format!("{}: activations and padding counted in", share(profile.arithmetic_seconds())),
        ),
        ("roofline", format!("{}: memory too, step by step", share(profile.roofline_seconds()))),
    ]
}

/// What the model says of several threads, a line each.
pub(super) fn threads(subject: &Subject) -> Vec<(String, String)> {
    let Some(model) = &subject.threads else { return Vec::new() };
    let barrier = format!("{:.2} µs", 1e6 * model.barrier);
    let how = if model.barrier_is_measured {
        format!("{barrier} measured to begin one")
    } else {
        format!("{barrier} guessed to begin one, for there is one core")
    };
    let title =
        format!("a model: the steps' times, {} chunks in {} stages, {how}", model.chunks, model.stages);
    let mut lines = vec![("threads".to_owned(), title)];
    for estimate in &model.estimates {
        let mut line =
            format!("model {:.3} ms, {:.2} times as fast", 1e3 * estimate.modelled, estimate.speed_up);
        if let Some(measured) = estimate.measured {
            line += &format!(
                "; measured min {:.3} ms, median {:.3} ms",
                1e3 * measured.min,
                1e3 * measured.median
            );
        }
        lines.push((format!("  {}", estimate.threads), line));
    }
    lines
}

/// Titles of the columns of figures.
pub(super) const FIGURES: [&str; 9] =
    ["MMAC", "KiB", "min µs", "med µs", "GMAC/s", "peak%", "GB/s", "read%", "roof%"];

/// A step's figures, in the order of [`FIGURES`].
pub(super) fn figures(subject: &Subject, step: &StepProfile) -> [String; 9] {
    let macs = |value: f64, digits: usize| {
        if step.multiply_accumulates == 0 { String::new() } else { format!("{value:.digits$}") }
    };
    [
        macs(step.multiply_accumulates as f64 / 1e6, 3),
        format!("{:.0}", step.bytes as f64 / 1024.0),
        format!("{:.1}", 1e6 * step.time.min),
        format!("{:.1}", 1e6 * step.time.median),
        macs(step.rate() / 1e9, 1),
        macs(100.0 * subject.profile.share_of_peak(step.rate()), 0),
        format!("{:.1}", step.bandwidth() / 1e9),
        format!("{:.0}", 100.0 * step.bandwidth() / step.read.bytes_per_second),
        format!("{:.0}", 100.0 * step.roofline_share()),
    ]
}

/// Prints totals, kinds and steps in at most 110 columns.
pub(super) fn print(subject: &Subject, out: &mut impl Write) -> io::Result<()> {
    const NAMES: [usize; 2] = [22, 19];
    const WIDTHS: [usize; 9] = [7, 5, 7, 7, 6, 5, 5, 5, 5];
    let profile = &subject.profile;
    writeln!(out, "{}, batch {}, 1 thread; {}", subject.title, subject.batch, subject.version())?;
    writeln!(out, "  {:<12}{}", "weights", subject.weights)?;
    for (name, value) in peaks(&profile.peaks).into_iter().chain(totals(subject)) {
        writeln!(out, "  {name:<12}{value}")?;
    }
    for (name, value) in threads(subject) {
        writeln!(out, "  {name:<12}{value}")?;
    }
    writeln!(
        out,
        "\n{:<20} {:>5} {:>9} {:>9} {:>7} {:>7}",
        "kind", "steps", "MMAC", "ms", "time %", "roof %"
    )?;
    for group in profile.groups() {
        let share = 100.0 * group.seconds / profile.step_seconds();
        writeln!(
            out,
            "{:<20} {:>5} {:>9.2} {:>9.3} {share:>7.1} {:>7.0}",
            shortened(&group.kind, 20),
            group.steps,
            group.multiply_accumulates as f64 / 1e6,
            1e3 * group.seconds,
            100.0 * group.roofline_seconds / group.seconds
        )?;
    }
    let mut row = |number: String, [name, kind]: [&str; 2], figures: &[String; 9], mark: &str| {
        let [name_width, kind_width] = NAMES;
        let (name, kind) = (shortened(name, name_width), shortened(kind, kind_width));
        write!(out, "{number:>3} {name:<name_width$} {kind:<kind_width$}")?;
        for (figure, width) in figures.iter().zip(WIDTHS) {
            write!(out, " {figure:>width$}")?;
        }
        writeln!(out, "{mark}")
    };
    row("\n  #".to_owned(), ["step", "kind"], &FIGURES.map(str::to_owned), "")?;
    for (index, step) in profile.steps.iter().enumerate() {
        let mark = if step.roofline_share() < EXPECTED_SHARE { " *" } else { "" };
        row(index.to_string(), [&step.name, &step.kind], &figures(subject, step), mark)?;
    }
    let below = profile.steps.iter().filter(|step| step.roofline_share() < EXPECTED_SHARE).count();
    if below > 0 {
        writeln!(out, "* {below} steps are below {:.0} % of their roofline", 100.0 * EXPECTED_SHARE)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn sizes_have_units() {
        assert_eq!([16 << 10, 8 << 20].map(size), ["16 KiB", "8 MiB"]);
    }
}
