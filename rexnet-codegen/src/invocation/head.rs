//! The head of an invocation: attributes, visibility and name of the network's type.

use super::fault;
use crate::emit::rust::TAKEN_TYPES;
use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};
use rexnet_ir::diagnostic::Code;
use rexnet_ir::spec::Faults;

/// `#[…] pub struct Name;`.
#[derive(Debug)]
pub(super) struct Head {
    /// Those that belong to the type and to its module: `#[cfg(…)]`.
    pub(super) conditions: TokenStream,
    /// All others.
    pub(super) attributes: TokenStream,
    pub(super) visibility: TokenStream,
    pub(super) name: Ident,
}

impl Head {
    /// A private type without attributes.
    pub(super) fn named(name: Ident) -> Self {
        let (conditions, attributes, visibility) = Default::default();
        Self { conditions, attributes, visibility, name }
    }

    /// The head, if there is one, and the tokens after it.
    ///
    /// # Errors
    /// `RX0101` for a head that has begun and does not end.
    pub(super) fn parse(tokens: &[TokenTree]) -> Result<(Option<Self>, &[TokenTree]), Faults> {
        let mut rest = tokens;
        let (mut conditions, mut attributes) = (TokenStream::new(), TokenStream::new());
        while let [TokenTree::Punct(hash), TokenTree::Group(content), after @ ..] = rest
            && hash.as_char() == '#'
            && content.delimiter() == Delimiter::Bracket
        {
            let of = if is_condition(&content.stream()) { &mut conditions } else { &mut attributes };
            of.extend(rest[..2].iter().cloned());
            rest = after;
        }
        let mut visibility = TokenStream::new();
        let is_visible = matches!(rest, [TokenTree::Ident(word), ..] if word == "pub");
        if is_visible {
            let scope = matches!(rest, [_, TokenTree::Group(group), ..] if group.delimiter() == Delimiter::Parenthesis);
            let (words, after) = rest.split_at(if scope { 2 } else { 1 });
            visibility.extend(words.iter().cloned());
            rest = after;
        }
        match rest {
            [TokenTree::Ident(word), after @ ..] if word == "struct" => rest = after,
            // Without a head: documentation of a network stands before its definition too.
            _ if !is_visible => return Ok((None, tokens)),
            _ => return Err(expected("`struct` and the name of the type", rest)),
        }
        let [TokenTree::Ident(name), after @ ..] = rest else {
            return Err(expected("the name of the type", rest));
        };
        let [TokenTree::Punct(end), after @ ..] = after else {
            return Err(expected("`;` after the name of the type", after));
        };
        if end.as_char() != ';' {
            return Err(expected("`;` after the name of the type", &[TokenTree::Punct(end.clone())]));
        }
        Ok((Some(Self { conditions, attributes, visibility, name: name.clone() }), after))
    }

    /// Reports a name that generated code cannot have.
    pub(super) fn check(&self, faults: &mut Faults) {
        let name = self.name.to_string();
        if TAKEN_TYPES.contains(&name.as_str()) {
            let cause = format!("`{name}` has a meaning of its own in generated code");
            faults.push_help(Code::SpecValue, self.name.span(), cause, "choose another name for the type");
        } else if !name.starts_with(|first: char| first.is_ascii_uppercase())
            || !name.chars().all(|c| c.is_ascii_alphanumeric())
        {
            let cause = format!("`{name}` cannot be the name of the type");
            let help = "a name begins with a capital letter, and has only ASCII letters and digits after it";
            faults.push_help(Code::SpecValue, self.name.span(), cause, help);
        }
    }
}

fn is_condition(attribute: &TokenStream) -> bool {
    matches!(attribute.clone().into_iter().next(), Some(TokenTree::Ident(word)) if word == "cfg")
}

fn expected(what: &str, found: &[TokenTree]) -> Faults {
    let span = found.first().map_or_else(proc_macro2::Span::call_site, TokenTree::span);
    let cause = format!("expected {what}");
    let help = "as in `pub struct Classifier; width = 1.0`";
    Faults { list: vec![fault(Code::SpecSyntax, span, cause, help)] }
}
