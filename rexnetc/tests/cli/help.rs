use crate::binary::rexnetc;

/// Arguments behind `help`, the exit code, and what its output says.
const ROWS: &[(&[&str], i32, &str)] = &[
    (&[], 0, "Usage: rexnetc [OPTIONS] <COMMAND>"),
    (&["spec"], 0, "comparison = sum [ ( \"<\""),
    (&["run"], 0, "Usage: rexnetc run"),
    (&["study", "rank"], 0, "Usage: rexnetc study rank"),
    (&["frobnicate"], 2, "there is no topic \"frobnicate\""),
    (&["run", "spec"], 2, "there is no topic \"spec\""),
];

#[test]
fn every_topic_has_its_text() {
    for &(topic, code, text) in ROWS {
        let ran = rexnetc(&[&["help"], topic].concat()).exits(code);
        let told = if code == 0 { &ran.out } else { &ran.err };
        assert!(told.contains(text), "{topic:?}: {told}");
    }
}
