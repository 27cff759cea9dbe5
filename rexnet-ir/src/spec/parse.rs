//! From text or tokens to syntax.

use super::fault::Faults;
use super::limits::{self, MAX_NESTING, TOO_DEEP};
use super::syntax::{
    Argument, Body, Call, Definition, Expression, Field, FieldValue, Name, Operator, Precedence, Record,
    Source, Spanned, Term,
};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Location};
use proc_macro2::{Ident, Span, TokenStream};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::{Lit, Token, braced, bracketed, parenthesized, token};

/// The preset that arguments without a name belong to.
pub(super) const DEFAULT_PRESET: &str = "rexnet";

/// Reads a spec from text.
pub(super) fn text(source: &str) -> Result<Source, Diagnostics> {
    let tokens = lex(source)?;
    self::tokens(tokens).map_err(|faults| faults.in_text(source))
}

/// Reads one record, such as the fields of `preprocess`, from text.
pub(super) fn record_text(source: &str) -> Result<Record, Diagnostics> {
    let tokens = lex(source)?;
    let parser = |input: ParseStream<'_>| record(input, 0);
    parser.parse2(tokens).map_err(|errors| syntax_faults(errors).in_text(source))
}

fn lex(source: &str) -> Result<TokenStream, Diagnostics> {
    limits::check(source)?;
    let tokens = source.parse().map_err(|error: proc_macro2::LexError| {
        let start = error.span().byte_range().start;
        let length = source.get(start..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
        let place = Location::Span(start..start + length);
        Diagnostic::new(Code::SpecSyntax, place, "this is no token, or a bracket without its partner")
    })?;
    Ok(tokens)
}

/// Reads a spec from tokens.
pub(super) fn tokens(tokens: TokenStream) -> Result<Source, Faults> {
    Source::parse.parse2(tokens).map_err(syntax_faults)
}

fn syntax_faults(errors: syn::Error) -> Faults {
    let mut faults = Faults::default();
    for error in errors {
        let message = error.to_string();
        let code = if message == TOO_DEEP { Code::SpecTooLarge } else { Code::SpecSyntax };
        faults.push(code, error.span(), message);
    }
    faults
}

impl Parse for Source {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        skip_docs(input)?;
        let ahead = input.fork();
        let is_definition =
            ahead.call(Ident::parse_any).is_ok_and(|word| word == "network") && ahead.peek(Ident::peek_any);
        if is_definition { definition(input).map(Source::Definition) } else { call(input).map(Source::Call) }
    }
}

fn definition(input: ParseStream) -> syn::Result<Definition> {
    name(input)?;
    let name = name(input)?;
    let parameters = if input.peek(token::Paren) { arguments(input)?.0 } else { Vec::new() };
    if input.peek(Token![=]) {
        input.parse::<Token![=]>()?;
        return Ok(Definition { name, parameters, body: Body::Preset(call(input)?) });
    }
    if !input.peek(token::Brace) {
        return Err(input.error("expected the network's fields in braces, or `= preset(…)`"));
    }
    Ok(Definition { name, parameters, body: Body::Fields(record(input, 0)?) })
}

fn call(input: ParseStream) -> syn::Result<Spanned<Call>> {
    let name = if input.peek(Ident::peek_any) { Some(name(input)?) } else { None };
    let arguments =
        if input.peek(token::Paren) || input.peek(Token![<]) { Some(arguments(input)?) } else { None };
    let (name, arguments, span) = match (name, arguments) {
        (Some(name), Some((arguments, span))) => {
            let span = join(name.span, span);
            (name, arguments, span)
        }
        (Some(name), None) => {
            let span = name.span;
            (name, Vec::new(), span)
        }
        (None, Some((arguments, span))) => {
            (Spanned { node: DEFAULT_PRESET.to_owned(), span }, arguments, span)
        }
        (None, None) => {
            let expected = "expected a preset such as `rexnet(width = 1.0)` or `network name { … }`";
            return Err(syn::Error::new(input.span(), expected));
        }
    };
    Ok(Spanned { node: Call { name, arguments }, span })
}

/// `(name = value, …)` or `<name = value, …>`, and where it stands.
fn arguments(input: ParseStream) -> syn::Result<(Vec<Argument>, Span)> {
    let mut list = Vec::new();
    if input.peek(Token![<]) {
        let open = input.parse::<Token![<]>()?;
        while !input.peek(Token![>]) {
            // A comparison would take the closing bracket.
            list.push(argument(input, Precedence::Sum)?);
            if !input.peek(Token![>]) {
                input.parse::<Token![,]>()?;
            }
        }
        let close = input.parse::<Token![>]>()?;
        return Ok((list, join(open.spans[0], close.spans[0])));
    }
    let content;
    let bracket = parenthesized!(content in input);
    // The macro's form: angle brackets inside the parentheses.
    if content.peek(Token![<]) {
        return arguments(&content);
    }
    let list = separated(&content, |input| argument(input, Precedence::Or))?;
    Ok((list, bracket.span.join()))
}

/// `name = value`, the value of operators that bind at least so tightly.
fn argument(input: ParseStream, precedence: Precedence) -> syn::Result<Argument> {
    skip_docs(input)?;
    if !input.peek(Ident::peek_any) || !input.peek2(Token![=]) {
        return Err(syn::Error::new(input.span(), "expected an argument: `name = value`"));
    }
    let name = name(input)?;
    input.parse::<Token![=]>()?;
    Ok(Argument { name, value: chain(input, 1, precedence)? })
}

fn record(input: ParseStream, depth: usize) -> syn::Result<Record> {
    let depth = deeper(input, depth)?;
    let content;
    braced!(content in input);
    let fields = separated(&content, |input| {
        skip_docs(input)?;
        let name = name(input)?;
        input.parse::<Token![:]>()?;
        let value = if input.peek(token::Brace) {
            FieldValue::Record(record(input, depth)?)
        } else {
            FieldValue::Expression(expression(input, depth)?)
        };
        Ok(Field { name, value })
    })?;
    Ok(Record { fields })
}

fn expression(input: ParseStream, depth: usize) -> syn::Result<Expression> {
    chain(input, depth, Precedence::Or)
}

/// Operands and operators of one precedence; the operands bind tighter.
fn chain(input: ParseStream, depth: usize, precedence: Precedence) -> syn::Result<Expression> {
    let operand = |input: ParseStream| match precedence {
        Precedence::Or => chain(input, depth, Precedence::And),
        Precedence::And => chain(input, depth, Precedence::Comparison),
        Precedence::Comparison => chain(input, depth, Precedence::Sum),
        Precedence::Sum => chain(input, depth, Precedence::Product),
        Precedence::Product => signed(input, |input| chain(input, depth, Precedence::Power)),
        Precedence::Power => atom(input, depth),
    };
    let first = operand(input)?;
    let mut rest = Vec::new();
    loop {
        let place = input.span();
        let Some(operator) = operator(input, precedence)? else { break };
        match precedence {
            Precedence::Comparison | Precedence::Power if !rest.is_empty() => {
                return Err(syn::Error::new(place, "write parentheses around one of the two operators"));
            }
            // An exponent may be negative.
            Precedence::Power => rest.push((operator, negative(input, operand)?)),
            _ => rest.push((operator, operand(input)?)),
        }
    }
    let Some((_, last)) = rest.last() else { return Ok(first) };
    let span = join(first.span, last.span);
    Ok(Spanned { node: Term::Chain { first: Box::new(first), rest }, span })
}

/// Takes the next operator, if it is of this precedence.
fn operator(input: ParseStream, precedence: Precedence) -> syn::Result<Option<Operator>> {
    macro_rules! take {
        ($($token:tt => $operator:ident),*) => {
            $(if input.peek(Token![$token]) {
                if Operator::$operator.precedence() != precedence {
                    return Ok(None);
                }
                input.parse::<Token![$token]>()?;
                return Ok(Some(Operator::$operator));
            })*
        };
    }
    // Of two where one begins the other, the longer stands first.
    take!(
        || => Or, && => And, <= => LessOrEqual, >= => GreaterOrEqual, == => Equal, != => NotEqual, < => Less,
        > => Greater, + => Add, - => Subtract, * => Multiply, / => Divide, ^ => Power
    );
    Ok(None)
}

/// An operand, with `-` or `!` before it or without.
fn signed(
    input: ParseStream,
    operand: impl Fn(ParseStream) -> syn::Result<Expression>,
) -> syn::Result<Expression> {
    if !input.peek(Token![!]) {
        return negative(input, operand);
    }
    let sign = input.parse::<Token![!]>()?;
    let operand = operand(input)?;
    let span = join(sign.spans[0], operand.span);
    Ok(Spanned { node: Term::Not(Box::new(operand)), span })
}

fn negative(
    input: ParseStream,
    operand: impl Fn(ParseStream) -> syn::Result<Expression>,
) -> syn::Result<Expression> {
    if !input.peek(Token![-]) {
        return operand(input);
    }
    let minus = input.parse::<Token![-]>()?;
    let operand = operand(input)?;
    let span = join(minus.spans[0], operand.span);
    Ok(Spanned { node: Term::Negative(Box::new(operand)), span })
}

fn atom(input: ParseStream, depth: usize) -> syn::Result<Expression> {
    if input.peek(Ident::peek_any) {
        let name = name(input)?;
        if !input.peek(token::Paren) {
            return Ok(Spanned { node: Term::Name(name.node), span: name.span });
        }
        let depth = deeper(input, depth)?;
        let content;
        let bracket = parenthesized!(content in input);
        let arguments = separated(&content, |input| expression(input, depth))?;
        let span = join(name.span, bracket.span.close());
        return Ok(Spanned { node: Term::Call { function: name, arguments }, span });
    }
    if input.peek(token::Bracket) {
        let depth = deeper(input, depth)?;
        let content;
        let bracket = bracketed!(content in input);
        let items = separated(&content, |input| expression(input, depth))?;
        return Ok(Spanned { node: Term::List(items), span: bracket.span.join() });
    }
    if input.peek(token::Paren) {
        let depth = deeper(input, depth)?;
        let content;
        let bracket = parenthesized!(content in input);
        let inner = expression(&content, depth)?;
        let span = bracket.span.join();
        if content.peek(Token![,]) {
            content.parse::<Token![,]>()?;
            let mut items = vec![inner];
            items.extend(separated(&content, |input| expression(input, depth))?);
            return Ok(Spanned { node: Term::Tuple(items), span });
        }
        if !content.is_empty() {
            return Err(content.error("expected an operator, `,` or `)`"));
        }
        return Ok(Spanned { node: inner.node, span });
    }
    // `Lit` would take a second minus sign.
    if input.peek(Lit) && !input.peek(Token![-]) {
        number(input)
    } else {
        Err(input.error("expected a number, a name, `[` or `(`"))
    }
}

fn number(input: ParseStream) -> syn::Result<Expression> {
    let literal = input.parse::<Lit>()?;
    let span = literal.span();
    let (digits, suffix) = match &literal {
        Lit::Int(number) => (number.base10_digits(), number.suffix()),
        Lit::Float(number) => (number.base10_digits(), number.suffix()),
        _ => return Err(syn::Error::new(span, "expected a number")),
    };
    match digits.parse::<f64>() {
        Ok(value) if value.is_finite() && suffix.is_empty() => {
            Ok(Spanned { node: Term::Number(value), span })
        }
        Ok(value) if value.is_finite() => {
            Err(syn::Error::new(span, format!("`{suffix}` is no part of a number")))
        }
        _ => Err(syn::Error::new(span, "the number is too large")),
    }
}

fn name(input: ParseStream) -> syn::Result<Name> {
    let ident = input.call(Ident::parse_any)?;
    Ok(Spanned { node: ident.unraw().to_string(), span: ident.span() })
}

/// Documentation comments are attributes to the lexer and comments to a spec.
fn skip_docs(input: ParseStream) -> syn::Result<()> {
    while input.peek(Token![#]) {
        let hash = input.parse::<Token![#]>()?;
        if input.peek(Token![!]) {
            input.parse::<Token![!]>()?;
        }
        let content;
        bracketed!(content in input);
        let is_doc = content.call(Ident::parse_any)? == "doc";
        content.parse::<TokenStream>()?;
        if !is_doc {
            return Err(syn::Error::new(hash.spans[0], "specs have no attributes"));
        }
    }
    Ok(())
}

fn separated<T>(input: ParseStream, item: impl Fn(ParseStream) -> syn::Result<T>) -> syn::Result<Vec<T>> {
    let mut items = Vec::new();
    while !input.is_empty() {
        items.push(item(input)?);
        if !input.is_empty() {
            input.parse::<Token![,]>()?;
        }
    }
    Ok(items)
}

fn deeper(input: ParseStream, depth: usize) -> syn::Result<usize> {
    if depth < MAX_NESTING { Ok(depth + 1) } else { Err(input.error(TOO_DEEP)) }
}

/// Both ends where the compiler can join spans, the first where it cannot.
fn join(first: Span, last: Span) -> Span {
    first.join(last).unwrap_or(first)
}
