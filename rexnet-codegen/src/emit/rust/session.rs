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
        #[derive(Debug)]
        pub struct Session<'n> {
            network: &'n #name,
            scratch: std::boxed::Box<Scratch>,
        }

        impl Session<'_> {
            /// Runs the network once, on this thread. Allocates nothing.
            pub fn run(
                &mut self,
                #(#inputs: &[f32; #input_lengths],)*
                #(#outputs: &mut [f32; #output_lengths],)*
            ) {
                self.network.run(&mut self.scratch, #(#inputs,)* #(#outputs,)*);
            }
        }
    })
}
