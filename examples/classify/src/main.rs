//! Classifies photographs with EfficientNet-Lite0 and trained ImageNet weights: `classify photo.jpg…`.

use rexnet::{Prediction, image, pack};
use std::time::Instant;

rexnet::network! {
    /// The network, compiled with this program for every kind of processor that its architecture has.
    struct Lite0;
    efficientnet_lite0, labels = "../../models/imagenet_classes.txt"
}

/// In half precision (Apache-2.0; see `models/efficientnet_lite0/NOTICE`).
static WEIGHTS: &[u8] = include_bytes!("../../../models/efficientnet_lite0/weights.safetensors");

fn main() {
    if let Err(error) = classify(std::env::args().skip(1)) {
        eprintln!("{error}");
        std::process::exit(1);
    }
}

fn classify(photographs: impl Iterator<Item = String>) -> Result<(), Box<dyn std::error::Error>> {
    let network = Lite0::from_packed(&pack(Lite0::SPEC, WEIGHTS)?)?;
    let mut session = network.session();
    for path in photographs {
        let photograph = image::read(&path)?;
        let start = Instant::now();
        let predictions = session.classify(&photograph)?;
        println!("{path}, {:.1} ms with {}", 1e3 * start.elapsed().as_secs_f64(), network.version().name());
        for Prediction { index, probability } in predictions {
            println!("  {:5.1} %  {index:>4}  {}", 100.0 * probability, Lite0::LABELS[index]);
        }
    }
    Ok(())
}
