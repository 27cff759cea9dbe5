//! One row a mistake.

use crate::faults;
use rexnet_codegen::invocation::Macro::{Network, Rexnet};

#[test]
fn every_fault_lies_at_its_token() {
    let table: &[(_, &str, &[(&str, &str)])] = &[
        // The network.
        (Rexnet, "widht = 1.0", &[("RX0102", "1:1 widht")]),
        (Rexnet, "width = 0", &[("RX0103", "1:9 0")]),
        (Rexnet, "width = 1.0, classes = 2.5", &[("RX0103", "1:24 2.5")]),
        (Rexnet, "width = -1, classes = 0", &[("RX0103", "1:9 -1"), ("RX0103", "1:23 0")]),
        (Rexnet, "<width = 0>", &[("RX0103", "1:10 0")]),
        (Rexnet, "width = 1, width = 2", &[("RX0105", "1:12 width")]),
        (
            Rexnet,
            "widht = 1, depth = 1, depth = 0",
            &[("RX0102", "1:1 widht"), ("RX0103", "1:31 0"), ("RX0105", "1:23 depth")],
        ),
        (Rexnet, "width: 1", &[("RX0101", "1:1 width")]),
        (Rexnet, "width = ", &[("RX0101", "1:7 =")]),
        (Rexnet, "width = 1,, depth = 1", &[("RX0101", "1:11 ,")]),
        (Rexnet, "width = \"1\"", &[("RX0101", "1:9 \"1\"")]),
        (Rexnet, "size = 100000", &[("RX0103", "1:8 100000")]),
        (Network, "rexnet_light(width = 1)", &[("RX0102", "1:1 rexnet_light")]),
        (Network, "", &[("RX0101", "")]),
        (Network, "rexnet(width = 0, classes = 0)", &[("RX0103", "1:16 0"), ("RX0103", "1:29 0")]),
        (
            Network,
            "network n {\n    input: [3, size, 8],\n}",
            &[
                ("RX0102", "2:16 size"),
                ("RX0104", "1:9 n"),
                ("RX0104", "1:9 n"),
                ("RX0104", "1:9 n"),
                ("RX0104", "1:9 n"),
            ],
        ),
        // The head.
        (Rexnet, "pub Classifier; width = 1", &[("RX0101", "1:5 Classifier")]),
        (Rexnet, "struct 5; width = 1", &[("RX0101", "1:8 5")]),
        (Rexnet, "pub struct Classifier, width = 1", &[("RX0101", "1:22 ,")]),
        (Rexnet, "pub struct Classifier { width: 1 }", &[("RX0101", "1:23 { width: 1 }")]),
        (Rexnet, "pub struct", &[("RX0101", "")]),
        (Rexnet, "struct classifier; width = 1", &[("RX0103", "1:8 classifier")]),
        (Rexnet, "struct Naïve; width = 1", &[("RX0103", "1:8 Naïve")]),
        (Rexnet, "struct r#Type; width = 1", &[("RX0103", "1:8 r#Type")]),
        (Rexnet, "struct Scratch; widht = 1", &[("RX0103", "1:8 Scratch"), ("RX0102", "1:17 widht")]),
        (Rexnet, "#[inline]\nwidth = 1", &[("RX0101", "1:1 #")]),
        // The settings.
        (Rexnet, "batch = 0", &[("RX0103", "1:9 0")]),
        (Rexnet, "batch = 2.0", &[("RX0103", "1:9 2.0")]),
        (Rexnet, "width = 1, batch = 1, batch = 2", &[("RX0105", "1:23 batch")]),
        (Rexnet, "batch = 99999999, size = 32", &[("RX0203", "1:9 99999999")]),
        (Rexnet, "weights = 5", &[("RX0103", "1:11 5")]),
        (Rexnet, "weights =", &[("RX0103", "1:1 weights")]),
        (
            Rexnet,
            "weigths = \"a.rxw\", target = [avx2], width = 0",
            &[("RX0102", "1:1 weigths"), ("RX0102", "1:20 target"), ("RX0103", "1:45 0")],
        ),
        (Rexnet, "targets = [avx3, avx2, sse]", &[("RX0102", "1:12 avx3"), ("RX0102", "1:24 sse")]),
        (Rexnet, "targets = []", &[("RX0103", "1:11 []")]),
        (Rexnet, "<width = 1>, depth = 2", &[("RX0102", "1:14 depth")]),
        (Network, "rexnet, width = 1", &[("RX0102", "1:9 width")]),
        (
            Network,
            "rexnet(width = 1), batch = 0, weight = \"x\"",
            &[("RX0103", "1:28 0"), ("RX0102", "1:31 weight")],
        ),
        // All at once.
        (
            Rexnet,
            "/// Docs.\npub struct Error;\nwidht = 1,\nbatch = 0,\nweights = \"/x.rxw\"",
            &[
                ("RX0103", "2:12 Error"),
                ("RX0102", "3:1 widht"),
                ("RX0103", "4:9 0"),
                ("RX0103", "5:11 \"/x.rxw\""),
            ],
        ),
    ];
    for (invoked, invocation, expected) in table {
        let found = faults(*invoked, invocation, None);
        let found: Vec<_> = found.iter().map(|(code, place)| (code.as_str(), place.as_str())).collect();
        assert_eq!(found, *expected, "{invocation}");
    }
}
