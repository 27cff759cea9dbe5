//! The rows: what a source says of a network beside what is counted of it here.

use super::latency::Latency;
use super::published::{Record, agrees, records};
use crate::failure::Failure;
use crate::network::Net;
use crate::text::grouped;
use rexnet_codegen::driver::Described;
use rexnet_ir::graph::Counts;
use rexnet_ir::spec::Network;
use std::ffi::OsStr;

/// The section of the networks of table 1.
pub(super) const TABLE_1: &str = "Table 1";
/// The section of networks that the user gave.
pub(super) const GIVEN: &str = "Given";

/// A network of the table.
#[derive(Debug)]
pub(super) struct Row {
    /// What a source says; of a network that was given, its name and nothing else.
    pub(super) record: Record,
    /// What it is called.
    pub(super) name: String,
    /// The spec, short enough for a line.
    pub(super) call: String,
    /// For the compiler.
    pub(super) net: Net,
    /// The spec's meaning.
    pub(super) network: Network,
    pub(super) counts: Counts,
    /// Its time, if that was measured.
    pub(super) latency: Option<Latency>,
}

/// What comes of comparing counts and figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// There is no figure.
    Unpublished,
    /// Every figure is right to its last digit.
    Agrees,
    /// Every figure is right, and the network was fitted to them.
    Fitted,
    /// A figure is not.
    Disagrees,
}

impl Verdict {
    /// As tables say it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Verdict::Unpublished => "–",
            Verdict::Agrees => "yes",
            Verdict::Fitted => "fitted",
            Verdict::Disagrees => "no",
        }
    }
}

impl Row {
    /// Counts a network.
    ///
    /// # Errors
    /// Faults of the spec; wrong usage for a model, which has no schedule of channels.
    fn new(record: Record, net: Net, call: String) -> Result<Self, Failure> {
        let Described { network, graph } = net.describe(Some(1))?;
        let Some(network) = network else {
            let message = format!("{call}: a model does not say what its blocks are; the table takes specs");
            return Err(Failure::Usage(message));
        };
        let name = if record.name.is_empty() { network.name.clone() } else { record.name.to_owned() };
        let call = if call.contains('{') || call.len() > 60 { network.to_string() } else { call };
        Ok(Self { record, name, call, net, network, counts: graph.counts(), latency: None })
    }

    /// The published networks: those of table 1, and with `all` the others, too.
    ///
    /// # Errors
    /// None: the specs are presets.
    pub(super) fn published(all: bool) -> Result<Vec<Self>, Failure> {
        records()
            .into_iter()
            .filter(|record| all || record.section == TABLE_1)
            .map(|record| Self::new(record, Net::spec(record.network), record.network.to_owned()))
            .collect()
    }

    /// A network that the user gave.
    ///
    /// # Errors
    /// Faults of the spec; wrong usage for a model.
    pub(super) fn given(argument: &OsStr) -> Result<Self, Failure> {
        let record = Record { section: GIVEN, ..Record::default() };
        Self::new(record, Net::from_argument(argument)?, argument.to_string_lossy().into_owned())
    }

    /// Channels of stem and blocks as table 1 spells them: `32 / 16-24x2-32x3`.
    pub(super) fn schedule(&self) -> String {
        let runs: Vec<String> = runs(&self.widths())
            .into_iter()
            .map(|(channels, count)| match count {
                1 => channels.to_string(),
                several => format!("{channels}x{several}"),
            })
            .collect();
        format!("{} / {}", self.network.stem.channels, runs.join("-"))
    }

    /// The output channels of each block.
    pub(super) fn widths(&self) -> Vec<usize> {
        self.network.blocks.iter().map(|block| block.channels).collect()
    }

    /// Whether the published channels are those of the spec.
    pub(super) fn widths_agree(&self) -> Option<bool> {
        self.record.widths.map(|widths| widths == self.schedule())
    }

    /// Whether the published parameters are those that were counted.
    pub(super) fn parameters_agree(&self) -> Option<bool> {
        self.record.parameters.and_then(|figure| agrees(figure, self.counts.parameters))
    }

    /// Whether the published multiply-accumulates are those that were counted.
    pub(super) fn macs_agree(&self) -> Option<bool> {
        self.record.macs.and_then(|figure| agrees(figure, self.counts.multiply_accumulates))
    }

    /// Whether all figures are right.
    pub(super) fn verdict(&self) -> Verdict {
        let all = [self.widths_agree(), self.parameters_agree(), self.macs_agree()];
        match () {
            () if all.contains(&Some(false)) => Verdict::Disagrees,
            () if !all.contains(&Some(true)) => Verdict::Unpublished,
            () if self.network.stand_in => Verdict::Fitted,
            () => Verdict::Agrees,
        }
    }

    /// Whether it is what a source means by the name, not a variant of it.
    pub(super) fn is_the_row(&self) -> bool {
        self.record.variant.is_none()
    }

    /// What a reader must know of it, if anything: each text is a sentence or two.
    pub(super) fn remarks(&self) -> Vec<String> {
        let Record { variant, parameters, macs, reason, note, .. } = self.record;
        let variant = variant.map(|variant| format!("A variant, not the row: {variant}."));
        let wrong = |agrees, figure: Option<&str>, what: &str, count| match (agrees, figure) {
            (Some(false), Some(figure)) => {
                Some(format!("{figure} {what} are published, {} counted.", grouped(count)))
            }
            _ => None,
        };
        let Counts { parameters: own_parameters, multiply_accumulates: own_macs } = self.counts;
        let wrong = [
            wrong(self.parameters_agree(), parameters, "parameters", own_parameters),
            wrong(self.macs_agree(), macs, "MACs", own_macs),
        ];
        variant
            .into_iter()
            .chain(wrong.into_iter().flatten())
            .chain([reason, note].into_iter().flatten().map(str::to_owned))
            .collect()
    }
}

/// Values and how many times in a row they occur.
pub(super) fn runs(values: &[usize]) -> Vec<(usize, usize)> {
    values.chunk_by(|a, b| a == b).map(|run| (run[0], run.len())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_the_rows_with_a_reason_disagree() {
        let rows = Row::published(true).unwrap();
        for row in &rows {
            let disagrees = row.verdict() == Verdict::Disagrees;
            assert_eq!(disagrees, row.record.reason.is_some(), "{}: {:?}", row.call, row.counts);
            assert_ne!(row.widths_agree(), Some(false), "{}: {}", row.call, row.schedule());
        }
        assert_eq!(rows.iter().filter(|row| row.network.stand_in).count(), 2);
        assert!(rows.iter().filter(|row| row.network.stand_in).all(|row| row.verdict() == Verdict::Fitted));
    }

    #[test]
    fn table_1_has_a_row_for_each_of_its_networks() {
        let rows = Row::published(false).unwrap();
        let names: Vec<&str> =
            rows.iter().filter(|row| row.is_the_row()).map(|row| row.name.as_str()).collect();
        assert_eq!(names.len(), 11, "{names:?}");
        assert_eq!(rows.len(), 15);
        // Table 1 spells no channels of ReXNet's that we know of.
        let spelt = |row: &&Row| row.is_the_row() && row.record.widths.is_none();
        assert_eq!(
            rows.iter().filter(spelt).map(|row| row.name.as_str()).collect::<Vec<_>>(),
            ["ReXNet 1.0"]
        );
    }

    #[test]
    fn channels_are_spelt_as_in_table_1() {
        let schedule = |spec: &str| Row::given(spec.as_ref()).unwrap().schedule();
        assert_eq!(schedule("mobilenet_v2"), "32 / 16-24x2-32x3-64x4-96x3-160x3-320");
        assert_eq!(schedule("rexnet"), "32 / 16-27-38-50-61-72-84-95-106-117-128-140-151-162-174-185");
    }
}
