//! The front door: a language in which a network is *channels as a function of the block index*, scaled by
//! parameters.
//!
//! A spec is a definition, or the call of a preset ([`PRESETS`]): `rexnet(width = 0.5, classes = 10)`, also
//! `rexnet<width = 0.5>`, `rexnet` alone, or only `<width = 0.5>`, which means `rexnet`.
//!
//! ```
//! use rexnet_ir::spec::{expand, parse_network};
//!
//! let network = parse_network(
//!     "
//!     // A network of five blocks in three stages.
//!     network tiny(width = 1.0, size = 64) {
//!         input: [3, size, size],
//!         classes: 10,
//!         preprocess: {                                     // may be left out: tensors in, no photographs
//!             geometry: resize_then_crop(size + 8),         // or crop_then_resize(0.875)
//!             interpolation: bicubic,                       // or bilinear
//!             scale: 255,                                   // (byte / scale - mean) / std
//!             mean: [0.485, 0.456, 0.406],
//!             std: [0.229, 0.224, 0.225],
//!         },
//!         padding: symmetric,                               // the default; or same, as TensorFlow pads
//!         batch_norm: { epsilon: 1e-5 },
//!         convolution_bias: false,                          // the default: batch norms have the biases
//!         stem: { channels: 16, kernel: 3, stride: 2, activation: silu },
//!         blocks: {
//!             repeats: [1, 2, 2],
//!             channels: round_half_even(width * linear(16, 40 / n)),
//!             expand: {
//!                 ratio: [1, 6, 6],                         // not beside channels of depthwise
//!                 activation: silu,
//!                 present: [false, true, true],             // may be left out: wherever the ratio is not 1
//!                 groups: 1,                                // may be left out
//!             },
//!             depthwise: {
//!                 kernel: 3,                                // (3, 5, 7): several, side by side
//!                 stride: [1, 2, 2],
//!                 activation: relu6,
//!             },
//!             squeeze_excite: {                             // may be left out
//!                 present: [false, true, true],             // may be left out: everywhere
//!                 channels: floor(expanded / 12),
//!                 activation: relu,
//!                 batch_norm: true,
//!                 position: before_activation,              // or after_activation
//!             },
//!             project: { groups: 1 },                       // may be left out
//!             shortcut: prefix,                             // or equal, or none
//!             identity: one_of(i, 99),                      // may be left out: no block gives only its input
//!         },
//!         head: { channels: 128, activation: silu },        // may be left out: no last convolution
//!         features: [4, 8],                                 // may be left out: maps that are outputs, by stride
//!     }",
//! )?;
//! let widths: Vec<usize> = network.blocks.iter().map(|block| block.channels).collect();
//! assert_eq!(widths, [16, 24, 32, 40, 48]);
//! assert_eq!(expand(&network, 1)?.counts().parameters, 86_066);
//! # Ok::<(), rexnet_ir::diagnostic::Diagnostics>(())
//! ```
//!
//! # Grammar
//!
//! Tokens and comments are Rust's, so that a macro takes the same text; there are no strings.
//!
//! ```text
//! spec       = definition | call
//! definition = "network" name [ "(" [ arguments ] ")" ] ( record | "=" call )
//! call       = name [ "(" [ arguments ] ")" | "<" [ arguments ] ">" ]
//!            | "(" [ arguments ] ")" | "<" [ arguments ] ">"
//! arguments  = name "=" sum { "," name "=" sum } [ "," ]
//! record     = "{" [ field { "," field } [ "," ] ] "}"
//! field      = name ":" ( record | sum )
//! sum        = product { ( "+" | "-" ) product }
//! product    = factor { ( "*" | "/" ) factor }
//! factor     = [ "-" ] atom
//! atom       = number | name [ "(" [ items ] ")" ] | "[" [ items ] "]" | "(" sum ")" | tuple
//! tuple      = "(" sum "," [ items ] ")"
//! items      = sum { "," sum } [ "," ]
//! ```
//!
//! # Values
//!
//! - Numbers are f64; `true` is 1 and `false` is 0. Arithmetic works element by element on lists; a number beside
//!   a list stands for each element. A result that is not finite is a fault.
//! - Functions: `min`, `max`, `floor`, `ceil`, `truncate`, `sqrt`, `round_half_even` (Python's `round`),
//!   `round_half_up`, `multiple_of(divisor, x)` (TensorFlow's and timm's `make_divisible`), and `one_of(x, a, b, …)`,
//!   1 where `x` is one of the others. Counts must come out whole: nothing rounds in silence but the expanded width,
//!   `round_half_even(ratio * input)`.
//! - A tuple, `(3, 5, 7)`, is several numbers that are one value of a block; there is no arithmetic on it.
//! - Parameters are numbers; a default may use the parameters before it.
//! - `network lite1(size = 240) = lite0(depth = 1.1, size = size)` gives a preset with arguments a name of its own.
//! - Any call may say four fields from outside, beside parameters: `features = [8, 16, 32]`, `classifier = false`,
//!   `padding = same`, and `input = [height, width]`; the last one also sets a parameter `size` that is not given, to the
//!   larger extent.
//!
//! # Schedules
//!
//! Every field of `blocks` but `repeats` has a value for each block, in one of these forms:
//!
//! | form | example | value of block `i` |
//! | --- | --- | --- |
//! | constant | `3` | the same for all |
//! | stage-wise | `[1, 6, 6]` | that of its stage: as many values as stages |
//! | list | `[16, 24, 32, 40, 48]` | its own: as many values as blocks |
//! | linear | `linear(16, 40 / n)` | the start with the step added `i` times, each sum rounded to f64 |
//! | formula | `16 + 8 * i` | whatever it says of the index `i` and the number of blocks `n` |
//!
//! They combine: `multiple_of(8, width * [16, 24, 32])`. The gate's `channels` also know the block's `input` and
//! `expanded` width. A `stride` is that of a stage's first block, the others step by 1, unless a list gives one
//! for each block. Activations are `relu`, `relu6`, `sigmoid`, `silu`, `hard_sigmoid`, `hard_swish`, `leaky_relu` (slope
//! 0.01), `elu`, `softplus`, `tanh` and `none`.
//!
//! # The block
//!
//! 1. `expand`: 1×1 convolution, batch norm, activation; absent where `ratio` is 1, unless `present` says otherwise.
//! 2. `depthwise`: convolution, batch norm, activation; the gate stands before or after the activation. Kernels of several
//!    sizes, a tuple, have equal shares of the channels, the first one what is left over; or those that `channels`, a
//!    tuple of as many numbers, gives them (0 for none), which then add up to the expanded width.
//! 3. `squeeze_excite`: mean over the map, 1×1 convolution, batch norm if wanted, activation, 1×1 convolution,
//!    sigmoid; scales the channels.
//! 4. Projection to `channels`: 1×1 convolution, batch norm.
//! 5. `shortcut`, where the stride is 1: `equal` adds the block's input where both widths are equal, `prefix` adds
//!    it to the first channels where the output is as wide or wider.
//!
//! A block that `identity` names has no layers; its input is its output.
//!
//! # Around the blocks
//!
//! - `stem`, then the blocks, then `head`, a 1×1 convolution; the mean over the map; `head.hidden: { channels,
//!   activation }`, if there, a layer with bias, batch norm and activation; the classes. `classifier: false` leaves all of
//!   that out, and `classes` may be absent beside a detector.
//! - `features`: strides. The last map of each is an output, `stride_8`.
//! - `detector: { taps: [16, 32], extras: [512, 256], kernel: 3, activation: relu6, anchors: [6, 6, 6, 6], classes: 91 }`:
//!   SSDLite. Further blocks of stride 2 follow the last tap; each map has a predictor of scores, `scores_0`
//!   `[n, anchors·classes, h, w]`, and one of boxes, `boxes_0` `[n, anchors·4, h, w]`.
//! - `stand_in: true` marks a network that was fitted to published counts, because its blocks are not public.

mod evaluate;
mod expand;
mod fault;
mod functions;
mod limits;
mod names;
pub mod network;
mod parse;
pub mod preprocessing;
mod presets;
mod pytorch;
mod resolve;
pub mod rounding;
mod schedule;
pub mod syntax;

pub use expand::{INPUT, OUTPUT, expand};
pub use fault::{Fault, Faults};
pub use limits::{MAX_BYTES, MAX_NESTING};
pub use network::Network;
pub use presets::{PRESETS, Preset};
pub use pytorch::pytorch;

use crate::diagnostic::{Code, Diagnostics};
use preprocessing::Preprocessing;
use proc_macro2::{Span, TokenStream};
use syntax::{Definition, Source, Spanned};

/// The syntax of a spec, without its meaning.
///
/// # Errors
/// `RX0101` for text that does not follow the grammar, `RX0106` for text beyond the limits.
pub fn parse_source(source: &str) -> Result<Source, Diagnostics> {
    parse::text(source)
}

/// The network of a spec: a definition with its defaults, or a preset with arguments.
///
/// # Errors
/// `RX0101` to `RX0106`, all of them with byte ranges of `source`.
pub fn parse_network(source: &str) -> Result<Network, Diagnostics> {
    parse_network_with(source, &[])
}

/// Like [`parse_network`], with further arguments; these outweigh those in the text.
///
/// # Errors
/// As for [`parse_network`]; an argument that the network has no parameter for is `RX0102`.
pub fn parse_network_with(source: &str, arguments: &[(&str, f64)]) -> Result<Network, Diagnostics> {
    let syntax = parse::text(source)?;
    instantiate(&syntax, arguments).map_err(|faults| faults.in_text(source))
}

/// The preprocessing that a text states, such as the sidecar file of an ONNX model: the fields of a spec's
/// `preprocess` in braces, for an input of channels, height and width.
///
/// # Errors
/// `RX0101` to `RX0106`, all of them with byte ranges of `source`.
pub fn parse_preprocessing(source: &str, input: [usize; 3]) -> Result<Preprocessing, Diagnostics> {
    let record = parse::record_text(source)?;
    resolve::preprocessing(&record, input).map_err(|faults| faults.in_text(source))
}

/// The network of a spec given as tokens, for macros: faults keep the tokens' spans.
///
/// # Errors
/// As for [`parse_network`].
pub fn parse_tokens(tokens: TokenStream) -> Result<Network, Faults> {
    resolve_source(&parse_source_tokens(tokens)?)
}

/// The syntax of a spec given as tokens, without its meaning: the first half of [`parse_tokens`].
///
/// # Errors
/// As for [`parse_source`].
pub fn parse_source_tokens(tokens: TokenStream) -> Result<Source, Faults> {
    parse::tokens(tokens)
}

/// What a spec's syntax means: the second half of [`parse_tokens`].
///
/// # Errors
/// `RX0102` to `RX0106`, at the spans in the syntax.
pub fn resolve_source(source: &Source) -> Result<Network, Faults> {
    instantiate(source, &[])
}

fn instantiate(source: &Source, more: &[(&str, f64)]) -> Result<Network, Faults> {
    match source {
        Source::Definition(definition) => {
            let arguments = resolve::bind(definition, &[], more, definition.name.span)?;
            resolve::resolve(definition, &arguments)
        }
        Source::Call(Spanned { node: call, span }) => {
            let definition = preset(&call.name.node, call.name.span)?;
            let arguments = resolve::bind(&definition, &call.arguments, more, *span)?;
            resolve::resolve(&definition, &arguments).map_err(|faults| faults.at_call(&call.name.node, *span))
        }
    }
}

/// What a call of the preset of that name may set: its own parameters, and what every network has. Empty where there is no
/// such preset.
pub fn arguments_of(name: &str) -> Vec<String> {
    let Ok(definition) = preset(name, Span::call_site()) else { return Vec::new() };
    let own = definition.parameters.into_iter().map(|parameter| parameter.name.node);
    own.chain(resolve::SETTINGS.iter().map(|&name| name.to_owned())).collect()
}

/// Help for a name that there is not: the known name within two edits, if there is one, and all `known` names.
pub fn advice<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    names::advice(name, known)
}

fn preset(name: &str, span: Span) -> Result<Definition, Faults> {
    let mut faults = Faults::default();
    let Some(preset) = PRESETS.iter().find(|preset| preset.name == name) else {
        let help = names::advice(name, PRESETS.iter().map(|preset| preset.name));
        faults.push_help(Code::SpecUnknownName, span, format!("there is no preset `{name}`"), help);
        return Err(faults);
    };
    match preset.source.parse().map(parse::tokens) {
        Ok(Ok(Source::Definition(definition))) => Ok(definition),
        Ok(Ok(Source::Call(_)) | Err(_)) | Err(_) => {
            faults.push(Code::SpecSyntax, span, format!("the file of preset `{name}` is no definition"));
            Err(faults)
        }
    }
}
