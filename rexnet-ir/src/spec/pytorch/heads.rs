//! What follows the blocks: the classifier's head, and the parts of a detector.

use super::Module;
use super::activation;
use super::source::Source;
use crate::spec::network::{Classifier, Detector};

impl Module<'_> {
    /// The classes of the heads that the network has.
    pub(super) fn heads(&self, out: &mut Source) {
        if let Some(classifier) = &self.network.classifier {
            self.head(out, classifier);
        }
        if let Some(detector) = &self.network.detector {
            if !detector.extras.is_empty() {
                self.extra(out, detector);
            }
            self.predictor(out, detector);
        }
    }

    fn head(&self, out: &mut Source, classifier: &Classifier) {
        out.open("class Head(nn.Module):");
        let layers = if classifier.hidden.is_some() { "a hidden layer, the classes" } else { "the classes" };
        out.line(1, &format!("\"\"\"The mean over the map, {layers}.\"\"\""));
        out.line(0, "");
        out.line(1, "def __init__(self, channels: int, classes: int, dropout: float) -> None:");
        out.line(2, "super().__init__()");
        let mut features = "channels".to_owned();
        if let Some(hidden) = &classifier.hidden {
            features = hidden.channels.to_string();
            let options = [("act", activation(hidden.activation)), ("bias", "True")];
            self.unit_attribute(out, 2, "hidden", ["channels", &features], &options);
        }
        out.line(2, "self.dropout = nn.Dropout(dropout)");
        out.line(2, &format!("self.fc = nn.Linear({features}, classes)"));
        out.line(0, "");
        out.line(1, "def forward(self, x: Tensor) -> Tensor:");
        if classifier.hidden.is_some() {
            out.line(2, "x = self.hidden(x.mean((2, 3), keepdim=True)).flatten(1)");
            out.line(2, "return self.fc(self.dropout(x))");
        } else {
            out.line(2, "return self.fc(self.dropout(x.mean((2, 3))))");
        }
    }

    fn extra(&self, out: &mut Source, detector: &Detector) {
        let act = activation(detector.activation);
        let pointwise = [("act", act), ("bias", "False")];
        let depthwise =
            [("kernel", "3"), ("stride", "2"), ("groups", "between"), ("act", act), ("bias", "False")];
        let layers = [
            ("conv_exp", ["inputs", "between"], &pointwise[..]),
            ("conv_dw", ["between", "between"], &depthwise),
            ("conv_pwl", ["between", "outputs"], &pointwise),
        ];
        out.open("class Extra(nn.Module):");
        out.line(1, "\"\"\"A further map, half as large on each side.\"\"\"");
        out.line(0, "");
        out.line(1, "def __init__(self, inputs: int, outputs: int) -> None:");
        out.lines(2, &["super().__init__()", "between = (outputs + 1) // 2"]);
        for (name, channels, options) in layers {
            self.unit_attribute(out, 2, name, channels, options);
        }
        out.line(0, "");
        out.line(1, "def forward(self, x: Tensor) -> Tensor:");
        out.line(2, "return self.conv_pwl(self.conv_dw(self.conv_exp(x)))");
    }

    fn predictor(&self, out: &mut Source, detector: &Detector) {
        let kernel = detector.kernel.to_string();
        let act = activation(detector.activation);
        let options = [("kernel", kernel.as_str()), ("groups", "channels"), ("act", act), ("bias", "False")];
        out.open("class Predictor(nn.Module):");
        out.line(1, "\"\"\"SSDLite's predictor: a depthwise convolution, then all values of a place.\"\"\"");
        out.line(0, "");
        out.line(1, "def __init__(self, channels: int, outputs: int) -> None:");
        out.line(2, "super().__init__()");
        self.unit_attribute(out, 2, "conv_dw", ["channels"; 2], &options);
        out.line(2, "self.conv = nn.Conv2d(channels, outputs, 1)");
        out.line(0, "");
        out.line(1, "def forward(self, x: Tensor) -> Tensor:");
        out.line(2, "return self.conv(self.conv_dw(x))");
    }
}
