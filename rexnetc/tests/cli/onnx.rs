use crate::binary::{SMALL, file, rexnetc, scratch};
use crate::files::{bytes_of, header, npy, read_npy};
use crate::model::{chain, exported};

const FIELDS: &str = "{ geometry: crop_then_resize(0.875), interpolation: bilinear, scale: 127.5, \
                      mean: [1, 1, 1], std: [1, 1, 1] }";
pub(crate) const PHOTO: &str = "models/photos/coffee.png";

#[test]
fn an_exported_network_is_read_back_in_every_command() {
    let directory = scratch("onnx_commands");
    let (model, weights) = exported(&directory, "3");
    let info = rexnetc(&["info", &model, "--json"]).exits(0).json();
    let spec = rexnetc(&["info", SMALL, "--json"]).exits(0).json();
    for key in ["macs", "inputs", "kernels", "classes", "arena_bytes", "weight_bytes"] {
        assert_eq!(info[key], spec[key], "{key}");
    }
    assert_eq!((&info["network"], &info["weights"]), (&model.as_str().into(), &"the model's own".into()));
    assert_eq!((&info["params_after_folding"], &info["preprocessing"]), (&true.into(), &().into()));
    assert!(info["params"].as_u64() < spec["params"].as_u64());
    assert!(rexnetc(&["info", &model]).exits(0).out.contains("batch norms folded"));

    let input = file(&directory, "x.npy", npy(&header(&[1, 3, 32, 32]), &bytes_of(&[0.5; 3 * 32 * 32])));
    let outputs = [vec![model.as_str()], vec![SMALL, "--weights", &weights]].map(|net| {
        let path = directory.join("y.npy").into_os_string().into_string().unwrap();
        rexnetc(&[&["run"], &net[..], &["--input", &input, "--output", &path]].concat()).exits(0);
        let (header, values) = read_npy(&path);
        assert!(header.contains("'shape': (1, 10,)"), "{header}");
        bytes_of(&values)
    });
    assert_eq!(outputs[0], outputs[1]);

    let expected = directory.join("y.npy").into_os_string().into_string().unwrap();
    let verify = ["verify", &model, "--input", &input, "--expect", &expected, "--json"];
    assert_eq!(rexnetc(&verify).exits(0).json()["passed"], true);
    let bench = rexnetc(&["bench", &model, "--iters", "1", "--warmup", "0", "--json"]).exits(0).json();
    assert_eq!((&bench["network"], &bench["macs"]), (&model.as_str().into(), &spec["macs"]));
    assert!(rexnetc(&["compile", &model, "--emit", "plan"]).exits(0).out.starts_with("program "));
    assert!(rexnetc(&["dump", &model]).exits(0).out.contains("batch_norm("));
}

#[test]
fn photographs_need_preprocessing_from_a_flag_or_from_beside() {
    let directory = scratch("onnx_preprocess");
    let (model, _) = exported(&directory, "0");
    let ran = rexnetc(&["run", &model, PHOTO]).exits(1);
    for word in ["RX0707", "--preprocess", "rexnet.preprocess", "{ geometry: ", "std: ["] {
        assert!(ran.err.contains(word), "{word}: {ran:?}");
    }
    let answers = |arguments: &[&str]| {
        let mut json = rexnetc(&[&["run", &model, PHOTO, "--json"], arguments].concat()).exits(0).json();
        json[0]["top"].take()
    };
    let flag = answers(&["--preprocess", FIELDS]);
    let beside = file(&directory, "rexnet.preprocess", FIELDS);
    assert_eq!(answers(&[]), flag);
    let info = rexnetc(&["info", &model, "--json"]).exits(0).json();
    assert_eq!(info["preprocessing"]["scale"], 127.5);
    // The flag wins, and a spec's own is outweighed too.
    let other = FIELDS.replace("127.5", "255");
    let outweighed = answers(&["--preprocess", &other]);
    assert_ne!(outweighed, flag);
    let spec = rexnetc(&["run", SMALL, PHOTO, "--preprocess", FIELDS, "--json"]).exits(0).json();
    assert_eq!(spec[0]["top"][0]["index"], flag[0]["index"]);

    std::fs::write(&beside, "{\n  geometry: crop(1),\n  scale: nought }").unwrap();
    let ran = rexnetc(&["run", &model, PHOTO]).exits(1);
    for word in ["rexnet.preprocess:2:", "rexnet.preprocess:3:", "RX0102", "RX0104"] {
        assert!(ran.err.contains(word), "{word}: {ran:?}");
    }
    let json = rexnetc(&["info", &model, "--preprocess", "{ geometry: ", "--json"]).exits(1).json();
    let fault = &json["errors"][0];
    assert_eq!((&fault["code"], &fault["location"]["file"]), (&"RX0101".into(), &"<preprocess>".into()));
    let long = file(&directory, "rexnet.preprocess", " ".repeat(1 << 20));
    assert!(rexnetc(&["run", &model, PHOTO]).exits(1).err.contains(&long));
}

#[test]
fn labels_may_lie_beside_a_model() {
    let directory = scratch("onnx_labels");
    let (model, _) = exported(&directory, "0");
    let arguments = ["run", &model, PHOTO, "--preprocess", FIELDS];
    assert!(rexnetc(&arguments).exits(0).out.contains("  class "));
    let names = |word: &str| -> String { (0..10).map(|class| format!("{word} {class}\n")).collect() };
    file(&directory, "rexnet.labels", names("beside"));
    assert_eq!(rexnetc(&arguments).exits(0).out.matches("  beside ").count(), 5);
    let given = file(&directory, "given.txt", names("given"));
    let flag = rexnetc(&[&arguments[..], &["--labels", &given]].concat()).exits(0);
    assert_eq!(flag.out.matches("  given ").count(), 5);
    file(&directory, "rexnet.labels", "one\n");
    let wrong = rexnetc(&arguments).exits(1);
    assert!(wrong.err.contains("RX0705") && wrong.err.contains("rexnet.labels"), "{wrong:?}");
}

#[test]
fn a_free_batch_is_bound_and_a_fixed_one_stays() {
    let directory = scratch("onnx_batch");
    let free = file(&directory, "free.onnx", chain(&["Relu"]));
    let json = rexnetc(&["info", &free, "--batch", "3", "--json"]).exits(0).json();
    assert_eq!(json["inputs"][0]["shape"], serde_json::json!([3, 8, 4, 4]));
    assert_eq!(rexnetc(&["verify", &free, "--batch", "2", "--json"]).exits(0).json()["images"], 2);
    let input = file(&directory, "x.npy", npy(&header(&[2, 8, 4, 4]), &bytes_of(&[-0.5; 256])));
    let path = directory.join("y.npy").into_os_string().into_string().unwrap();
    rexnetc(&["run", &free, "--input", &input, "--output", &path]).exits(0);
    let (header, values) = read_npy(&path);
    assert!(header.contains("'shape': (2, 8, 4, 4,)") && values == [0.0; 256], "{header}");

    let (fixed, _) = exported(&directory, "0");
    let ran = rexnetc(&["info", &fixed, "--batch", "2"]).exits(1);
    assert!(ran.err.contains("RX0902") && ran.err.contains("fixed to a batch of 1"), "{ran:?}");
    assert_eq!(rexnetc(&["info", &fixed, "--batch", "1"]).exits(0).code, Some(0));
}

#[test]
fn all_unsupported_nodes_are_named_at_once_with_their_file() {
    let directory = scratch("onnx_unsupported");
    let operators = ["Sinh", "Relu", "Einsum", "NonZero"];
    let path = file(&directory, "three.onnx", chain(&operators));
    for command in ["info", "verify", "bench", "dump"] {
        let ran = rexnetc(&[command, &path]).exits(1);
        assert_eq!(ran.err.matches("three.onnx: node_").count(), 3, "{ran:?}");
        for (node, operator) in [("node_0", "Sinh"), ("node_2", "Einsum"), ("node_3", "NonZero")] {
            let line = ran.err.lines().find(|line| line.contains(node)).unwrap();
            assert!(line.contains("RX0902") && line.contains(&format!("{operator} (opset 17): ")), "{line}");
        }
        assert!(ran.out.is_empty(), "{ran:?}");
    }
    let json = rexnetc(&["compile", &path, "--emit", "plan", "--json"]).exits(1).json();
    assert_eq!(json["errors"].as_array().map(Vec::len), Some(3));
    assert_eq!(json["errors"][2]["location"], serde_json::json!({ "file": path, "name": "node_3" }));
}

#[test]
fn models_that_cannot_be_read() {
    let directory = scratch("onnx_broken");
    let missing = rexnetc(&["info", "none.onnx"]).exits(1);
    assert!(missing.err.contains("RX0701"), "{missing:?}");
    let content = chain(&["Relu"]);
    for (name, content) in [("text.onnx", &b"no model"[..]), ("cut.onnx", &content[..content.len() / 2])] {
        let path = file(&directory, name, content);
        let ran = rexnetc(&["run", &path, PHOTO]).exits(1);
        assert!(ran.err.contains("RX090") && ran.err.contains(name), "{ran:?}");
    }
    let weights =
        rexnetc(&["info", &file(&directory, "a.onnx", content), "--weights", "w.safetensors"]).exits(2);
    assert!(weights.err.contains("brings its own weights"), "{weights:?}");
}
