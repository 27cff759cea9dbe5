//! Schedules: one value for each block, from one expression.
//!
//! A single value holds for all blocks; it may depend on the block's index `i` and their number `n`, directly or
//! through `linear`. A list has one value a stage or one a block.

use super::evaluate::{Evaluator, Scalar, Scope, Value};
use super::fault::Faults;
use super::syntax::Expression;
use crate::diagnostic::Code;
use proc_macro2::Span;

/// How blocks are grouped into stages.
#[derive(Clone, Debug)]
pub(super) struct Stages {
    /// How many stages.
    pub(super) count: usize,
    /// For each block, its stage.
    pub(super) of_block: Vec<usize>,
}

impl Stages {
    /// `repeats[s]` blocks in stage `s`.
    pub(super) fn new(repeats: &[usize]) -> Self {
        let of_block = repeats.iter().enumerate().flat_map(|(stage, &count)| vec![stage; count]).collect();
        Self { count: repeats.len(), of_block }
    }

    /// How many blocks.
    pub(super) fn blocks(&self) -> usize {
        self.of_block.len()
    }

    /// Whether a block is the first of its stage.
    pub(super) fn opens(&self, block: usize) -> bool {
        block == 0 || self.of_block[block - 1] != self.of_block[block]
    }
}

/// The value of one block.
#[derive(Clone, Debug)]
pub(super) struct Item {
    /// The value.
    pub(super) scalar: Scalar,
    /// Where it was written.
    pub(super) span: Span,
    /// Which element of the list it came from, if from a list.
    pub(super) element: Option<usize>,
    /// Whether that list has one value a block.
    pub(super) per_block: bool,
}

/// Evaluates `expression` for each block. `variables(block)` are those that the field adds to `i` and `n`.
pub(super) fn schedule(
    evaluator: &mut Evaluator,
    expression: &Expression,
    stages: &Stages,
    scope: Scope<'_>,
    variables: impl Fn(usize) -> Vec<(&'static str, f64)>,
) -> Option<Vec<Item>> {
    let blocks = stages.blocks();
    let mut items = Vec::with_capacity(blocks);
    for block in 0..blocks {
        let mut variables = variables(block);
        variables.extend([("i", block as f64), ("n", blocks as f64)]);
        let scope = Scope { variables: &variables, block: Some(block), ..scope };
        items.push(match evaluator.evaluate(expression, scope)? {
            Value::One(scalar) => Item { scalar, span: expression.span, element: None, per_block: false },
            Value::Many(mut list) => {
                let per_block = list.len() == blocks;
                let element = if per_block { block } else { stages.of_block[block] };
                if !per_block && list.len() != stages.count {
                    evaluator.faults.push_help(
                        Code::SpecValue,
                        expression.span,
                        format!("the list has {} values", list.len()),
                        format!("give one for each of the {} stages or of the {blocks} blocks", stages.count),
                    );
                    return None;
                }
                let item = list.swap_remove(element);
                Item { scalar: item.node, span: item.span, element: Some(element), per_block }
            }
        });
    }
    Some(items)
}

/// Makes a typed value of each block's, or reports what does not fit: once for each place in the text.
pub(super) fn convert<T>(
    items: &[Item],
    faults: &mut Faults,
    convert: impl Fn(usize, &Item) -> Result<T, String>,
) -> Option<Vec<T>> {
    let mut reported: Vec<Option<usize>> = Vec::new();
    let mut values = Vec::with_capacity(items.len());
    for (block, item) in items.iter().enumerate() {
        match convert(block, item) {
            Ok(value) => values.push(value),
            Err(_) if reported.contains(&item.element) => {}
            Err(cause) => {
                reported.push(item.element);
                faults.push(Code::SpecValue, item.span, format!("block {block}: {cause}"));
            }
        }
    }
    (values.len() == items.len()).then_some(values)
}
