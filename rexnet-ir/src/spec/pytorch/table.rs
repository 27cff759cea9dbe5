//! The blocks as a table: a column for what differs from block to block. What is the same in all is part of the code.

use super::activation;
use super::column::Column;
use super::source::Source;
use crate::spec::network::{Block, GatePosition, SqueezeExcite};

/// The table's columns. Cells are Python expressions.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) input: Column,
    pub(super) expanded: Column,
    pub(super) output: Column,
    pub(super) expand: Column,
    /// Of expansion and projection, where both differ from block to block.
    groups: Column,
    pub(super) expand_groups: Column,
    pub(super) expand_act: Column,
    pub(super) kernel: Column,
    pub(super) slices: Column,
    pub(super) stride: Column,
    pub(super) act: Column,
    pub(super) gate: Column,
    pub(super) gate_norm: Column,
    pub(super) gate_act: Column,
    pub(super) gate_function: Column,
    pub(super) gate_first: Column,
    pub(super) project_groups: Column,
    pub(super) shortcut: Column,
    /// Whether a block is the identity, which has no cells.
    identities: Vec<bool>,
}

impl Table {
    /// The table of a network's blocks.
    pub(super) fn new(blocks: &[Block]) -> Self {
        let identities = blocks.iter().map(|block| block.identity).collect();
        let blocks = || blocks.iter().filter(|block| !block.identity);
        let gate = |block: &Block| block.squeeze_excite.clone();
        let mixed = blocks().any(|block| block.slices.len() > 1);
        let kernel =
            |block: &Block| block.slices.first().filter(|_| !mixed).map(|slice| slice.kernel.to_string());
        let slices = |block: &Block| {
            let pairs = block.slices.iter().map(|slice| format!("({}, {})", slice.kernel, slice.channels));
            let pairs: Vec<String> = pairs.collect();
            let comma = if pairs.len() == 1 { "," } else { "" };
            mixed.then(|| format!("({}{comma})", pairs.join(", ")))
        };
        let first = |gate: SqueezeExcite| gate.position == GatePosition::BeforeActivation;
        let table = Self {
            input: Column::whole("input", "", blocks().map(|block| block.input)).always(),
            expanded: Column::whole(
                "expanded",
                "channels between expansion and projection",
                blocks().map(|block| block.expanded),
            )
            .always(),
            output: Column::whole("output", "", blocks().map(|block| block.channels)).always(),
            kernel: Column::new("kernel", "int", "of the depthwise convolution", blocks().map(kernel)),
            slices: Column::new(
                "slices",
                "tuple[tuple[int, int], ...]",
                "kernel and channels of each part of the depthwise convolution",
                blocks().map(slices),
            ),
            expand: Column::flag(
                "expand",
                "whether there is an expansion",
                blocks().map(|block| Some(block.expand.is_some())),
            )
            .or("True"),
            groups: Column::new(
                "groups",
                "tuple[int, int]",
                "of expansion and projection",
                blocks().map(|block| {
                    let expand = block.expand.as_ref().map_or(1, |expand| expand.groups);
                    Some(format!("({expand}, {})", block.project_groups))
                }),
            )
            .or("(1, 1)"),
            expand_groups: Column::new(
                "expand_groups",
                "int",
                "",
                blocks().map(|block| Some(block.expand.as_ref()?.groups.to_string())),
            )
            .or("1"),
            expand_act: Column::function(
                "expand_act",
                "",
                blocks().map(|block| Some(activation(block.expand.as_ref()?.activation))),
            )
            .or_most_frequent(),
            stride: Column::whole("stride", "", blocks().map(|block| block.stride)).or("1"),
            act: Column::function(
                "act",
                "after the depthwise convolution",
                blocks().map(|block| Some(activation(block.activation))),
            )
            .or_most_frequent(),
            gate: Column::whole(
                "gate",
                "channels between the layers of squeeze-excite; 0: there is none",
                blocks().map(|block| gate(block).map_or(0, |gate| gate.channels)),
            )
            .or("0"),
            gate_norm: Column::flag(
                "gate_norm",
                "whether a batch norm is between the layers of squeeze-excite",
                blocks().map(|block| gate(block).map(|gate| gate.batch_norm)),
            )
            .or_most_frequent(),
            gate_act: Column::function(
                "gate_act",
                "",
                blocks().map(|block| gate(block).map(|gate| activation(gate.activation))),
            )
            .or_most_frequent(),
            gate_function: Column::function(
                "gate_function",
                "after the layers of squeeze-excite",
                blocks().map(|block| gate(block).map(|gate| activation(Some(gate.gate)))),
            )
            .or_most_frequent(),
            gate_first: Column::flag(
                "gate_first",
                "whether squeeze-excite is before the activation",
                blocks().map(|block| gate(block).map(first)),
            )
            .or_most_frequent(),
            project_groups: Column::whole("project_groups", "", blocks().map(|block| block.project_groups))
                .or("1"),
            shortcut: Column::flag(
                "shortcut",
                "whether the input is added to the first channels of the output",
                blocks().map(|block| Some(block.shortcut)),
            )
            .or("False"),
            identities,
        };
        table.merged()
    }

    /// The same with fewer fields: one for what two would say.
    fn merged(self) -> Self {
        let Self { expanded, groups, expand_groups, project_groups, expand_act, act, slices, .. } = self;
        let both = expand_groups.varies() && project_groups.varies();
        let (groups, expand_groups, project_groups) = match both {
            true => (groups, expand_groups.implied_by("groups[0]"), project_groups.implied_by("groups[1]")),
            false => (groups.implied_by("groups"), expand_groups, project_groups),
        };
        let (expand_act, act) = match expand_act.varies() && expand_act.agrees_with(&act) {
            true => (expand_act.implied_by("act"), act.meaning("after expansion and depthwise convolution")),
            false => (expand_act, act),
        };
        let expanded = if slices.varies() { expanded.implied_by("expanded") } else { expanded };
        Self { expanded, groups, expand_groups, project_groups, expand_act, act, slices, ..self }
    }

    /// The columns that rows have; those without a default first.
    fn columns(&self) -> impl Iterator<Item = &Column> {
        let Self {
            input, expanded, output, expand, groups, expand_groups, expand_act, kernel, slices, ..
        } = self;
        let Self {
            stride,
            act,
            gate,
            gate_norm,
            gate_act,
            gate_function,
            gate_first,
            project_groups,
            shortcut,
            ..
        } = self;
        let widths = [input, expanded, output, kernel, slices, expand, groups, expand_groups, expand_act];
        let gates = [gate, gate_norm, gate_act, gate_function, gate_first];
        let rest = [stride, act].into_iter().chain(gates).chain([project_groups, shortcut]);
        widths.into_iter().chain(rest).filter(|column| column.is_field())
    }

    /// Whether some block is the identity.
    pub(super) fn has_identities(&self) -> bool {
        self.identities.contains(&true)
    }

    /// How many blocks there are.
    pub(super) fn len(&self) -> usize {
        self.identities.len()
    }

    /// Whether no block has layers.
    pub(super) fn is_empty(&self) -> bool {
        self.identities.iter().all(|&identity| identity)
    }

    /// The class `Row` and the list `BLOCKS`.
    pub(super) fn print(&self, out: &mut Source) {
        out.open("class Row(NamedTuple):");
        out.line(1, "\"\"\"What a block has of its own; what all blocks have is in Block.\"\"\"");
        out.line(0, "");
        for column in self.columns() {
            out.line(1, &column.declaration());
        }
        if !self.expanded.is_field() {
            out.lines(0, &[""]);
            out.lines(
                1,
                &[
                    "@property",
                    "def expanded(self) -> int:",
                    "    return sum(channels for _, channels in self.slices)",
                ],
            );
        }
        let of = if self.has_identities() { "Row | None" } else { "Row" };
        out.open(&format!("BLOCKS: list[{of}] = ["));
        let mut row = 0;
        for &identity in &self.identities {
            if identity {
                out.line(1, "None,  # the identity");
                continue;
            }
            let fields: Vec<String> = self.columns().filter_map(|column| column.field(row)).collect();
            out.bracketed(1, "Row(", &fields, "),");
            row += 1;
        }
        out.line(0, "]");
    }
}
