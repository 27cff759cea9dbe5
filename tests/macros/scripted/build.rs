//! Compiles the networks of this crate.

use rexnet_codegen::Build;

fn main() {
    let network = || {
        Build::new()
            .net("rexnet(width = 0.5, classes = 10, size = 32)")
            .weights("models/seeded.safetensors")
    };
    network().name("source").write_or_exit();
    network().name("assembled").machine_code().type_name("Assembled").write_or_exit();
}
