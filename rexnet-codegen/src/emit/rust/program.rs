//! A version's program: the function that calls its kernels, and how a run is cut up for threads.

use super::kernel;
use super::version::Version;
use super::{Notes, port_names};
use crate::loops::{Role, Section, sections};
use crate::plan::{Grain, Place, Program, Schedule, private_bytes_of};
use proc_macro2::{Ident, Literal, TokenStream};
use quote::quote;

/// A program with the sections of its kernels, and its run cut up.
pub(super) struct Cut<'p> {
    pub(super) program: &'p Program,
    /// Those of each kernel.
    pub(super) sections: Vec<Vec<Section>>,
    pub(super) schedule: Schedule,
}

impl<'p> Cut<'p> {
    pub(super) fn of(version: Version, program: &'p Program) -> Self {
        let sections: Vec<Vec<Section>> = program.kernels.iter().map(sections).collect();
        let schedule = Schedule::new(program, &super::works(version, program), Grain::Modelled);
        Self { program, sections, schedule }
    }

    /// `CODE`: the tables and the function that calls kernels.
    pub(super) fn code(&self, version: Version, notes: Notes) -> TokenStream {
        let number = Literal::usize_unsuffixed;
        let range = |range: &std::ops::Range<i64>| {
            let (begin, end) = (Literal::i64_unsuffixed(range.start), Literal::i64_unsuffixed(range.end));
            quote!((#begin, #end))
        };
        let calls = self.schedule.calls().iter().map(|call| {
            let (outer, inner) = (range(&call.outer), range(&call.inner));
            quote!(Call(#outer, #inner))
        });
        let tasks = self.schedule.tasks().iter().map(|task| {
            let (unit, chunks) = task.cut.map_or((0, 1), |cut| (cut.unit, cut.chunks));
            let (first, begin, end) = (number(task.first), number(task.calls.start), number(task.calls.end));
            let (unit, chunks) = (Literal::i64_unsuffixed(unit), number(chunks));
            quote!(Task(#first, (#begin, #end), #unit, #chunks))
        });
        let ends = self.schedule.ends().iter().map(|&end| number(end));
        let call = self.call(version, notes);
        quote! {
            pub(super) static CODE: Code = Code {
                calls: &[#(#calls),*],
                tasks: &[#(#tasks),*],
                ends: &[#(#ends),*],
                call,
            };

            #call
        }
    }

    /// `call(number, outer, begin, end, memory, private)`: passes of a section of a step.
    fn call(&self, version: Version, notes: Notes) -> TokenStream {
        let feature = version.target_feature();
        let inputs = port_names("input", self.program.inputs.len());
        let outputs = port_names("output", self.program.outputs.len());
        let mut named = None;
        let arms = self.schedule.calls().iter().enumerate().map(|(number, call)| {
            let step = &self.program.steps[call.step];
            let note = (named.replace(call.step) != Some(call.step)).then(|| notes.write(&step.name));
            let sections = &self.sections[step.kernel];
            let function = kernel::name(&self.program.kernels[step.kernel], sections, call.section);
            let arguments = self.arguments(call.step, &sections[call.section], &inputs, &outputs);
            let number = Literal::usize_unsuffixed(number);
            quote!(#number => { #note #function(#(#arguments),*) })
        });
        let note = notes.write(
            "SAFETY: the plan was proved: every part lies in its memory. What others write meanwhile, and what they read of what is written here, lies elsewhere: the caller sees to it that calls at the same time are those of one stage.",
        );
        quote! {
            #feature
            unsafe fn call(
                number: usize,
                outer: isize,
                begin: isize,
                end: isize,
                memory: &Memory,
                private: *mut f32,
            ) {
                let Memory { arena, weights, inputs: [#(#inputs),*], outputs: [#(#outputs),*] } = *memory;
                #note
                unsafe {
                    match number {
                        #(#arms)*
                        _ => {}
                    }
                }
            }
        }
    }

    fn arguments(
        &self,
        step: usize,
        section: &Section,
        inputs: &[Ident],
        outputs: &[Ident],
    ) -> Vec<TokenStream> {
        let step = &self.program.steps[step];
        let kernel = &self.program.kernels[step.kernel];
        let mut arguments = Vec::new();
        if section.outer.is_some() {
            arguments.push(quote!(outer));
        }
        if section.inner.is_some() {
            arguments.push(quote!(begin, end));
        }
        for index in section.buffers(kernel) {
            let buffer = &kernel.buffers[index];
            let written = buffer.role.is_written();
            arguments.push(match step.arguments[index] {
                Place::Arena(offset) => {
                    let at = Literal::usize_unsuffixed(offset / 4);
                    if buffer.role == Role::Scratch {
                        let before: usize = kernel.buffers[..index].iter().map(private_bytes_of).sum();
                        let own = Literal::usize_unsuffixed(before / 4);
                        quote!(scratch(private, #own, arena, #at))
                    } else if written {
                        quote!(arena.add(#at))
                    } else {
                        quote!(part(arena, #at))
                    }
                }
                Place::Weights(offset) => {
                    let at = Literal::usize_unsuffixed(offset / 4);
                    quote!(part(weights, #at))
                }
                Place::Input(index) => {
                    let input = &inputs[index];
                    quote!(part(#input, 0))
                }
                Place::Output(index) => {
                    let output = &outputs[index];
                    if written { quote!(#output) } else { quote!(part(#output, 0)) }
                }
            });
        }
        arguments
    }
}
