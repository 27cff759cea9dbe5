//! The class `Block`: an inverted residual as far as the network's blocks need it.

use super::Module;
use super::source::Source;

impl Module<'_> {
    /// `class Block`.
    pub(super) fn block(&self, out: &mut Source) {
        let table = &self.table;
        let (shortcut, first) = (&table.shortcut, &table.gate_first);
        let gated = table.gate.holds_other_than("0");
        out.open("class Block(nn.Module):");
        let expansion = if table.expand.holds("True") { "expansion, " } else { "" };
        let gate = if gated { "squeeze-excite, " } else { "" };
        let parts = format!("{expansion}depthwise convolution, {gate}projection");
        out.line(1, &format!("\"\"\"An inverted residual: {parts}.\"\"\""));
        out.lines(1, &["", "def __init__(self, row: Row) -> None:"]);
        out.line(2, "super().__init__()");
        if shortcut.constant().is_none() {
            out.line(2, "self.shortcut = row.shortcut");
        }
        if gated && first.constant().is_none() {
            out.line(2, "self.gate_first = row.gate_first");
        }
        if table.expand.holds("True") {
            let groups = table.expand_groups.value();
            let options = [("groups", groups.as_str()), ("act", &table.expand_act.value())];
            let expand = self.unit_call("row.input", "row.expanded", &options);
            self.part(out, "conv_exp", &expand, table.expand.holds("False"), "row.expand");
        }
        self.depthwise(out);
        if gated {
            let mut arguments = vec!["row.expanded".to_owned(), table.gate.value()];
            let varying = [&table.gate_norm, &table.gate_act, &table.gate_function]
                .into_iter()
                .filter(|column| column.constant().is_none());
            arguments.extend(varying.map(|column| column.value()));
            let gate = format!("SqueezeExcite({})", arguments.join(", "));
            self.part(out, "se", &gate, table.gate.holds("0"), "row.gate");
        }
        if table.act.holds_other_than("nn.Identity") {
            out.line(2, &format!("self.act_dw = {}()", table.act.value()));
        }
        let groups = table.project_groups.value();
        self.unit_attribute(out, 2, "conv_pwl", ["row.expanded", "row.output"], &[("groups", &groups)]);
        out.line(0, "");
        self.block_forward(out, gated);
    }

    /// A layer that some blocks may lack.
    fn part(&self, out: &mut Source, name: &str, layer: &str, lacking: bool, condition: &str) {
        let target = format!("self.{name}");
        if lacking {
            out.choice(2, &target, layer, condition, "nn.Identity()");
        } else {
            out.line(2, &format!("{target} = {layer}"));
        }
    }

    fn depthwise(&self, out: &mut Source) {
        let table = &self.table;
        let (slices, stride) = (table.slices.value(), table.stride.value());
        let kernel =
            if table.slices.is_asked() { "row.slices[0][0]".to_owned() } else { table.kernel.value() };
        let options = [("kernel", kernel.as_str()), ("stride", &stride), ("groups", "row.expanded")];
        let single = |out: &mut Source, level| {
            self.unit_attribute(out, level, "conv_dw", ["row.expanded"; 2], &options);
        };
        let mixed = format!("MixedConvBn({slices}, {stride})");
        if !table.slices.is_asked() {
            single(out, 2);
        } else if self.layered().all(|block| block.slices.len() > 1) {
            out.line(2, &format!("self.conv_dw = {mixed}"));
        } else {
            out.line(2, "if len(row.slices) > 1:");
            out.line(3, &format!("self.conv_dw = {mixed}"));
            out.line(2, "else:");
            single(out, 3);
        }
    }

    fn block_forward(&self, out: &mut Source, gated: bool) {
        let table = &self.table;
        let acts = table.act.holds_other_than("nn.Identity");
        out.line(1, "def forward(self, x: Tensor) -> Tensor:");
        let mut input = "x";
        if table.expand.holds("True") {
            out.line(2, "out = self.conv_exp(x)");
            input = "out";
        }
        let act = |inner: &str| if acts { format!("self.act_dw({inner})") } else { inner.to_owned() };
        let depthwise = format!("self.conv_dw({input})");
        match table.gate_first.constant() {
            _ if !gated => out.line(2, &format!("out = {}", act(&depthwise))),
            Some("True") => out.line(2, &format!("out = {}", act(&format!("self.se({depthwise})")))),
            Some(_) => out.line(2, &format!("out = self.se({})", act(&depthwise))),
            None => {
                out.line(2, &format!("out = {depthwise}"));
                let (first, last) = (act("self.se(out)"), format!("self.se({})", act("out")));
                out.choice(2, "out", &first, "self.gate_first", &last);
            }
        }
        self.shortcut(out);
    }

    /// The projection and what is added to it.
    fn shortcut(&self, out: &mut Source) {
        let shortcut = &self.table.shortcut;
        if !shortcut.holds("True") {
            out.line(2, "return self.conv_pwl(out)");
            return;
        }
        out.line(2, "out = self.conv_pwl(out)");
        let mut added = self.layered().filter(|block| block.shortcut);
        if added.clone().all(|block| block.input == block.channels) {
            let result =
                if shortcut.holds("False") { "out + x if self.shortcut else out" } else { "out + x" };
            out.line(2, &format!("return {result}"));
            return;
        }
        if shortcut.holds("False") {
            out.lines(2, &["if not self.shortcut:", "    return out"]);
        }
        out.line(2, "n = x.shape[1]");
        if added.any(|block| block.input == block.channels) {
            out.lines(2, &["if n == out.shape[1]:", "    return out + x"]);
        }
        out.line(2, "return torch.cat([out[:, :n] + x, out[:, n:]], 1)");
    }
}
