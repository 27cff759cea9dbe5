//! A graph as text. [`super::parse`] reads it back.

use super::{Graph, NodeId};
use std::collections::HashMap;
use std::fmt;

/// Whether a name can stand after `@` without quotes.
pub(super) fn is_plain_name(name: &str) -> bool {
    !name.is_empty()
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | '/' | ':'))
}

struct Name<'a>(&'a str);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if is_plain_name(self.0) { write!(f, "@{}", self.0) } else { write!(f, "@{:?}", self.0) }
    }
}

impl fmt::Display for Graph {
    /// One node a line: number, operator, operands, attributes, name, type. An output whose extents are not its node's
    /// says its own.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "graph {} {{", Name(self.name()))?;
        let order = self.order();
        let numbers: HashMap<NodeId, usize> =
            order.iter().enumerate().map(|(number, &id)| (id, number)).collect();
        for &id in &order {
            let node = self.node(id);
            let operands: Vec<String> =
                node.operands.iter().map(|operand| format!("%{}", numbers[operand])).collect();
            write!(f, "  %{} = {}({})", numbers[&id], node.op.name(), operands.join(", "))?;
            let attributes = node.op.attributes();
            if !attributes.is_empty() {
                let attributes: Vec<String> =
                    attributes.into_iter().map(|(name, text)| format!("{name}={text}")).collect();
                write!(f, " {{{}}}", attributes.join(", "))?;
            }
            writeln!(f, " {} : {}", Name(&node.name), node.ty)?;
        }
        for output in self.outputs() {
            write!(f, "  output {} = %{}", Name(&output.name), numbers[&output.node])?;
            if output.dims != self.node(output.node).ty.dims {
                let dims: Vec<String> = output.dims.iter().map(usize::to_string).collect();
                write!(f, " as [{}]", dims.join(","))?;
            }
            writeln!(f)?;
        }
        writeln!(f, "}}")
    }
}
