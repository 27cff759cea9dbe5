use crate::binary::{SMALL, rexnetc, rexnetc_with_input, scratch};
use crate::files::fixture;

/// Splits the output into `#key value` lines and numbers, as a harness does.
fn split(out: &str) -> (Vec<(&str, f64)>, Vec<f64>) {
    let comments = out.lines().filter_map(|line| line.strip_prefix('#'));
    let keys = comments.filter_map(|line| line.split_once(' '));
    let times = out.lines().filter(|line| !line.starts_with('#'));
    (
        keys.map(|(key, value)| (key, value.parse().unwrap())).collect(),
        times.map(|line| line.parse().unwrap()).collect(),
    )
}

#[test]
fn lines_are_as_many_as_the_runs() {
    let arguments = ["bench", SMALL, "--lines", "--threads", "1", "--batch", "2", "--model", "any"];
    let ran = rexnetc(&[&arguments[..], &["--iters", "7"]].concat()).exits(0);
    let (keys, times) = split(&ran.out);
    assert_eq!(times.len(), 7);
    assert!(times.iter().all(|&time| time > 0.0));
    assert_eq!(keys[0].0, "load_ms");
    assert_eq!(keys[1].0, "first_ms");
}

#[test]
fn threads_and_batch_are_told() {
    let ran = rexnetc(&["bench", SMALL, "--threads", "3", "--batch", "2", "--iters", "2"]).exits(0);
    assert!(ran.out.contains("batch 2, 3 threads"), "{ran:?}");
    for wrong in ["2000", "-1", "many"] {
        rexnetc(&["bench", SMALL, "--threads", wrong]).exits(2);
    }
    let ran = rexnetc(&["bench", SMALL, "--threads", "2", "--backend", "interpret"]).exits(2);
    assert!(ran.err.contains("--threads"), "{ran:?}");
}

#[test]
fn serve_answers_every_request() {
    let directory = scratch("bench_serve");
    let given = fixture(&directory, "rexnet_narrow");
    let arguments = ["bench", &given.net, "--weights", &given.weights, "--input", &given.input];
    let more = ["--expect", &given.expected, "--serve"];
    let ran = rexnetc_with_input(&[&arguments[..], &more[..]].concat(), "3\n0\n2\nquit\n").exits(0);
    let (before, after) = ran.out.split_once("#ready\n").unwrap();
    let (keys, times) = split(before);
    assert!(times.is_empty());
    let value = |key: &str| keys.iter().find(|(other, _)| *other == key).map(|(_, value)| *value);
    assert!(value("load_ms").is_some() && value("first_ms").is_some());
    assert!(value("maxdiff").is_some_and(|difference| difference < 1e-4));
    assert_eq!(value("argmax_ok"), Some(1.0));
    if cfg!(target_os = "linux") {
        assert!(value("peak_rss_mb").is_some_and(|size| size > 1.0));
    }
    let answers: Vec<usize> = after.split("#end\n").map(|answer| answer.lines().count()).collect();
    assert_eq!(answers, [3, 0, 2, 0]);
}

#[test]
fn serve_survives_nonsense_and_the_end_of_its_input() {
    let ran = rexnetc_with_input(&["bench", SMALL, "--serve"], "-1\nmany\n\n1").exits(0);
    let after = ran.out.split_once("#ready\n").unwrap().1;
    assert_eq!(after.matches("#error\n#end\n").count(), 2, "{after}");
    assert_eq!(split(after).1.len(), 1, "{after}");
}

#[test]
fn figures_are_consistent() {
    let json = rexnetc(&["bench", SMALL, "--iters", "5", "--warmup", "0", "--json"]).exits(0).json();
    let number = |key: &str| json[key].as_f64().unwrap();
    assert!(number("min_ms") <= number("median_ms") && number("min_ms") <= number("mean_ms"));
    assert_eq!(number("runs"), 5.0);
    assert!((number("gmacs_per_s") - number("macs") / number("min_ms") / 1e6).abs() < 1e-9);
    let text = rexnetc(&["bench", SMALL, "--iters", "2"]).exits(0).out;
    assert!(text.contains("min") && text.contains("median") && text.contains("GMAC/s"), "{text}");
}
