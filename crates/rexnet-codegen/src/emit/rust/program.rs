//! The function that calls a version's kernels in order, each on its places in memory.

use super::version::Version;
use super::{Notes, identifier, port_names};
use crate::plan::{Place, Program};
use proc_macro2::{Literal, TokenStream};
use quote::quote;

/// `run(arena, weights, input, output)` of a version; where it is `observed`, also `observe(step)` after each step.
pub(super) fn run(version: Version, program: &Program, observed: bool, notes: Notes) -> TokenStream {
    let feature = version.target_feature();
    let inputs = port_names("input", program.inputs.len());
    let outputs = port_names("output", program.outputs.len());
    let lengths = |ports: &[crate::plan::Port]| -> Vec<Literal> {
        ports.iter().map(|port| Literal::usize_unsuffixed(port.elements())).collect()
    };
    let (input_lengths, output_lengths) = (lengths(&program.inputs), lengths(&program.outputs));
    let calls = program.steps.iter().enumerate().map(|(number, step)| {
        let kernel = identifier(&program.kernels[step.kernel].name);
        let arguments = step.arguments.iter().enumerate().map(|(position, &place)| {
            let written = program.writes(step, position);
            match place {
                Place::Arena(offset) => {
                    let at = Literal::usize_unsuffixed(offset / 4);
                    if written { quote!(part_mut(arena, #at)) } else { quote!(part(arena, #at)) }
                }
                Place::Weights(offset) => {
                    let at = Literal::usize_unsuffixed(offset / 4);
                    quote!(part(weights, #at))
                }
                Place::Input(index) => {
                    let input = &inputs[index];
                    quote!(#input)
                }
                Place::Output(index) => {
                    let output = &outputs[index];
                    if written { quote!(#output) } else { quote!(&*#output) }
                }
            }
        });
        let note = notes.write(&step.name);
        let number = Literal::usize_unsuffixed(number);
        let observe = observed.then(|| quote!(observe(#number);));
        quote!(#note #kernel(#(#arguments),*); #observe)
    });
    let observer = observed.then(|| quote!(observe: &mut dyn FnMut(usize),));
    let note = notes.write(
        "SAFETY: the plan was proved: every part lies in its memory, and what a kernel writes overlaps nothing else that it is given.",
    );
    quote! {
        #feature
        pub(super) fn run(
            arena: &mut [f32; super::ARENA],
            weights: &[f32; super::WEIGHTS],
            #(#inputs: &[f32; #input_lengths],)*
            #(#outputs: &mut [f32; #output_lengths],)*
            #observer
        ) {
            use super::{part, part_mut};
            let (arena, weights) = (arena.as_mut_ptr(), weights.as_ptr());
            #note
            unsafe { #(#calls)* }
        }
    }
}
