//! The macros, with their documentation.

#[cfg(target_arch = "aarch64")]
pub use rexnet_macros::{network_aarch64 as network_here, rexnet_aarch64 as rexnet_here};
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
pub use rexnet_macros::{network_portable as network_here, rexnet_portable as rexnet_here};
#[cfg(target_arch = "x86_64")]
pub use rexnet_macros::{network_x86_64 as network_here, rexnet_x86_64 as rexnet_here};

/// Compiles a ReXNet with your crate and defines it as a type.
///
/// ```
/// rexnet::rexnet! {
///     /// Tells ten things apart.
///     pub struct Classifier;
///     width = 0.5, classes = 10, size = 32
/// }
///
/// # fn classify() -> Result<(), Box<dyn std::error::Error>> {
/// let network = Classifier::load("classifier.rxw")?;   // written by `rexnetc pack`
/// let mut scratch = Classifier::scratch();             // the memory of one thread; the network is shared
/// let image = [0.5; 3 * 32 * 32];                      // NCHW f32
/// let mut logits = [0.0; 10];
/// network.run(&mut scratch, &image, &mut logits);      // allocates nothing
/// # Ok(())
/// # }
/// ```
///
/// - The parameters are the preset's: `width`, `depth`, `classes`, `size`. `<width = 0.5>` is accepted too.
/// - Without `struct …;` the type is `Rexnet`, private to the module that it stands in.
/// - `weights = "models/classifier.rxw"` compiles packed weights in: the type gets `new()`. The path is relative to
///   Cargo.toml, as all paths here, a changed file compiles again, and a file that is not for this network is an error at
///   the path that says how to pack it. Without it weights come at run time: `load`, `from_packed`, `from_static`.
/// - `labels = "models/classifier.labels"`, a class a line: the type gets `LABELS`.
/// - `preprocess = "models/classifier.preprocess"`, the fields of a spec's `preprocess` in braces: how photographs become the
///   input. A model's `.labels` and `.preprocess` beside it, `models/classifier.labels`, are read without being named.
/// - `batch = 4` makes code for four images a run; a model that is fixed to another number is an error.
/// - `size = [224, 320]`, of [`network!`](crate::network), and `bind = { NAME = 320 }` bind what a model leaves free; a name that
///   is no word is a string, `"x[3]"` the fourth extent of the input `x`.
/// - `targets = [avx512, avx2, neon, portable]`: which versions to make, all of the architecture without it. Fewer compile
///   sooner; without `portable` a processor that has none of the others is an error at run time.
/// - `emit = "rust"`: all kernels as Rust. Otherwise, with the feature `asm`, a default one, those of AVX2 and AVX-512 are
///   machine code of rexnet's own assembler: the same bits, as fast in a build without optimisation, and sooner compiled.
/// - `std = false`: neither `std` nor the heap; weights come from `from_static` or are compiled in, `Scratch::new()` is a
///   `const fn` for a `static`.
/// - `precision = f32`, the only one.
/// - `crate = crate::vision::rexnet`: where rexnet is, if not at `::rexnet`.
///
/// `network.session()` is the network with memory of its own: `session.run(&image, &mut logits)`. With the feature `image`,
/// where something says how photographs are prepared and there is one image in and one row of classes out, it also has
/// `session.classify(&photograph)`: the five most probable classes.
///
/// Beside the type stands a module of its name in snake case, `classifier`, with its `Session`, `Scratch`, `Version` and
/// `Error`; that of `Rexnet` is `rexnet_network`. The code needs `std` unless told otherwise. Its `unsafe` rests on the compiler's proofs of
/// bounds; the lint `unsafe_code`, even forbidden, does not look into macros of other crates.
pub use rexnet_here as rexnet;

/// Compiles any network with your crate: a preset call, a definition in the language of `.rexnet` files, or the path of a
/// `.rexnet` or `.onnx` file of the crate, `network!("models/classifier.onnx")`. A model's weights are packed beside it,
/// `rexnetc pack models/classifier.onnx -o models/classifier.rxw`; they never become source.
///
/// ```
/// rexnet::network!(efficientnet_lite0(width = 0.5, size = 32));   // a type `Network`
///
/// rexnet::network! {
///     /// Three blocks.
///     pub(crate) struct Tiny;
///     network tiny(size = 16) {
///         input: [3, size, size],
///         classes: 4,
///         batch_norm: { epsilon: 1e-5 },
///         stem: { channels: 8, kernel: 3, stride: 2, activation: silu },
///         blocks: {
///             repeats: [3],
///             channels: round_half_even(linear(8, 16 / n)),
///             expand: { ratio: 2, activation: silu },
///             depthwise: { kernel: 3, stride: 1, activation: relu6 },
///             shortcut: prefix,
///         },
///     },
///     batch = 2,
/// }
/// assert_eq!((Network::INPUT, Tiny::INPUT), ([1, 3, 32, 32], [2, 3, 16, 16]));
/// ```
///
/// All else is as for [`rexnet!`].
pub use network_here as network;
