//! Names in Rust source, and text in its comments.

use crate::emit::rust::TAKEN_TYPES;

/// What cannot be the name of a module and of a crate beside its `main`: keywords, crates that every program has,
/// names that cargo or file systems keep for themselves.
const TAKEN_MODULES: &[&str] = &[
    "abstract",
    "alloc",
    "as",
    "async",
    "aux",
    "await",
    "become",
    "box",
    "break",
    "build",
    "con",
    "const",
    "continue",
    "core",
    "crate",
    "deps",
    "do",
    "dyn",
    "else",
    "enum",
    "examples",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "incremental",
    "let",
    "lib",
    "loop",
    "macro",
    "main",
    "match",
    "mod",
    "move",
    "mut",
    "nul",
    "override",
    "priv",
    "prn",
    "proc_macro",
    "pub",
    "ref",
    "return",
    "self",
    "static",
    "std",
    "struct",
    "super",
    "test",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "unsafe",
    "unsized",
    "use",
    "virtual",
    "where",
    "while",
    "yield",
];

/// The name of a module and its file: in snake case, no keyword.
pub fn module_name(name: &str) -> String {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let name = words.collect::<Vec<_>>().join("_").to_ascii_lowercase();
    if name.is_empty() {
        "network".to_owned()
    } else if name.starts_with(|c: char| c.is_ascii_digit()) {
        format!("network_{name}")
    } else if TAKEN_MODULES.contains(&name.as_str()) {
        format!("{name}_network")
    } else {
        name
    }
}

/// Reads the name of a network's type.
///
/// # Errors
/// What is wrong with it.
pub fn type_name(text: &str) -> Result<String, String> {
    let starts = text.starts_with(|c: char| c.is_ascii_uppercase());
    if !starts || !text.chars().all(|c| c.is_ascii_alphanumeric()) {
        return Err("the name of a type is a capital letter, then letters and digits".to_owned());
    }
    if TAKEN_TYPES.contains(&text) {
        return Err("the module has another type of that name".to_owned());
    }
    Ok(text.to_owned())
}

/// The text without what Rust refuses in comments: lone carriage returns, and signs that turn the direction of
/// writing.
pub fn printable(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    text.replace(|c| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'), "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::{TAKEN_MODULES, TAKEN_TYPES, module_name, printable, type_name};
    use crate::driver::{self, Request, Weights};
    use crate::emit::rust::{self, Embedding, ModuleOptions, Version, WeightsSource};

    #[test]
    fn module_names_are_legal() {
        for (name, expected) in [
            ("rexnet", "rexnet"),
            ("My own.v2", "my_own_v2"),
            ("__a--b__", "a_b"),
            ("224", "network_224"),
            ("Main", "main_network"),
            ("type", "type_network"),
            ("ü", "network"),
        ] {
            assert_eq!(module_name(name), expected);
        }
        assert!(TAKEN_MODULES.is_sorted() && TAKEN_TYPES.is_sorted());
    }

    #[test]
    fn signs_that_hide_code_are_replaced() {
        assert_eq!(printable("a\r\nb\rc\u{202e}d"), "a\nb\nc\u{fffd}d");
    }

    #[test]
    fn types_have_names_of_their_own() {
        assert_eq!(type_name("ReXNet100"), Ok("ReXNet100".to_owned()));
        for wrong in ["", "network", "Réseau", "Two Words", "Self", "Scratch", "_A", "9"] {
            assert!(type_name(wrong).is_err(), "{wrong}");
        }
        let spec = "rexnet(width = 0.25, size = 32, classes = 10)";
        let request =
            Request { targets: vec![Version::Portable.target()], ..Request::new(spec, Weights::Zeros) };
        let compilation = driver::compile(request).unwrap();
        let versions = compilation.versions(&[Version::Portable]);
        let options = ModuleOptions {
            type_name: "Unlikely".to_owned(),
            title: String::new(),
            spec: String::new(),
            counts: compilation.source.counts(),
            weights: WeightsSource::Embedded(Embedding::BesideModule("x.rxw".to_owned())),
            std: true,
            machine_code: false,
            threads: None,
            entry: None,
        };
        let module = rust::file(&versions, &options);
        let mut defined = Vec::new();
        for line in module.lines() {
            // What is indented is private to another module.
            let mut words = line.trim_start_matches("pub ").split([' ', '(', '{', '<', ';']);
            if words.next().is_some_and(|word| ["struct", "enum", "trait", "type", "union"].contains(&word)) {
                defined.extend(words.next());
            }
        }
        assert!(defined.contains(&"Unlikely") && defined.len() > 5, "{defined:?}");
        for name in defined {
            assert!(name == "Unlikely" || type_name(name).is_err(), "{name} is taken");
        }
    }
}
