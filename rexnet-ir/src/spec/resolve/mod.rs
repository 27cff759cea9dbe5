//! From syntax and arguments to a network. Every mistake is reported, not only the first.

mod arguments;
mod blocks;
mod heads;
mod preprocess;
mod section;
mod values;
mod widths;

use super::evaluate::{Evaluator, Scalar, Scope, Value};
use super::fault::Faults;
use super::network::{MAX_CHANNELS, MAX_KERNEL, MAX_SIDE, MAX_STRIDE, Network, Padding, Stem};
use super::preprocessing::Preprocessing;
use super::syntax::{Argument, Definition, Expression, Record, Spanned};
use crate::diagnostic::Code;
use crate::graph::Activation;
pub(super) use arguments::{SETTINGS, bind, resolve};
use proc_macro2::Span;
use section::Section;

const SECTIONS: &[&str] = &[
    "input",
    "classes",
    "preprocess",
    "padding",
    "batch_norm",
    "convolution_bias",
    "stem",
    "blocks",
    "head",
    "features",
    "classifier",
    "detector",
    "stand_in",
];
/// As a setting it has two extents: the channels are the network's.
const INPUT: &str = "input";

/// The preprocessing that a record of its own states, for an input of channels, height and width.
pub(super) fn preprocessing(record: &Record, input: [usize; 3]) -> Result<Preprocessing, Faults> {
    let mut resolver = Resolver::new(Evaluator::new(), &[], &[]);
    let section =
        Section::open("preprocess", Span::call_site(), record, preprocess::FIELDS, resolver.faults());
    let preprocessing = resolver.preprocessing_fields(&section, Some(input));
    resolver.evaluator.faults.into_result(preprocessing)
}

/// Reads the values of fields. Every method gives `None` after it reported a fault.
struct Resolver<'s> {
    evaluator: Evaluator,
    scope: Scope<'s>,
    settings: &'s [Argument],
}

impl<'s> Resolver<'s> {
    fn new(evaluator: Evaluator, parameters: &'s [(String, f64)], settings: &'s [Argument]) -> Self {
        Self { evaluator, scope: Scope::new(parameters), settings }
    }

    /// What the call says of a field: a copy, since its values do not know the network's parameters.
    fn setting(&self, name: &str) -> Option<&'s Expression> {
        self.settings.iter().rev().find(|setting| setting.name.node == name).map(|setting| &setting.value)
    }

    fn faults(&mut self) -> &mut Faults {
        &mut self.evaluator.faults
    }

    fn network(&mut self, definition: &Definition, record: &Record) -> Option<Network> {
        let name = &definition.name;
        let top = Section::open(&name.node, name.span, record, SECTIONS, self.faults());
        let input = self.input(&top);
        let preprocessing = self.preprocessing(&top, input);
        let padding = self.padding(&top);
        let epsilon = top
            .required_section("batch_norm", &["epsilon"], self.faults())
            .and_then(|section| section.required("epsilon", self.faults()))
            .and_then(|expression| self.single(expression, |scalar| values::positive(scalar, "epsilon")));
        let convolution_bias = self.optional_flag(&top, "convolution_bias", false);
        let stand_in = self.optional_flag(&top, "stand_in", false);
        let stem = self.stem(&top);
        let blocks = self.blocks(&top, stem.as_ref().map(|stem| stem.channels));
        let classifier = self.classifier(&top);
        let strides = stem.as_ref().zip(blocks.as_deref()).map(|(stem, blocks)| heads::strides(stem, blocks));
        let features = self.features(&top, strides.as_deref());
        let detector = self.detector(&top, strides.as_deref());
        if let (Some(None), Some([]), Some(None)) = (&classifier, features.as_deref(), &detector) {
            let cause = "a network without a classifier has no output unless it has features or a detector";
            self.faults().push_help(Code::SpecValue, name.span, cause, "add `features = [8, 16, 32]`");
        }
        let settings =
            self.settings.iter().map(|setting| (setting.name.node.clone(), setting.value.to_string()));
        let settings = settings.collect();
        Some(Network {
            name: name.node.clone(),
            arguments: self.scope.parameters.to_vec(),
            settings,
            stand_in: stand_in?,
            input: input?,
            convolution_bias: convolution_bias?,
            classifier: classifier?,
            features: features?,
            detector: detector?,
            preprocessing: preprocessing?,
            padding: padding?,
            batch_norm_epsilon: epsilon?,
            stem: stem?,
            blocks: blocks?,
        })
    }

    /// The extents that the call gives to the input.
    fn input_setting(&mut self) -> Option<[usize; 2]> {
        let expression = self.setting(INPUT)?;
        let items = self.list(expression, INPUT)?;
        let extents = items.iter().map(|item| {
            let extent = values::whole(&item.node, "extent of the input", 1..=MAX_SIDE);
            self.report(extent, item.span)
        });
        let extents: Vec<usize> = extents.collect::<Vec<_>>().into_iter().collect::<Option<_>>()?;
        let count = extents.len();
        let pair = extents
            .try_into()
            .map_err(|_| format!("`input` has {count} extents, but must be [height, width]"));
        self.report(pair, expression.span)
    }

    fn input(&mut self, top: &Section<'_>) -> Option<[usize; 3]> {
        let [channels, height, width] = self.input_field(top)?;
        match self.setting(INPUT) {
            None => Some([channels, height, width]),
            Some(_) => self.input_setting().map(|[height, width]| [channels, height, width]),
        }
    }

    fn input_field(&mut self, top: &Section<'_>) -> Option<[usize; 3]> {
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
        let own = top.optional("padding", self.faults())?;
        match self.setting("padding").or(own) {
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

    /// A field of true or false that may be left out.
    fn optional_flag(&mut self, section: &Section<'_>, field: &str, default: bool) -> Option<bool> {
        match section.optional(field, self.faults())? {
            None => Some(default),
            Some(expression) => self.single(expression, |scalar| values::flag(scalar, field)),
        }
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
