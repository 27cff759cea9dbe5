//! What a call gives to a definition: values of its parameters, and fields said from outside.

use super::{INPUT, Resolver, values};
use crate::diagnostic::Code;
use crate::graph::Activation;
use crate::spec::evaluate::Evaluator;
use crate::spec::fault::Faults;
use crate::spec::names;
use crate::spec::network::Network;
use crate::spec::syntax::{Argument, Body, Call, Definition, Spanned};
use proc_macro2::Span;

/// What a call may say to any network, whatever its parameters: the fields of these names, said from outside.
pub(in crate::spec) const SETTINGS: &[&str] = &[INPUT, "features", "classifier", "padding"];
/// The parameter that follows a setting of [`INPUT`], where a network has it: the larger extent.
const SIZE: &str = "size";
/// How deep definitions may lean on presets that lean on presets.
const MAX_LEANING: usize = 8;
/// Names that fields give a meaning; a parameter would hide it.
const RESERVED: &[&str] = &["i", "n", "input", "expanded", "true", "false", values::NONE];

/// What a call gives to a definition.
#[derive(Clone, Debug, Default)]
pub(in crate::spec) struct Bound {
    /// Values of parameters; the last of a name counts.
    numbers: Vec<(String, f64)>,
    /// Fields of the definition said from outside.
    settings: Vec<Argument>,
}

/// The arguments of a definition: those of the call, outweighed by `more`. Faults of `more` lie at `call`.
pub(in crate::spec) fn bind(
    definition: &Definition,
    given: &[Argument],
    more: &[(&str, f64)],
    call: Span,
) -> Result<Bound, Faults> {
    let mut resolver = Resolver::new(Evaluator::new(), &[], &[]);
    let mut bound = resolver.bind(definition, given);
    for &(name, value) in more {
        check_parameter(definition, name, call, resolver.faults());
        if !value.is_finite() {
            resolver.faults().push(Code::SpecValue, call, format!("`{name}` is {value}"));
        }
        bound.numbers.push((name.to_owned(), value));
    }
    resolver.evaluator.faults.into_result(Some(bound))
}

fn check_parameter(definition: &Definition, name: &str, span: Span, faults: &mut Faults) {
    let known = || definition.parameters.iter().map(|parameter| parameter.name.node.as_str());
    if known().all(|known| known != name) {
        let cause = format!("{} has no parameter `{name}`", definition.name);
        let known = known().chain(SETTINGS.iter().copied());
        faults.push_help(Code::SpecUnknownName, span, cause, names::advice(name, known));
    }
}

/// The network that a definition makes of arguments; parameters without one have their defaults.
pub(in crate::spec) fn resolve(definition: &Definition, bound: &Bound) -> Result<Network, Faults> {
    resolve_leaning(definition, bound, 0)
}

fn resolve_leaning(definition: &Definition, bound: &Bound, depth: usize) -> Result<Network, Faults> {
    let Bound { numbers: arguments, settings } = bound;
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
        let mut resolver = Resolver::new(evaluator, &parameters, &[]);
        let default = resolver.single(value, |scalar| values::number(scalar, name));
        evaluator = resolver.evaluator;
        let given = arguments.iter().rev().find(|(other, _)| other == name).map(|&(_, value)| value);
        // After a fault any number serves: it lets the rest be checked.
        parameters.push((name.clone(), given.or(default).unwrap_or(1.0)));
    }
    let given = |name: &str| arguments.iter().any(|(other, _)| other == name);
    let mut resolver = Resolver::new(evaluator, &parameters, settings);
    if let Some([height, width]) = resolver.input_setting() {
        let size = parameters.iter().position(|(name, _)| name == SIZE).filter(|_| !given(SIZE));
        if let Some(size) = size {
            let evaluator = resolver.evaluator;
            parameters[size].1 = height.max(width) as f64;
            resolver = Resolver::new(evaluator, &parameters, settings);
        }
    }
    match &definition.body {
        Body::Fields(record) => {
            let network = resolver.network(definition, record);
            resolver.evaluator.faults.into_result(network)
        }
        Body::Preset(Spanned { node: call, span }) => {
            let Evaluator { faults, .. } = resolver.evaluator;
            faults.into_result(Some(()))?;
            leaning(call, *span, &parameters, settings, depth).map(|network| Network {
                name: definition.name.node.clone(),
                arguments: parameters,
                ..network
            })
        }
    }
}

/// The network of a preset, called with what the parameters of a definition give, and the settings of its caller.
fn leaning(
    call: &Call,
    span: Span,
    parameters: &[(String, f64)],
    settings: &[Argument],
    depth: usize,
) -> Result<Network, Faults> {
    if depth == MAX_LEANING {
        let mut faults = Faults::default();
        faults.push(Code::SpecTooLarge, span, "presets lean on presets without end");
        return Err(faults);
    }
    let target = crate::spec::preset(&call.name.node, call.name.span)?;
    let mut resolver = Resolver::new(Evaluator::new(), parameters, &[]);
    let mut bound = resolver.bind(&target, &call.arguments);
    let Evaluator { faults, .. } = resolver.evaluator;
    faults.into_result(Some(()))?;
    bound.settings.retain(|own| settings.iter().all(|outer| outer.name != own.name));
    bound.settings.extend(settings.iter().cloned());
    resolve_leaning(&target, &bound, depth + 1).map_err(|faults| faults.at_call(&call.name.node, span))
}

impl Resolver<'_> {
    /// The arguments of a call of a definition; their values may use the parameters in scope.
    fn bind(&mut self, definition: &Definition, given: &[Argument]) -> Bound {
        let mut bound = Bound::default();
        for argument @ Argument { name, value } in given {
            let parameter = definition.parameters.iter().any(|parameter| parameter.name.node == name.node);
            let twice = bound.numbers.iter().any(|(other, _)| *other == name.node)
                || bound.settings.iter().any(|other| other.name.node == name.node);
            if twice {
                self.faults().push(Code::SpecDuplicate, name.span, format!("`{name}` stands twice"));
            }
            if !parameter && SETTINGS.contains(&name.node.as_str()) {
                bound.settings.push(argument.clone());
                continue;
            }
            check_parameter(definition, &name.node, name.span, self.faults());
            let value = self.single(value, |scalar| values::number(scalar, &name.node));
            bound.numbers.push((name.node.clone(), value.unwrap_or(1.0)));
        }
        bound
    }
}
