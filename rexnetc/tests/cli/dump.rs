use crate::binary::{SMALL, file, rexnetc, scratch};
use crate::model::{chain, exported};
use rexnet_ir::graph;
use rexnet_ir::passes::PIPELINE;

#[test]
fn the_source_graph_needs_no_pass() {
    let ran = rexnetc(&["dump", SMALL]).exits(0);
    assert!(ran.out.contains("batch_norm(") && ran.err.is_empty(), "{ran:?}");
    assert_eq!(graph::parse(&ran.out).unwrap().to_string(), ran.out);
}

#[test]
fn passes_say_what_they_did_up_to_the_one_that_is_named() {
    let ran = rexnetc(&["dump", SMALL, "--after", "fold_batch_norm"]).exits(0);
    let lines: Vec<&str> = ran.err.lines().collect();
    let unchanged = ["fold_constants", "fuse_pad", "join_convolutions", "remove_dead"];
    assert_eq!(lines[..4], unchanged.map(|pass| format!("{pass}: unchanged")));
    assert!(lines[4].starts_with("fold_batch_norm: ") && lines[4].ends_with(" nodes rewritten"), "{lines:?}");
    assert_eq!(lines.len(), 5);
    assert!(ran.out.contains("@stem.conv.weight.folded "), "{}", ran.out);
    graph::parse(&ran.out).unwrap();
}

#[test]
fn a_pass_that_stands_several_times_runs_to_its_last_place() {
    let ran = rexnetc(&["dump", SMALL, "--after", "remove_dead"]).exits(0);
    let places = PIPELINE.iter().filter(|pass| pass.name == "remove_dead").count();
    assert!(
        ran.err.ends_with(&format!("stands {places} times; this is the graph after the last\n")),
        "{ran:?}"
    );
    assert_eq!(ran.err.lines().count(), PIPELINE.len(), "all but the layout, and the note");
}

#[test]
fn every_pass_explains_its_refusals() {
    let directory = scratch("dump_explain");
    let (model, _) = exported(&directory, "0");
    for net in [SMALL, &model, &file(&directory, "relu.onnx", chain(&["Relu"]))] {
        let ran = rexnetc(&["dump", net, "--explain"]).exits(0);
        let passes: Vec<&str> = ran.err.lines().filter(|line| !line.starts_with("  ")).collect();
        assert_eq!(passes.len(), PIPELINE.len(), "{ran:?}");
        let json = rexnetc(&["dump", net, "--explain", "--json"]).exits(0).json();
        let reports = json["passes"].as_array().unwrap();
        let refusals: Vec<String> = reports
            .iter()
            .flat_map(|report| report["refusals"].as_array().unwrap())
            .map(|refusal| {
                format!("  {}: {}", refusal["node"].as_str().unwrap(), refusal["reason"].as_str().unwrap())
            })
            .collect();
        let told: Vec<&str> = ran.err.lines().filter(|line| line.starts_with("  ")).collect();
        assert_eq!(told, refusals);
        assert_eq!(json["graph"], ran.out);
        for (report, pass) in reports.iter().zip(PIPELINE) {
            assert_eq!(report["name"], pass.name);
            assert!(report["acted"].is_array() && report["micros"].is_u64(), "{report}");
        }
    }
}

#[test]
fn the_graph_may_go_to_a_file_and_unknown_passes_are_usage() {
    let path = scratch("dump_file").join("small.graph").into_os_string().into_string().unwrap();
    let ran = rexnetc(&["dump", SMALL, "-o", &path]).exits(0);
    assert!(ran.out.is_empty());
    graph::parse(&std::fs::read_to_string(&path).unwrap()).unwrap();
    let ran = rexnetc(&["dump", SMALL, "--after", "fold"]).exits(2);
    assert!(PIPELINE.iter().all(|pass| ran.err.contains(pass.name)), "{ran:?}");
}
