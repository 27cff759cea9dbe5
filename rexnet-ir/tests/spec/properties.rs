//! Properties of all specs: printing is undone by parsing, nothing panics, and what resolves can be expanded.

use proc_macro2::Span;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use rexnet_ir::spec::network::Padding;
use rexnet_ir::spec::syntax::{
    Argument, Body, Call, Definition, Expression, Field, FieldValue, Operator, Precedence, Record, Source,
    Spanned, Term,
};
use rexnet_ir::spec::{PRESETS, expand, parse_network, parse_source};

fn at<T>(node: T) -> Spanned<T> {
    Spanned { node, span: Span::call_site() }
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z][a-z0-9_]{0,6}",
        select(vec!["fn", "type", "true", "silu", "Self", "é"]).prop_map(str::to_owned)
    ]
}

fn number() -> impl Strategy<Value = f64> {
    let finite = any::<f64>().prop_map(f64::abs).prop_filter("finite", |number| number.is_finite());
    prop_oneof![
        finite,
        (0u32..1000).prop_map(f64::from),
        (0u32..1000).prop_map(|number| f64::from(number) / 8.0)
    ]
}

fn chain(
    operand: impl Strategy<Value = Expression> + Clone,
    precedence: Precedence,
) -> impl Strategy<Value = Term> {
    let operators = Operator::ALL.iter().copied().filter(|operator| operator.precedence() == precedence);
    let most = if matches!(precedence, Precedence::Comparison | Precedence::Power) { 2 } else { 4 };
    (operand.clone(), vec((select(operators.collect::<Vec<_>>()), operand), 1..most))
        .prop_map(|(first, rest)| Term::Chain { first: Box::new(first), rest })
}

fn expression() -> impl Strategy<Value = Expression> + Clone {
    let leaf = prop_oneof![number().prop_map(Term::Number), name().prop_map(Term::Name)].prop_map(at);
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(|operand| Term::Negative(Box::new(operand))),
            inner.clone().prop_map(|operand| Term::Not(Box::new(operand))),
            chain(inner.clone(), Precedence::Or),
            chain(inner.clone(), Precedence::And),
            chain(inner.clone(), Precedence::Comparison),
            chain(inner.clone(), Precedence::Sum),
            chain(inner.clone(), Precedence::Product),
            chain(inner.clone(), Precedence::Power),
            (name(), vec(inner.clone(), 0..3))
                .prop_map(|(function, arguments)| Term::Call { function: at(function), arguments }),
            vec(inner, 0..4).prop_map(Term::List),
        ]
        .prop_map(at)
    })
    .boxed()
}

fn record() -> impl Strategy<Value = Record> {
    let field = |value: BoxedStrategy<FieldValue>| {
        vec((name(), value), 0..4).prop_map(|fields| Record {
            fields: fields.into_iter().map(|(name, value)| Field { name: at(name), value }).collect(),
        })
    };
    let leaf = expression().prop_map(FieldValue::Expression).boxed();
    let value = leaf.prop_recursive(3, 12, 4, move |inner| field(inner).prop_map(FieldValue::Record)).boxed();
    field(value)
}

fn arguments() -> impl Strategy<Value = Vec<Argument>> {
    vec((name(), expression()).prop_map(|(name, value)| Argument { name: at(name), value }), 0..3)
}

fn source() -> impl Strategy<Value = Source> {
    let call = || (name(), arguments()).prop_map(|(name, arguments)| at(Call { name: at(name), arguments }));
    let body = prop_oneof![record().prop_map(Body::Fields), call().prop_map(Body::Preset)];
    let definition = (name(), arguments(), body).prop_map(|(name, parameters, body)| {
        Source::Definition(Definition { name: at(name), parameters, body })
    });
    prop_oneof![definition, call().prop_map(Source::Call)]
}

/// Whatever parses must print and parse to the same; whatever resolves must expand to a graph that verifies.
fn survives(text: &str) {
    if let Ok(syntax) = parse_source(text) {
        assert_eq!(parse_source(&syntax.to_string()).as_ref(), Ok(&syntax), "{text}");
    }
    match parse_network(text) {
        Ok(network) => match expand(&network, 1) {
            Ok(graph) => graph.verify().unwrap_or_else(|faults| panic!("{text}: {faults}")),
            Err(faults) => {
                assert!(faults.list.iter().all(|fault| fault.code.code() == "RX0203"), "{text}: {faults}");
            }
        },
        Err(faults) => assert!(!faults.list.is_empty(), "{text} fails without a fault"),
    }
}

const WORDS: &[&str] = &[
    "network",
    "rexnet",
    "input",
    "classes",
    "stem",
    "blocks",
    "head",
    "preprocess",
    "linear",
    "multiple_of",
    "i",
    "n",
    "silu",
    "none",
    "same",
    "true",
    "width",
    "0",
    "1",
    "2",
    "-1",
    "3.5",
    "1e-5",
    "1e308",
    "99999999999999999999",
    "0.0",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "<",
    ">",
    ",",
    ":",
    "=",
    "+",
    "-",
    "*",
    "/",
    "^",
    "!",
    "<=",
    "==",
    "&&",
    "||",
    "//",
    "/*",
    "*/",
    "\n",
    " ",
    "#",
    "\"",
    "'",
    "r#",
    "é",
    "§",
    "\u{feff}",
    ";",
    ".",
    "..",
    "!",
    "///",
    "/** x */",
    "#[doc = 1]",
    "1px",
    "0x1f",
    "b'a'",
];

/// Cuts `length` characters at a place given in thousandths of the text, and puts words there.
type Edit = (usize, usize, Vec<&'static str>);

fn edited(text: &str, edits: &[Edit]) -> String {
    let mut text: Vec<char> = text.chars().collect();
    for (place, length, words) in edits {
        let start = text.len() * place / 1000;
        let end = (start + length).min(text.len());
        text.splice(start..end, words.concat().chars());
    }
    text.into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn printing_is_undone_by_parsing(source in source()) {
        let text = source.to_string();
        prop_assert_eq!(parse_source(&text), Ok(source), "{}", text);
    }

    #[test]
    fn any_text_is_survived(text in any::<String>()) {
        survives(&text);
    }

    #[test]
    fn any_words_are_survived(words in vec(select(WORDS), 0..40), glue in select(vec!["", " "])) {
        survives(&words.join(glue));
    }

    #[test]
    fn any_edit_of_a_preset_is_survived(
        preset in select(PRESETS),
        edits in vec((0usize..1000, 0usize..12, vec(select(WORDS), 0..3)), 1..4),
    ) {
        survives(&edited(preset.source, &edits));
    }

    #[test]
    fn any_arguments_are_survived(
        preset in select(PRESETS), width in number(), depth in 0.0..8.0f64, classes in number(), size in 0.0..300.0f64,
    ) {
        let classes = if classes > 1e6 { 10.0 } else { classes.ceil() };
        let size = size.floor();
        survives(&format!("{}(width = {width:?}, depth = {depth}, classes = {classes}, size = {size})", preset.name));
        survives(&format!("{}(width = {:?}, classes = {classes})", preset.name, width % 4.0));
    }
}

/// A random network that has no faults, as text.
fn sound() -> impl Strategy<Value = String> {
    let list = |values: Vec<usize>, stages: usize| vec(select(values), stages..=stages);
    let activation = || select(vec!["relu", "relu6", "silu", "sigmoid", "none"]);
    (1usize..5).prop_flat_map(move |stages| {
        let sizes = (1usize..5, 1usize..40, 1usize..40, 1usize..20, select(vec!["symmetric", "same"]));
        let lists = (
            list(vec![1, 2, 3], stages),
            list((1..24).collect(), stages),
            list(vec![1, 1, 2, 3], stages),
            list(vec![1, 3, 5, 7], stages),
            list(vec![0, 1], stages),
        );
        let words = (activation(), activation(), select(vec!["prefix", "equal", "none"]));
        let gate = (any::<bool>(), select(vec!["before_activation", "after_activation"]), activation());
        let channels = select(vec!["LIST", "multiple_of(8, LIST)", "linear(5, 3)", "7 + 2 * i", "12"]);
        (sizes, lists, words, gate, channels, any::<bool>()).prop_map(
            |(
                (c, h, w, classes, padding),
                (repeats, widths, strides, kernels, present),
                words,
                gate,
                channels,
                head,
            )| {
                let channels = channels.replace("LIST", &format!("{widths:?}"));
                let squeeze = format!(
                    "squeeze_excite: {{ present: {present:?}, channels: ceil(expanded / 3), activation: {}, \
                     batch_norm: {}, position: {} }},",
                    gate.2, gate.0, gate.1
                );
                let head = if head { "head: { channels: 9, activation: silu }," } else { "" };
                format!(
                    "network sound {{
                        input: [{c}, {h}, {w}], classes: {classes}, padding: {padding},
                        batch_norm: {{ epsilon: 1e-3 }},
                        stem: {{ channels: 6, kernel: 3, stride: 2, activation: {} }},
                        blocks: {{
                            repeats: {repeats:?}, channels: {channels},
                            expand: {{ ratio: ({kernels:?} + {present:?} + 1) / 2, activation: {} }},
                            depthwise: {{ kernel: {kernels:?}, stride: {strides:?}, activation: {} }},
                            {squeeze} shortcut: {},
                        }},
                        {head}
                    }}",
                    words.0, words.0, words.1, words.2
                )
            },
        )
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sound_networks_expand_to_the_shapes_they_say(text in sound(), batch in 1usize..4) {
        let network = parse_network(&text).unwrap_or_else(|faults| panic!("{text}: {faults}"));
        prop_assert_eq!(&parse_network(&parse_source(&text).unwrap().to_string()).unwrap(), &network);
        let graph = expand(&network, batch).unwrap();
        graph.verify().unwrap();
        let dims = |name: &str| graph.node(graph.find(name).unwrap()).ty.dims.clone();
        let [mut height, mut width] = [network.input[1].div_ceil(2), network.input[2].div_ceil(2)];
        let mut input = network.stem.channels;
        for (index, block) in network.blocks.iter().enumerate() {
            prop_assert_eq!(block.input, input);
            prop_assert!(!block.shortcut || (block.stride == 1 && block.input <= block.channels));
            (height, width, input) = (height.div_ceil(block.stride), width.div_ceil(block.stride), block.channels);
            prop_assert_eq!(dims(&format!("features.{index}")), vec![batch, block.channels, height, width]);
        }
        prop_assert_eq!(dims("head.fc"), vec![batch, network.classifier.unwrap().classes]);
    }

    #[test]
    fn padding_gives_every_stride_its_positions(extent in 1usize..300, half in 0usize..5, stride in 1usize..5) {
        let kernel = 2 * half + 1;
        for padding in [Padding::Symmetric, Padding::Same] {
            let [before, after] = padding.around(extent, kernel, stride);
            prop_assert!(before <= after && after <= before + kernel);
            prop_assert_eq!((extent + before + after - kernel) / stride + 1, extent.div_ceil(stride));
        }
    }
}
