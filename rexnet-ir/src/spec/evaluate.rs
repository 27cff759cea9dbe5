//! Expressions and their values: numbers, words, tuples of numbers, and lists of them.
//!
//! Arithmetic and functions work element by element; a single number beside a list stands for each element.
//! `true` is 1 and `false` is 0. Every result is finite or a fault. Only operations that are exact or correctly
//! rounded exist, so that a spec means the same network on every machine.

use super::fault::Faults;
use super::functions::{FUNCTIONS, LINEAR};
use super::names;
use super::syntax::{Expression, Operator, Spanned, Term};
use crate::diagnostic::Code;
use proc_macro2::Span;

/// The longest tuple.
const MAX_TUPLE: usize = 16;
/// The longest list.
const MAX_LIST: usize = 512;
/// The largest exponent.
const MAX_EXPONENT: u32 = 512;
/// How many element operations one spec may take; those of real networks take thousands.
const FUEL: u64 = 20_000_000;

/// A single value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Scalar {
    Number(f64),
    Word(String),
    /// Several numbers that are one value, such as the kernels of one mixed depthwise convolution.
    Tuple(Vec<f64>),
}

/// What an expression evaluates to. The elements of a list keep the place where they were written.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    One(Scalar),
    Many(Vec<Spanned<Scalar>>),
}

/// The names that an expression may use.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a> {
    /// The network's parameters.
    pub(super) parameters: &'a [(String, f64)],
    /// Variables that the field provides.
    pub(super) variables: &'a [(&'static str, f64)],
    /// Words that the field understands.
    pub(super) words: &'a [&'static str],
    /// The index of the block; without one there is no `linear`.
    pub(super) block: Option<usize>,
}

impl<'a> Scope<'a> {
    /// The parameters alone.
    pub(super) fn new(parameters: &'a [(String, f64)]) -> Self {
        Self { parameters, variables: &[], words: &[], block: None }
    }

    fn number(&self, name: &str) -> Option<f64> {
        let variable = self.variables.iter().find(|(known, _)| *known == name).map(|&(_, value)| value);
        let parameter = || self.parameters.iter().find(|(known, _)| known == name).map(|&(_, value)| value);
        variable.or_else(parameter).or(match name {
            "true" => Some(1.0),
            "false" => Some(0.0),
            _ => None,
        })
    }

    /// What to offer where a name is unknown: the words, if the field wants one, or the variables.
    fn names(&self) -> Vec<&str> {
        if !self.words.is_empty() {
            return self.words.to_vec();
        }
        let parameters = self.parameters.iter().map(|(name, _)| name.as_str());
        self.variables.iter().map(|&(name, _)| name).chain(parameters).collect()
    }
}

/// Evaluates the expressions of one spec.
pub(super) struct Evaluator {
    fuel: u64,
    /// What was wrong.
    pub(super) faults: Faults,
}

impl Evaluator {
    /// With nothing found yet.
    pub(super) fn new() -> Self {
        Self { fuel: FUEL, faults: Faults::default() }
    }

    /// Whether all names exist and all functions have as many arguments as they take; reports those that do
    /// not.
    pub(super) fn check(&mut self, expression: &Expression, scope: Scope<'_>) -> bool {
        match &expression.node {
            Term::Number(_) => true,
            Term::Name(name) => {
                let known = scope.number(name).is_some() || scope.words.contains(&name.as_str());
                if !known {
                    self.faults.push_help(
                        Code::SpecUnknownName,
                        expression.span,
                        format!("there is no `{name}` here"),
                        names::advice(name, scope.names()),
                    );
                }
                known
            }
            Term::Negative(operand) | Term::Not(operand) => self.check(operand, scope),
            Term::Chain { first, rest } => {
                let first = self.check(first, scope);
                self.check_all(rest.iter().map(|(_, operand)| operand), scope) && first
            }
            Term::List(items) | Term::Tuple(items) => self.check_all(items, scope),
            Term::Call { function, arguments } => {
                let good = self.check_function(&function.node, function.span, arguments.len(), scope);
                self.check_all(arguments, scope) && good
            }
        }
    }

    /// Checks each one, also after a fault.
    fn check_all<'a>(&mut self, items: impl IntoIterator<Item = &'a Expression>, scope: Scope<'_>) -> bool {
        let mut good = true;
        for item in items {
            good &= self.check(item, scope);
        }
        good
    }

    fn check_function(&mut self, name: &str, span: Span, arguments: usize, scope: Scope<'_>) -> bool {
        let known = || FUNCTIONS.iter().filter(|function| scope.block.is_some() || function.name != LINEAR);
        let Some(function) = known().find(|function| function.name == name) else {
            let help = match name {
                "round" => {
                    "say how halves round: round_half_even (Python's round) or round_half_up".to_owned()
                }
                LINEAR => "a linear schedule belongs to a field of the blocks".to_owned(),
                _ => names::advice(name, known().map(|function| function.name)),
            };
            let cause = format!("there is no function `{name}` here");
            self.faults.push_help(Code::SpecUnknownName, span, cause, help);
            return false;
        };
        if !function.arity.contains(&arguments) {
            let cause = format!("{arguments} arguments do not fit {name}({})", function.arguments);
            self.faults.push(Code::SpecValue, span, cause);
            return false;
        }
        true
    }

    /// The value; `None` after a fault was reported. The expression passed [`check`](Self::check) in this
    /// scope.
    pub(super) fn evaluate(&mut self, expression: &Expression, scope: Scope<'_>) -> Option<Value> {
        let span = expression.span;
        self.burn(1, span)?;
        match &expression.node {
            Term::Number(number) => Some(Value::One(Scalar::Number(*number))),
            Term::Name(name) => Some(Value::One(match scope.number(name) {
                Some(number) => Scalar::Number(number),
                None => Scalar::Word(name.clone()),
            })),
            Term::Negative(operand) => {
                let value = self.evaluate(operand, scope)?;
                self.broadcast(span, vec![(value, operand.span)], &|x| Ok(-x[0]))
            }
            Term::Not(operand) => {
                let value = self.evaluate(operand, scope)?;
                self.broadcast(span, vec![(value, operand.span)], &|x| truth(x[0]).map(|x| number(!x)))
            }
            Term::Chain { first, rest } => {
                let mut value = self.evaluate(first, scope);
                for (operator, operand) in rest {
                    let right = self.evaluate(operand, scope);
                    let (Some(a), Some(b)) = (value.take(), right) else { continue };
                    let sides = vec![(a, first.span), (b, operand.span)];
                    value = Some(self.broadcast(span, sides, &|x| arithmetic(*operator, x[0], x[1]))?);
                }
                value
            }
            Term::List(items) => self.list(items, span, scope),
            Term::Tuple(items) => self.tuple(items, span, scope),
            Term::Call { function, arguments } => {
                let operation = FUNCTIONS.iter().find(|known| known.name == function.node)?.meaning;
                let values: Vec<_> =
                    arguments.iter().map(|item| (self.evaluate(item, scope), item.span)).collect();
                let values: Option<Vec<_>> =
                    values.into_iter().map(|(value, span)| Some((value?, span))).collect();
                let index = scope.block.unwrap_or(0);
                if function.node == LINEAR {
                    self.burn(index as u64, span)?;
                }
                self.broadcast(span, values?, &|x| operation(x, index))
            }
        }
    }

    fn list(&mut self, items: &[Expression], span: Span, scope: Scope<'_>) -> Option<Value> {
        if items.len() > MAX_LIST {
            self.faults.push(Code::SpecTooLarge, span, format!("a list has at most {MAX_LIST} elements"));
            return None;
        }
        let mut list = Some(Vec::with_capacity(items.len()));
        for item in items {
            match (self.evaluate(item, scope), &mut list) {
                (Some(Value::One(node)), Some(list)) => list.push(Spanned { node, span: item.span }),
                (Some(Value::Many(_)), _) => {
                    self.faults.push(Code::SpecValue, item.span, "a list cannot hold a list");
                    list = None;
                }
                (None, _) => list = None,
                (Some(Value::One(_)), None) => {}
            }
        }
        list.map(Value::Many)
    }

    fn tuple(&mut self, items: &[Expression], span: Span, scope: Scope<'_>) -> Option<Value> {
        if items.len() > MAX_TUPLE {
            self.faults.push(Code::SpecTooLarge, span, format!("a tuple has at most {MAX_TUPLE} numbers"));
            return None;
        }
        let mut numbers = Some(Vec::with_capacity(items.len()));
        for item in items {
            match (self.evaluate(item, scope), &mut numbers) {
                (Some(Value::One(Scalar::Number(number))), Some(numbers)) => numbers.push(number),
                (Some(Value::One(Scalar::Number(_))), None) => {}
                (Some(_), _) => {
                    self.faults.push(Code::SpecValue, item.span, "a tuple holds numbers only");
                    numbers = None;
                }
                (None, _) => numbers = None,
            }
        }
        numbers.map(|numbers| Value::One(Scalar::Tuple(numbers)))
    }

    /// Applies `operation` to the operands, element by element.
    fn broadcast(
        &mut self,
        span: Span,
        values: Vec<(Value, Span)>,
        operation: &dyn Fn(&[f64]) -> Result<f64, &'static str>,
    ) -> Option<Value> {
        let mut longest: Option<&Vec<Spanned<Scalar>>> = None;
        for (value, at) in &values {
            if let Value::Many(list) = value {
                if let Some(other) = longest.filter(|other| other.len() != list.len()) {
                    let cause = format!("a list of {} stands beside one of {}", list.len(), other.len());
                    self.faults.push(Code::SpecValue, *at, cause);
                    return None;
                }
                longest = Some(list);
            }
        }
        let (count, places) = match longest {
            None => (1, vec![span]),
            Some(list) => (list.len(), list.iter().map(|item| item.span).collect()),
        };
        self.burn(count as u64, span)?;
        let mut results = Vec::with_capacity(count);
        let mut operands = Vec::with_capacity(values.len());
        for (index, place) in places.into_iter().enumerate() {
            operands.clear();
            for (value, at) in &values {
                let scalar = match value {
                    Value::One(scalar) => scalar,
                    Value::Many(list) => &list[index].node,
                };
                match scalar {
                    Scalar::Number(number) => operands.push(*number),
                    Scalar::Word(word) => {
                        self.faults.push(Code::SpecValue, *at, format!("`{word}` is not a number"));
                        return None;
                    }
                    Scalar::Tuple(_) => {
                        self.faults.push(Code::SpecValue, *at, "a tuple is not a number");
                        return None;
                    }
                }
            }
            let cause = match operation(&operands) {
                Ok(result) if result.is_finite() => {
                    results.push(Spanned { node: Scalar::Number(result), span: place });
                    continue;
                }
                Ok(_) => "the result is too large",
                Err(cause) => cause,
            };
            self.faults.push(Code::SpecValue, span, cause);
            return None;
        }
        match longest {
            Some(_) => Some(Value::Many(results)),
            None => results.pop().map(|result| Value::One(result.node)),
        }
    }

    /// Takes fuel; a spec that has none left is reported once.
    fn burn(&mut self, amount: u64, span: Span) -> Option<()> {
        if self.fuel == 0 {
            return None;
        }
        self.fuel = self.fuel.saturating_sub(amount);
        if self.fuel == 0 {
            self.faults.push(Code::SpecTooLarge, span, "the spec takes too many steps to evaluate");
            return None;
        }
        Some(())
    }
}

fn arithmetic(operator: Operator, a: f64, b: f64) -> Result<f64, &'static str> {
    match operator {
        Operator::Add => Ok(a + b),
        Operator::Subtract => Ok(a - b),
        Operator::Multiply => Ok(a * b),
        Operator::Divide if b == 0.0 => Err("this divides by zero"),
        Operator::Divide => Ok(a / b),
        Operator::Power => power(a, b),
        Operator::Less => Ok(number(a < b)),
        Operator::LessOrEqual => Ok(number(a <= b)),
        Operator::Greater => Ok(number(a > b)),
        Operator::GreaterOrEqual => Ok(number(a >= b)),
        Operator::Equal => Ok(number(a == b)),
        Operator::NotEqual => Ok(number(a != b)),
        Operator::And => Ok(number(truth(a)? & truth(b)?)),
        Operator::Or => Ok(number(truth(a)? | truth(b)?)),
    }
}

/// By repeated multiplications, each of them rounded: the same on every machine.
fn power(base: f64, exponent: f64) -> Result<f64, &'static str> {
    if exponent.fract() != 0.0 || exponent.abs() > f64::from(MAX_EXPONENT) {
        return Err("an exponent is a whole number from -512 to 512; sqrt takes a root");
    }
    let product = (0..exponent.abs() as u32).fold(1.0, |product, _| product * base);
    match exponent < 0.0 {
        true if product == 0.0 => Err("this divides by zero"),
        true => Ok(1.0 / product),
        false => Ok(product),
    }
}

fn truth(number: f64) -> Result<bool, &'static str> {
    match number {
        0.0 => Ok(false),
        1.0 => Ok(true),
        _ => Err("`&&`, `||` and `!` are of true and false"),
    }
}

fn number(truth: bool) -> f64 {
    f64::from(u8::from(truth))
}
