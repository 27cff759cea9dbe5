//! Layers made at random, and what they make of noise.

use super::spectrum::{Gram, Ranks};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal, Uniform};
use rexnet::{Code, Diagnostic, Diagnostics, Engine, Location, Options, Weights};
use rexnet_ir::graph::{Activation, Conv2d, Editor, Graph, NodeId, Op, Tensor};

/// Height and width of the maps: four times as many positions as the widest layer has channels.
pub(super) const SIDE: usize = 32;
/// Output channels are drawn from these, both included.
pub(super) const WIDTHS: [usize; 2] = [32, 256];
/// How much an inverted bottleneck expands its input (Sandler et al., "MobileNetV2", 2018, section 4).
pub(super) const EXPANSION: usize = 6;

/// The form of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// A convolution of 1×1, then the nonlinearity.
    Pointwise,
    /// A convolution of 3×3, then the nonlinearity.
    Spatial,
    /// A convolution of 1×1 that expands, the nonlinearity, a depthwise one of 3×3, the nonlinearity, one of 1×1 to the
    /// output.
    InvertedBottleneck,
}

impl Form {
    /// All, in the order of the panels.
    pub(super) const ALL: [Form; 3] = [Form::Pointwise, Form::Spatial, Form::InvertedBottleneck];

    /// For tables and files.
    pub(super) fn name(self) -> &'static str {
        match self {
            Form::Pointwise => "conv_1x1",
            Form::Spatial => "conv_3x3",
            Form::InvertedBottleneck => "inverted_bottleneck",
        }
    }

    /// For people.
    pub(super) fn title(self) -> &'static str {
        match self {
            Form::Pointwise => "1×1 convolution",
            Form::Spatial => "3×3 convolution",
            Form::InvertedBottleneck => "inverted bottleneck, depthwise 3×3",
        }
    }
}

/// A nonlinearity by its name; `None` is none.
pub(super) type Nonlinearity = (&'static str, Option<Activation>);

/// All that are compared.
pub(super) fn nonlinearities() -> Vec<Nonlinearity> {
    let default = |name: &'static str, spelling: &str| (name, Activation::from_name(spelling));
    vec![
        ("none", None),
        default("ReLU", "relu"),
        default("ReLU6", "relu6"),
        default("leaky ReLU", "leaky_relu"),
        default("ELU", "elu"),
        default("SoftPlus", "softplus"),
        default("SiLU", "silu"),
        default("hard swish", "hard_swish"),
    ]
}

/// Weights and an input, drawn once for all nonlinearities: what differs between them is the nonlinearity alone.
pub(super) struct Sample {
    /// The form.
    pub(super) form: Form,
    /// Channels of the input.
    pub(super) input_channels: usize,
    /// Channels of the output.
    pub(super) output_channels: usize,
    /// Of each convolution in order, `[m, c / groups, kh, kw]`.
    weights: Vec<Tensor>,
    /// `[1, channels, SIDE, SIDE]`.
    input: Vec<f32>,
}

impl Sample {
    /// Draws one whose input has `ratio` times as many channels as its output, at least one. Inputs are of the normal
    /// distribution, weights too, with a variance of one by the number of products in a sum. Each `stream` of a seed is
    /// independent of the others. The output channels depend on seed and `network` alone: points are compared at the same
    /// widths.
    pub(super) fn draw(form: Form, ratio: f64, seed: u64, [network, stream]: [u64; 2]) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        // Streams of weights are counted from zero.
        random.set_stream(u64::MAX - network);
        let [least, most] = WIDTHS;
        let widths = Uniform::new_inclusive(least as u64, most as u64);
        let output_channels = widths.map_or(least, |widths| widths.sample(&mut random) as usize);
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(stream);
        let input_channels = ((ratio * output_channels as f64).round() as usize).max(1);
        let expanded = EXPANSION * input_channels;
        let shapes = match form {
            Form::Pointwise => vec![[output_channels, input_channels, 1, 1]],
            Form::Spatial => vec![[output_channels, input_channels, 3, 3]],
            Form::InvertedBottleneck => {
                vec![[expanded, input_channels, 1, 1], [expanded, 1, 3, 3], [output_channels, expanded, 1, 1]]
            }
        };
        let mut normal = |count: usize, deviation: f64| -> Vec<f32> {
            let draw = |_| {
                let value: f64 = StandardNormal.sample(&mut random);
                (value * deviation) as f32
            };
            (0..count).map(draw).collect()
        };
        let weights = shapes.iter().filter_map(|shape| {
            let fan_in: usize = shape[1..].iter().product();
            Tensor::new(shape.to_vec(), normal(shape.iter().product(), (fan_in as f64).powf(-0.5)))
        });
        let weights = weights.collect();
        let input = normal(input_channels * SIDE * SIDE, 1.0);
        Self { form, input_channels, output_channels, weights, input }
    }

    /// Compiles the layer with a nonlinearity, runs it, and looks at its output.
    ///
    /// # Errors
    /// Those of the engine: `RX0601` to `RX0603` where there can be no machine code, `RX0607` without memory.
    pub(super) fn ranks(
        &self,
        nonlinearity: Option<Activation>,
        engine: &Engine,
    ) -> Result<Ranks, Diagnostics> {
        let mut session =
            engine.compile(self.graph(nonlinearity)?, Weights::Own, &Options::default())?.session()?;
        let mut output = vec![0.0; self.output_channels * SIDE * SIDE];
        session.run(&[&self.input], &mut [&mut output])?;
        let mut gram = Gram::new(self.output_channels);
        gram.add(&output);
        let missing = || {
            let name = Location::Name(self.form.name().to_owned());
            Diagnostic::new(Code::RunArguments, name, "the output is not finite").into()
        };
        gram.ranks().ok_or_else(missing)
    }

    fn graph(&self, nonlinearity: Option<Activation>) -> Result<Graph, Diagnostic> {
        let mut graph = Graph::new(self.form.name());
        let mut editor = graph.edit();
        let mut value = editor.input("input", &[1, self.input_channels, SIDE, SIDE])?;
        let last = self.weights.len() - 1;
        for (index, weight) in self.weights.iter().enumerate() {
            value = convolve(&mut editor, value, weight)?;
            // The projection of an inverted bottleneck is linear.
            if let Some(function) = nonlinearity
                && (index < last || last == 0)
            {
                value = editor.add(function.into(), &[value], "nonlinearity")?;
            }
        }
        editor.output("output", value);
        Ok(graph)
    }
}

/// Adds a convolution that keeps height and width; a depthwise one where each filter has one channel and there are more.
fn convolve(editor: &mut Editor<'_>, input: NodeId, weight: &Tensor) -> Result<NodeId, Diagnostic> {
    let channels = editor.graph().node(input).ty.channels();
    let kernel = weight.dims()[2];
    let op = Conv2d { pad: [kernel / 2; 4], groups: channels / weight.dims()[1], ..Conv2d::pointwise() };
    let weight = editor.bound_constant("weight", weight.clone())?;
    editor.add(Op::Conv2d(op), &[input, weight], "convolution")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Without a nonlinearity a convolution of 1×1 has as many directions as its input has channels, or fewer; and a sample
    /// depends on nothing but form, ratio, seed and stream.
    #[test]
    fn linear_layers_have_no_more_directions_than_their_inputs() {
        let engine = Engine::new();
        for (stream, ratio) in [0.1, 0.3, 0.7].into_iter().enumerate() {
            let sample = Sample::draw(Form::Pointwise, ratio, 7, [0, stream as u64]);
            assert!((WIDTHS[0]..=WIDTHS[1]).contains(&sample.output_channels));
            let found = sample.ranks(None, &engine).unwrap();
            // That all count is the tolerance's doing; rounding of the f32 kernels is far below it.
            assert!(found.rank <= sample.input_channels, "{found:?} of {}", sample.input_channels);
            assert!(found.effective <= sample.input_channels as f64, "{found:?}");
            let again = Sample::draw(Form::Pointwise, ratio, 7, [0, stream as u64]);
            assert_eq!(again.ranks(None, &engine).unwrap(), found);
            let others = [
                Sample::draw(Form::Pointwise, ratio, 8, [0, stream as u64]),
                Sample::draw(Form::Pointwise, ratio, 7, [0, 9]),
            ];
            assert!(
                others.iter().all(|other| other.weights != sample.weights && other.input != sample.input)
            );
        }
    }

    #[test]
    fn every_form_and_nonlinearity_runs() {
        let engine = Engine::new();
        for form in Form::ALL {
            let sample = Sample::draw(form, 0.2, 0, [0, 0]);
            let ranks = |(_, nonlinearity)| sample.ranks(nonlinearity, &engine).unwrap();
            let all: Vec<Ranks> = nonlinearities().into_iter().map(ranks).collect();
            assert!(all.iter().all(|ranks| (1..=sample.output_channels).contains(&ranks.rank)), "{all:?}");
        }
        assert!(nonlinearities().iter().skip(1).all(|(_, function)| function.is_some()));
    }
}
