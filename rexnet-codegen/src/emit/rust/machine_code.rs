//! A kernel's section as machine code in a Rust function: our assembler's bytes, which no optimisation level changes.

use super::{Notes, Version};
use crate::loops::{Kernel, Section};
use proc_macro2::TokenStream;

/// The function of a section, of the same name and parameters as in Rust; `None` where our assembler has none for it.
#[cfg(not(feature = "x64"))]
pub(super) fn function(_: Version, _: &Kernel, _: &[Section], _: usize, _: Notes) -> Option<TokenStream> {
    None
}

#[cfg(feature = "x64")]
pub(super) use with_assembler::function;

#[cfg(feature = "x64")]
mod with_assembler {
    use super::super::names::{self, Names};
    use super::super::{identifier, kernel};
    use super::{Kernel, Notes, Section, TokenStream, Version};
    use crate::emit::x64::{self, ALIGNMENT, Encoding};
    use proc_macro2::Literal;
    use quote::quote;
    use std::fmt::Write;

    /// The function of a section, of the same name and parameters as in Rust; `None` where our assembler has none for
    /// it.
    pub(in super::super) fn function(
        version: Version,
        kernel: &Kernel,
        sections: &[Section],
        index: usize,
        notes: Notes,
    ) -> Option<TokenStream> {
        let encoding = match version {
            Version::Avx512 => Encoding::Evex,
            Version::Avx2 => Encoding::Vex,
            Version::Neon | Version::Portable => return None,
        };
        let section = &sections[index];
        let code = x64::function(kernel, section, encoding).ok()?;
        let names = Names::of(kernel);
        let name = kernel::name(kernel, sections, index);
        let (parameters, pointers) = kernel::parameters(kernel, section, &names);
        let outer = match &section.outer {
            Some(outer) => {
                let outer = &names.variables[outer.variable.0 as usize];
                quote!(#outer)
            }
            None => quote!(0),
        };
        let (begin, end) = match &section.inner {
            Some(_) => {
                let (begin, end) = (identifier(names::BEGIN), identifier(names::END));
                (quote!(#begin), quote!(#end))
            }
            None => (quote!(0), quote!(1)),
        };
        let touched = section.buffers(kernel);
        let buffers = (0..kernel.buffers.len()).map(|buffer| match touched.contains(&buffer) {
            true => {
                let name = &names.buffers[buffer];
                quote!(#name as *const f32)
            }
            false => quote!(core::ptr::null()),
        });
        let count = Literal::usize_unsuffixed(kernel.buffers.len());
        let text = directives(&code.bytes);
        let bytes_note = notes
            .write("Takes the buffers' addresses, an outer pass, and inner ones from a first to an end.");
        let note = notes.write(
            "SAFETY: the compiler proved every access to lie inside its buffer, and the caller has as much memory.",
        );
        let loops = (index == 0).then(|| kernel::loop_text(kernel, notes));
        Some(quote! {
            #[inline(never)]
            unsafe fn #name(#(#parameters),*) {
                #loops
                #bytes_note
                #[unsafe(naked)]
                unsafe extern "sysv64" fn code(_: *const *const f32, _: isize, _: isize, _: isize) {
                    core::arch::naked_asm!(#text)
                }
                #(#pointers)*
                let buffers: [*const f32; #count] = [#(#buffers),*];
                #note
                unsafe { code(buffers.as_ptr(), #outer, #begin, #end) }
            }
        })
    }

    /// The bytes for an assembler, eight a number, at the alignment that they need. They are padded with zeros, which no
    /// instruction reaches.
    fn directives(bytes: &[u8]) -> String {
        let mut text = format!(".p2align {}", ALIGNMENT.trailing_zeros());
        for line in bytes.chunks(64) {
            for (place, word) in line.chunks(8).enumerate() {
                let mut eight = [0; 8];
                eight[..word.len()].copy_from_slice(word);
                let start = if place == 0 { "\n.quad " } else { "," };
                let _ = write!(text, "{start}{:#x}", u64::from_le_bytes(eight));
            }
        }
        text
    }
}
