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
    /// `!operand`, of `true` or `false`.
    Not(Box<Expression>),
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

/// How tightly operators bind, the loosest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Precedence {
    /// `||`
    Or,
    /// `&&`
    And,
    /// `<`, `==` and the like; a chain of them has one operator.
    Comparison,
    /// `+` and `-`
    Sum,
    /// `*` and `/`
    Product,
    /// `^`; a chain of them has one operator.
    Power,
}

macro_rules! binary_operators {
    ($($(#[$doc:meta])* $name:ident = $symbol:literal, $precedence:ident;)*) => {
        /// An operator of two numbers. Comparisons give 1 for true and 0 for false.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Operator { $($(#[$doc])* $name,)* }

        impl Operator {
            /// All operators.
            pub const ALL: &'static [Operator] = &[$(Operator::$name,)*];

            /// The spelling.
            pub fn symbol(self) -> &'static str {
                match self { $(Operator::$name => $symbol,)* }
            }

            /// How tightly it binds.
            pub fn precedence(self) -> Precedence {
                match self { $(Operator::$name => Precedence::$precedence,)* }
            }
        }
    };
}

binary_operators! {
    /// True where one side is.
    Or = "||", Or;
    /// True where both sides are.
    And = "&&", And;
    /// Less than.
    Less = "<", Comparison;
    /// Less than or equal.
    LessOrEqual = "<=", Comparison;
    /// Greater than.
    Greater = ">", Comparison;
    /// Greater than or equal.
    GreaterOrEqual = ">=", Comparison;
    /// Equal.
    Equal = "==", Comparison;
    /// Not equal.
    NotEqual = "!=", Comparison;
    /// Sum.
    Add = "+", Sum;
    /// Difference.
    Subtract = "-", Sum;
    /// Product.
    Multiply = "*", Product;
    /// Quotient.
    Divide = "/", Product;
    /// The left side multiplied by itself, the right side times.
    Power = "^", Power;
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
            Term::Negative(operand) => print_signed(f, '-', operand),
            Term::Not(operand) => print_signed(f, '!', operand),
            Term::Chain { first, rest } => {
                let precedence = rest.first().map_or(Precedence::Or, |(operator, _)| operator.precedence());
                // A sign binds looser than a power, but for that of an exponent.
                match &first.node {
                    Term::Negative(_) | Term::Not(_) if precedence == Precedence::Power => {
                        write!(f, "({first})")?;
                    }
                    _ => print_link(f, first, precedence)?,
                }
                for (operator, operand) in rest {
                    write!(f, " {} ", operator.symbol())?;
                    match &operand.node {
                        Term::Not(_) if precedence == Precedence::Power => write!(f, "({operand})")?,
                        Term::Negative(inner)
                            if precedence == Precedence::Power
                                && matches!(inner.node, Term::Chain { .. }) =>
                        {
                            write!(f, "({operand})")?;
                        }
                        _ => print_link(f, operand, precedence)?,
                    }
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

/// `-operand` or `!operand`: of what binds looser, or has a sign itself, in parentheses.
fn print_signed(f: &mut fmt::Formatter<'_>, sign: char, operand: &Expression) -> fmt::Result {
    match &operand.node {
        Term::Negative(_) | Term::Not(_) | Term::Chain { .. } => write!(f, "{sign}({operand})"),
        Term::Number(_) | Term::Name(_) | Term::Call { .. } | Term::List(_) | Term::Tuple(_) => {
            write!(f, "{sign}{operand}")
        }
    }
}

/// An operand of a chain of a precedence: a chain of its own needs parentheses unless it binds tighter.
fn print_link(f: &mut fmt::Formatter<'_>, operand: &Expression, precedence: Precedence) -> fmt::Result {
    match &operand.node {
        Term::Chain { rest, .. } if rest.iter().any(|(operator, _)| operator.precedence() <= precedence) => {
            write!(f, "({operand})")
        }
        _ => write!(f, "{operand}"),
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
