//! The lines behind a chart.

/// From one line of the grid to the next, of an axis from zero to `most`: 1, 5, 10, 50, 100 and so on, for at most ten lines.
pub(crate) fn step(most: usize) -> usize {
    let mut step = 1_usize;
    for factor in [5, 2].into_iter().cycle() {
        if most.div_ceil(step) <= 10 {
            break;
        }
        step *= factor;
    }
    step
}

#[cfg(test)]
mod tests {
    use super::step;

    #[test]
    fn lines_are_few_and_their_numbers_round() {
        let steps = [0, 1, 10, 11, 50, 51, 516, 1280, usize::MAX].map(step);
        assert_eq!(steps[..8], [1, 1, 1, 5, 5, 10, 100, 500]);
        assert!(usize::MAX.div_ceil(steps[8]) <= 10);
    }
}
