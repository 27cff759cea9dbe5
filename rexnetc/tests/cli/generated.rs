use crate::binary::rexnetc;

/// What `generated/src` holds is what the program writes now.
#[track_caller]
fn is_fresh(arguments: &[&str]) {
    let ran =
        rexnetc(&[&["compile"], arguments, &["--emit", "rust", "-o", "generated/src", "--check"]].concat());
    let words: Vec<String> = arguments
        .iter()
        .map(|word| if word.contains(' ') { format!("'{word}'") } else { (*word).to_owned() })
        .collect();
    let command = format!("compile {} --emit rust -o generated/src", words.join(" "));
    assert_eq!(
        ran.code,
        Some(0),
        "{}\nin the repository's root, run\n\n    cargo run --release -p rexnetc -- {command}\n",
        ran.err
    );
}

#[test]
fn the_tiny_exemplar_is_fresh() {
    is_fresh(&["generated/tiny.rexnet"]);
}

#[test]
fn the_real_exemplar_is_fresh() {
    is_fresh(&["mobilenet_v2", "--target", "portable"]);
}
