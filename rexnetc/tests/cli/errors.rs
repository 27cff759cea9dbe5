use crate::binary::{Ran, SMALL, file, rexnetc, scratch};
use crate::files::{bytes_of, fixture, header, npy, renamed};
use serde_json::Value;
use std::path::Path;

/// Asserts exit code 1 and a code or the start of one, on standard error and in JSON.
#[track_caller]
fn fails(arguments: &[&str], code: &str) -> Ran {
    let ran = rexnetc(arguments).exits(1);
    assert!(ran.err.contains(code), "{arguments:?}: {ran:#?}");
    let json = rexnetc(&[arguments, &["--json"]].concat()).exits(1).json();
    let errors = json["errors"].as_array().unwrap();
    let has_code = |error: &Value| error["code"].as_str().is_some_and(|other| other.starts_with(code));
    assert!(errors.iter().any(has_code), "{arguments:?}: {json:#}");
    assert!(errors.iter().all(|error| error["cause"].as_str().is_some_and(|cause| !cause.is_empty())));
    ran
}

#[test]
fn files_that_cannot_be_read() {
    let directory = scratch("errors_files");
    std::fs::create_dir(directory.join("directory.rexnet")).unwrap();
    let at = |name: &str| directory.join(name).into_os_string().into_string().unwrap();
    let long = file(&directory, "long.rexnet", " ".repeat(70_000));
    assert!(fails(&["run", "photo.jgp"], "RX0701").err.contains("photo.jgp: no such file"));
    fails(&["run", "models/photos/"], "RX0701");
    fails(&["run", SMALL, "models/photos"], "RX0701");
    fails(&["info", &at("none.rexnet")], "RX0701");
    fails(&["info", &at("directory.rexnet")], "RX0701");
    fails(&["info", &long], "RX0701");
    fails(&["info", SMALL, "--weights", "none.safetensors"], "RX0701");
    fails(&["info", SMALL, "--weights", "models"], "RX0701");
    fails(&["run", SMALL, "--input", "none.npy"], "RX0701");
    fails(&["run", SMALL, "models/photos/coffee.png", "--labels", "none.txt"], "RX0701");
    fails(&["run", SMALL, "models/photos/coffee.png", "--output", &at("no/where.npy")], "RX0701");
    fails(&["compile", SMALL, "--emit", "plan", "-o", &long], "RX0701");
    assert!(fails(&["info", "models/NOTICE"], "RX0101").err.contains("end in .rexnet"));
    if cfg!(unix) {
        fails(&["info", SMALL, "--weights", "/dev/zero"], "RX0701");
    }
}

#[test]
fn errors_are_told_as_json_an_object_a_line() {
    let path = file(&scratch("errors_lines"), "wrong.rexnet", "network wrong { classes: many, stem: 3 }");
    let ran = rexnetc(&["info", &path, "--message-format", "json"]).exits(1);
    let errors: Vec<Value> = ran.err.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let both = rexnetc(&["info", &path, "--json"]).exits(1).json();
    assert!(errors.len() > 1 && ran.out.is_empty(), "{ran:#?}");
    assert_eq!(both["errors"], Value::from(errors));
}

#[test]
fn all_mistakes_of_a_spec_at_once_and_where_they_are() {
    let text = "network wrong {\n    input: [3, 0, 32],\n    classes: many,\n    stem: { channels: 8, kernel: 4, \
                stride: 2, activation: relu7 },\n}\n";
    let path = file(&scratch("errors_spec"), "wrong.rexnet", text);
    let ran = rexnetc(&["info", &path]).exits(1);
    for word in ["RX0102", "RX0103", "RX0104", "wrong.rexnet:2:", "wrong.rexnet:3:", "relu7"] {
        assert!(ran.err.contains(word), "{word}: {}", ran.err);
    }
    assert!(!ran.err.contains('\u{1b}'), "colours in a pipe: {:?}", ran.err);
    let json = rexnetc(&["info", &path, "--json"]).exits(1).json();
    let errors = json["errors"].as_array().unwrap();
    assert!(errors.len() >= 4, "{json:#}");
    let zero = errors.iter().find(|error| error["location"]["line"] == 2).unwrap();
    assert_eq!(zero["location"]["column"], 16);
    let (start, end) =
        (zero["location"]["start"].as_u64().unwrap(), zero["location"]["end"].as_u64().unwrap());
    assert_eq!(&text[start as usize..end as usize], "0");
    let coloured = rexnetc(&["info", &path, "--color", "always"]).exits(1).err;
    assert!(coloured.contains('\u{1b}'), "{coloured:?}");
}

#[test]
fn specs_that_are_hostile() {
    let directory = scratch("errors_hostile");
    for (index, text) in [
        "\u{0}".to_owned(),
        "(".repeat(60_000),
        "rexnet(width = 1e308)".to_owned(),
        "rexnet(size = 1e9)".to_owned(),
        "rexnet(width = \u{fe}\u{fd} ü)".to_owned(),
        "𝄞 = 5".to_owned(),
        "rexnet(width = 0.5".to_owned(),
        String::new(),
    ]
    .iter()
    .enumerate()
    {
        let path = file(&directory, &format!("{index}.rexnet"), text);
        fails(&["info", &path], "RX010");
    }
    let binary = file(&directory, "binary.rexnet", [0xff, 0xfe, 0x00]);
    fails(&["info", &binary], "RX0101");
    fails(&["run", "rexnet(width = 0.5", "models/photos/coffee.png"], "RX0101");
    fails(&["verify", "rexnet(size = 8192)", "--batch", "1024"], "RX0203");
}

#[test]
fn weights_that_do_not_fit() {
    let directory = scratch("errors_weights");
    let given = fixture(&directory, "rexnet_narrow");
    let other = "rexnet(width = 0.25, size = 64, classes = 11)";
    let shape = fails(&["info", other, "--weights", &given.weights], "RX0303");
    assert!(shape.err.contains("head.fc.weight") && shape.err.contains("head.fc.bias"), "{shape:?}");
    let bytes = renamed(&given.weights, "stem.conv.weight", "stam.conv.weight");
    let path = file(&directory, "renamed.safetensors", &bytes);
    assert!(fails(&["info", &given.net, "--weights", &path], "RX0302").err.contains("stam.conv.weight"));
    let cut = file(&directory, "cut.safetensors", &bytes[..bytes.len() / 2]);
    assert!(fails(&["info", &given.net, "--weights", &cut], "RX0301").err.contains("cut.safetensors"));
    let empty = file(&directory, "empty.safetensors", "");
    fails(&["bench", &given.net, "--weights", &empty], "RX0301");
    let many = fails(&["verify", "rexnet(width = 2.0)", "--weights", &given.weights], "RX0303");
    assert!(many.err.contains("more; --json lists all"), "{many:?}");
}

#[test]
fn unused_weights_are_a_warning() {
    let lite = "models/efficientnet_lite0/weights.safetensors";
    let content = std::fs::read(crate::binary::root().join(lite)).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&content).unwrap();
    let zeros = [0; 8];
    let extra = safetensors::tensor::TensorView::new(safetensors::Dtype::F32, vec![2], &zeros).unwrap();
    let all = tensors.tensors().into_iter().chain([("a.stranger".to_owned(), extra)]);
    let bytes = safetensors::serialize(all, None).unwrap();
    let path = file(&scratch("errors_unused"), "more.safetensors", bytes);
    let ran = rexnetc(&["info", "efficientnet_lite0", "--weights", &path]).exits(0);
    assert!(ran.err.contains("warning[RX0305]") && ran.err.contains("a.stranger"), "{ran:?}");
}

#[test]
fn images_that_are_broken() {
    let directory = scratch("errors_images");
    let coffee = std::fs::read(crate::binary::root().join("models/photos/coffee.png")).unwrap();
    let cut = file(&directory, "cut.png", &coffee[..coffee.len() / 2]);
    let text = file(&directory, "text.jpg", "not an image");
    let empty = file(&directory, "empty.jpeg", "");
    for path in [&cut, &text, &empty] {
        fails(&["run", SMALL, path], "RX0702");
    }
    let tensors_only = "network bare { input: [3, 8, 8], classes: 2, batch_norm: { epsilon: 1e-5 }, \
                        stem: { channels: 8, kernel: 3, stride: 2, activation: relu }, \
                        blocks: { repeats: [1], channels: 8, expand: { ratio: 1, activation: relu }, \
                        depthwise: { kernel: 3, stride: 1, activation: relu }, shortcut: none } }";
    rexnetc(&["info", tensors_only]).exits(0);
    fails(&["run", tensors_only, "models/photos/coffee.png"], "RX0707");
}

#[test]
fn arrays_that_do_not_fit() {
    let directory = scratch("errors_arrays");
    let elements = bytes_of(&[0.5; 3 * 32 * 32]);
    let good = header(&[1, 3, 32, 32]);
    let cases: &[(&str, Vec<u8>)] = &[
        ("empty", Vec::new()),
        ("text", b"1 2 3".to_vec()),
        ("magic", b"\x93NUMPY".to_vec()),
        ("f64", npy(&good.replace("<f4", "<f8"), &[elements.clone(), elements.clone()].concat())),
        ("big_endian", npy(&good.replace("<f4", ">f4"), &elements)),
        ("fortran", npy(&good.replace("False", "True"), &elements)),
        ("pickled", npy(&good.replace("<f4", "|O"), &elements)),
        ("short", npy(&good, &elements[4..])),
        ("shape", npy(&header(&[1, 32, 32, 3]), &elements)),
        ("rank", npy(&header(&[3, 32, 32]), &elements)),
        ("none", npy(&header(&[0, 3, 32, 32]), &[])),
        ("huge", npy(&header(&[1 << 40, 1 << 40, 32, 32]), &elements)),
        ("version", [b"\x93NUMPY\x09\x00".as_slice(), &[0; 64]].concat()),
        ("header", [b"\x93NUMPY\x02\x00".as_slice(), &[0xff; 64]].concat()),
        ("nested", npy(&"(".repeat(60_000), &elements)),
    ];
    for (name, bytes) in cases {
        let path = file(&directory, &format!("{name}.npy"), bytes);
        fails(&["run", SMALL, "--input", &path], "RX0704");
    }
    let input = file(&directory, "good.npy", npy(&good, &elements));
    let wrong = file(&directory, "wrong.npy", npy(&header(&[1, 11]), &bytes_of(&[0.0; 11])));
    fails(&["verify", SMALL, "--input", &input, "--expect", &wrong], "RX0704");
    fails(&["bench", SMALL, "--input", &input, "--batch", "2"], "RX0704");
    let labels = file(&directory, "labels.txt", "one\ntwo\n");
    fails(&["run", SMALL, "--input", &input, "--labels", &labels], "RX0705");
}

#[test]
fn wrong_usage_exits_with_2() {
    let here = Path::new(env!("CARGO_TARGET_TMPDIR")).to_str().unwrap();
    for arguments in [
        &["no_such_command"][..],
        &["run"],
        &["run", SMALL],
        &["run", "a.jpg", "--input", "x.npy"],
        &["run", "a.jpg", "--backend", "abacus"],
        &["verify", SMALL, "--expect", "y.npy"],
        &["verify", SMALL, "--backend", "reference"],
        &["bench", SMALL, "--threads", "1025"],
        &["bench", SMALL, "--threads", "2", "--backend", "reference"],
        &["run", "--input", "x.npy", "--batch", "2"],
        &["bench", SMALL, "--iters", "0"],
        &["bench", SMALL, "--batch", "0"],
        &["bench", SMALL, "--lines", "--serve"],
        &["info", SMALL, "--batch", "1025"],
        &["info", SMALL, "--color", "green"],
        &["compile", SMALL, "-o", here],
        &["compile", SMALL, "--emit", "graph,plan"],
        &["compile", SMALL, "--emit", "weights"],
        &["compile", SMALL, "--emit", "onnx"],
        &["compile", SMALL, "--emit", "assembly", "-o", here],
        &["compile", SMALL, "--emit", "plan", "--check"],
        &["compile", SMALL, "--emit", "plan", "-o", here, "--crate"],
        &["compile", SMALL, "--emit", "plan", "--type-name", "A"],
        &["compile", SMALL, "--emit", "rust", "--crate"],
        &["compile", SMALL, "--emit", "rust", "--embed"],
        &["compile", SMALL, "--emit", "rust", "--crate", "--no-std", "-o", here],
        &["compile", SMALL, "--emit", "rust", "--type-name", "Scratch"],
        &["compile", SMALL, "--emit", "rust", "--target", "sse"],
        // What ships with weights does not ship random ones unseen.
        &["pack", SMALL],
        &["compile", SMALL, "--emit", "rust", "--embed", "-o", here],
        &["compile", SMALL, "--emit", "rust", "--crate", "--embed", "-o", here],
        &["compile", SMALL, "--emit", "obj", "--embed", "-o", here],
        &["compile", SMALL, "--emit", "staticlib,plan", "--embed", "-o", here],
        &["compile", SMALL, "--emit", "image", "-o", here],
        &["compile", SMALL, "--emit", "weights", "-o", here],
    ] {
        let ran = rexnetc(arguments).exits(2);
        assert!(ran.out.is_empty() && ran.err.contains("error:"), "{arguments:?}: {ran:?}");
    }
    assert!(rexnetc(&["--version"]).exits(0).out.starts_with("rexnetc "));
}
