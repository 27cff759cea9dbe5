//! The figures that sources print, and whether a count agrees with one.

/// The table of published figures.
const TABLE: &str = include_str!("published.txt");

/// What a source says of a network, as it says it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Record {
    /// The part of the table that it stands in.
    pub(super) section: &'static str,
    /// What the source calls the network.
    pub(super) name: &'static str,
    /// The spec that is counted.
    pub(super) network: &'static str,
    /// Why it is not the row of that name, if it is not.
    pub(super) variant: Option<&'static str>,
    /// Channels of stem and blocks.
    pub(super) widths: Option<&'static str>,
    /// Accuracy on ImageNet, in per cent.
    pub(super) top_1: Option<&'static str>,
    pub(super) parameters: Option<&'static str>,
    pub(super) macs: Option<&'static str>,
    /// Where the figures stand.
    pub(super) source: Option<&'static str>,
    /// Why the counts disagree with the figures.
    pub(super) reason: Option<&'static str>,
    /// What else a reader should know.
    pub(super) note: Option<&'static str>,
}

/// All records, in the order of the table.
pub(super) fn records() -> Vec<Record> {
    let mut section = "";
    let mut records = Vec::new();
    for paragraph in TABLE.split("\n\n") {
        let mut record = Record { section, ..Record::default() };
        for line in paragraph.lines().filter(|line| !line.starts_with('#')) {
            if let Some(title) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                section = title;
            } else if let Some((key, value)) = line.split_once(": ") {
                record.set(key, value);
            }
        }
        if !record.network.is_empty() {
            records.push(record);
        }
    }
    records
}

impl Record {
    fn set(&mut self, key: &str, value: &'static str) {
        match key {
            "name" => self.name = value,
            "network" => self.network = value,
            "variant" => self.variant = Some(value),
            "widths" => self.widths = Some(value),
            "top-1" => self.top_1 = Some(value),
            "parameters" => self.parameters = Some(value),
            "MACs" => self.macs = Some(value),
            "source" => self.source = Some(value),
            "reason" => self.reason = Some(value),
            "note" => self.note = Some(value),
            // A test asserts that there is none.
            _ => {}
        }
    }
}

/// Whether a count is what a figure such as `3.4M` says, to the digits that it has; `None` for what is no figure.
pub(super) fn agrees(figure: &str, count: u64) -> Option<bool> {
    let (digits, power) = match figure.split_at_checked(figure.len().checked_sub(1)?)? {
        (digits, "K") => (digits, 3),
        (digits, "M") => (digits, 6),
        (digits, "B") => (digits, 9),
        _ => return None,
    };
    let decimals = digits.split_once('.').map_or(0, |(_, decimals)| decimals.len() as u32);
    let step = 10u64.checked_pow(u32::checked_sub(power, decimals)?)?;
    let value = digits.replace('.', "").parse::<u64>().ok()?.checked_mul(step)?;
    Some(2 * count.abs_diff(value) <= step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_agrees_to_the_digits_that_are_printed() {
        let cases = [
            ("3.4M", 3_504_872, false),
            ("3.4M", 3_449_999, true),
            ("3.4M", 3_350_000, true),
            ("0.30B", 300_774_272, true),
            ("0.36B", 339_172_672, false),
            ("388M", 388_122_848, true),
            ("5.52542M", 5_525_424, true),
            ("34M", 34_708_792, false),
        ];
        for (figure, count, expected) in cases {
            assert_eq!(agrees(figure, count), Some(expected), "{figure} {count}");
        }
        for figure in ["", "3.4", "M", "3.4567891M", "x.yM", "é", "99999999999999999999B"] {
            assert_eq!(agrees(figure, 1), None, "{figure}");
        }
    }

    #[test]
    fn the_table_is_read_whole() {
        let mut text = String::new();
        let mut section = "";
        for record in records() {
            if record.section != section {
                section = record.section;
                text += &format!("\n[{section}]\n");
            }
            let Record { name, network, .. } = record;
            text += &format!("\nname: {name}\nnetwork: {network}\n");
            let optional = [
                ("variant", record.variant),
                ("widths", record.widths),
                ("top-1", record.top_1),
                ("parameters", record.parameters),
                ("MACs", record.macs),
                ("source", record.source),
                ("reason", record.reason),
                ("note", record.note),
            ];
            for (key, value) in optional {
                text += &value.map_or(String::new(), |value| format!("{key}: {value}\n"));
            }
        }
        let without_comments = &TABLE[TABLE.find("\n[").unwrap()..];
        assert_eq!(text, without_comments);
    }

    #[test]
    fn figures_are_figures_and_have_a_source() {
        for record in records() {
            for figure in [record.parameters, record.macs].into_iter().flatten() {
                assert!(agrees(figure, 0).is_some(), "{record:?}");
            }
            let quotes = record.top_1.or(record.parameters).or(record.macs).is_some();
            assert_eq!(record.source.is_some(), quotes, "{record:?}");
            assert!(record.top_1.is_none_or(|top_1| top_1.parse::<f64>().is_ok()), "{record:?}");
        }
    }
}
