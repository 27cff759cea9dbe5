//! The crate around an emitted module: a program that runs the network and times itself.

use rexnet_codegen::plan::{Program, port_names};

/// `Cargo.toml`. The crate is a workspace of its own, so that it builds inside the folders of others.
pub(super) fn manifest(name: &str) -> String {
    include_str!("Cargo.toml.template").replace("@name@", name)
}

/// How to call it where weights are read from a file.
const USAGE: &str = "\
//! cargo run --release                          # 20 runs with the weights in @name@.rxw
//! cargo run --release -- 100                   # 100 runs
//! cargo run --release -- trained.rxw           # with others, which `rexnetc pack` made for this network";

/// Reads weights from a file.
const NETWORK: &str = r#"/// The network with the weights in that file; without one, in `@name@.rxw` in this crate's folder, which cargo names,
/// or in the current one.
fn network(weights: Option<PathBuf>) -> Result<@type@, String> {
    let folder = || PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let path = weights.unwrap_or_else(|| folder().join("@name@.rxw"));
    @type@::load(&path).map_err(|error| format!("{}: {error}", path.display()))
}"#;

/// How to call it where weights are part of the program.
const USAGE_EMBEDDED: &str = "\
//! cargo run --release                          # 20 runs
//! cargo run --release -- 100                   # 100 runs
//! cargo run --release -- trained.rxw           # with other weights, which `rexnetc pack` made for this network";

/// Has weights, and reads others from a file.
const NETWORK_EMBEDDED: &str = r#"/// The network with the weights in that file; without one, with those that are part of this program.
fn network(weights: Option<PathBuf>) -> Result<@type@, String> {
    let Some(path) = weights else { return Ok(@type@::new()) };
    @type@::load(&path).map_err(|error| format!("{}: {error}", path.display()))
}"#;

/// `src/main.rs`.
pub(super) fn main(name: &str, type_name: &str, program: &Program, embedded: bool) -> String {
    let (usage, network) = if embedded { (USAGE_EMBEDDED, NETWORK_EMBEDDED) } else { (USAGE, NETWORK) };
    let inputs = port_names("input", program.inputs.len());
    let outputs = port_names("output", program.outputs.len());
    let (mut drawn, mut filled, mut told) = (String::new(), String::new(), String::new());
    let mut arguments = "&mut scratch".to_owned();
    for (index, (name, port)) in inputs.iter().zip(&program.inputs).enumerate() {
        drawn += &format!("    let {name} = drawn::<{}>({index});\n", port.elements());
        arguments += &format!(", black_box(&{name})");
    }
    for (name, port) in outputs.iter().zip(&program.outputs) {
        filled += &format!("    let mut {name} = filled::<{}>(|| 0.0);\n", port.elements());
        told += &format!("    tell(\"{name}\", &{name}[..]);\n");
        arguments += &format!(", &mut {name}");
    }
    include_str!("main.rs.template")
        .replace("@usage@", usage)
        .replace("@network@", network)
        .replace("    @inputs@\n", &drawn)
        .replace("    @outputs@\n", &filled)
        .replace("    @told@\n", &told)
        .replace("@arguments@", &arguments)
        .replace("@type@", &format!("{name}::{type_name}"))
        .replace("@name@", name)
}

#[cfg(test)]
mod tests {
    use super::main;
    use rexnet_codegen::driver::{self, Request, Weights};

    #[test]
    fn several_outputs_have_memory_of_their_own() {
        let spec = "rexnet(width = 0.25, size = 32, classes = 10)";
        let mut program = driver::compile(Request::new(spec, Weights::Zeros)).unwrap().program;
        program.outputs.extend_from_within(..);
        let text = main("two", "Heads", &program, false);
        for line in [
            "    let mut output_1 = filled::<10>(|| 0.0);\n",
            "        network.run(&mut scratch, black_box(&input), &mut output_0, &mut output_1);\n",
            "    tell(\"output_1\", &output_1[..]);\n",
            "fn measure(network: &two::Heads, runs: usize) {\n",
        ] {
            assert!(text.contains(line), "{line}{text}");
        }
        assert_eq!(text.matches('@').count(), 1, "only the mark of generated files: {text}");
    }
}
