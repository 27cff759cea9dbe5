//! The macros as users have them: crates of their own, outside this workspace, built by cargo.
//!
//! `BLESS=1` rewrites what `mistakes/` expects.

mod project;

use project::Project;
use rexnet_codegen::driver::{self, Weights};
use rexnet_codegen::memory::AlignedBuffer;
use rexnet_codegen::plan::PackedWeights;
use rexnet_codegen::run::interpret;
use std::fs;
use std::path::Path;
use std::process::Command;

const SPEC: &str = "rexnet(width = 0.5, classes = 10, size = 32)";

/// Packed weights, and what the interpreter makes of them, as the user's program prints it.
fn seeded(seed: u64) -> (Vec<u8>, String) {
    let compilation = driver::compile(driver::Request::new(SPEC, Weights::Seeded(seed))).unwrap();
    let program = &compilation.program;
    let file = compilation.weights.to_rxw();
    let weights = PackedWeights::from_rxw(file.clone(), program).unwrap();
    let input: Vec<f32> = (0..3 * 32 * 32).map(|at| (at % 255) as f32 / 255.0 - 0.5).collect();
    let (mut arena, mut output) = (AlignedBuffer::zeroed(program.arena_bytes / 4), [0.0; 10]);
    interpret(program, &weights, &mut arena, &[&input], &mut [&mut output]).unwrap();
    let bits: Vec<String> = output.iter().map(|value| format!("{:08x}", value.to_bits())).collect();
    (file, bits.join(" "))
}

#[test]
fn a_crate_of_its_own_builds_without_a_warning_and_gives_the_interpreters_bits() {
    let project = Project::new("user");
    project.write("src/lib.rs", include_bytes!("user/lib.rs"));
    project.write("src/main.rs", include_bytes!("user/main.rs"));
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/onnx/rexnet_dynamo_18.onnx");
    project.write("models/small.onnx", &fs::read(model).unwrap());
    project.write("models/named.rexnet", include_bytes!("user/named.rexnet"));
    project.write("models/named.labels", b"cat\ndog\nneither\n");
    let named = driver::compile(driver::Request::new(include_str!("user/named.rexnet"), Weights::Seeded(3)));
    project.write("weights/named.rxw", &named.unwrap().weights.to_rxw());
    // A changed file of weights must be compiled in again.
    for seed in [1, 2] {
        let (file, expected) = seeded(seed);
        project.write("weights/seeded.rxw", &file);
        let (sound, told) = project.cargo(&["build"]);
        assert!(sound && told.is_empty(), "{told}");
        let printed = project.run("user", &["weights/seeded.rxw"]);
        let lines: Vec<&str> = printed.lines().collect();
        assert!(lines.len() >= 3, "{printed}");
        assert!(lines.iter().all(|line| *line == expected), "seed {seed}: {printed}\nnot {expected}");
    }
}

/// A crate that forbids unsafe code in its own sources, without any dependency at run time.
#[test]
fn a_build_script_makes_the_same() {
    let project = Project::with_build_script("scripted", include_bytes!("scripted/build.rs"));
    project.write("src/main.rs", include_bytes!("scripted/main.rs"));
    let (_, expected) = seeded(1);
    let compilation = driver::compile(driver::Request::new(SPEC, Weights::Seeded(1))).unwrap();
    project.write(
        "models/seeded.safetensors",
        &rexnet_ir::weights::to_safetensors(&compilation.source).unwrap(),
    );
    let (sound, told) = project.cargo(&["build"]);
    assert!(sound && told.is_empty(), "{told}");
    let printed = project.run("scripted", &[]);
    assert!(printed.lines().count() >= 2, "{printed}");
    assert!(printed.lines().all(|line| line == expected), "{printed}\nnot {expected}");
}

/// A static library of `core` alone, for this machine and, where its core library is installed, for a microcontroller.
#[test]
fn a_microcontroller_needs_neither_std_nor_a_heap() {
    const BARE: &str = "thumbv7em-none-eabihf";
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/bare_metal");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("macros/target");
    let libraries =
        Command::new("rustc").args(["--print", "target-libdir", "--target", BARE]).output().unwrap();
    let has_bare = Path::new(String::from_utf8_lossy(&libraries.stdout).trim()).is_dir();
    let bare = ["--target", BARE];
    // Its lock file has the versions of this workspace: nothing has to be fetched.
    let places: [(&[&str], &str); 2] = [(&[], "debug"), (&bare, "thumbv7em-none-eabihf/debug")];
    for (arguments, folder) in &places[..1 + usize::from(has_bare)] {
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--offline", "--locked"])
            .args(*arguments)
            .current_dir(&example)
            .env("CARGO_TARGET_DIR", &target)
            .env_remove("RUSTFLAGS")
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&built.stderr);
        assert!(built.status.success() && told.is_empty(), "{folder}: {told}");
        let library = fs::read(target.join(folder).join("libbare_metal.a")).unwrap();
        let has = |name: &str| library.windows(name.len()).any(|part| part == name.as_bytes());
        assert!(has("classify") && !has("__rust_alloc"), "{folder}");
    }
}

#[test]
fn mistakes_are_told_at_their_tokens() {
    let project = Project::new("mistakes");
    project.write("weights/seeded.rxw", &seeded(1).0);
    project.write("weights/timm.safetensors", b"\x02\0\0\0\0\0\0\0{}");
    project.write("models/wrong.rexnet", b"network wrong {\n    input: [3, 8, 8],\n    classes: many,\n}\n");
    project.write("models/wrong.onnx", b"nonsense");
    project.write("models/two.labels", b"cat\ndog\n");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/macros/mistakes");
    let mut seen = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let name = path.file_stem().unwrap().to_str().unwrap();
        project.write(&format!("src/bin/{name}.rs"), &fs::read(&path).unwrap());
        let (sound, told) = project.cargo(&["build", "--bin", name]);
        assert!(!sound, "{name} builds");
        let expectation = path.with_extension("stderr");
        if std::env::var_os("BLESS").is_some() {
            fs::write(&expectation, &told).unwrap();
        } else {
            assert_eq!(told, fs::read_to_string(&expectation).unwrap_or_default(), "{name}");
        }
        seen += 1;
    }
    assert!(seen >= 6, "{seen} mistakes");
}
