//! What is reported for broken specs, and where.
//!
//! Each file of `errors/` ends in the faults it has, one a comment: `// error[CODE] start..end: cause`, in bytes
//! of the file. With `REXNET_BLESS=1` in the environment the comments are written anew instead of compared.

use rexnet_ir::diagnostic::{Diagnostic, Location};
use rexnet_ir::spec::{MAX_BYTES, parse_network, parse_network_with};
use std::path::Path;

fn faults(source: &str) -> Vec<Diagnostic> {
    parse_network(source).err().unwrap_or_default().list
}

fn range(fault: &Diagnostic) -> std::ops::Range<usize> {
    match &fault.location {
        Location::Span(range) => range.clone(),
        other => panic!("{fault} is at {other:?}"),
    }
}

fn comment(fault: &Diagnostic) -> String {
    let range = range(fault);
    let mut line = format!("// error[{}] {}..{}: {}", fault.code.code(), range.start, range.end, fault.cause);
    if !fault.help.is_empty() {
        line += &format!("; {}", fault.help);
    }
    line
}

#[test]
fn files_have_the_faults_that_they_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/spec/errors");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let source = text.split("// error[").next().unwrap();
        let found: String = faults(&text).iter().map(|fault| comment(fault) + "\n").collect();
        if std::env::var_os("REXNET_BLESS").is_some() {
            std::fs::write(&path, format!("{source}{found}")).unwrap();
        } else {
            assert_eq!(text.strip_prefix(source).unwrap(), found, "{}", path.display());
        }
        assert!(!found.is_empty(), "{} has no fault", path.display());
        seen += 1;
    }
    assert!(seen >= 8, "{seen} files");
}

/// Code and place of the only fault of a text.
#[track_caller]
fn expect(source: &str, code: &str, place: &str) {
    let list = faults(source);
    let found: Vec<(&str, &str)> =
        list.iter().map(|fault| (fault.code.code(), &source[range(fault)])).collect();
    assert_eq!(found, [(code, place)], "{source}: {list:?}");
}

#[test]
fn calls_are_checked() {
    expect("", "RX0101", "");
    expect("12", "RX0101", "12");
    expect("rexnet(", "RX0101", "(");
    expect("rexnet)", "RX0101", ")");
    expect("rexnet(width)", "RX0101", "width");
    expect("rexnet(0.5)", "RX0101", "0.5");
    expect("rexnet(width = )", "RX0101", ")");
    expect("rexnet<width = 1", "RX0101", "");
    expect("rexnet(width = 1.0) rexnet", "RX0101", "rexnet");
    expect("rexnet(width = 1px)", "RX0101", "1px");
    expect("rexnet(width = \"wide\")", "RX0101", "\"");
    expect("rexnet(width = 'w')", "RX0101", "'w'");
    expect("rexnet(width = 1e999)", "RX0101", "1e999");
    expect("rexnet(width = --1)", "RX0101", "-");
    expect("rexnet(width = 1) § ", "RX0101", "§");
    expect("#[wide] rexnet", "RX0101", "#");
    expect("rexnt", "RX0102", "rexnt");
    expect("mobilenet(width = 1)", "RX0102", "mobilenet");
    expect("rexnet(widht = 1)", "RX0102", "widht");
    expect("rexnet(width = silu)", "RX0102", "silu");
    expect("rexnet(width = [1, 2])", "RX0103", "[1, 2]");
    expect("rexnet(width = 1 / 0)", "RX0103", "1 / 0");
    expect("rexnet(width = 1e300 * 1e300)", "RX0103", "1e300 * 1e300");
    expect("rexnet(width = sqrt(-1))", "RX0103", "sqrt(-1)");
    expect("rexnet(width = 1, width = 2)", "RX0105", "width");
    expect("\u{feff}rexnt", "RX0102", "rexnt");
    expect("/* ä ( */ rexnt", "RX0102", "rexnt");
}

#[test]
fn faults_of_a_preset_lie_at_the_call() {
    let call = "rexnet(width = 1, depth = 100)";
    expect(&format!("  {call} // deep"), "RX0106", call);
    expect("(classes = 0.5)", "RX0103", "(classes = 0.5)");
    expect("<classes = 1e6>", "RX0103", "<classes = 1e6>");
    assert_eq!(faults("rexnet(width = -1, classes = 0, size = 0.5)").len(), 6);
}

#[test]
fn near_names_are_offered() {
    let help = |source: &str| faults(source)[0].help.clone();
    assert!(help("rexnt").starts_with("did you mean `rexnet`? There are: rexnet, rexnetr, "));
    assert_eq!(
        help("rexnet(wdth = 1)"),
        "did you mean `width`? There are: width, depth, classes, size, input, features, classifier, padding"
    );
    assert_eq!(
        help("rexnet(zoom = 1)"),
        "there are: width, depth, classes, size, input, features, classifier, padding"
    );
    assert!(help("rexnet(width = round(1))").contains("round_half_even"));
}

#[test]
fn arguments_beside_the_text_are_checked() {
    let codes = |arguments: &[(&str, f64)]| {
        let faults = parse_network_with("rexnet", arguments).unwrap_err().list;
        assert!(faults.iter().all(|fault| range(fault) == (0..6)));
        faults.iter().map(|fault| fault.code.code()).collect::<Vec<_>>()
    };
    assert_eq!(codes(&[("widht", 1.0)]), ["RX0102"]);
    assert_eq!(codes(&[("width", f64::NAN)]), ["RX0103"]);
    assert_eq!(codes(&[("width", f64::INFINITY), ("zoom", 1.0)]), ["RX0103", "RX0102"]);
    assert_eq!(codes(&[("classes", -1.0)]), ["RX0103"]);
}

#[test]
fn size_and_nesting_are_limited() {
    let codes = |source: &str| faults(source).iter().map(|fault| fault.code.code()).collect::<Vec<_>>();
    assert_eq!(codes(&" ".repeat(MAX_BYTES + 1)), ["RX0106"]);
    assert_eq!(codes(&format!("rexnet{}", " ".repeat(MAX_BYTES - 6))), [""; 0]);
    assert_eq!(codes(&"(".repeat(MAX_BYTES)), ["RX0106"]);
    let nested = |depth: usize| format!("rexnet(width = {}1{})", "(".repeat(depth), ")".repeat(depth));
    assert_eq!(codes(&nested(31)), [""; 0]);
    assert_eq!(codes(&nested(32)), ["RX0106"]);
    assert_eq!(codes(&format!("rexnet(width = {}1)", "-".repeat(60_000))), ["RX0101"]);
    assert_eq!(codes(&format!("rexnet(width = {}1)", "9".repeat(60_000))), ["RX0106"]);
    assert_eq!(codes(&format!("rexnet(width = 1{})", " + 0".repeat(16_000))), [""; 0]);
    assert_eq!(codes(&format!("rexnet(width = 1{})", " * 1e300".repeat(8_000))), ["RX0103"]);
    // Comments do not nest brackets or make words.
    assert_eq!(codes(&format!("rexnet // {}", "(a".repeat(300))), [""; 0]);
    assert_eq!(codes(&format!("/* {} */ rexnet", "/*(".repeat(40) + &"*/".repeat(40))), [""; 0]);
}

/// Tokens come from macros without having passed the limits of text.
#[test]
fn nesting_is_limited_in_tokens_too() {
    let tokens = format!("rexnet(width = {}1{})", "(".repeat(100), ")".repeat(100)).parse().unwrap();
    let faults = rexnet_ir::spec::parse_tokens(tokens).unwrap_err();
    let codes: Vec<_> = faults.list.iter().map(|fault| fault.diagnostic.code.code()).collect();
    assert_eq!(codes, ["RX0106"]);
}

#[test]
fn evaluation_ends() {
    let list = vec!["1"; 512].join(", ");
    let sum = " + 1".repeat(14_000);
    let source = include_str!("../../presets/rexnetr.rexnet")
        .replace("[1, 2, 2, 3, 3, 5]", "[512]")
        .replace("kernel: 3, stride", &format!("kernel: [{list}]{sum}, stride"));
    let faults = faults(&source);
    assert!(faults.iter().any(|fault| fault.cause.contains("too many steps")), "{faults:?}");
}
