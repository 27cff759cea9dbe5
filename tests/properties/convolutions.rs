//! Any convolution: the proof holds, all back ends agree, the reference is near.

use crate::backends::run_everywhere;
use crate::comparison::{assert_within, range, widen};
use crate::inputs;
use proptest::prelude::*;
use proptest::sample::select;
use rexnet_codegen::driver::Taps;
use rexnet_ir::graph::{Activation, Conv2d, Graph, KernelSlice, Op};
use rexnet_ir::reference::evaluate_outputs;
use rexnet_ir::weights::seed;

/// The distance from the f64 reference: weights are scaled so that sums are about 1, whatever cancels in them.
fn bound(expected: &[f64]) -> f64 {
    1e-5 * range(expected).max(1.0)
}

#[derive(Clone, Copy, Debug)]
enum Groups {
    One,
    Two,
    Depthwise,
    /// Depthwise, with two kernels of odd sides where the kernel allows it.
    Mixed,
}

#[derive(Clone, Debug)]
struct Case {
    batch: usize,
    groups: Groups,
    channels: [usize; 2],
    size: [usize; 2],
    kernel: [usize; 2],
    stride: [usize; 2],
    dilation: [usize; 2],
    pad: [usize; 4],
    bias: bool,
    activation: Option<Activation>,
    /// The share of the output channels that a shortcut covers, in tenths.
    shortcut: usize,
    /// Whether another operator stands before, so that the input is channels-last.
    inside: bool,
}

impl Case {
    fn strategy() -> impl Strategy<Value = Case> {
        let width = || prop_oneof![1usize..70, Just(27), Just(38), Just(61)];
        let groups = select(vec![Groups::One, Groups::Two, Groups::Depthwise, Groups::Mixed]);
        let kernel = || prop_oneof![2 => Just(1usize), 3 => Just(3), 1 => 1usize..=9];
        let step = || prop_oneof![2 => Just(1usize), 1 => 1usize..=3];
        let activation = proptest::option::of(proptest::sample::select(Activation::ALL));
        let shape = (1usize..=3, groups, [width(), width()], [1usize..=12, 1usize..=12]);
        let window = (
            [kernel(), kernel()],
            [step(), step()],
            [1usize..=2, 1usize..=2],
            proptest::array::uniform4(0usize..9),
        );
        let fused = (any::<bool>(), activation, 0usize..=10, any::<bool>());
        (shape, window, fused).prop_map(|(shape, window, fused)| {
            let (batch, groups, channels, size) = shape;
            let (kernel, stride, dilation, pad) = window;
            let (bias, activation, shortcut, inside) = fused;
            let case = Case {
                batch,
                groups,
                channels,
                size,
                kernel,
                stride,
                dilation,
                pad,
                bias,
                activation,
                shortcut,
                inside,
            };
            case.fitting()
        })
    }

    /// Padding smaller than the window's reach, and the map at least as large as the window.
    fn fitting(mut self) -> Case {
        if self.kernel[0] * self.kernel[1] > 9 {
            // Many products of many positions take long to interpret.
            self.channels = self.channels.map(|width| width.min(20));
        }
        if matches!(self.groups, Groups::Mixed) {
            self.kernel = [self.kernel[0] | 1; 2];
            self.dilation = [1, 1];
        }
        let reach = [0, 1].map(|axis| (self.kernel[axis] - 1) * self.dilation[axis] + 1);
        for side in 0..4 {
            self.pad[side] %= reach[side % 2];
        }
        if matches!(self.groups, Groups::Mixed) {
            // The smaller kernel is padded, too.
            self.pad = self.pad.map(|pad| pad.max(self.kernel[0] / 2));
        }
        for (axis, reach) in reach.into_iter().enumerate() {
            let padding = self.pad[axis] + self.pad[axis + 2];
            self.size[axis] = self.size[axis].max(reach.saturating_sub(padding));
        }
        self
    }

    fn graph(&self) -> Graph {
        let [c, m] = match self.groups {
            Groups::One => self.channels,
            Groups::Two => self.channels.map(|width| width.next_multiple_of(2)),
            Groups::Depthwise | Groups::Mixed => [self.channels[0]; 2],
        };
        let groups = match self.groups {
            Groups::One => 1,
            Groups::Two => 2,
            Groups::Depthwise | Groups::Mixed => c,
        };
        let mut graph = Graph::new("convolution");
        let mut editor = graph.edit();
        let mut x = editor.input("x", &[self.batch, c, self.size[0], self.size[1]]).unwrap();
        if self.inside {
            x = editor.add(Activation::Relu.into(), &[x], "inside").unwrap();
        }
        let mut operands =
            vec![x, editor.constant("w", &[m, c / groups, self.kernel[0], self.kernel[1]]).unwrap()];
        if self.bias {
            operands.push(editor.constant("b", &[m]).unwrap());
        }
        let slices = match self.groups {
            Groups::Mixed if c > 1 => {
                let (side, first) = (self.kernel[0], 1 + self.channels[1] % (c - 1));
                let smaller = side - 2 * (self.channels[1] % (side / 2 + 1));
                vec![
                    KernelSlice { kernel: smaller, channels: first },
                    KernelSlice { kernel: side, channels: c - first },
                ]
            }
            Groups::One | Groups::Two | Groups::Depthwise | Groups::Mixed => Vec::new(),
        };
        let conv = Conv2d {
            slices,
            stride: self.stride,
            pad: self.pad,
            dilation: self.dilation,
            groups,
            bias: self.bias,
            ..Conv2d::pointwise()
        };
        let mut result = editor.add(Op::Conv2d(conv), &operands, "conv").unwrap();
        if let Some(function) = self.activation {
            result = editor.add(function.into(), &[result], "act").unwrap();
        }
        let covered = m * self.shortcut / 10;
        if covered > 0 {
            let ty = editor.graph().node(result).ty.clone();
            let part = editor.input("part", &[ty.batch(), covered, ty.height(), ty.width()]).unwrap();
            result = editor.add(Op::PrefixAdd, &[result, part], "sum").unwrap();
        }
        editor.output("y", result);
        seed(&mut graph, 3).unwrap();
        graph
    }
}

proptest! {
    #![proptest_config(crate::cases(64))]

    #[test]
    fn convolutions_agree(case in Case::strategy()) {
        let graph = case.graph();
        let data = inputs::for_graph(&graph);
        let inputs = inputs::borrow(&data);
        let agreed = run_everywhere(None, "convolution", &graph, &inputs, &Taps::None);
        for graph in [&graph, &agreed.graph] {
            let expected = &evaluate_outputs(graph, &inputs).unwrap()[0].data;
            let bound = bound(expected);
            assert_within("the reference", &widen(&agreed.outputs[0]), expected, |_| bound);
        }
    }
}
