//! The network of an invocation, and which argument is at fault where it is none.

use super::Macro;
use super::settings::end;
use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use rexnet_ir::diagnostic::Code;
use rexnet_ir::spec::syntax::{Argument, Call, Source, Spanned};
use rexnet_ir::spec::{self, Faults, Network};

/// The syntax of the network, and what it means.
///
/// # Errors
/// Those of the syntax; those of the meaning lie beside the syntax.
pub(super) fn parse(
    invoked: Macro,
    tokens: Vec<TokenTree>,
) -> Result<(Source, Result<Network, Faults>), Faults> {
    let tokens = match invoked {
        Macro::Network => tokens.into_iter().collect(),
        Macro::Rexnet => call(tokens),
    };
    let source = spec::parse_source_tokens(tokens)?;
    let network = resolve(&source);
    Ok((source, network))
}

/// `rexnet(arguments)`, or `rexnet<arguments>`.
fn call(arguments: Vec<TokenTree>) -> TokenStream {
    let name = TokenTree::Ident(Ident::new("rexnet", Span::call_site()));
    let is_angle = matches!(arguments.first(), Some(TokenTree::Punct(open)) if open.as_char() == '<');
    if is_angle {
        return std::iter::once(name).chain(arguments).collect();
    }
    let end = end(&arguments);
    let mut group = Group::new(Delimiter::Parenthesis, arguments.into_iter().collect());
    group.set_span(end);
    [name, TokenTree::Group(group)].into_iter().collect()
}

fn resolve(source: &Source) -> Result<Network, Faults> {
    let Source::Call(Spanned { node: call, span }) = source else { return spec::resolve_source(source) };
    let with = |arguments: &[Argument], span| {
        let call = Call { name: call.name.clone(), arguments: arguments.to_vec() };
        spec::resolve_source(&Source::Call(Spanned { node: call, span }))
    };
    let name = if call.arguments.is_empty() { *span } else { call.name.span };
    let whole = match with(&call.arguments, name) {
        Ok(network) => return Ok(network),
        Err(faults) => faults,
    };
    // The preset's faults lie somewhere in its file. An argument that makes them alone is their cause, and the first
    // of them tells it.
    let mut faults = Faults::default();
    for argument in &call.arguments {
        if let Err(found) = with(std::slice::from_ref(argument), argument.value.span) {
            faults.list.extend(found.list.into_iter().next());
        }
    }
    if faults.list.is_empty() {
        return Err(whole);
    }
    // A duplicate shows only beside its twin.
    faults.list.extend(whole.list.into_iter().filter(|fault| fault.diagnostic.code == Code::SpecDuplicate));
    Err(faults)
}
