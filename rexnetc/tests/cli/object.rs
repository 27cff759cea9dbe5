//! Objects and static libraries: that programs in C and C++ build with them and compute the same. Skipped where there is no
//! compiler of C; no machine builds Rust without one but those of Windows.

use crate::binary::{rexnetc, root, scratch};
use rexnet::verification::seeded_input;
use rexnet_codegen::driver::{self, Weights};
use rexnet_codegen::emit::rust::Version;
use rexnet_codegen::memory::AlignedBuffer;
use rexnet_codegen::run::interpret;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

const TINY: &str = "generated/tiny.rexnet";

/// Every warning is an error.
const STRICT: &[&str] = &["-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Werror", "-O1"];

/// Whether there is such a compiler here.
fn there_is(compiler: &str) -> bool {
    Command::new(compiler).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

/// Builds a program, its own arguments first.
fn build(compiler: &str, arguments: &[&str], directory: &Path) {
    let output = Command::new(compiler).args(arguments).current_dir(directory).output().unwrap();
    assert!(output.status.success(), "{arguments:?}\n{}", String::from_utf8_lossy(&output.stderr));
}

/// What a program says, fed that input.
fn told(program: &mut Command, input: &[u8]) -> String {
    let mut child = program.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The outputs of the interpreter, as the program in C prints them.
fn interpreted(seed: u64, input: &[f32]) -> String {
    let text = std::fs::read_to_string(root().join(TINY)).unwrap();
    let compiled = driver::compile(driver::Request::new(&text, Weights::Seeded(seed))).unwrap();
    let (mut arena, mut output) = (AlignedBuffer::zeroed(compiled.program.arena_bytes / 4), [0.0; 4]);
    interpret(&compiled.program, &compiled.weights, &mut arena, &[input], &mut [&mut output]).unwrap();
    output.iter().map(|value| format!(" {:08x}", value.to_bits())).collect()
}

#[test]
#[cfg(all(unix, target_arch = "x86_64"))]
fn programs_in_c_and_cpp_compute_the_same() {
    if !there_is("cc") {
        return;
    }
    let directory = scratch("object");
    let to = directory.to_str().unwrap();
    rexnetc(&["compile", TINY, "--emit", "obj,staticlib", "--embed", "--seed", "5", "-o", to]).exits(0);
    rexnetc(&["compile", TINY, "--emit", "weights", "--seed", "6", "-o", to]).exits(0);
    let packed = std::fs::read(directory.join("tiny.rxw")).unwrap();
    let changed = |name: &str, change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = packed.clone();
        change(&mut bytes);
        std::fs::write(directory.join(name), bytes).unwrap();
    };
    changed("foreign", &|bytes| bytes[0] ^= 1);
    changed("layout", &|bytes| bytes[16] ^= 1);
    changed("short", &|bytes| bytes.truncate(100));
    changed("long", &|bytes| bytes.push(0));
    changed("damaged", &|bytes| bytes[100] ^= 1);

    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/object.c");
    let source = source.to_str().unwrap();
    let programs: &[(&str, &str, &[&str])] = &[
        ("cc", "c", &["-std=c11", "-I.", source, "tiny.o", "-lm", "-o", "c"]),
        (
            "c++",
            "cpp",
            &["-std=c++11", "-I.", "-xc++", source, "-xnone", "-L.", "-ltiny", "-lm", "-o", "cpp"],
        ),
    ];
    let input = seeded_input(3 * 16 * 16, 0);
    let bytes: Vec<u8> = input.iter().flat_map(|value| value.to_le_bytes()).collect();
    let version = |version: Version| match version.runs_here() {
        true => format!("{}{}\n", version.name(), interpreted(5, &input)),
        false => format!("{} is not supported\n", version.name()),
    };
    let mut wanted: String = [Version::Avx512, Version::Avx2, Version::Portable].map(version).concat();
    let text = std::fs::read_to_string(root().join(TINY)).unwrap();
    wanted += &format!(
        "load: all is well
loaded{}
lying: all is well
short: the weights are cut off, or too long; pack them again with `rexnetc pack`
moved: the file does not begin as packed weights do; pack them again with `rexnetc pack`
damaged: the weights were damaged: their checksum differs
spec of {} characters
load: the file does not begin as packed weights do; pack them again with `rexnetc pack`
load: the weights were packed for another network or version; pack them again with `rexnetc pack`
load: the weights are cut off, or too long; pack them again with `rexnetc pack`
load: the weights are cut off, or too long; pack them again with `rexnetc pack`
load: the weights were damaged: their checksum differs
load: the weights cannot be read
",
        interpreted(6, &input),
        text.trim().len(),
    );
    for (compiler, program, arguments) in programs {
        if !there_is(compiler) {
            continue;
        }
        build(compiler, &[STRICT, arguments].concat(), &directory);
        let files = ["tiny.rxw", "foreign", "layout", "short", "long", "damaged", "missing"];
        let mut command = Command::new(directory.join(program));
        assert_eq!(told(command.args(files).current_dir(&directory), &bytes), wanted, "{program}");
    }
}

/// What the head of the example says, word for word.
#[test]
#[cfg(all(unix, target_arch = "x86_64"))]
fn the_example_in_c_classifies_photographs() {
    if !there_is("cc") {
        return;
    }
    let directory = scratch("object_example");
    let to = directory.to_str().unwrap();
    let example = root().join("examples/c/main.c");
    let source = std::fs::read_to_string(&example).unwrap();
    let emit = "rexnetc compile efficientnet_lite0 --emit staticlib --embed -o .";
    let link = "cc -O2 main.c -L. -lefficientnet_lite0 -lm -o classify";
    for line in [emit, link] {
        assert!(source.contains(&format!("*     {line}\n")), "{line}");
    }
    let words = |line: &'static str| line.split(' ').skip(1).map(|word| if word == "." { to } else { word });
    rexnetc(&words(emit).collect::<Vec<_>>()).exits(0);
    std::fs::write(directory.join("main.c"), source).unwrap();
    let arguments: Vec<&str> = words(link).collect();
    build(
        "cc",
        &[&["-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror"], &arguments[..]].concat(),
        &directory,
    );
    for (photo, wanted) in [("coffee.png", "espresso"), ("rocket.jpg", "missile")] {
        let image = rexnet::image::read(root().join("models/photos").join(photo)).unwrap();
        let mut ppm = format!("P6\n{} {}\n255\n", image.width(), image.height()).into_bytes();
        ppm.extend_from_slice(image.pixels());
        std::fs::write(directory.join("photo.ppm"), ppm).unwrap();
        let mut classify = Command::new(directory.join("classify"));
        classify.arg("photo.ppm").arg(root().join("models/imagenet_classes.txt"));
        let told = told(classify.current_dir(&directory), &[]);
        assert!(told.starts_with(wanted), "{photo}: {told}");
    }
}

/// Names, sizes and lists for several outputs, and no word of the C library without it.
#[test]
fn headers_declare_every_port() {
    let directory = scratch("object_header");
    let to = directory.to_str().unwrap();
    let spec = "rexnet_ssdlite(width = 0.25, size = 64, classes = 3)";
    rexnetc(&["compile", spec, "--emit", "obj", "--no-std", "-o", to]).exits(0);
    let header = std::fs::read_to_string(directory.join("rexnet_ssdlite.h")).unwrap();
    for words in [
        "#define REXNET_SSDLITE_INPUT_DIMENSIONS {1, 3, 64, 64}\n",
        "#define REXNET_SSDLITE_OUTPUT_1_ELEMENTS ",
        "rexnet_ssdlite_from_static(&network, file, bytes)",
        "const float *input, float *output_0, float *output_1",
    ] {
        assert!(header.contains(words), "{words}\n{header}");
    }
    for words in ["<stdio.h>", "malloc", "fopen", "_new(", "@"] {
        assert!(!header.replace("@generated", "").contains(words), "{words}\n{header}");
    }
}

#[test]
#[cfg(target_arch = "x86_64")]
fn objects_are_for_this_architecture() {
    let to = scratch("object_target");
    let arguments = ["compile", TINY, "--emit", "obj", "--target", "neon", "-o", to.to_str().unwrap()];
    let refused = rexnetc(&arguments).exits(1);
    assert!(refused.err.contains("RX0603") && refused.err.contains("avx512, avx2, portable"), "{refused:?}");
    assert_eq!(std::fs::read_dir(&to).unwrap().count(), 0);
    rexnetc(&["compile", TINY, "--emit", "obj", "--crate", "-o", "x"]).exits(2);
    rexnetc(&["compile", TINY, "--emit", "plan", "--name", "x", "-o", "x"]).exits(2);
}

/// Two networks of one name in a program would each run with what is the other's.
#[test]
#[cfg(all(unix, target_arch = "x86_64"))]
fn two_networks_need_two_names() {
    if !there_is("cc") {
        return;
    }
    let directory = scratch("object_names");
    let user = |header: &str, name: &str| {
        format!(
            "#include \"{header}\"\nint {name}_works(void);\nint {name}_works(void) {{ {name}_network network; return {name}_new(&network) == 0; }}\n"
        )
    };
    let link = |first: &str, second: &str, libraries: &[&str]| {
        let main = format!(
            "int {first}_works(void);\nint {second}_works(void);\nint main(void) {{ return {first}_works() + {second}_works() - 2; }}\n"
        );
        std::fs::write(directory.join("main.c"), main).unwrap();
        let mut cc = Command::new("cc");
        cc.args(["main.c", "a.c", "b.c"]).args(libraries).args(["-lm", "-o", "both"]).current_dir(&directory);
        cc.output().unwrap().status.success()
    };
    let emit = |folder: &str, more: &[&str]| {
        let to = directory.join(folder);
        let arguments = [
            "compile",
            TINY,
            "--emit",
            "staticlib",
            "--target",
            "avx2,portable",
            "--embed",
            "-o",
            to.to_str().unwrap(),
        ];
        rexnetc(&[&arguments[..], more].concat()).exits(0);
    };
    // The same network with other weights.
    emit("one", &["--seed", "1"]);
    emit("two", &["--seed", "2"]);
    std::fs::write(directory.join("a.c"), user("one/tiny.h", "tiny")).unwrap();
    std::fs::write(directory.join("b.c"), user("two/tiny.h", "tiny").replace("tiny_works", "other_works"))
        .unwrap();
    for libraries in [["one/libtiny.a", "two/libtiny.a"], ["two/libtiny.a", "one/libtiny.a"]] {
        assert!(!link("tiny", "other", &libraries), "{libraries:?}");
    }
    emit("two", &["--seed", "2", "--name", "other"]);
    std::fs::write(directory.join("b.c"), user("two/other.h", "other")).unwrap();
    assert!(link("tiny", "other", &["one/libtiny.a", "two/libother.a"]));
    assert!(Command::new(directory.join("both")).status().unwrap().success());
    let refused = rexnetc(&["compile", TINY, "--emit", "obj", "--name", "two words", "-o", "x"]).exits(2);
    assert!(refused.err.contains("`two_words` would do"), "{refused:?}");
}
