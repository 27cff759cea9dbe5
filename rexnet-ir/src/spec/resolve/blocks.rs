//! The section `blocks`: stages, then every schedule in the order of the data flow.

use super::section::Section;
use super::widths::{Expansion, Widths};
use super::{Resolver, values};
use crate::diagnostic::Code;
use crate::graph::Activation;
use crate::spec::evaluate::{Scalar, Scope};
use crate::spec::network::{
    Block, Expand, GatePosition, MAX_BLOCKS, MAX_CHANNELS, MAX_STRIDE, SqueezeExcite,
};
use crate::spec::schedule::{Item, Stages, convert, schedule};
use crate::spec::syntax::{Expression, Spanned};

const FIELDS: &[&str] =
    &["repeats", "channels", "expand", "depthwise", "squeeze_excite", "project", "shortcut", "identity"];
const EXPAND_FIELDS: &[&str] = &["ratio", "activation", "present", "groups"];
const DEPTHWISE_FIELDS: &[&str] = &["kernel", "channels", "stride", "activation"];
const GATE_FIELDS: &[&str] = &["present", "channels", "activation", "batch_norm", "gate", "position"];
const POSITIONS: [GatePosition; 2] = [GatePosition::BeforeActivation, GatePosition::AfterActivation];
const SHORTCUTS: &[(&str, Shortcut)] =
    &[("prefix", Shortcut::Prefix), ("equal", Shortcut::Equal), (values::NONE, Shortcut::Never)];

/// When a block of stride 1 adds its input to its output.
#[derive(Clone, Copy)]
enum Shortcut {
    /// Where the output is as wide or wider: to its first channels.
    Prefix,
    /// Where the widths are equal.
    Equal,
    Never,
}

/// Evaluates schedules. Without stages, after a fault in `repeats`, names are checked and nothing else.
pub(super) struct Schedules<'a, 's> {
    pub(super) resolver: &'a mut Resolver<'s>,
    pub(super) stages: Option<Stages>,
}

impl Resolver<'_> {
    /// `stem` is the width of what enters the first block.
    pub(super) fn blocks(&mut self, top: &Section<'_>, stem: Option<usize>) -> Option<Vec<Block>> {
        let section = top.required_section("blocks", FIELDS, self.faults())?;
        let stages = self.stages(&section);
        Schedules { resolver: self, stages }.blocks(&section, stem)
    }

    fn stages(&mut self, section: &Section<'_>) -> Option<Stages> {
        let expression = section.required("repeats", self.faults())?;
        let items = self.list(expression, "repeats")?;
        let repeats: Vec<Option<usize>> = items
            .iter()
            .map(|Spanned { node, span }| self.report(values::whole(node, "repeats", 1..=MAX_BLOCKS), *span))
            .collect();
        let repeats: Vec<usize> = repeats.into_iter().collect::<Option<_>>()?;
        // At most 512 stages of at most 512 blocks: the sum cannot overflow.
        let blocks: usize = repeats.iter().sum();
        let fault = match blocks {
            0 => (Code::SpecValue, "`repeats` has no stage".to_owned()),
            1..=MAX_BLOCKS => return Some(Stages::new(&repeats)),
            _ => (Code::SpecTooLarge, format!("the network has {blocks} blocks, more than {MAX_BLOCKS}")),
        };
        self.faults().push(fault.0, expression.span, fault.1);
        None
    }
}

impl Schedules<'_, '_> {
    fn blocks(&mut self, section: &Section<'_>, stem: Option<usize>) -> Option<Vec<Block>> {
        let channels = self.field(section, "channels", |_, item| channels(&item.scalar, "channels"));
        let expand = self.section(section, "expand", EXPAND_FIELDS);
        let depthwise = self.section(section, "depthwise", DEPTHWISE_FIELDS);
        let expansion = expand.as_ref().zip(depthwise.as_ref());
        let expansion = expansion.and_then(|(expand, depthwise)| self.expansion(expand, depthwise));
        let expand_activation = expand.as_ref().and_then(|expand| self.activation(expand));
        let widths = self.widths(stem, channels.as_deref(), expansion.as_deref());
        let present = expand.as_ref().and_then(|expand| {
            self.optional_field(expand, "present", |_, item| values::flag(&item.scalar, "present"))
        });
        let inputs = |block: &Widths| [block.input, block.expanded];
        let expand_groups =
            expand.as_ref().and_then(|expand| self.groups(expand, widths.as_deref(), &inputs));

        let slices = depthwise
            .as_ref()
            .and_then(|depthwise| self.slices(depthwise, widths.as_deref(), expansion.as_deref()));
        let stride = depthwise.as_ref().and_then(|depthwise| self.stride(depthwise));
        let activation = depthwise.as_ref().and_then(|depthwise| self.activation(depthwise));

        let gates = self.gates(section, widths.as_deref());
        let outputs = |block: &Widths| [block.expanded, block.output];
        let project_groups = match section.optional_section("project", &["groups"], self.resolver.faults()) {
            None => None,
            Some(None) => self.stages.as_ref().map(|stages| vec![1; stages.blocks()]),
            Some(Some(project)) => self.groups(&project, widths.as_deref(), &outputs),
        };
        let shortcut = self.words(section, "shortcut", SHORTCUTS);
        let identity = self.identity(section, widths.as_deref(), stride.as_deref());

        let stages = self.stages.as_ref()?;
        let (expansion, widths, gates, shortcut) = (expansion?, widths?, gates?, shortcut?);
        let (expand_activation, slices, stride, activation) =
            (expand_activation?, slices?, stride?, activation?);
        let (present, expand_groups, project_groups, identity) =
            (present?, expand_groups?, project_groups?, identity?);
        let block = |index: usize| {
            let Widths { input, expanded, output } = widths[index];
            let widens = match (&present, &expansion[index].0) {
                (Some(present), _) => present[index],
                (None, Expansion::Ratio(ratio)) => *ratio != 1.0,
                (None, Expansion::Channels(_)) => expanded != input,
            };
            let expand = Expand { activation: expand_activation[index], groups: expand_groups[index] };
            Block {
                stage: stages.of_block[index],
                input,
                expanded,
                channels: output,
                expand: widens.then_some(expand),
                slices: slices[index].clone(),
                stride: stride[index],
                activation: activation[index],
                squeeze_excite: gates[index].clone(),
                shortcut: stride[index] == 1
                    && match shortcut[index] {
                        Shortcut::Prefix => input <= output,
                        Shortcut::Equal => input == output,
                        Shortcut::Never => false,
                    },
                project_groups: project_groups[index],
                identity: identity[index],
            }
        };
        let blocks: Vec<Block> = (0..stages.blocks()).map(block).collect();
        for (index, block) in blocks.iter().enumerate() {
            if block.expand.is_none() && block.expanded != block.input {
                let cause = format!(
                    "block {index} has {} channels between expansion and projection, but no expansion of its {}",
                    block.expanded, block.input
                );
                self.resolver.faults().push(Code::SpecValue, section.span(), cause);
            }
        }
        Some(blocks)
    }

    /// Which blocks give their input.
    fn identity(
        &mut self,
        section: &Section<'_>,
        widths: Option<&[Widths]>,
        stride: Option<&[usize]>,
    ) -> Option<Vec<bool>> {
        let identity = self.optional_field(section, "identity", |block, item| {
            let identity = values::flag(&item.scalar, "identity")?;
            let same = widths.is_none_or(|widths| widths[block].input == widths[block].output)
                && stride.is_none_or(|stride| stride[block] == 1);
            if identity && !same {
                return Err("an identity keeps the width, and its stride is 1".to_owned());
            }
            Ok(identity)
        })?;
        Some(identity.unwrap_or(vec![false; self.stages.as_ref()?.blocks()]))
    }

    /// A stride belongs to the first block of a stage, unless the list has one for each block.
    fn stride(&mut self, depthwise: &Section<'_>) -> Option<Vec<usize>> {
        let stages = self.stages.clone();
        let opens = |block| stages.as_ref().is_some_and(|stages| stages.opens(block));
        self.field(depthwise, "stride", |block, item| {
            let stride = values::whole(&item.scalar, "stride", 1..=MAX_STRIDE)?;
            Ok(if item.per_block || opens(block) { stride } else { 1 })
        })
    }

    fn gates(
        &mut self,
        blocks: &Section<'_>,
        widths: Option<&[Widths]>,
    ) -> Option<Vec<Option<SqueezeExcite>>> {
        let count = self.stages.as_ref().map(Stages::blocks);
        let Some(section) = blocks.optional_section("squeeze_excite", GATE_FIELDS, self.resolver.faults())?
        else {
            return Some(vec![None; count?]);
        };
        let present = match section.optional("present", self.resolver.faults()) {
            None => None,
            Some(None) => count.map(|count| vec![true; count]),
            Some(Some(_)) => self.field(&section, "present", |_, item| values::flag(&item.scalar, "present")),
        };
        let channels = self.gate_channels(&section, present.as_deref(), widths);
        let activation = self.activation(&section);
        let batch_norm =
            self.field(&section, "batch_norm", |_, item| values::flag(&item.scalar, "batch_norm"));
        let gate = match section.optional("gate", self.resolver.faults()) {
            None => None,
            Some(None) => count.map(|count| vec![Activation::Sigmoid; count]),
            Some(Some(_)) => self.words(&section, "gate", &values::functions()),
        };
        let position =
            self.words(&section, "position", &POSITIONS.map(|position| (position.name(), position)));
        let (present, channels, activation) = (present?, channels?, activation?);
        let (batch_norm, function, position) = (batch_norm?, gate?, position?);
        let gate = |block: usize| {
            present[block].then(|| SqueezeExcite {
                channels: channels[block],
                activation: activation[block],
                batch_norm: batch_norm[block],
                gate: function[block],
                position: position[block],
            })
        };
        Some((0..present.len()).map(gate).collect())
    }

    /// Blocks without a gate may come to any width.
    fn gate_channels(
        &mut self,
        section: &Section<'_>,
        present: Option<&[bool]>,
        widths: Option<&[Widths]>,
    ) -> Option<Vec<usize>> {
        let expression = section.required("channels", self.resolver.faults())?;
        let items = match widths {
            None => self.items(expression, &[], &["input", "expanded"], None),
            Some(widths) => {
                let values = |block: usize| {
                    let Widths { input, expanded, .. } = widths[block];
                    vec![("input", input as f64), ("expanded", expanded as f64)]
                };
                self.items(expression, &[], &["input", "expanded"], Some(&values))
            }
        }?;
        let present = present?;
        convert(&items, self.resolver.faults(), |block, item| {
            if present[block] { channels(&item.scalar, "channels of squeeze_excite") } else { Ok(0) }
        })
    }

    fn activation(&mut self, section: &Section<'_>) -> Option<Vec<Option<Activation>>> {
        self.words(section, "activation", &values::activations())
    }

    /// A required field of one word a block.
    fn words<T: Copy>(
        &mut self,
        section: &Section<'_>,
        field: &str,
        meanings: &[(&'static str, T)],
    ) -> Option<Vec<T>> {
        let expression = section.required(field, self.resolver.faults())?;
        let words: Vec<&'static str> = meanings.iter().map(|&(word, _)| word).collect();
        let items = self.items(expression, &words, &[], Some(&|_| Vec::new()))?;
        convert(&items, self.resolver.faults(), |_, item| values::word(&item.scalar, field, meanings))
    }

    /// A required field of one value a block.
    pub(super) fn field<T>(
        &mut self,
        section: &Section<'_>,
        field: &str,
        typed: impl Fn(usize, &Item) -> Result<T, String>,
    ) -> Option<Vec<T>> {
        let expression = section.required(field, self.resolver.faults())?;
        let items = self.items(expression, &[], &[], Some(&|_| Vec::new()))?;
        convert(&items, self.resolver.faults(), typed)
    }

    /// As [`Self::field`], of a field that may be left out. The outer option is for faults.
    pub(super) fn optional_field<T>(
        &mut self,
        section: &Section<'_>,
        field: &str,
        typed: impl Fn(usize, &Item) -> Result<T, String>,
    ) -> Option<Option<Vec<T>>> {
        match section.optional(field, self.resolver.faults())? {
            None => Some(None),
            Some(_) => self.field(section, field, typed).map(Some),
        }
    }

    /// Evaluates `expression` for all blocks. `names` are its variables beside `i` and `n`, and `values` gives
    /// these and their values in a block; without it, names are checked and nothing else.
    fn items(
        &mut self,
        expression: &Expression,
        words: &[&'static str],
        names: &[&'static str],
        values: Option<&dyn Fn(usize) -> Vec<(&'static str, f64)>>,
    ) -> Option<Vec<Item>> {
        let variables: Vec<_> = ["i", "n"].iter().chain(names).map(|&name| (name, 0.0)).collect();
        let scope = Scope { words, variables: &variables, block: Some(0), ..self.resolver.scope };
        let evaluator = &mut self.resolver.evaluator;
        if !evaluator.check(expression, scope) {
            return None;
        }
        schedule(evaluator, expression, self.stages.as_ref()?, scope, values?)
    }

    fn section<'a>(
        &mut self,
        section: &Section<'a>,
        field: &str,
        known: &[&'static str],
    ) -> Option<Section<'a>> {
        section.required_section(field, known, self.resolver.faults())
    }
}

pub(super) fn channels(scalar: &Scalar, field: &str) -> Result<usize, String> {
    values::whole(scalar, field, 1..=MAX_CHANNELS)
}
