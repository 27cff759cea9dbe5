//! The widths along each block: its input, what expansion and depthwise kernels make of it, its output.

use super::blocks::{Schedules, channels};
use super::section::Section;
use super::values;
use crate::diagnostic::Code;
use crate::spec::evaluate::Scalar;
use crate::spec::network::{KernelSlice, MAX_CHANNELS, MAX_KERNEL};
use crate::spec::rounding::round_half_even;
use crate::spec::schedule::{Item, convert};

/// The widths along one block.
#[derive(Clone, Copy)]
pub(super) struct Widths {
    pub(super) input: usize,
    pub(super) expanded: usize,
    pub(super) output: usize,
}

/// What decides a block's expanded width, and where it was written: a ratio to its input, or channels for each kernel.
#[derive(Clone, Debug)]
pub(super) enum Expansion {
    Ratio(f64),
    Channels(Vec<usize>),
}

impl Schedules<'_, '_> {
    /// What decides the expanded width of each block.
    pub(super) fn expansion(
        &mut self,
        expand: &Section<'_>,
        depthwise: &Section<'_>,
    ) -> Option<Vec<(Expansion, Item)>> {
        let channels = self.optional_field(depthwise, "channels", |_, item| {
            let numbers = values::numbers(&item.scalar, "channels of depthwise")?;
            let whole =
                |number| values::whole(&Scalar::Number(number), "channels of depthwise", 0..=MAX_CHANNELS);
            let channels = numbers.into_iter().map(whole).collect::<Result<Vec<usize>, String>>()?;
            Ok((Expansion::Channels(channels), item.clone()))
        })?;
        let ratio = expand.optional("ratio", self.resolver.faults())?;
        match (channels, ratio) {
            (Some(channels), None) => Some(channels),
            (Some(_), Some(ratio)) => {
                let cause = "`channels` of depthwise gives the expanded width already";
                self.resolver.faults().push(Code::SpecDuplicate, ratio.span, cause);
                None
            }
            (None, _) => self.field(expand, "ratio", |_, item| {
                Ok((Expansion::Ratio(values::positive(&item.scalar, "ratio")?), item.clone()))
            }),
        }
    }

    /// The widths along each block, where the block before gives the input.
    pub(super) fn widths(
        &mut self,
        stem: Option<usize>,
        outputs: Option<&[usize]>,
        expansion: Option<&[(Expansion, Item)]>,
    ) -> Option<Vec<Widths>> {
        let (stem, outputs, expansion) = (stem?, outputs?, expansion?);
        let inputs: Vec<usize> = [stem].iter().chain(outputs).copied().take(outputs.len()).collect();
        let items: Vec<Item> = expansion.iter().map(|(_, item)| item.clone()).collect();
        let expanded = convert(&items, self.resolver.faults(), |block, _| {
            let expanded = match &expansion[block].0 {
                Expansion::Ratio(ratio) => round_half_even(inputs[block] as f64 * ratio),
                Expansion::Channels(channels) => channels.iter().sum::<usize>() as f64,
            };
            channels(&Scalar::Number(expanded), "expanded channels")
        })?;
        let widths = inputs.into_iter().zip(expanded).zip(outputs);
        Some(widths.map(|((input, expanded), &output)| Widths { input, expanded, output }).collect())
    }

    /// The channels of each kernel: as given, or equal shares of which the first takes what is left over.
    pub(super) fn slices(
        &mut self,
        depthwise: &Section<'_>,
        widths: Option<&[Widths]>,
        expansion: Option<&[(Expansion, Item)]>,
    ) -> Option<Vec<Vec<KernelSlice>>> {
        let kernels = self.field(depthwise, "kernel", |_, item| {
            let kernels = values::numbers(&item.scalar, "kernel")?;
            let odd = |kernel| values::odd(&Scalar::Number(kernel), "kernel", MAX_KERNEL);
            Ok((kernels.into_iter().map(odd).collect::<Result<Vec<usize>, String>>()?, item.clone()))
        })?;
        let (widths, expansion) = (widths?, expansion?);
        let items: Vec<Item> = kernels.iter().map(|(_, item)| item.clone()).collect();
        convert(&items, self.resolver.faults(), |block, _| {
            let (kernels, expanded) = (&kernels[block].0, widths[block].expanded);
            let count = kernels.len();
            let channels = match &expansion[block].0 {
                Expansion::Channels(channels) if channels.len() == count => channels.clone(),
                Expansion::Channels(channels) => {
                    return Err(format!(
                        "{count} kernels stand beside {} numbers of channels",
                        channels.len()
                    ));
                }
                Expansion::Ratio(_) if expanded < count => {
                    return Err(format!("{count} kernels share {expanded} channels"));
                }
                Expansion::Ratio(_) => {
                    let share = expanded / count;
                    let mut channels = vec![share; count];
                    channels[0] += expanded % count;
                    channels
                }
            };
            let slices = kernels.iter().zip(channels).filter(|&(_, channels)| channels > 0);
            Ok(slices.map(|(&kernel, channels)| KernelSlice { kernel, channels }).collect())
        })
    }

    /// The groups of a 1×1 convolution between the two widths; without the field, one.
    pub(super) fn groups(
        &mut self,
        section: &Section<'_>,
        widths: Option<&[Widths]>,
        of: &dyn Fn(&Widths) -> [usize; 2],
    ) -> Option<Vec<usize>> {
        let groups = self.optional_field(section, "groups", |block, item| {
            let groups = values::whole(&item.scalar, "groups", 1..=MAX_CHANNELS)?;
            match widths.map(|widths| of(&widths[block])) {
                Some([from, to]) if from % groups != 0 || to % groups != 0 => {
                    Err(format!("{groups} groups do not divide {from} and {to} channels"))
                }
                _ => Ok(groups),
            }
        })?;
        Some(groups.unwrap_or(vec![1; self.stages.as_ref()?.blocks()]))
    }
}
