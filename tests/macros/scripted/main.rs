//! Prints the outputs' bits, a line for each version of two modules.
#![deny(warnings, missing_docs)]

include!(concat!(env!("OUT_DIR"), "/source.mod.rs"));
include!(concat!(env!("OUT_DIR"), "/assembled.mod.rs"));

fn main() {
    let input: Vec<f32> = (0..3 * 32 * 32).map(|at| (at % 255) as f32 / 255.0 - 0.5).collect();
    let Some(input) = input.first_chunk() else { return };
    let mut output = [0.0; 10];
    for version in source::Version::ALL {
        let mut network = source::Network::new();
        if network.set_version(*version) {
            network.session().run(input, &mut output);
            print(&output);
        }
    }
    for version in assembled::Version::ALL {
        let mut network = assembled::Assembled::new();
        if network.set_version(*version) {
            output.fill(f32::NAN);
            network.session().run(input, &mut output);
            print(&output);
        }
    }
}

fn print(output: &[f32]) {
    let bits: Vec<String> = output.iter().map(|value| format!("{:08x}", value.to_bits())).collect();
    println!("{}", bits.join(" "));
}
