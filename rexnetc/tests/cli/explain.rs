use crate::binary::rexnetc;
use rexnet::Code;

#[test]
fn every_code_is_explained() {
    for code in Code::ALL {
        let ran = rexnetc(&["explain", code.code()]).exits(0);
        assert!(ran.out.contains(code.title()) && ran.out.contains(code.explanation()), "{ran:?}");
    }
    let json = rexnetc(&["explain", "rx0801", "--json"]).exits(0).json();
    assert_eq!(json["code"], "RX0801");
    assert!(json["title"].is_string() && json["explanation"].is_string());
}

#[test]
fn an_unknown_code_is_wrong_usage_and_lists_the_known_ones() {
    let ran = rexnetc(&["explain", "RX9999"]).exits(2);
    assert!(Code::ALL.iter().all(|code| ran.err.contains(code.code())), "{ran:?}");
}
