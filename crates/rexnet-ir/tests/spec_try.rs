use rexnet_ir::spec::*;
#[test]
fn t() {
    let cases = [
        "",
        "()",
        "rexnet(",
        "rexnet(widht = 2)",
        "rexnt",
        "rexnet(width=-1)",
        "rexnet(width=0)",
        "rexnet(width = 1, width = 2)",
        "rexnet(width)",
        "rexnet(0.5)",
        "rexnet(width=silu)",
        "rexnet(<width=1.0>)",
        "rexnet(width=1.0) x",
        "network a { input: [3, 1, 1] }",
        "rexnet(depth = 100)",
        "rexnet(width = 1000)",
        "network a {}",
        "rexnet(size = 1e9)",
        "rexnet(width = 1px)",
        "rexnet(width = \"a\")",
        "rexnet(width = 1e999)",
        "rexnet<width = 1",
        "network",
        "network a",
        "/// doc\nnetwork a(/** doc */ b = 1) { /// hi\n input: [3,4,4], }",
        "#[foo] rexnet",
        "a = b",
        "rexnet(classes=10)()",
        "network a(silu = 1, i = 2) {}",
        "12",
        "\u{feff}rexnt",
        "/* ( */ rexnt",
        "rexnet(width = 1 + )",
        "rexnet(width = -(-1)) ",
        "}",
        "network x { stem: 3, blocks: {}, head: 1, head: 2, foo: 2, preprocess: 3 }",
    ];
    for c in cases {
        println!("--- {c:?}");
        match parse_network(c) {
            Ok(n) => println!("ok {n}"),
            Err(e) => {
                for d in e.list {
                    println!("{d}   @ {:?}", d.location)
                }
            }
        }
    }
}
