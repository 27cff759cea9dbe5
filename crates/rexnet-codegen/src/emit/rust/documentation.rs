//! The page at the head of a generated file: what the network is, and a table of its steps.

use super::ModuleOptions;
use crate::plan::Program;
use proc_macro2::TokenStream;
use quote::quote;

/// Inner attributes: documentation, and the lints that generated code does not keep.
pub(super) fn of_module(program: &Program, options: &ModuleOptions) -> TokenStream {
    let mut lines = vec![options.title.clone(), String::new(), "```text".to_owned()];
    lines.extend(options.spec.lines().map(str::to_owned));
    lines.extend(
        ["```", "", "| step | kernel | multiply-accumulates |", "| --- | --- | ---: |"].map(String::from),
    );
    for step in &program.steps {
        let kernel = &program.kernels[step.kernel].name;
        lines.push(format!("| `{}` | `{kernel}` | {} |", step.name, step.multiply_accumulates));
    }
    let lines = lines.into_iter().map(|line| if line.is_empty() { line } else { format!(" {line}") });
    let allowed = super::allowed_lints();
    quote!(#(#![doc = #lines])* #![allow(#allowed)])
}
