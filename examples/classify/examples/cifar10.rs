//! The shortest complete program: a network that was trained here, and a picture of one of ten things.
//!
//! `cargo run -p classify --example cifar10 -- models/rexnet_cifar10/examples/ship/1.png`

rexnet::network!(
    "../../models/rexnet_cifar10/rexnet_cifar10.rexnet",
    labels = "../../models/rexnet_cifar10/rexnet_cifar10.labels"
);

static WEIGHTS: &[u8] = include_bytes!("../../../models/rexnet_cifar10/weights.safetensors");

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let network = Network::from_packed(&rexnet::pack(Network::SPEC, WEIGHTS)?)?;
    let picture = rexnet::image::read(std::env::args().nth(1).ok_or("usage: cifar10 PICTURE")?)?;
    for answer in network.session().classify(&picture)? {
        println!("{:5.1} %  {}", 100.0 * answer.probability, Network::LABELS[answer.index]);
    }
    Ok(())
}
