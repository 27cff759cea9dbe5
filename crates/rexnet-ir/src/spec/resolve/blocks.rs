//! The section `blocks`: stages, then every schedule in the order of the data flow.

use super::section::Section;
use super::{Resolver, values};
use crate::diagnostic::Code;
use crate::graph::Activation;
use crate::spec::evaluate::{Scalar, Scope};
use crate::spec::network::{
    Block, Expand, GatePosition, MAX_BLOCKS, MAX_CHANNELS, MAX_KERNEL, MAX_STRIDE, SqueezeExcite,
};
use crate::spec::rounding::round_half_even;
use crate::spec::schedule::{Item, Stages, convert, schedule};
use crate::spec::syntax::{Expression, Spanned};

const FIELDS: &[&str] = &["repeats", "channels", "expand", "depthwise", "squeeze_excite", "shortcut"];
const GATE_FIELDS: &[&str] = &["present", "channels", "activation", "batch_norm", "position"];
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

/// The widths along one block.
#[derive(Clone, Copy)]
struct Widths {
    input: usize,
    expanded: usize,
    output: usize,
}

/// A block's expansion ratio, and where it was written.
type Ratio = (f64, Item);

/// Evaluates schedules. Without stages, after a fault in `repeats`, names are checked and nothing else.
struct Schedules<'a, 's> {
    resolver: &'a mut Resolver<'s>,
    stages: Option<Stages>,
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
        let expand = self.section(section, "expand", &["ratio", "activation"]);
        let ratio = expand.as_ref().and_then(|expand| self.ratio(expand));
        let expand_activation = expand.as_ref().and_then(|expand| self.activation(expand));
        let widths = self.widths(stem, channels.as_deref(), ratio.as_deref());

        let depthwise = self.section(section, "depthwise", &["kernel", "stride", "activation"]);
        let kernel = depthwise.as_ref().and_then(|depthwise| {
            self.field(depthwise, "kernel", |_, item| values::odd(&item.scalar, "kernel", MAX_KERNEL))
        });
        let stride = depthwise.as_ref().and_then(|depthwise| self.stride(depthwise));
        let activation = depthwise.as_ref().and_then(|depthwise| self.activation(depthwise));

        let gates = self.gates(section, widths.as_deref());
        let shortcut = self.words(section, "shortcut", SHORTCUTS);

        let stages = self.stages.as_ref()?;
        let (ratio, widths, gates, shortcut) = (ratio?, widths?, gates?, shortcut?);
        let (expand_activation, kernel, stride, activation) =
            (expand_activation?, kernel?, stride?, activation?);
        let block = |index: usize| {
            let Widths { input, expanded, output } = widths[index];
            Block {
                stage: stages.of_block[index],
                input,
                expanded,
                channels: output,
                expand: (ratio[index].0 != 1.0).then(|| Expand { activation: expand_activation[index] }),
                kernel: kernel[index],
                stride: stride[index],
                activation: activation[index],
                squeeze_excite: gates[index].clone(),
                shortcut: stride[index] == 1
                    && match shortcut[index] {
                        Shortcut::Prefix => input <= output,
                        Shortcut::Equal => input == output,
                        Shortcut::Never => false,
                    },
            }
        };
        Some((0..stages.blocks()).map(block).collect())
    }

    /// The widths along each block, where the block before gives the input.
    fn widths(
        &mut self,
        stem: Option<usize>,
        outputs: Option<&[usize]>,
        ratio: Option<&[Ratio]>,
    ) -> Option<Vec<Widths>> {
        let (stem, outputs, ratio) = (stem?, outputs?, ratio?);
        let inputs: Vec<usize> = [stem].iter().chain(outputs).copied().take(outputs.len()).collect();
        let items: Vec<Item> = ratio.iter().map(|(_, item)| item.clone()).collect();
        let expanded = convert(&items, self.resolver.faults(), |block, _| {
            let expanded = round_half_even(inputs[block] as f64 * ratio[block].0);
            channels(&Scalar::Number(expanded), "expanded channels")
        })?;
        let widths = inputs.into_iter().zip(expanded).zip(outputs);
        Some(widths.map(|((input, expanded), &output)| Widths { input, expanded, output }).collect())
    }

    fn ratio(&mut self, expand: &Section<'_>) -> Option<Vec<Ratio>> {
        self.field(expand, "ratio", |_, item| Ok((values::positive(&item.scalar, "ratio")?, item.clone())))
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
        let position =
            self.words(&section, "position", &POSITIONS.map(|position| (position.name(), position)));
        let (present, channels, activation) = (present?, channels?, activation?);
        let (batch_norm, position) = (batch_norm?, position?);
        let gate = |block: usize| {
            present[block].then(|| SqueezeExcite {
                channels: channels[block],
                activation: activation[block],
                batch_norm: batch_norm[block],
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
    fn field<T>(
        &mut self,
        section: &Section<'_>,
        field: &str,
        typed: impl Fn(usize, &Item) -> Result<T, String>,
    ) -> Option<Vec<T>> {
        let expression = section.required(field, self.resolver.faults())?;
        let items = self.items(expression, &[], &[], Some(&|_| Vec::new()))?;
        convert(&items, self.resolver.faults(), typed)
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

fn channels(scalar: &Scalar, field: &str) -> Result<usize, String> {
    values::whole(scalar, field, 1..=MAX_CHANNELS)
}
