//! The classes that blocks are made of: a convolution with its batch norm, mixed kernels, the gate.

use super::Module;
use super::source::Source;
use crate::spec::network::Padding;

impl Module<'_> {
    /// The classes that this network needs.
    pub(super) fn layers(&self, out: &mut Source) {
        if self.network.padding == Padding::Same {
            same_convolution(out);
        }
        self.unit(out);
        if self.table.slices.is_asked() {
            self.mixed_unit(out);
        }
        if self.table.gate.holds_other_than("0") {
            self.squeeze_excite(out);
        }
    }

    /// The arguments of a `ConvBnAct`, without those that are its defaults.
    fn unit_arguments(&self, inputs: &str, outputs: &str, options: &[(&str, &str)]) -> Vec<String> {
        let bias = self.bias_default();
        let defaults =
            [("kernel", "1"), ("stride", "1"), ("groups", "1"), ("act", "nn.Identity"), ("bias", bias)];
        let said = options.iter().filter(|option| !defaults.contains(option));
        let said = said.map(|(name, value)| format!("{name}={value}"));
        [inputs, outputs].into_iter().map(str::to_owned).chain(said).collect()
    }

    /// A call of `ConvBnAct` as an expression.
    pub(super) fn unit_call(&self, inputs: &str, outputs: &str, options: &[(&str, &str)]) -> String {
        format!("ConvBnAct({})", self.unit_arguments(inputs, outputs, options).join(", "))
    }

    /// A `ConvBnAct` that is an attribute.
    pub(super) fn unit_attribute(
        &self,
        out: &mut Source,
        level: usize,
        name: &str,
        [inputs, outputs]: [&str; 2],
        options: &[(&str, &str)],
    ) {
        let arguments = self.unit_arguments(inputs, outputs, options);
        out.bracketed(level, &format!("self.{name} = ConvBnAct("), &arguments, ")");
    }

    fn unit(&self, out: &mut Source) {
        let mut parameters = vec![
            "self",
            "inputs: int",
            "outputs: int",
            "kernel: int = 1",
            "stride: int = 1",
            "groups: int = 1",
            "act: type[nn.Module] = nn.Identity",
        ];
        let own = format!("bias: bool = {}", self.bias_default());
        let bias = if self.bias_varies() { "bias" } else { self.bias_default() };
        if self.bias_varies() {
            parameters.push(&own);
        }
        let parameters: Vec<String> = parameters.into_iter().map(str::to_owned).collect();
        out.open("class ConvBnAct(nn.Module):");
        out.lines(1, &["\"\"\"Convolution, batch norm, activation.\"\"\"", ""]);
        out.bracketed(1, "def __init__(", &parameters, ") -> None:");
        out.line(2, "super().__init__()");
        out.line(2, &format!("self.conv = {}", self.convolution("inputs, outputs", "groups", bias)));
        out.line(2, &format!("self.bn = {}", self.batch_norm("outputs")));
        out.lines(2, &["self.act = act()", ""]);
        out.line(1, "def forward(self, x: Tensor) -> Tensor:");
        out.line(2, "return self.act(self.bn(self.conv(x)))");
    }

    fn mixed_unit(&self, out: &mut Source) {
        out.open("class MixedConvBn(nn.Module):");
        out.line(1, "\"\"\"Depthwise convolutions of several kernel sizes, each on a slice of the channels; batch norm.\"\"\"");
        out.line(0, "");
        out.line(1, "def __init__(self, slices: tuple[tuple[int, int], ...], stride: int) -> None:");
        out.lines(2, &["super().__init__()", "self.channels = [channels for _, channels in slices]"]);
        out.line(2, "self.conv = nn.ModuleList()");
        out.line(2, "for kernel, channels in slices:");
        let convolution = self.convolution("channels, channels", "channels", self.bias_default());
        out.line(3, &format!("self.conv.append({convolution})"));
        out.line(2, &format!("self.bn = {}", self.batch_norm("sum(self.channels)")));
        out.line(0, "");
        out.line(1, "def forward(self, x: Tensor) -> Tensor:");
        out.line(2, "parts = zip(self.conv, x.split(self.channels, 1))");
        out.line(2, "return self.bn(torch.cat([conv(part) for conv, part in parts], 1))");
    }

    fn squeeze_excite(&self, out: &mut Source) {
        let (norm, act) = (&self.table.gate_norm, &self.table.gate_act);
        let norm_varies = norm.constant().is_none();
        let act_varies = act.constant().is_none();
        let function = &self.table.gate_function;
        let mut parameters = ["self", "channels: int", "squeezed: int"].map(str::to_owned).to_vec();
        if norm_varies {
            parameters.push("norm: bool".to_owned());
        }
        if act_varies {
            parameters.push("act: type[nn.Module]".to_owned());
        }
        if function.constant().is_none() {
            parameters.push("function: type[nn.Module]".to_owned());
        }
        out.open("class SqueezeExcite(nn.Module):");
        out.line(1, "\"\"\"Scales each channel by a gate that is computed from the means of all.\"\"\"");
        out.line(0, "");
        out.bracketed(1, "def __init__(", &parameters, ") -> None:");
        out.lines(2, &["super().__init__()", "self.fc1 = nn.Conv2d(channels, squeezed, 1)"]);
        let batch_norm = self.batch_norm("squeezed");
        let mut gate = "self.fc1(x.mean((2, 3), keepdim=True))".to_owned();
        if norm.holds("True") {
            if norm_varies {
                out.choice(2, "self.bn", &batch_norm, "norm", "nn.Identity()");
            } else {
                out.line(2, &format!("self.bn = {batch_norm}"));
            }
            gate = format!("self.bn({gate})");
        }
        if act.holds_other_than("nn.Identity") {
            out.line(2, &format!("self.act = {}()", act.constant().unwrap_or("act")));
            gate = format!("self.act({gate})");
        }
        out.line(2, "self.fc2 = nn.Conv2d(squeezed, channels, 1)");
        let scale = match function.constant() {
            Some("nn.Sigmoid") => "torch.sigmoid",
            other => {
                out.line(2, &format!("self.gate = {}()", other.unwrap_or("function")));
                "self.gate"
            }
        };
        out.line(0, "");
        out.line(1, "def forward(self, x: Tensor) -> Tensor:");
        out.line(2, &format!("gate = {gate}"));
        out.line(2, &format!("return x * {scale}(self.fc2(gate))"));
    }

    /// A convolution of the variables `kernel` and `stride`.
    fn convolution(&self, channels: &str, groups: &str, bias: &str) -> String {
        match self.network.padding {
            Padding::Symmetric => {
                format!("nn.Conv2d({channels}, kernel, stride, kernel // 2, groups={groups}, bias={bias})")
            }
            Padding::Same => format!("SameConv2d({channels}, kernel, stride, groups={groups}, bias={bias})"),
        }
    }

    fn batch_norm(&self, channels: &str) -> String {
        format!("nn.BatchNorm2d({channels}, eps={:?})", self.network.batch_norm_epsilon)
    }
}

/// A convolution whose zeros depend on the size of the map ([`Padding::Same`]).
fn same_convolution(out: &mut Source) {
    out.open("class SameConv2d(nn.Conv2d):");
    out.lines(
        1,
        &[
            "\"\"\"A convolution with TensorFlow's padding: as few zeros as needed, the odd one after the map.\"\"\"",
            "",
            "def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, groups: int, bias: bool) -> None:",
        ],
    );
    out.lines(
        2,
        &[
            "# With stride 1 there are as many on both sides, whatever the size.",
            "padding = kernel // 2 if stride == 1 else 0",
            "super().__init__(inputs, outputs, kernel, stride, padding, groups=groups, bias=bias)",
            "",
        ],
    );
    out.line(1, "def forward(self, x: Tensor) -> Tensor:");
    out.lines(
        2,
        &[
            "kernel, stride = self.kernel_size[0], self.stride[0]",
            "if stride > 1:",
            "    padding: list[int] = []",
            "    for size in (x.shape[3], x.shape[2]):",
            "        zeros = max((-(-size // stride) - 1) * stride + kernel - size, 0)",
            "        padding += [zeros // 2, zeros - zeros // 2]",
            "    x = functional.pad(x, padding)",
            "return super().forward(x)",
        ],
    );
}
