//! Numbers as people read them.

use std::time::Duration;

/// A number in groups of three digits: `4,796,873`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Millions with two decimals: `398.37 M`.
pub(crate) fn millions(number: u64) -> String {
    format!("{:.2} M", number as f64 / 1e6)
}

/// A duration in milliseconds.
pub(crate) fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// Extents: `1×3×224×224`.
pub(crate) fn shape(dims: &[usize]) -> String {
    dims.iter().map(usize::to_string).collect::<Vec<_>>().join("×")
}

/// At most so many characters; the end, where names differ, is kept.
pub(crate) fn shortened(text: &str, width: usize) -> String {
    let length = text.chars().count();
    if length <= width {
        return text.to_owned();
    }
    std::iter::once('…').chain(text.chars().skip(length + 1 - width)).collect()
}

#[cfg(test)]
mod tests {
    use super::{grouped, shortened};

    #[test]
    fn long_names_keep_their_ends() {
        assert_eq!(shortened("features.3", 10), "features.3");
        assert_eq!(shortened("model/features.3", 10), "…eatures.3");
    }

    #[test]
    fn digits_are_grouped_from_the_right() {
        assert_eq!([0, 999, 1000, 4_796_873].map(grouped), ["0", "999", "1,000", "4,796,873"]);
    }
}
