//! What the tensors of a network are called by others.
//!
//! Our names are those of timm's ReXNet. Each scheme is a list of our layers with those that other code has in their
//! place: one, or several whose filters follow each other. A layer's tensors are `weight`, `bias`, `running_mean` and
//! `running_var`.

use super::{Entry, StateDict};
use crate::graph::Tensor;
use crate::spec::network::{Block, Network};
use std::collections::HashSet;

/// A way to name layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Ours, which are timm's for ReXNet.
    Own,
    /// `features.4.out.3` (clovaai/rexnet, rexnetv1.py and rexnetv1_lite.py).
    Clovaai,
    /// `blocks.1.0.conv_pw`: timm's for the family of MobileNet, FBNet, MNasNet, MixNet and EfficientNet.
    Timm,
    /// As [`Scheme::Timm`], where each change of the width begins a stage.
    TimmByWidth,
    /// `features.4.conv.1.0`: torchvision's MobileNetV2.
    TorchvisionMobilenet,
    /// `features.4.0.block.1.0`: torchvision's EfficientNet.
    TorchvisionEfficientnet,
}

impl Scheme {
    /// All schemes, ours first.
    pub const ALL: &[Scheme] = &[
        Scheme::Own,
        Scheme::Clovaai,
        Scheme::Timm,
        Scheme::TimmByWidth,
        Scheme::TorchvisionMobilenet,
        Scheme::TorchvisionEfficientnet,
    ];

    /// Whose names they are.
    pub fn name(self) -> &'static str {
        match self {
            Scheme::Own => "our own",
            Scheme::Clovaai => "clovaai's",
            Scheme::Timm | Scheme::TimmByWidth => "timm's",
            Scheme::TorchvisionMobilenet | Scheme::TorchvisionEfficientnet => "torchvision's",
        }
    }

    /// Our layers and theirs; a detector's own layers have our names only.
    fn layers(self, network: &Network) -> Vec<Layer> {
        let mut layers = Layers { list: Vec::new() };
        match self {
            Scheme::Own => {}
            Scheme::Clovaai => layers.clovaai(network),
            Scheme::Timm => layers.timm(network, |_, block| block.stage),
            Scheme::TimmByWidth => {
                let stage_of = |index: usize, _: &Block| {
                    let changes =
                        network.blocks[1..=index].iter().filter(|block| block.input != block.channels);
                    changes.count()
                };
                layers.timm(network, stage_of);
            }
            Scheme::TorchvisionMobilenet => layers.torchvision_mobilenet(network),
            Scheme::TorchvisionEfficientnet => layers.torchvision_efficientnet(network),
        }
        layers.list
    }

    /// The tensors of a file under our names, and the names that no layer of ours has; `None` when the scheme does not
    /// fit: tensors that stand side by side in ours differ in their filters.
    fn translate(self, network: &Network, file: &StateDict) -> Option<Translated> {
        let mut tensors = StateDict::default();
        let mut taken: HashSet<String> = HashSet::new();
        for Layer { ours, theirs } in self.layers(network) {
            for parameter in ["weight", "bias", "running_mean", "running_var"] {
                let names: Vec<String> = theirs.iter().map(|layer| format!("{layer}.{parameter}")).collect();
                let found: Option<Vec<&Entry>> = names.iter().map(|name| file.get(name)).collect();
                let Some(found) = found else { continue };
                let entry = match found.as_slice() {
                    [entry] => (*entry).clone(),
                    parts => joined(parts)?,
                };
                tensors.insert(format!("{ours}.{parameter}"), entry);
                taken.extend(names);
            }
        }
        let unused = file.names().filter(|name| !taken.contains(*name)).map(str::to_owned).collect();
        Some(Translated { scheme: self, tensors, unused })
    }
}

/// A file's tensors under our names.
#[derive(Clone, Debug)]
pub(super) struct Translated {
    /// The scheme of the file.
    pub(super) scheme: Scheme,
    /// What is of use, by our names.
    pub(super) tensors: StateDict,
    /// The file's names of the rest.
    pub(super) unused: Vec<String>,
}

/// The file under the scheme that knows the most of the tensors that are `needed`; ours when none knows more.
pub(super) fn translate(network: Option<&Network>, file: StateDict, needed: &[&str]) -> Translated {
    let own = needed.iter().filter(|name| file.get(name).is_some()).count();
    // Of equals the last one is the greatest.
    let others = Scheme::ALL.iter().rev().filter(|&&scheme| scheme != Scheme::Own && own < needed.len());
    let best = others
        .filter_map(|scheme| scheme.translate(network?, &file))
        .map(|translated| {
            (needed.iter().filter(|name| translated.tensors.get(name).is_some()).count(), translated)
        })
        .max_by_key(|(known, translated)| (*known, std::cmp::Reverse(translated.unused.len())));
    match best {
        Some((known, translated)) if known > own => translated,
        _ => {
            let needed: HashSet<&str> = needed.iter().copied().collect();
            let unused = file.names().filter(|name| !needed.contains(name)).map(str::to_owned).collect();
            Translated { scheme: Scheme::Own, tensors: file, unused }
        }
    }
}

/// The filters of several tensors, one tensor's after the other's.
fn joined(parts: &[&Entry]) -> Option<Entry> {
    let mut data = Vec::new();
    let mut dims: Vec<usize> = Vec::new();
    for part in parts {
        let Entry::Float(tensor) = part else { return None };
        match dims.first_mut() {
            None => dims = tensor.dims().to_vec(),
            Some(filters) => *filters += tensor.dims().first()?,
        }
        if dims.get(1..) != tensor.dims().get(1..) {
            return None;
        }
        data.extend_from_slice(&tensor.data());
    }
    Tensor::new(dims, data).map(Entry::Float)
}

/// A layer of ours and those in its place.
struct Layer {
    ours: String,
    theirs: Vec<String>,
}

struct Layers {
    list: Vec<Layer>,
}

impl Layers {
    fn push(&mut self, ours: impl Into<String>, theirs: impl Into<String>) {
        self.list.push(Layer { ours: ours.into(), theirs: vec![theirs.into()] });
    }

    /// A convolution in groups that has a layer for each of them there.
    fn push_groups(&mut self, ours: String, theirs: String, groups: usize) {
        if groups == 1 {
            return self.push(ours, theirs);
        }
        let theirs = (0..groups).map(|group| format!("{theirs}.{group}")).collect();
        self.list.push(Layer { ours, theirs });
    }

    /// The depthwise convolution, or the ones side by side.
    fn push_depthwise(&mut self, block: &Block, ours: &str, theirs: &str) {
        if block.slices.len() == 1 {
            return self.push(format!("{ours}.conv_dw.conv"), theirs);
        }
        for index in 0..block.slices.len() {
            self.push(format!("{ours}.conv_dw.conv.{index}"), format!("{theirs}.{index}"));
        }
    }

    fn clovaai(&mut self, network: &Network) {
        self.push("stem.conv", "features.0");
        self.push("stem.bn", "features.1");
        // An activation stands between the stem and the first block.
        for (index, block) in network.blocks.iter().enumerate() {
            let (ours, theirs) = (format!("features.{index}"), format!("features.{}.out", index + 3));
            let mut at = 0;
            let mut next = |count: usize| {
                at += count;
                at - count
            };
            if block.expand.is_some() {
                let first = next(3);
                self.push(format!("{ours}.conv_exp.conv"), format!("{theirs}.{first}"));
                self.push(format!("{ours}.conv_exp.bn"), format!("{theirs}.{}", first + 1));
            }
            let first = next(2);
            self.push_depthwise(block, &ours, &format!("{theirs}.{first}"));
            self.push(format!("{ours}.conv_dw.bn"), format!("{theirs}.{}", first + 1));
            if block.squeeze_excite.is_some() {
                let gate = next(1);
                for (part, place) in [("fc1", 0), ("bn", 1), ("fc2", 3)] {
                    self.push(format!("{ours}.se.{part}"), format!("{theirs}.{gate}.fc.{place}"));
                }
            }
            let last = next(3) + 1;
            self.push(format!("{ours}.conv_pwl.conv"), format!("{theirs}.{last}"));
            self.push(format!("{ours}.conv_pwl.bn"), format!("{theirs}.{}", last + 1));
        }
        let blocks = network.blocks.len();
        self.penultimate(blocks, &format!("features.{}", blocks + 3), &format!("features.{}", blocks + 4));
        let hidden = network.classifier.as_ref().is_some_and(|classifier| classifier.hidden.is_some());
        if hidden {
            self.push("head.hidden.conv", "output.0");
            self.push("head.hidden.bn", "output.1");
            self.push("head.fc", "output.4");
        } else {
            self.push("head.fc", "output.1");
        }
    }

    fn penultimate(&mut self, blocks: usize, convolution: &str, batch_norm: &str) {
        self.push(format!("features.{blocks}.conv"), convolution);
        self.push(format!("features.{blocks}.bn"), batch_norm);
    }

    fn timm(&mut self, network: &Network, stage_of: impl Fn(usize, &Block) -> usize) {
        self.push("stem.conv", "conv_stem");
        self.push("stem.bn", "bn1");
        let mut place = (0, 0);
        for (index, block) in network.blocks.iter().enumerate() {
            let stage = stage_of(index, block);
            if stage != place.0 {
                place = (stage, 0);
            }
            let (ours, theirs) = (format!("features.{index}"), format!("blocks.{}.{}", place.0, place.1));
            place.1 += 1;
            let mut norms = 1..;
            let mut norm = |of: &str| {
                let number = norms.next().unwrap_or_default();
                (format!("{ours}.{of}.bn"), format!("{theirs}.bn{number}"))
            };
            let mut pairs = Vec::new();
            if let Some(expand) = &block.expand {
                self.push_groups(format!("{ours}.conv_exp.conv"), format!("{theirs}.conv_pw"), expand.groups);
                pairs.push(norm("conv_exp"));
            }
            self.push_depthwise(block, &ours, &format!("{theirs}.conv_dw"));
            pairs.push(norm("conv_dw"));
            for (part, name) in [("fc1", "conv_reduce"), ("fc2", "conv_expand")] {
                self.push(format!("{ours}.se.{part}"), format!("{theirs}.se.{name}"));
            }
            let project = if block.expand.is_some() { "conv_pwl" } else { "conv_pw" };
            self.push_groups(
                format!("{ours}.conv_pwl.conv"),
                format!("{theirs}.{project}"),
                block.project_groups,
            );
            pairs.push(norm("conv_pwl"));
            for (ours, theirs) in pairs {
                self.push(ours, theirs);
            }
        }
        self.penultimate(network.blocks.len(), "conv_head", "bn2");
        self.push("head.fc", "classifier");
    }

    fn torchvision_mobilenet(&mut self, network: &Network) {
        self.push("stem.conv", "features.0.0");
        self.push("stem.bn", "features.0.1");
        for (index, block) in network.blocks.iter().enumerate() {
            let (ours, theirs) = (format!("features.{index}"), format!("features.{}.conv", index + 1));
            let mut units = 0;
            if block.expand.is_some() {
                self.push(format!("{ours}.conv_exp.conv"), format!("{theirs}.0.0"));
                self.push(format!("{ours}.conv_exp.bn"), format!("{theirs}.0.1"));
                units = 1;
            }
            self.push_depthwise(block, &ours, &format!("{theirs}.{units}.0"));
            self.push(format!("{ours}.conv_dw.bn"), format!("{theirs}.{units}.1"));
            self.push(format!("{ours}.conv_pwl.conv"), format!("{theirs}.{}", units + 1));
            self.push(format!("{ours}.conv_pwl.bn"), format!("{theirs}.{}", units + 2));
        }
        let last = network.blocks.len() + 1;
        self.penultimate(network.blocks.len(), &format!("features.{last}.0"), &format!("features.{last}.1"));
        self.push("head.fc", "classifier.1");
    }

    fn torchvision_efficientnet(&mut self, network: &Network) {
        self.push("stem.conv", "features.0.0");
        self.push("stem.bn", "features.0.1");
        let mut place = (0, 0);
        for (index, block) in network.blocks.iter().enumerate() {
            if block.stage != place.0 {
                place = (block.stage, 0);
            }
            let ours = format!("features.{index}");
            let theirs = format!("features.{}.{}.block", place.0 + 1, place.1);
            place.1 += 1;
            let mut unit = 0;
            if block.expand.is_some() {
                self.push(format!("{ours}.conv_exp.conv"), format!("{theirs}.{unit}.0"));
                self.push(format!("{ours}.conv_exp.bn"), format!("{theirs}.{unit}.1"));
                unit += 1;
            }
            self.push_depthwise(block, &ours, &format!("{theirs}.{unit}.0"));
            self.push(format!("{ours}.conv_dw.bn"), format!("{theirs}.{unit}.1"));
            unit += 1;
            if block.squeeze_excite.is_some() {
                self.push(format!("{ours}.se.fc1"), format!("{theirs}.{unit}.fc1"));
                self.push(format!("{ours}.se.fc2"), format!("{theirs}.{unit}.fc2"));
                unit += 1;
            }
            self.push(format!("{ours}.conv_pwl.conv"), format!("{theirs}.{unit}.0"));
            self.push(format!("{ours}.conv_pwl.bn"), format!("{theirs}.{unit}.1"));
        }
        let last = place.0 + 2;
        self.penultimate(network.blocks.len(), &format!("features.{last}.0"), &format!("features.{last}.1"));
        self.push("head.fc", "classifier.1");
    }
}
