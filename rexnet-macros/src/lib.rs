//! The macros of `rexnet`, which re-exports and documents those for the architecture that it is compiled for:
//! tokens in, one call, tokens out.

use proc_macro::TokenStream;
use rexnet_codegen::invocation::{Abilities, Architecture, Macro, expand};

const ABILITIES: Abilities = Abilities { image: cfg!(feature = "image"), threads: cfg!(feature = "threads") };

/// `rexnet!` on x86-64.
#[proc_macro]
pub fn rexnet_x86_64(invocation: TokenStream) -> TokenStream {
    expand(Macro::Rexnet, Architecture::X86, ABILITIES, invocation.into()).into()
}

/// `rexnet!` on aarch64.
#[proc_macro]
pub fn rexnet_aarch64(invocation: TokenStream) -> TokenStream {
    expand(Macro::Rexnet, Architecture::Arm, ABILITIES, invocation.into()).into()
}

/// `rexnet!` elsewhere.
#[proc_macro]
pub fn rexnet_portable(invocation: TokenStream) -> TokenStream {
    expand(Macro::Rexnet, Architecture::Other, ABILITIES, invocation.into()).into()
}

/// `network!` on x86-64.
#[proc_macro]
pub fn network_x86_64(invocation: TokenStream) -> TokenStream {
    expand(Macro::Network, Architecture::X86, ABILITIES, invocation.into()).into()
}

/// `network!` on aarch64.
#[proc_macro]
pub fn network_aarch64(invocation: TokenStream) -> TokenStream {
    expand(Macro::Network, Architecture::Arm, ABILITIES, invocation.into()).into()
}

/// `network!` elsewhere.
#[proc_macro]
pub fn network_portable(invocation: TokenStream) -> TokenStream {
    expand(Macro::Network, Architecture::Other, ABILITIES, invocation.into()).into()
}
