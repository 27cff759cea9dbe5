//! The page at the head of a generated file: what the network is, and a table of its steps.

use super::ModuleOptions;
use crate::loops::{Kernel, Role};
use crate::plan::{Place, Program, Step};
use proc_macro2::TokenStream;
use quote::quote;

/// Where a step's results lie.
fn results(step: &Step, kernel: &Kernel) -> String {
    let outputs = step.arguments.iter().zip(&kernel.buffers).filter(|(_, buffer)| buffer.role == Role::Out);
    let places = outputs.filter_map(|(place, buffer)| match place {
        Place::Arena(offset) => Some(format!("{offset}..{}", offset + 4 * buffer.elements)),
        Place::Output(index) => Some(format!("output {index}")),
        Place::Input(_) | Place::Weights(_) => None,
    });
    places.collect::<Vec<_>>().join(", ")
}

/// Inner attributes: documentation, and the lints that generated code does not keep.
pub(super) fn of_module(program: &Program, options: &ModuleOptions) -> TokenStream {
    let mut lines = vec![options.title.clone(), String::new(), "```text".to_owned()];
    lines.extend(options.spec.lines().map(str::to_owned));
    lines.extend(
        [
            "```",
            "",
            "What each step writes lies in these bytes of the arena, or is an output.",
            "",
            "| step | kernel | multiply-accumulates | result |",
            "| --- | --- | ---: | --- |",
        ]
        .map(String::from),
    );
    for step in &program.steps {
        let kernel = &program.kernels[step.kernel];
        let macs = step.multiply_accumulates;
        let result = results(step, kernel);
        lines.push(format!("| `{}` | `{}` | {macs} | {result} |", step.name, kernel.name));
    }
    let lines = lines.into_iter().map(|line| if line.is_empty() { line } else { format!(" {line}") });
    let allowed = super::allowed_lints();
    quote!(#(#![doc = #lines])* #![allow(#allowed)])
}
