//! Classifies photographs with EfficientNet-Lite0 and trained ImageNet weights: `classify photo.jpg…`. The network is
//! compiled with this program.

use rexnet::{Prediction, image, labels, pack, preprocessing, softmax, top};
use std::error::Error;
use std::process::ExitCode;
use std::time::Instant;

rexnet::network! {
    /// The network, as machine code for every kind of processor that this architecture has.
    struct Lite0;
    efficientnet_lite0
}

/// In half precision (Apache-2.0; see `models/efficientnet_lite0/NOTICE`).
static WEIGHTS: &[u8] = include_bytes!("../../../models/efficientnet_lite0/weights.safetensors");

fn main() -> ExitCode {
    let photographs: Vec<String> = std::env::args().skip(1).collect();
    if photographs.is_empty() {
        eprintln!("usage: classify PHOTOGRAPH…");
        return ExitCode::from(2);
    }
    match classify(&photographs) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn classify(photographs: &[String]) -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    let network = Lite0::from_packed(&pack(Lite0::SPEC, WEIGHTS)?)?;
    let packing = milliseconds(start);
    let preprocessing =
        preprocessing(Lite0::SPEC)?.ok_or("the spec does not say how photographs are prepared")?;
    let (mut scratch, mut logits) = (Lite0::scratch(), [0.0; 1000]);
    let [_, _, height, width] = Lite0::INPUT;
    let names = labels::imagenet();
    for path in photographs {
        let start = Instant::now();
        let photograph = image::read(path)?;
        let decode = milliseconds(start);

        let start = Instant::now();
        let input = image::prepare(&photograph, &preprocessing, height, width)?;
        let prepare = milliseconds(start);

        let start = Instant::now();
        network.run(&mut scratch, input.as_slice().try_into()?, &mut logits);
        let run = milliseconds(start);

        println!("{path}");
        for Prediction { index, probability } in top(&softmax(&logits), 5) {
            println!("  {:5.1} %  {index:>4}  {}", 100.0 * probability, names[index]);
        }
        println!("  decode {decode:.1} ms, prepare {prepare:.1} ms, network {run:.1} ms");
    }
    println!("weights packed once in {packing:.0} ms; kernels for {}", network.version().name());
    Ok(())
}

fn milliseconds(start: Instant) -> f64 {
    1000.0 * start.elapsed().as_secs_f64()
}
