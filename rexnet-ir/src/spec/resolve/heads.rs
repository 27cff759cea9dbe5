//! What follows the blocks: the classifier, the maps that are outputs, the detector.

use super::section::Section;
use super::{Resolver, values};
use crate::diagnostic::Code;
use crate::spec::network::{
    Block, Classifier, Detector, Feature, MAX_ANCHORS, MAX_CHANNELS, MAX_KERNEL, MAX_LEVELS, Penultimate,
    Stem,
};
use crate::spec::syntax::Expression;

/// For each stride of a map, the last block that gives it.
pub(super) fn strides(stem: &Stem, blocks: &[Block]) -> Vec<Feature> {
    let mut strides: Vec<Feature> = Vec::new();
    let mut stride = stem.stride;
    for (block, of_block) in blocks.iter().enumerate() {
        // At most 512 blocks of strides up to 16: kept from overflowing.
        stride = stride.saturating_mul(of_block.step());
        match strides.last_mut() {
            Some(last) if last.stride == stride => last.block = block,
            _ => strides.push(Feature { stride, block }),
        }
    }
    strides
}

impl Resolver<'_> {
    /// The classifier: `classifier` turns it off, `head` and `classes` say what it is. The outer option is for faults.
    pub(super) fn classifier(&mut self, top: &Section<'_>) -> Option<Option<Classifier>> {
        let own = self.optional_flag(top, "classifier", true);
        let said = match self.setting("classifier") {
            None => own,
            Some(expression) => self.single(expression, |scalar| values::flag(scalar, "classifier")),
        };
        let detects = top.has("detector");
        let classes = match top.optional("classes", self.faults())? {
            None if detects => Some(None),
            Some(_) | None => self.whole(top, "classes", MAX_CHANNELS).map(Some),
        };
        let fields = ["channels", "activation", "hidden"];
        let layers = match top.optional_section("head", &fields, self.faults())? {
            None => Some((None, None)),
            Some(section) => {
                let penultimate = self.layer(&section);
                let hidden =
                    match section.optional_section("hidden", &["channels", "activation"], self.faults()) {
                        None => None,
                        Some(None) => Some(None),
                        Some(Some(section)) => self.layer(&section).map(Some),
                    };
                penultimate.zip(hidden).map(|(penultimate, hidden)| (Some(penultimate), hidden))
            }
        };
        let ((penultimate, hidden), classes) = (layers?, classes?);
        let classifier = classes.map(|classes| Classifier { penultimate, hidden, classes });
        Some(classifier.filter(|_| said == Some(true)))
    }

    fn layer(&mut self, section: &Section<'_>) -> Option<Penultimate> {
        let channels = self.whole(section, "channels", MAX_CHANNELS);
        let activation = self.activation(section);
        Some(Penultimate { channels: channels?, activation: activation? })
    }

    /// The maps that are outputs.
    pub(super) fn features(
        &mut self,
        top: &Section<'_>,
        strides: Option<&[Feature]>,
    ) -> Option<Vec<Feature>> {
        let own = top.optional("features", self.faults())?;
        match self.setting("features").or(own) {
            None => Some(Vec::new()),
            Some(expression) => self.taps(expression, "features", strides),
        }
    }

    /// Maps by their strides.
    fn taps(
        &mut self,
        expression: &Expression,
        field: &str,
        strides: Option<&[Feature]>,
    ) -> Option<Vec<Feature>> {
        let items = self.list(expression, field)?;
        let strides = strides?;
        let mut taps: Vec<Feature> = Vec::new();
        for item in &items {
            let stride = self.report(values::whole(&item.node, field, 1..=usize::MAX >> 12), item.span)?;
            let Some(&tap) = strides.iter().find(|feature| feature.stride == stride) else {
                let known: Vec<String> = strides.iter().map(|feature| feature.stride.to_string()).collect();
                let cause = format!("no block gives a map of stride {stride}");
                let help = format!("there are: {}", known.join(", "));
                self.faults().push_help(Code::SpecValue, item.span, cause, help);
                return None;
            };
            if taps.last().is_some_and(|last| last.stride >= stride) {
                self.faults().push(Code::SpecValue, item.span, "strides must increase");
                return None;
            }
            taps.push(tap);
        }
        Some(taps)
    }

    /// The detector, if there is one. The outer option is for faults.
    pub(super) fn detector(
        &mut self,
        top: &Section<'_>,
        strides: Option<&[Feature]>,
    ) -> Option<Option<Detector>> {
        let fields = ["taps", "extras", "kernel", "activation", "anchors", "classes"];
        let Some(section) = top.optional_section("detector", &fields, self.faults())? else {
            return Some(None);
        };
        let taps = section
            .required("taps", self.faults())
            .and_then(|expression| self.taps(expression, "taps", strides));
        let extras = self.numbers(&section, "extras", MAX_CHANNELS);
        let kernel = section.required("kernel", self.faults()).and_then(|expression| {
            self.single(expression, |scalar| values::odd(scalar, "kernel", MAX_KERNEL))
        });
        let activation = self.activation(&section);
        let anchors = self.numbers(&section, "anchors", MAX_ANCHORS);
        let classes = self.whole(&section, "classes", MAX_CHANNELS);
        let (taps, extras, anchors) = (taps?, extras?, anchors?);
        let levels = taps.len() + extras.len();
        let fault = if taps.is_empty() || levels > MAX_LEVELS {
            format!("a detector has 1 to {MAX_LEVELS} maps, the first from the blocks; here are {levels}")
        } else if anchors.len() != levels {
            format!("`anchors` has {} numbers, but there are {levels} maps", anchors.len())
        } else {
            let (kernel, activation, classes) = (kernel?, activation?, classes?);
            return Some(Some(Detector { taps, extras, kernel, activation, anchors, classes }));
        };
        self.faults().push(Code::SpecValue, section.span(), fault);
        None
    }

    /// A required list of whole numbers from 1 to `limit`.
    fn numbers(&mut self, section: &Section<'_>, field: &str, limit: usize) -> Option<Vec<usize>> {
        let expression = section.required(field, self.faults())?;
        let items = self.list(expression, field)?;
        let numbers: Vec<Option<usize>> = items
            .iter()
            .map(|item| self.report(values::whole(&item.node, field, 1..=limit), item.span))
            .collect();
        numbers.into_iter().collect()
    }
}
