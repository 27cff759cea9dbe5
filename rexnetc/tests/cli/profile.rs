//! Profiles: figures that agree with each other, and the files. No test asserts a time.

use crate::binary::{SMALL, command, file, rexnetc, scratch};
use serde_json::Value;

/// A network that rustc compiles in a second.
const TINY: &str = "generated/tiny.rexnet";

fn number(value: &Value, key: &str) -> f64 {
    value[key].as_f64().unwrap_or_else(|| panic!("{key} in {value:#}"))
}

/// What holds in every profile.
#[track_caller]
fn consistent(json: &Value) {
    let near = |a: f64, b: f64| assert!((a - b).abs() <= 1e-9 * a.abs().max(b.abs()), "{a} {b}: {json:#}");
    let peak = number(&json["peaks"], "gmacs_per_s");
    assert!(peak > 0.0 && number(&json["peaks"], "gdivisions_per_s") > 0.0);
    let reads = json["peaks"]["reads"].as_array().unwrap();
    assert!(reads.len() >= 4 && reads.iter().all(|read| number(read, "gb_per_s") > 0.0));
    let steps = json["steps"].as_array().unwrap();
    let sum = |key: &str| steps.iter().map(|step| number(step, key)).sum::<f64>();
    near(sum("macs"), number(json, "macs"));
    near(sum("roofline_ms"), number(json, "roofline_ms"));
    near(sum("arithmetic_ms"), number(json, "arithmetic_floor_ms"));
    near(number(json, "macs") / peak / 1e6, number(json, "floor_ms"));
    let groups = json["groups"].as_array().unwrap();
    let in_groups = |key: &str| groups.iter().map(|group| number(group, key)).sum::<f64>();
    near(in_groups("steps"), steps.len() as f64);
    near(in_groups("macs"), number(json, "macs"));
    near(in_groups("ms"), number(json, "steps_ms"));
    // Padded channels are computed too: a kernel never does less than its node asks for.
    assert!(number(json, "floor_ms") <= number(json, "arithmetic_floor_ms"));
    for step in steps {
        let (min, median) = (number(&step["time"], "min_ms"), number(&step["time"], "median_ms"));
        assert!(min > 0.0 && min <= median, "{step:#}");
        assert!(number(step, "bytes") >= number(step, "weight_bytes"));
        near(number(step, "roofline_ms"), number(step, "arithmetic_ms").max(number(step, "memory_ms")));
        near(number(step, "gmacs_per_s"), number(step, "macs") / min / 1e6);
        near(number(step, "peak_share"), number(step, "gmacs_per_s") / peak);
        assert!(step["kernel"].as_str().is_some_and(|name| !name.is_empty()));
    }
    assert!(number(&json["run"], "min_ms") <= number(&json["run"], "median_ms"));
}

#[test]
fn figures_agree_and_pictures_are_written() {
    let directory = scratch("profile_pictures");
    let to = directory.join("new/folder");
    let arguments = ["profile", SMALL, "--backend", "clif", "--iters", "3", "--batch", "2"];
    let output = ["-o", to.to_str().unwrap(), "--json"];
    let json = rexnetc(&[&arguments[..], &output[..]].concat()).exits(0).json();
    consistent(&json);
    assert_eq!((number(&json, "rounds"), number(&json, "batch")), (3.0, 2.0));
    assert_eq!((&json["backend"], &json["target"]), (&Value::from("clif"), &Value::from("portable")));
    assert_eq!(json["files"].as_array().map(Vec::len), Some(2));
    let picture = std::fs::read_to_string(to.join("profile.svg")).unwrap();
    assert!(
        picture.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\"") && picture.ends_with("</svg>\n")
    );
    let page = std::fs::read_to_string(to.join("profile.html")).unwrap();
    for step in json["steps"].as_array().unwrap() {
        let (name, kernel) = (step["name"].as_str().unwrap(), step["kernel"].as_str().unwrap());
        assert!(page.contains(&format!("<td>{name}</td><td>{kernel}</td>")), "{name}");
        // A disc for every step that multiplies, with a title for who points at it.
        assert_eq!(picture.contains(&format!("{name}, {kernel};")), number(step, "macs") > 0.0, "{name}");
    }
    assert_eq!(page.matches("<svg ").count(), 2);
    assert!(!page.contains("src=") && !page.contains("href="), "the page needs another file");
}

#[test]
fn a_table_fits_a_terminal() {
    let ran = rexnetc(&["profile", SMALL, "--backend", "jit", "--iters", "2"]).exits(0);
    for words in ["GMAC/s on", "roofline", "stem", "pointwise", "squeeze-excite", "head.fc", "32 MiB"] {
        assert!(ran.out.contains(words), "{words}: {}", ran.out);
    }
    assert!(ran.out.lines().all(|line| line.chars().count() <= 110), "{}", ran.out);
}

#[test]
fn emitted_rust_is_profiled_by_default() {
    let picture = scratch("profile_rust").join("tiny.svg");
    let cache = scratch("profile_rust_cache");
    let arguments = ["profile", TINY, "--iters", "2", "--json", "-o", picture.to_str().unwrap()];
    let run = |cargo: Option<&str>| {
        let mut program = command(&arguments);
        program.env("XDG_CACHE_HOME", &cache);
        if let Some(cargo) = cargo {
            program.env("CARGO", cargo);
        }
        program.output().unwrap()
    };
    // No cargo, nothing built yet.
    let without = run(Some("/no/such/cargo"));
    assert_eq!(without.status.code(), Some(1));
    let errors: Value = serde_json::from_slice(&without.stdout).unwrap();
    assert_eq!(errors["errors"][0]["code"], "RX0604");
    assert!(errors["errors"][0]["help"].as_str().is_some_and(|help| help.contains("--backend jit")));
    assert!(!picture.exists());

    let ran = run(None);
    assert_eq!(ran.status.code(), Some(0), "{}", String::from_utf8_lossy(&ran.stderr));
    let json: Value = serde_json::from_slice(&ran.stdout).unwrap();
    consistent(&json);
    assert_eq!(json["backend"], "rust");
    assert!(std::fs::read_to_string(&picture).unwrap().contains("<title>"));
}

#[test]
fn what_cannot_be_profiled() {
    let directory = scratch("profile_errors");
    let taken = file(&directory, "taken", "a file");
    let fast = ["--backend", "clif", "--iters", "1"];
    let ran = |more: &[&str]| rexnetc(&[&["profile"], more, &fast[..]].concat());
    assert!(ran(&["rexnet(width = -1)"]).exits(1).err.contains("RX01"));
    assert!(ran(&[SMALL, "-o", &taken]).exits(1).err.contains("RX0701"));
    assert!(ran(&[SMALL, "--weights", "none.safetensors"]).exits(1).err.contains("RX0701"));
    for wrong in
        [&["--backend", "interpret"][..], &["--backend", "reference"], &["--iters", "0"], &["--batch", "0"]]
    {
        rexnetc(&[&["profile", SMALL], wrong].concat()).exits(2);
    }
}
