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

/// Millions with three decimals: `4.797 M`.
pub(crate) fn thousandths_of_millions(number: u64) -> String {
    format!("{:.3} M", number as f64 / 1e6)
}

/// A duration in milliseconds.
pub(crate) fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// Extents: `1×3×224×224`; of a single number, which has none, those words.
pub(crate) fn shape(dims: &[usize]) -> String {
    if dims.is_empty() {
        return "one number".to_owned();
    }
    dims.iter().map(usize::to_string).collect::<Vec<_>>().join("×")
}

/// Lines of at most `width` characters, broken between words; the second and further ones begin with `indent` spaces. A
/// longer word has a line to itself.
pub(crate) fn wrapped(text: &str, width: usize, indent: usize) -> String {
    let mut lines = String::new();
    let mut length = 0;
    for word in text.split(' ') {
        let letters = word.chars().count();
        if length > 0 && length + 1 + letters > width {
            lines.push('\n');
            lines.extend(std::iter::repeat_n(' ', indent));
            length = indent;
        } else if length > 0 {
            lines.push(' ');
            length += 1;
        }
        lines.push_str(word);
        length += letters;
    }
    lines
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
    use super::{grouped, shortened, wrapped};

    #[test]
    fn long_names_keep_their_ends() {
        assert_eq!(shortened("features.3", 10), "features.3");
        assert_eq!(shortened("model/features.3", 10), "…eatures.3");
    }

    #[test]
    fn lines_break_between_words() {
        assert_eq!(wrapped("[1] one two three", 11, 4), "[1] one two\n    three");
        assert_eq!(wrapped("unbreakable", 4, 2), "unbreakable");
        assert_eq!(wrapped("", 4, 2), "");
    }

    #[test]
    fn digits_are_grouped_from_the_right() {
        assert_eq!([0, 999, 1000, 4_796_873].map(grouped), ["0", "999", "1,000", "4,796,873"]);
    }
}
