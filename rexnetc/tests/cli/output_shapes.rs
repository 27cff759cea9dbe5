//! Outputs have the model's rank and extents: `tests/fixtures/output_shapes`, with the values of ONNX Runtime.

use crate::binary::{rexnetc, root, scratch};
use crate::files::read_npy;

/// The distance from ONNX Runtime's values: sums of six products of numbers around one, rounded to f32.
const FROM_ONNX_RUNTIME: f32 = 1e-5;

/// The model, the extents as NumPy and as the command line write them.
const CASES: [(&str, &[usize], &str); 7] = [
    ("rows", &[10, 3], "10×3"),
    ("vector", &[6], "6"),
    ("rank_3", &[2, 2, 3], "2×2×3"),
    ("rank_5", &[1, 2, 2, 2, 2], "1×2×2×2×2"),
    ("transposed_gemm", &[2, 5], "2×5"),
    ("mean_of_all", &[], "one number"),
    ("squeezed", &[], "one number"),
];

#[test]
fn outputs_have_the_extents_of_the_model() {
    let directory = scratch("output_shapes");
    for (name, extents, printed) in CASES {
        let path = |ending: &str| {
            let file = root().join(format!("tests/fixtures/output_shapes/{name}{ending}"));
            file.into_os_string().into_string().unwrap()
        };
        let (model, input, expected) = (path(".onnx"), path(".x.npy"), path(".y.npy"));
        let output = directory.join(format!("{name}.npy")).into_os_string().into_string().unwrap();
        let ran = rexnetc(&["run", &model, "--input", &input, "--output", &output]).exits(0);
        assert!(ran.out.contains(&format!("{printed} ")) && !ran.out.contains(" % "), "{name}: {ran:?}");
        let (header, values) = read_npy(&output);
        let list: String = extents.iter().map(|extent| format!("{extent}, ")).collect();
        assert!(header.contains(&format!("'shape': ({})", list.trim_end())), "{name}: {header}");
        let wanted = read_npy(&expected).1;
        assert_eq!(values.len(), wanted.len(), "{name}");
        let near = values.iter().zip(&wanted).all(|(a, b)| (a - b).abs() <= FROM_ONNX_RUNTIME);
        assert!(near, "{name}: {values:?} {wanted:?}");

        let json = rexnetc(&["run", &model, "--input", &input, "--json"]).exits(0).json();
        assert_eq!(json["outputs"][0]["shape"], serde_json::json!(extents), "{name}");
        rexnetc(&["verify", &model, "--input", &input, "--expect", &expected]).exits(0);

        let to = directory.join(name).into_os_string().into_string().unwrap();
        rexnetc(&["compile", &model, "--emit", "rust,obj,onnx,image", "-o", &to]).exits(0);
        let text = |ending: &str| std::fs::read_to_string(format!("{to}/{name}{ending}")).unwrap();
        let words: String = text(".rs").split_whitespace().collect();
        let list: Vec<String> = extents.iter().map(usize::to_string).collect();
        let constant = format!("OUTPUT:[usize;{}]=[{}];", extents.len(), list.join(","));
        assert!(words.contains(&constant), "{name}: {constant}");
        assert!(text(".h").contains(&format!("_OUTPUT_RANK {}\n", extents.len())), "{name}");
        for again in [".onnx", ".rxi"].map(|ending| format!("{to}/{name}{ending}")) {
            let second = directory.join("again.npy").into_os_string().into_string().unwrap();
            rexnetc(&["run", &again, "--input", &input, "--output", &second]).exits(0);
            assert_eq!(read_npy(&second), read_npy(&output), "{again}");
        }
    }
}
