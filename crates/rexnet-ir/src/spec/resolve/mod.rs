//! From syntax and arguments to a network. Every mistake is reported, not only the first.

mod blocks;
mod preprocess;
mod section;
mod values;

use super::evaluate::{Evaluator, Scalar, Scope, Value};
use super::fault::Faults;
use super::names;
use super::network::{MAX_CHANNELS, MAX_KERNEL, MAX_SIDE, MAX_STRIDE, Network, Padding, Penultimate, Stem};
use super::preprocessing::Preprocessing;
use super::syntax::{Argument, Definition, Expression, Record, Spanned};
use crate::diagnostic::Code;
use crate::graph::Activation;
use proc_macro2::Span;
use section::Section;

const SECTIONS: &[&str] =
    &["input", "classes", "preprocess", "padding", "batch_norm", "stem", "blocks", "head"];
/// Names that fields give a meaning; a parameter would hide it.
const RESERVED: &[&str] = &["i", "n", "input", "expanded", "true", "false", values::NONE];

/// The arguments of a definition: those of the call, outweighed by `more`. Faults of `more` lie at `call`.
pub(super) fn bind(
    definition: &Definition,
    given: &[Argument],
    more: &[(&str, f64)],
    call: Span,
) -> Result<Vec<(String, f64)>, Faults> {
    let mut resolver = Resolver::new(Evaluator::new(), &[]);
    let mut list: Vec<(String, f64)> = Vec::new();
    for Argument { name, value } in given {
        check_parameter(definition, &name.node, name.span, resolver.faults());
        if list.iter().any(|(other, _)| *other == name.node) {
            resolver.faults().push(Code::SpecDuplicate, name.span, format!("`{name}` stands twice"));
        }
        let value = resolver.single(value, |scalar| values::number(scalar, &name.node));
        list.push((name.node.clone(), value.unwrap_or(1.0)));
    }
    for &(name, value) in more {
        check_parameter(definition, name, call, resolver.faults());
        if !value.is_finite() {
            resolver.faults().push(Code::SpecValue, call, format!("`{name}` is {value}"));
        }
        list.push((name.to_owned(), value));
    }
    resolver.evaluator.faults.into_result(Some(list))
}

fn check_parameter(definition: &Definition, name: &str, span: Span, faults: &mut Faults) {
    let known = || definition.parameters.iter().map(|parameter| parameter.name.node.as_str());
    if known().all(|known| known != name) {
        let cause = format!("{} has no parameter `{name}`", definition.name);
        faults.push_help(Code::SpecUnknownName, span, cause, names::advice(name, known()));
    }
}

/// The network that a definition makes of arguments, the last of a name counting; parameters without one have
/// their defaults.
pub(super) fn resolve(definition: &Definition, arguments: &[(String, f64)]) -> Result<Network, Faults> {
    let mut evaluator = Evaluator::new();
    let mut parameters: Vec<(String, f64)> = Vec::new();
    for Argument { name: Spanned { node: name, span }, value } in &definition.parameters {
        if parameters.iter().any(|(other, _)| other == name) {
            evaluator.faults.push(Code::SpecDuplicate, *span, format!("the parameter `{name}` stands twice"));
        }
        if RESERVED.contains(&name.as_str()) || Activation::from_name(name).is_some() {
            let cause = format!("`{name}` has a meaning of its own and cannot be a parameter");
            evaluator.faults.push(Code::SpecDuplicate, *span, cause);
        }
        let mut resolver = Resolver::new(evaluator, &parameters);
        let default = resolver.single(value, |scalar| values::number(scalar, name));
        evaluator = resolver.evaluator;
        let given = arguments.iter().rev().find(|(other, _)| other == name).map(|&(_, value)| value);
        // After a fault any number serves: it lets the rest be checked.
        parameters.push((name.clone(), given.or(default).unwrap_or(1.0)));
    }
    let mut resolver = Resolver::new(evaluator, &parameters);
    let network = resolver.network(definition);
    resolver.evaluator.faults.into_result(network)
}

/// The preprocessing that a record of its own states, for an input of channels, height and width.
pub(super) fn preprocessing(record: &Record, input: [usize; 3]) -> Result<Preprocessing, Faults> {
    let mut resolver = Resolver::new(Evaluator::new(), &[]);
    let section =
        Section::open("preprocess", Span::call_site(), record, preprocess::FIELDS, resolver.faults());
    let preprocessing = resolver.preprocessing_fields(&section, Some(input));
    resolver.evaluator.faults.into_result(preprocessing)
}

/// Reads the values of fields. Every method gives `None` after it reported a fault.
struct Resolver<'s> {
    evaluator: Evaluator,
    scope: Scope<'s>,
}

impl<'s> Resolver<'s> {
    fn new(evaluator: Evaluator, parameters: &'s [(String, f64)]) -> Self {
        Self { evaluator, scope: Scope::new(parameters) }
    }

    fn faults(&mut self) -> &mut Faults {
        &mut self.evaluator.faults
    }

    fn network(&mut self, definition: &Definition) -> Option<Network> {
        let name = &definition.name;
        let top = Section::open(&name.node, name.span, &definition.body, SECTIONS, self.faults());
        let input = self.input(&top);
        let classes = self.whole(&top, "classes", MAX_CHANNELS);
        let preprocessing = self.preprocessing(&top, input);
        let padding = self.padding(&top);
        let epsilon = top
            .required_section("batch_norm", &["epsilon"], self.faults())
            .and_then(|section| section.required("epsilon", self.faults()))
            .and_then(|expression| self.single(expression, |scalar| values::positive(scalar, "epsilon")));
        let stem = self.stem(&top);
        let blocks = self.blocks(&top, stem.as_ref().map(|stem| stem.channels));
        let penultimate = self.penultimate(&top);
        Some(Network {
            name: name.node.clone(),
            arguments: self.scope.parameters.to_vec(),
            input: input?,
            classes: classes?,
            preprocessing: preprocessing?,
            padding: padding?,
            batch_norm_epsilon: epsilon?,
            stem: stem?,
            blocks: blocks?,
            penultimate: penultimate?,
        })
    }

    fn input(&mut self, top: &Section<'_>) -> Option<[usize; 3]> {
        let expression = top.required("input", self.faults())?;
        let items = self.triple(expression, "input")?;
        let extents =
            [("input channels", MAX_CHANNELS), ("input height", MAX_SIDE), ("input width", MAX_SIDE)];
        let mut extents = items
            .into_iter()
            .zip(extents)
            .map(|(item, (what, limit))| self.report(values::whole(&item.node, what, 1..=limit), item.span));
        let extents = [extents.next()?, extents.next()?, extents.next()?];
        let [channels, height, width] = extents;
        Some([channels?, height?, width?])
    }

    fn padding(&mut self, top: &Section<'_>) -> Option<Padding> {
        let meanings = [Padding::Symmetric, Padding::Same].map(|padding| (padding.name(), padding));
        match top.optional("padding", self.faults())? {
            None => Some(Padding::Symmetric),
            Some(expression) => self.word(expression, "padding", &meanings),
        }
    }

    fn stem(&mut self, top: &Section<'_>) -> Option<Stem> {
        let fields = ["channels", "kernel", "stride", "activation"];
        let section = top.required_section("stem", &fields, self.faults())?;
        let channels = self.whole(&section, "channels", MAX_CHANNELS);
        let kernel = section.required("kernel", self.faults()).and_then(|expression| {
            self.single(expression, |scalar| values::odd(scalar, "kernel", MAX_KERNEL))
        });
        let stride = self.whole(&section, "stride", MAX_STRIDE);
        let activation = self.activation(&section);
        Some(Stem { channels: channels?, kernel: kernel?, stride: stride?, activation: activation? })
    }

    fn penultimate(&mut self, top: &Section<'_>) -> Option<Option<Penultimate>> {
        let Some(section) = top.optional_section("head", &["channels", "activation"], self.faults())? else {
            return Some(None);
        };
        let channels = self.whole(&section, "channels", MAX_CHANNELS);
        let activation = self.activation(&section);
        Some(Some(Penultimate { channels: channels?, activation: activation? }))
    }

    /// A required field: a whole number from 1 to `limit`.
    fn whole(&mut self, section: &Section<'_>, field: &str, limit: usize) -> Option<usize> {
        let expression = section.required(field, self.faults())?;
        self.single(expression, |scalar| values::whole(scalar, field, 1..=limit))
    }

    /// The required field `activation`.
    fn activation(&mut self, section: &Section<'_>) -> Option<Option<Activation>> {
        let expression = section.required("activation", self.faults())?;
        self.word(expression, "activation", &values::activations())
    }

    /// An expression that is one of a few words.
    fn word<T: Copy>(
        &mut self,
        expression: &Expression,
        field: &str,
        meanings: &[(&'static str, T)],
    ) -> Option<T> {
        let words: Vec<&'static str> = meanings.iter().map(|&(word, _)| word).collect();
        let scope = Scope { words: &words, ..self.scope };
        self.single_in(expression, scope, |scalar| values::word(scalar, field, meanings))
    }

    /// An expression that is one value.
    fn single<T>(
        &mut self,
        expression: &Expression,
        convert: impl Fn(&Scalar) -> Result<T, String>,
    ) -> Option<T> {
        self.single_in(expression, self.scope, convert)
    }

    fn single_in<T>(
        &mut self,
        expression: &Expression,
        scope: Scope<'_>,
        convert: impl Fn(&Scalar) -> Result<T, String>,
    ) -> Option<T> {
        if !self.evaluator.check(expression, scope) {
            return None;
        }
        let converted = match self.evaluator.evaluate(expression, scope)? {
            Value::One(scalar) => convert(&scalar),
            Value::Many(_) => Err("one value is needed here, not a list".to_owned()),
        };
        self.report(converted, expression.span)
    }

    /// An expression that is a list.
    fn list(&mut self, expression: &Expression, field: &str) -> Option<Vec<Spanned<Scalar>>> {
        if !self.evaluator.check(expression, self.scope) {
            return None;
        }
        let list = match self.evaluator.evaluate(expression, self.scope)? {
            Value::Many(list) => Ok(list),
            Value::One(_) => Err(format!("`{field}` must be a list")),
        };
        self.report(list, expression.span)
    }

    /// An expression that is a list of three.
    fn triple(&mut self, expression: &Expression, field: &str) -> Option<[Spanned<Scalar>; 3]> {
        let list = self.list(expression, field)?;
        let count = list.len();
        let triple = list.try_into().map_err(|_| format!("`{field}` has {count} elements, but must have 3"));
        self.report(triple, expression.span)
    }

    fn report<T>(&mut self, value: Result<T, String>, span: Span) -> Option<T> {
        value.map_err(|cause| self.faults().push(Code::SpecValue, span, cause)).ok()
    }
}
