//! Names for class indices.

pub use rexnet_ir::labels::parse;

/// The 1000 classes of ImageNet-1k in the usual order (torchvision's names, BSD-3).
pub fn imagenet() -> Vec<&'static str> {
    include_str!("../models/imagenet_classes.txt").lines().collect()
}
