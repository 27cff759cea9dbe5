//! Python source in black's layout, lines of at most 120 characters (black 26, "The Black code style").

/// The most characters of a line.
const WIDTH: usize = 120;
/// Spaces of a level.
const INDENT: usize = 4;

/// Lines of Python, indented by levels.
#[derive(Debug, Default)]
pub(super) struct Source {
    text: String,
}

impl Source {
    /// The text.
    pub(super) fn into_text(self) -> String {
        self.text
    }

    /// A line as it is; an empty one has no spaces.
    pub(super) fn line(&mut self, level: usize, line: &str) {
        if !line.is_empty() {
            self.text.extend(std::iter::repeat_n(' ', INDENT * level));
            self.text += line;
        }
        self.text.push('\n');
    }

    /// Lines of one level.
    pub(super) fn lines(&mut self, level: usize, lines: &[&str]) {
        for line in lines {
            self.line(level, line);
        }
    }

    /// Two empty lines, and the first line of a definition of the module.
    pub(super) fn open(&mut self, head: &str) {
        self.text += "\n\n";
        self.line(0, head);
    }

    /// Words in as many lines as they need.
    pub(super) fn prose(&mut self, level: usize, text: &str) {
        let mut line = String::new();
        for word in text.split_whitespace() {
            if !line.is_empty() && !fits(level, line.len() + 1 + word.len()) {
                self.line(level, &line);
                line.clear();
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line += word;
        }
        self.line(level, &line);
    }

    /// Arguments of a call: in one line; else all on a line of their own; else each on one.
    pub(super) fn bracketed(&mut self, level: usize, open: &str, items: &[String], close: &str) {
        let joined = items.join(", ");
        if fits(level, open.len() + joined.len() + close.len()) || !fits(level + 1, joined.len()) {
            self.literal(level, open, items, close);
        } else {
            self.line(level, open);
            self.line(level + 1, &joined);
            self.line(level, close);
        }
    }

    /// Elements of a list or a dict: in one line; else each on one.
    pub(super) fn literal(&mut self, level: usize, open: &str, items: &[String], close: &str) {
        let joined = items.join(", ");
        if fits(level, open.len() + joined.len() + close.len()) {
            self.line(level, &format!("{open}{joined}{close}"));
            return;
        }
        self.line(level, open);
        for item in items {
            self.line(level + 1, &format!("{item},"));
        }
        self.line(level, close);
    }

    /// `target = value if condition else other`.
    pub(super) fn choice(&mut self, level: usize, target: &str, value: &str, condition: &str, other: &str) {
        let choice = format!("{value} if {condition} else {other}");
        if fits(level, target.len() + 3 + choice.len()) {
            self.line(level, &format!("{target} = {choice}"));
            return;
        }
        self.line(level, &format!("{target} = ("));
        if fits(level + 1, choice.len()) {
            self.line(level + 1, &choice);
        } else {
            self.line(level + 1, value);
            self.line(level + 1, &format!("if {condition}"));
            self.line(level + 1, &format!("else {other}"));
        }
        self.line(level, ")");
    }
}

fn fits(level: usize, length: usize) -> bool {
    INDENT * level + length <= WIDTH
}

/// A whole number in groups of three digits: `4,796,873`.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
