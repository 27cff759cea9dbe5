//! The class `Network`, and how its weights begin.

use super::source::Source;
use super::{Module, activation};
use crate::spec::expand::OUTPUT;
use crate::spec::network::{Detector, Feature};

impl Module<'_> {
    /// `def initialise`: as torchvision initialises MobileNetV2, but with the fan of a group.
    pub(super) fn initialise(&self, out: &mut Source) {
        out.open("def initialise(module: nn.Module) -> None:");
        out.lines(
            1,
            &[
                "\"\"\"Kaiming's normal distribution over the fan out, biases of zero; batch norms begin as one and zero.\"\"\"",
                "if isinstance(module, nn.Conv2d):",
                "    fan_out = module.weight[:, 0].numel() // module.groups",
                "    nn.init.normal_(module.weight, std=math.sqrt(2 / fan_out))",
                "    if module.bias is not None:",
                "        nn.init.zeros_(module.bias)",
            ],
        );
        if self.network.classifier.is_some() {
            out.lines(
                1,
                &[
                    "elif isinstance(module, nn.Linear):",
                    "    nn.init.normal_(module.weight, std=0.01)",
                    "    nn.init.zeros_(module.bias)",
                ],
            );
        }
    }

    /// `class Network`.
    pub(super) fn assembly(&self, out: &mut Source) {
        let network = self.network;
        out.open("class Network(nn.Module):");
        let single = network.features.is_empty() && network.detector.is_none();
        let outputs = if single { "logits [n, classes]" } else { "outputs by name" };
        let inputs = format!("images [n, {}, height, width]", network.input[0]);
        out.line(1, &format!("\"\"\"From {inputs}, normalised and of any size, to {outputs}.\"\"\""));
        out.line(0, "");
        let mut parameters = vec!["self".to_owned()];
        if let Some(classifier) = &network.classifier {
            parameters.push(format!("classes: int = {}", classifier.classes));
        }
        if let Some(detector) = &network.detector {
            parameters.push(format!("{}: int = {}", self.detected(), detector.classes));
        }
        if network.classifier.is_some() {
            parameters.push("dropout: float = 0.0".to_owned());
        }
        out.bracketed(1, "def __init__(", &parameters, ") -> None:");
        out.line(2, "super().__init__()");
        let [kernel, stride] = [network.stem.kernel, network.stem.stride].map(|number| number.to_string());
        let options =
            [("kernel", kernel.as_str()), ("stride", &stride), ("act", activation(network.stem.activation))];
        let [inputs, outputs] = [network.input[0], network.stem.channels].map(|number| number.to_string());
        self.unit_attribute(out, 2, "stem", [&inputs, &outputs], &options);
        self.features(out);
        if let Some(detector) = &network.detector {
            self.levels(out, detector);
        }
        out.lines(2, &["self.apply(initialise)", ""]);
        if single {
            out.line(1, "def forward(self, image: Tensor) -> Tensor:");
            out.line(2, "return self.head(self.features(self.stem(image)))");
        } else {
            self.forward(out);
        }
    }

    /// The blocks, the last convolution, the head.
    fn features(&self, out: &mut Source) {
        let blocks = match (self.table.is_empty(), self.table.has_identities()) {
            (true, _) => format!("[nn.Identity() for _ in range({})]", self.table.len()),
            (false, true) => "[nn.Identity() if row is None else Block(row) for row in BLOCKS]".to_owned(),
            (false, false) => "[Block(row) for row in BLOCKS]".to_owned(),
        };
        let width = self.blocks.last().map_or(self.network.stem.channels, |block| block.channels);
        let classifier = self.network.classifier.as_ref();
        let mut features = width;
        match classifier.and_then(|classifier| classifier.penultimate.as_ref()) {
            None => out.line(2, &format!("self.features = nn.Sequential(*{blocks})")),
            Some(last) => {
                features = last.channels;
                let options = [("act", activation(last.activation))];
                let last = self.unit_call(&width.to_string(), &features.to_string(), &options);
                out.line(2, &format!("blocks = {blocks}"));
                out.line(2, &format!("self.features = nn.Sequential(*blocks, {last})"));
            }
        }
        if classifier.is_some() {
            out.line(2, &format!("self.head = Head({features}, classes, dropout)"));
        }
    }

    /// The further maps of a detector, and the predictors on all.
    fn levels(&self, out: &mut Source, detector: &Detector) {
        let mut widths: Vec<usize> =
            detector.taps.iter().map(|tap| self.blocks[tap.block].channels).collect();
        let last = widths.last().copied().unwrap_or_default();
        if !detector.extras.is_empty() {
            let inputs = std::iter::once(last).chain(detector.extras.iter().copied());
            let extras: Vec<String> = inputs
                .zip(&detector.extras)
                .map(|(inputs, outputs)| format!("Extra({inputs}, {outputs})"))
                .collect();
            out.bracketed(2, "self.extras = nn.Sequential(", &extras, ")");
        }
        widths.extend(&detector.extras);
        let levels: Vec<String> = widths
            .iter()
            .zip(&detector.anchors)
            .map(|(channels, anchors)| format!("({channels}, {anchors})"))
            .collect();
        out.literal(2, "levels = [", &levels, "]");
        out.line(2, "self.predictors = nn.ModuleList()");
        out.line(2, "for channels, anchors in levels:");
        let detected = self.detected();
        out.line(3, &format!("scores = Predictor(channels, anchors * {detected})"));
        out.line(3, "boxes = Predictor(channels, anchors * 4)");
        out.line(3, "self.predictors.append(nn.ModuleDict({\"scores\": scores, \"boxes\": boxes}))");
    }

    /// `def forward` with outputs by name, in the order of the graph's.
    fn forward(&self, out: &mut Source) {
        let network = self.network;
        out.line(1, "def forward(self, image: Tensor) -> dict[str, Tensor]:");
        out.lines(2, &["x = self.stem(image)", "maps = []", "for layer in self.features:"]);
        out.lines(3, &["x = layer(x)", "maps.append(x)"]);
        let logits = network.classifier.iter().map(|_| format!("\"{OUTPUT}\": self.head(x)"));
        let features = network.features.iter();
        let features =
            features.map(|Feature { stride, block }| format!("\"stride_{stride}\": maps[{block}]"));
        let outputs: Vec<String> = logits.chain(features).collect();
        let Some(detector) = &network.detector else {
            out.literal(2, "return {", &outputs, "}");
            return;
        };
        out.literal(2, "outputs: dict[str, Tensor] = {", &outputs, "}");
        let taps: Vec<String> = detector.taps.iter().map(|tap| format!("maps[{}]", tap.block)).collect();
        out.literal(2, "maps = [", &taps, "]");
        if !detector.extras.is_empty() {
            out.lines(2, &["for extra in self.extras:", "    maps.append(extra(maps[-1]))"]);
        }
        out.line(2, "for level, (predictor, x) in enumerate(zip(self.predictors, maps)):");
        for what in ["scores", "boxes"] {
            out.line(3, &format!("outputs[f\"{what}_{{level}}\"] = predictor[\"{what}\"](x)"));
        }
        out.line(2, "return outputs");
    }

    /// The parameter for the classes of the detector.
    fn detected(&self) -> &'static str {
        if self.network.classifier.is_some() { "detector_classes" } else { "classes" }
    }
}
