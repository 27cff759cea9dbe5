//! The syntax tree of specs. It prints as text that parses back to an equal tree.

use proc_macro2::Span;
use std::fmt;

/// A piece of syntax and where it stands. Two are equal when their contents are, wherever they stand.
#[derive(Clone, Debug)]
pub struct Spanned<T> {
    /// What it is.
    pub node: T,
    /// Where it stands.
    pub span: Span,
}

impl<T: PartialEq> PartialEq for Spanned<T> {
    fn eq(&self, other: &Self) -> bool {
        self.node == other.node
    }
}

/// An identifier.
pub type Name = Spanned<String>;

/// An expression.
pub type Expression = Spanned<Term>;

/// A whole spec.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// A network of its own.
    Definition(Definition),
    /// A preset with arguments.
    Call(Spanned<Call>),
}

/// `network name(parameters) { fields }`.
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    /// The network's name.
    pub name: Name,
    /// The parameters with their defaults.
    pub parameters: Vec<Argument>,
    /// What it is made of.
    pub body: Body,
}

/// What a definition says after its parameters.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// `{ fields }`: the sections.
    Fields(Record),
    /// `= preset(arguments)`: another network under a name of its own.
    Preset(Spanned<Call>),
}

/// `preset(arguments)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The preset's name.
    pub name: Name,
    /// The arguments.
    pub arguments: Vec<Argument>,
}

/// `name = value`: an argument, or a parameter with its default.
#[derive(Clone, Debug, PartialEq)]
pub struct Argument {
    /// The parameter's name.
    pub name: Name,
    /// The value.
    pub value: Expression,
}

/// `{ name: value, … }`.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The fields in the order written.
    pub fields: Vec<Field>,
}

/// `name: value`.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// The field's name.
    pub name: Name,
    /// Its value.
    pub value: FieldValue,
}

/// What a field holds.
#[derive(Clone, Debug, PartialEq)]
pub enum FieldValue {
    /// One value, or one that differs from block to block.
    Expression(Expression),
    /// A nested record.
    Record(Record),
}

/// The kinds of expressions.
#[derive(Clone, Debug, PartialEq)]
pub enum Term {
    /// A finite number that is not negative.
    Number(f64),
    /// A parameter, a variable such as `i`, or a word such as `silu`.
    Name(String),
    /// `-operand`.
    Negative(Box<Expression>),
    /// `first op rest op rest …`, from left to right, all operators of one precedence and at least one. Not a
    /// tree of pairs, so that long sums do not nest.
    Chain {
        /// The first operand.
        first: Box<Expression>,
        /// The operators and further operands.
        rest: Vec<(Operator, Expression)>,
    },
    /// `function(arguments)`.
    Call {
        /// The function's name.
        function: Name,
        /// The arguments.
        arguments: Vec<Expression>,
    },
    /// `[items]`.
    List(Vec<Expression>),
    /// `(first, second, …)`: several numbers that are one value; at least one, and a comma.
    Tuple(Vec<Expression>),
}

/// An operator of two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
}

impl Operator {
    /// The spelling.
    pub fn symbol(self) -> char {
        match self {
            Operator::Add => '+',
            Operator::Subtract => '-',
            Operator::Multiply => '*',
            Operator::Divide => '/',
        }
    }

    fn is_additive(self) -> bool {
        matches!(self, Operator::Add | Operator::Subtract)
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Definition(definition) => write!(f, "{definition}"),
            Source::Call(call) => write!(f, "{call}"),
        }
    }
}

impl fmt::Display for Definition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "network {}", self.name)?;
        if !self.parameters.is_empty() {
            write!(f, "({})", Separated(&self.parameters))?;
        }
        match &self.body {
            Body::Fields(record) => {
                write!(f, " ")?;
                record.print(f, 0)?;
            }
            Body::Preset(call) => write!(f, " = {call}")?,
        }
        writeln!(f)
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", self.name, Separated(&self.arguments))
    }
}

impl fmt::Display for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {}", self.name, self.value)
    }
}

impl Record {
    fn print(&self, f: &mut fmt::Formatter<'_>, indent: usize) -> fmt::Result {
        if self.fields.is_empty() {
            return write!(f, "{{}}");
        }
        writeln!(f, "{{")?;
        for field in &self.fields {
            write!(f, "{:1$}{2}: ", "", 4 * (indent + 1), field.name)?;
            match &field.value {
                FieldValue::Expression(expression) => write!(f, "{expression}")?,
                FieldValue::Record(record) => record.print(f, indent + 1)?,
            }
            writeln!(f, ",")?;
        }
        write!(f, "{:1$}}}", "", 4 * indent)
    }
}

impl<T: fmt::Display> fmt::Display for Spanned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.node)
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // `{:?}` is the shortest spelling that reads back as the same number.
            Term::Number(number) => {
                let text = format!("{number:?}");
                write!(f, "{}", text.strip_suffix(".0").unwrap_or(&text))
            }
            Term::Name(name) => write!(f, "{name}"),
            Term::Negative(operand) => match operand.node {
                Term::Negative(_) | Term::Chain { .. } => write!(f, "-({operand})"),
                Term::Number(_) | Term::Name(_) | Term::Call { .. } | Term::List(_) | Term::Tuple(_) => {
                    write!(f, "-{operand}")
                }
            },
            Term::Chain { first, rest } => {
                let additive = rest.first().is_some_and(|(operator, _)| operator.is_additive());
                print_link(f, first, additive)?;
                for (operator, operand) in rest {
                    write!(f, " {} ", operator.symbol())?;
                    print_link(f, operand, additive)?;
                }
                Ok(())
            }
            Term::Call { function, arguments } => write!(f, "{function}({})", Separated(arguments)),
            Term::List(items) => write!(f, "[{}]", Separated(items)),
            Term::Tuple(items) => match items.as_slice() {
                [only] => write!(f, "({only},)"),
                _ => write!(f, "({})", Separated(items)),
            },
        }
    }
}

/// An operand of a chain: a chain of its own needs parentheses unless it binds tighter.
fn print_link(f: &mut fmt::Formatter<'_>, operand: &Expression, additive: bool) -> fmt::Result {
    match &operand.node {
        Term::Chain { rest, .. } if !additive || rest.iter().any(|(operator, _)| operator.is_additive()) => {
            write!(f, "({operand})")
        }
        Term::Number(_)
        | Term::Name(_)
        | Term::Negative(_)
        | Term::Chain { .. }
        | Term::Call { .. }
        | Term::List(_)
        | Term::Tuple(_) => write!(f, "{operand}"),
    }
}

struct Separated<'a, T>(&'a [T]);

impl<T: fmt::Display> fmt::Display for Separated<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, item) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{item}")?;
        }
        Ok(())
    }
}
