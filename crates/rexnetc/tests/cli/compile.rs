use crate::binary::{SMALL, file, rexnetc, scratch};
use crate::model::chain;
use rexnet_codegen::driver::{self, Options, Weights};
use rexnet_ir::graph;
use std::collections::BTreeMap;

const ALL: &str = "graph,loops,plan,dot,clif,weights,onnx,safetensors";

#[test]
fn all_files_are_written_and_a_rerun_gives_the_same_bytes() {
    let contents: Vec<BTreeMap<String, Vec<u8>>> = ["compile_first", "compile_second"]
        .iter()
        .map(|name| {
            let directory = scratch(name).join("made/for/this");
            let path = directory.to_str().unwrap();
            let json = rexnetc(&["compile", SMALL, "--emit", ALL, "-o", path, "--json"]).exits(0).json();
            let said: u64 =
                json["files"].as_array().unwrap().iter().map(|file| file["bytes"].as_u64().unwrap()).sum();
            let files: BTreeMap<String, Vec<u8>> = std::fs::read_dir(&directory)
                .unwrap()
                .map(|entry| {
                    let entry = entry.unwrap();
                    let name = entry.file_name().into_string().unwrap();
                    (name, std::fs::read(entry.path()).unwrap())
                })
                .collect();
            assert_eq!(said, files.values().map(|content| content.len() as u64).sum::<u64>());
            files
        })
        .collect();
    let names: Vec<&str> = contents[0].keys().map(String::as_str).collect();
    let endings = ["clif", "dot", "graph", "loops", "onnx", "plan", "rxw", "safetensors", "source.graph"];
    assert_eq!(names, endings.map(|ending| format!("rexnet.{ending}")));
    assert!(contents[0] == contents[1]);
    for name in ["rexnet.graph", "rexnet.source.graph"] {
        let text = std::str::from_utf8(&contents[0][name]).unwrap();
        assert_eq!(graph::parse(text).unwrap().to_string(), text, "{name}");
    }
    let compilation = driver::compile(SMALL, Weights::Seeded(0), &Options::default()).unwrap();
    assert!(compilation.weights.to_rxw() == contents[0]["rexnet.rxw"]);
}

#[test]
fn files_are_replaced_whole() {
    let directory = scratch("compile_replace");
    std::fs::write(directory.join("rexnet.plan"), "x".repeat(1 << 20)).unwrap();
    let path = directory.to_str().unwrap();
    let ran = rexnetc(&["compile", SMALL, "--emit", "plan,plan", "-o", path]).exits(0);
    assert_eq!(ran.out.matches("rexnet.plan").count(), 1, "{ran:?}");
    let plan = std::fs::read_to_string(directory.join("rexnet.plan")).unwrap();
    assert!(plan.starts_with("program rexnet {"));
    assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 1);
}

#[test]
fn one_text_form_goes_to_standard_output() {
    for (form, start) in
        [("graph", "graph"), ("plan", "program rexnet {"), ("dot", "digraph"), ("clif", "; ")]
    {
        let ran = rexnetc(&["compile", SMALL, "--emit", form]).exits(0);
        assert!(ran.out.starts_with(start), "{form}: {}", &ran.out[..ran.out.len().min(200)]);
    }
}

#[test]
fn files_of_a_model_have_its_name_and_never_replace_it() {
    let directory = scratch("compile_model");
    let model = file(&directory, "own name.onnx", chain(&["Relu"]));
    let to = directory.to_str().unwrap();
    let ran = rexnetc(&["compile", &model, "--emit", "plan,onnx", "-o", to]).exits(1);
    assert!(ran.err.contains("RX0701") && ran.err.contains("would be replaced"), "{ran:?}");
    assert_eq!(std::fs::read(&model).unwrap(), chain(&["Relu"]));
    let to = directory.join("made").into_os_string().into_string().unwrap();
    rexnetc(&["compile", &model, "--emit", "onnx", "-o", &to]).exits(0);
    let again = format!("{to}/own name.onnx");
    let json = rexnetc(&["verify", &model, "--against", &again, "--json"]).exits(0).json();
    assert_eq!(json["same"], true, "{json:#}");
}
