//! Figures of a measurement.

/// Minimum, median and mean of at least one time.
pub(super) fn statistics(times: &[f64]) -> [f64; 3] {
    let mut sorted = times.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let (n, middle) = (sorted.len(), sorted.len() / 2);
    let median = if n % 2 == 1 { sorted[middle] } else { f64::midpoint(sorted[middle - 1], sorted[middle]) };
    [sorted[0], median, sorted.iter().sum::<f64>() / n as f64]
}

/// The greatest distance; infinite where one is NaN.
pub(super) fn max_difference(values: &[f32], expected: &[f32]) -> f32 {
    // `max` passes over NaN; one must not hide.
    values.iter().zip(expected).fold(0.0, |max, (a, b)| {
        let difference = (a - b).abs();
        if difference.is_nan() { f32::INFINITY } else { max.max(difference) }
    })
}

/// The class of every image.
pub(super) fn classes(scores: &[f32], classes: usize) -> Vec<Option<usize>> {
    let best = |row: &[f32]| rexnet::top(row, 1).first().map(|best| best.index);
    scores.chunks(classes.max(1)).map(best).collect()
}

/// The most memory that this process had resident, in bytes; where the system says so in `/proc`.
pub(super) fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::{max_difference, statistics};

    #[test]
    fn statistics_of_odd_and_even_counts() {
        assert_eq!(statistics(&[3.0, 1.0, 5.0]), [1.0, 3.0, 3.0]);
        assert_eq!(statistics(&[4.0, 1.0, 2.0, 5.0]), [1.0, 3.0, 3.0]);
    }

    #[test]
    fn a_nan_is_no_small_difference() {
        assert_eq!(max_difference(&[1.0, f32::NAN, 1.0], &[1.0; 3]), f32::INFINITY);
    }
}
