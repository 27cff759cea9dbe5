//! What an invocation says beside the network: `weights = "…"` and `batch = N`.

use super::Macro;
use proc_macro2::{Ident, Span, TokenTree};
use rexnet_ir::diagnostic::Code;
use rexnet_ir::spec::Faults;
use rexnet_ir::spec::syntax::Spanned;
use syn::Lit;

/// The settings that were given.
#[derive(Debug, Default)]
pub(super) struct Settings {
    /// The path of packed weights, relative to the crate.
    pub(super) weights: Option<Spanned<String>>,
    /// Images in one run.
    pub(super) batch: Option<Spanned<usize>>,
}

const NAMES: [&str; 2] = ["weights", "batch"];

impl Settings {
    /// Takes the settings out; what stays is the network's: parts between commas, each with the comma after it.
    pub(super) fn split(invoked: Macro, tokens: &[TokenTree], faults: &mut Faults) -> (Self, Vec<TokenTree>) {
        let (mut settings, mut spec) = (Self::default(), Vec::new());
        for (index, part) in parts(tokens).into_iter().enumerate() {
            match named(part) {
                Some((name, value)) if NAMES.iter().any(|known| name == known) => {
                    settings.set(name, value, faults);
                }
                // The network ends at the first comma; `<…>` ends at its bracket.
                Some((name, _)) if index > 0 && (invoked == Macro::Network || is_angle(tokens)) => {
                    let help = "there are: weights, batch; a preset's parameters stand in its parentheses";
                    let cause = format!("there is no setting `{name}`");
                    faults.push_help(Code::SpecUnknownName, name.span(), cause, help);
                }
                _ => spec.extend(part.iter().cloned()),
            }
        }
        if matches!(spec.last(), Some(TokenTree::Punct(comma)) if comma.as_char() == ',') {
            spec.pop();
        }
        (settings, spec)
    }

    fn set(&mut self, name: &Ident, value: &[TokenTree], faults: &mut Faults) {
        let span = value.first().map_or(name.span(), TokenTree::span);
        let literal = match value {
            [TokenTree::Literal(literal)] => Some(Lit::new(literal.clone())),
            _ => None,
        };
        let (wanted, twice) = if name == NAMES[0] {
            let path = literal.and_then(|literal| match literal {
                Lit::Str(path) => Some(path.value()),
                _ => None,
            });
            let twice = self.weights.is_some();
            self.weights = path.map(|node| Spanned { node, span }).or(self.weights.take());
            (self.weights.is_some(), twice)
        } else {
            let number = literal.and_then(|literal| match literal {
                Lit::Int(number) => number.base10_parse().ok().filter(|&number| number > 0),
                _ => None,
            });
            let twice = self.batch.is_some();
            self.batch = number.map(|node| Spanned { node, span }).or(self.batch.take());
            (self.batch.is_some(), twice)
        };
        if twice {
            faults.push(Code::SpecDuplicate, name.span(), format!("`{name}` stands twice"));
        } else if !wanted {
            let value = if name == NAMES[0] {
                "a string: the path of packed weights (.rxw), relative to Cargo.toml"
            } else {
                "a whole number of images, at least 1"
            };
            faults.push(Code::SpecValue, span, format!("`{name}` must be {value}"));
        }
    }
}

/// `name = value`, without the comma after it.
fn named(part: &[TokenTree]) -> Option<(&Ident, &[TokenTree])> {
    let [TokenTree::Ident(name), TokenTree::Punct(equals), value @ ..] = part else { return None };
    let value = match value {
        [value @ .., TokenTree::Punct(comma)] if comma.as_char() == ',' => value,
        _ => value,
    };
    (equals.as_char() == '=').then_some((name, value))
}

fn is_angle(tokens: &[TokenTree]) -> bool {
    matches!(tokens.first(), Some(TokenTree::Punct(open)) if open.as_char() == '<')
}

/// The tokens cut after every comma that no bracket holds, angle brackets included.
fn parts(tokens: &[TokenTree]) -> Vec<&[TokenTree]> {
    let mut depth = 0usize;
    tokens
        .split_inclusive(|token| {
            let TokenTree::Punct(punct) = token else { return false };
            match punct.as_char() {
                '<' => depth += 1,
                '>' => depth = depth.saturating_sub(1),
                _ => {}
            }
            punct.as_char() == ',' && depth == 0
        })
        .collect()
}

/// Where the tokens end, for what is missing there.
pub(super) fn end(tokens: &[TokenTree]) -> Span {
    tokens.last().map_or_else(Span::call_site, TokenTree::span)
}
