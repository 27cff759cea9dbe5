//! What an invocation says beside the network: `weights = "…"`, `batch = N` and the others of [`NAMES`].

use super::Macro;
use crate::emit::rust::Version;
use proc_macro2::{Delimiter, Ident, Span, TokenStream, TokenTree};
use rexnet_ir::diagnostic::Code;
use rexnet_ir::spec::syntax::Spanned;
use rexnet_ir::spec::{self, Faults};
use syn::Lit;

/// How kernels are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Emission {
    /// As Rust, which is as fast as it is optimised.
    Rust,
    /// As machine code where our assembler has it.
    Assembly,
}

/// The settings that were given.
#[derive(Debug, Default)]
pub(super) struct Settings {
    /// The path of packed weights, relative to the crate.
    pub(super) weights: Option<Spanned<String>>,
    /// The path of a file with the names of the classes, relative to the crate.
    pub(super) labels: Option<Spanned<String>>,
    /// The path of a file that says how photographs become the input, relative to the crate.
    pub(super) preprocess: Option<Spanned<String>>,
    /// Images in one run.
    pub(super) batch: Option<Spanned<usize>>,
    /// Height and width of a model's inputs.
    pub(super) size: Option<Spanned<[usize; 2]>>,
    /// Free extents of a model.
    pub(super) bind: Option<Spanned<Vec<(String, usize)>>>,
    /// The versions to make, of all architectures.
    pub(super) targets: Option<Spanned<Vec<Version>>>,
    /// How kernels are written.
    pub(super) emit: Option<Spanned<Emission>>,
    /// Whether the code may use `std`.
    pub(super) std: Option<Spanned<bool>>,
    /// What elements are; there is one kind.
    precision: Option<Spanned<()>>,
    /// Where this crate is for the user's.
    pub(super) krate: Option<Spanned<TokenStream>>,
}

/// The names of the settings, and what each must be.
const NAMES: [(&str, &str); 11] = [
    ("weights", "a string: the path of packed weights (.rxw), relative to Cargo.toml"),
    ("labels", "a string: the path of a file with a class a line, relative to Cargo.toml"),
    (
        "preprocess",
        "a string: the path of a file with the fields of a spec's `preprocess`, relative to Cargo.toml",
    ),
    ("batch", "a whole number of images, at least 1"),
    ("size", "height and width, such as [224, 320]"),
    ("bind", "free extents of a model by their names, such as { height = 224, \"x[3]\" = 320 }"),
    ("targets", "a list such as [avx512, avx2, neon, portable]"),
    ("emit", "\"rust\" or \"asm\""),
    ("precision", "f32, the only one that there is"),
    ("std", "true or false"),
    ("crate", "a path, such as crate::vision::rexnet"),
];

impl Settings {
    /// Takes the settings out; what stays is the network's: parts between commas, each with the comma after it.
    pub(super) fn split(invoked: Macro, tokens: &[TokenTree], faults: &mut Faults) -> (Self, Vec<TokenTree>) {
        let (mut settings, mut network) = (Self::default(), Vec::new());
        let known = || NAMES.iter().map(|(known, _)| *known);
        let bare = invoked == Macro::Rexnet && !is_angle(tokens);
        let arguments = if bare { spec::arguments_of("rexnet") } else { Vec::new() };
        for (index, part) in parts(tokens).into_iter().enumerate() {
            match named(part) {
                // `size` is a parameter of the preset, too.
                Some((name, value))
                    if NAMES.iter().any(|(known, _)| name == known) && !(bare && name == "size") =>
                {
                    settings.set(name, value, faults);
                }
                // The network ends at the first comma; `<…>` ends at its bracket.
                Some((name, _)) if index > 0 && (invoked == Macro::Network || is_angle(tokens)) => {
                    let help = spec::advice(&name.to_string(), known());
                    let help = format!("{help}; a preset's parameters stand in its parentheses");
                    let cause = format!("there is no setting `{name}`");
                    faults.push_help(Code::SpecUnknownName, name.span(), cause, &help);
                }
                // Taken out here, so that its value is not read as that of a parameter.
                Some((name, _)) if bare && arguments.iter().all(|known| name != known) => {
                    let help = spec::advice(
                        &name.to_string(),
                        arguments.iter().map(String::as_str).chain(known().filter(|known| *known != "size")),
                    );
                    let cause = format!("rexnet has no parameter or setting `{name}`");
                    faults.push_help(Code::SpecUnknownName, name.span(), cause, &help);
                }
                _ => network.extend(part.iter().cloned()),
            }
        }
        if matches!(network.last(), Some(TokenTree::Punct(comma)) if comma.as_char() == ',') {
            network.pop();
        }
        (settings, network)
    }

    fn set(&mut self, name: &Ident, value: &[TokenTree], faults: &mut Faults) {
        let span = value.first().map_or(name.span(), TokenTree::span);
        let setting = name.to_string();
        let taken = match setting.as_str() {
            "weights" => place(&mut self.weights, span, string(value)),
            "labels" => place(&mut self.labels, span, string(value)),
            "preprocess" => place(&mut self.preprocess, span, string(value)),
            "batch" => place(&mut self.batch, span, number(value)),
            "size" => place(&mut self.size, span, size(value)),
            "bind" => place(&mut self.bind, span, bindings(value)),
            "targets" => place(&mut self.targets, span, versions(value, faults)),
            "emit" => place(&mut self.emit, span, emission(value)),
            "std" => place(&mut self.std, span, word(value).and_then(|word| word.parse().ok())),
            "precision" => {
                place(&mut self.precision, span, word(value).filter(|word| word == "f32").map(|_| ()))
            }
            _ => place(&mut self.krate, span, path(value)),
        };
        match taken {
            Taken::Twice => faults.push(Code::SpecDuplicate, name.span(), format!("`{name}` stands twice")),
            Taken::Misfit => {
                let wanted =
                    NAMES.iter().find(|(known, _)| setting == *known).map_or("", |(_, wanted)| wanted);
                faults.push(Code::SpecValue, span, format!("`{name}` must be {wanted}"));
            }
            Taken::Placed => {}
        }
    }
}

/// What became of a setting's value.
enum Taken {
    Placed,
    Twice,
    Misfit,
}

fn place<T>(setting: &mut Option<Spanned<T>>, span: Span, value: Option<T>) -> Taken {
    match (value, &setting) {
        (_, Some(_)) => Taken::Twice,
        (Some(node), None) => {
            *setting = Some(Spanned { node, span });
            Taken::Placed
        }
        (None, None) => Taken::Misfit,
    }
}

fn literal(value: &[TokenTree]) -> Option<Lit> {
    match value {
        [TokenTree::Literal(literal)] => Some(Lit::new(literal.clone())),
        _ => None,
    }
}

/// The content of a single string literal.
pub(super) fn string(value: &[TokenTree]) -> Option<String> {
    match literal(value)? {
        Lit::Str(text) => Some(text.value()),
        _ => None,
    }
}

fn number(value: &[TokenTree]) -> Option<usize> {
    match literal(value)? {
        Lit::Int(number) => number.base10_parse().ok().filter(|&number| number > 0),
        _ => None,
    }
}

/// Two numbers in brackets.
fn size(value: &[TokenTree]) -> Option<[usize; 2]> {
    let [TokenTree::Group(list)] = value else { return None };
    let items: Vec<TokenTree> = list.stream().into_iter().collect();
    let [height, TokenTree::Punct(comma), width] = &items[..] else { return None };
    let both = [number(std::slice::from_ref(height))?, number(std::slice::from_ref(width))?];
    (comma.as_char() == ',' && list.delimiter() == Delimiter::Bracket).then_some(both)
}

/// `{ name = number, … }`, where a name that is no word is a string.
fn bindings(value: &[TokenTree]) -> Option<Vec<(String, usize)>> {
    let [TokenTree::Group(list)] = value else { return None };
    let items: Vec<TokenTree> = list.stream().into_iter().collect();
    let parts = items.split(|token| matches!(token, TokenTree::Punct(comma) if comma.as_char() == ','));
    let binding = |part: &[TokenTree]| match part {
        [name, TokenTree::Punct(equals), extent @ ..] if equals.as_char() == '=' => {
            let name = std::slice::from_ref(name);
            Some((word(name).or_else(|| string(name))?, number(extent)?))
        }
        _ => None,
    };
    let bindings = parts.filter(|part| !part.is_empty()).map(binding).collect::<Option<Vec<_>>>()?;
    (list.delimiter() == Delimiter::Brace && !bindings.is_empty()).then_some(bindings)
}

fn word(value: &[TokenTree]) -> Option<String> {
    match value {
        [TokenTree::Ident(word)] => Some(word.to_string()),
        _ => None,
    }
}

fn emission(value: &[TokenTree]) -> Option<Emission> {
    match string(value)?.as_str() {
        "rust" => Some(Emission::Rust),
        "asm" => Some(Emission::Assembly),
        _ => None,
    }
}

/// The versions of a list in brackets, each once, the widest first. Words that are none are faults of their own.
fn versions(value: &[TokenTree], faults: &mut Faults) -> Option<Vec<Version>> {
    let [TokenTree::Group(list)] = value else { return None };
    if list.delimiter() != Delimiter::Bracket {
        return None;
    }
    let items: Vec<TokenTree> = list.stream().into_iter().collect();
    let mut wanted = Vec::new();
    for item in items.split(|token| matches!(token, TokenTree::Punct(comma) if comma.as_char() == ',')) {
        match item {
            [] => {}
            [TokenTree::Ident(name)] => match Version::from_name(&name.to_string()) {
                Some(version) => wanted.push(version),
                None => {
                    let help = spec::advice(&name.to_string(), Version::ALL.map(Version::name));
                    faults.push_help(
                        Code::SpecUnknownName,
                        name.span(),
                        format!("there is no target `{name}`"),
                        &help,
                    );
                    // What is wrong with the list as a whole is not known then.
                    wanted.extend(Version::ALL);
                }
            },
            _ => return None,
        }
    }
    let versions: Vec<Version> =
        Version::ALL.into_iter().filter(|version| wanted.contains(version)).collect();
    (!versions.is_empty()).then_some(versions)
}

/// Words between double colons.
fn path(value: &[TokenTree]) -> Option<TokenStream> {
    let is_part = |token: &TokenTree| match token {
        TokenTree::Ident(_) => true,
        TokenTree::Punct(colon) => colon.as_char() == ':',
        _ => false,
    };
    let is_path = matches!(value.last(), Some(TokenTree::Ident(_))) && value.iter().all(is_part);
    is_path.then(|| value.iter().cloned().collect())
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
