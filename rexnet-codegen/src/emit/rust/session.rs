//! A generated module's session: the network with memory of its own.

use super::{ModuleOptions, identifier, port_names};
use crate::plan::{Port, Program};
use proc_macro2::{Literal, TokenStream};
use quote::quote;

/// The type and its `run`; `None` without `std`, which the memory comes from.
pub(super) fn session(program: &Program, options: &ModuleOptions) -> Option<TokenStream> {
    if !options.std {
        return None;
    }
    let name = identifier(&options.type_name);
    let inputs = port_names("input", program.inputs.len());
    let outputs = port_names("output", program.outputs.len());
    let lengths = |ports: &[Port]| -> Vec<Literal> {
        ports.iter().map(|port| Literal::usize_unsuffixed(port.elements())).collect()
    };
    let (input_lengths, output_lengths) = (lengths(&program.inputs), lengths(&program.outputs));
    Some(quote! {
        /// A network with memory of its own to run in.
        pub struct Session<'n> {
            network: &'n #name,
            scratch: std::boxed::Box<Scratch>,
            /// Threads that share each run, with the scratch memory of all but the first.
            threads: Option<(std::boxed::Box<dyn Threads + core::marker::Send + 'n>, std::vec::Vec<ThreadScratch>)>,
        }

        impl core::fmt::Debug for Session<'_> {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                let threads = self.threads.as_ref().map_or(1, |(_, others)| 1 + others.len());
                f.debug_struct("Session").field("network", self.network).field("threads", &threads).finish()
            }
        }

        impl<'n> Session<'n> {
            /// The session whose runs these threads share from now on, unless one is over before they would have begun. The
            /// outputs are the same bits.
            #[must_use]
            pub fn on(self, threads: impl Threads + core::marker::Send + 'n) -> Self {
                let others = if IS_WORTH_SHARING { threads.count().max(1) - 1 } else { 0 };
                let threads = (others > 0).then(|| {
                    let mut memories = std::vec::Vec::new();
                    memories.resize_with(others, ThreadScratch::new);
                    (std::boxed::Box::new(threads) as std::boxed::Box<dyn Threads + core::marker::Send + 'n>, memories)
                });
                Self { threads, ..self }
            }

            /// Runs the network once, on this thread and those that it shares its runs with. Allocates nothing.
            pub fn run(
                &mut self,
                #(#inputs: &[f32; #input_lengths],)*
                #(#outputs: &mut [f32; #output_lengths],)*
            ) {
                let Self { network, scratch, threads } = self;
                match threads {
                    None => network.run(scratch, #(#inputs,)* #(#outputs,)*),
                    Some((threads, others)) => {
                        network.run_on(&**threads, scratch, others, #(#inputs,)* #(#outputs,)*);
                    }
                }
            }
        }
    })
}
