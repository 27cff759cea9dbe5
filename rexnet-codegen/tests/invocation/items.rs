//! What sound invocations define.

use crate::expand;
use rexnet_codegen::invocation::Macro::{Network, Rexnet};
use std::collections::BTreeSet;
use syn::Item;

const TINY: &str = "network tiny(size = 16) {
    input: [3, size, size],
    classes: 4,
    batch_norm: { epsilon: 1e-5 },
    stem: { channels: 8, kernel: 3, stride: 2, activation: silu },
    blocks: {
        repeats: [1],
        channels: 8,
        expand: { ratio: 2, activation: silu },
        depthwise: { kernel: 3, stride: 1, activation: relu6 },
        shortcut: none,
    },
}";

/// The module that an invocation makes.
fn module(text: &str) -> syn::ItemMod {
    let file: syn::File = syn::parse_str(text).unwrap();
    match file.items.into_iter().next() {
        Some(Item::Mod(module)) => module,
        _ => panic!("no module: {text:.200}"),
    }
}

#[test]
fn forms_of_one_network_are_equal() {
    let written = expand(Rexnet, "width = 0.5, size = 32", None).unwrap();
    for same in [
        "<width = 0.5, size = 32>",
        "width = 0.5, batch = 1, size = 32,",
        "<width = 0.5, size = 32>, batch = 1",
    ] {
        assert_eq!(expand(Rexnet, same, None).unwrap(), written, "{same}");
    }
    for same in
        ["struct Rexnet; rexnet(width = 0.5, size = 32)", "struct Rexnet; rexnet<width = 0.5, size = 32>,"]
    {
        assert_eq!(expand(Network, same, None).unwrap(), written, "{same}");
    }
}

#[test]
fn visibility_attributes_and_names_are_kept() {
    let head = "#[cfg(unix)] /// Tells.\n pub(crate) struct HttpClassifier; width = 0.5, size = 32";
    let text = expand(Rexnet, head, None).unwrap();
    let documentation = "#[doc = \" What [`HttpClassifier`] consists of and works with.\"]";
    assert!(
        text.starts_with(&format!("# [cfg (unix)] {}", documentation.replace("#[", "# ["))),
        "{text:.300}"
    );
    assert!(
        text.contains(") pub (crate) mod http_classifier {")
            || text.contains("] pub (crate) mod http_classifier {")
    );
    assert!(text.contains("pub struct HttpClassifier {"));
    let import = "# [cfg (unix)] # [doc (inline)] # [doc = r\" Tells.\"] # [allow (unused_imports)] pub (crate) use http_classifier :: HttpClassifier ;";
    assert!(
        text.ends_with(import) || text.replace("r\"", "\"").ends_with(&import.replace("r\"", "\"")),
        "{}",
        &text[text.len() - 300..]
    );
}

#[test]
fn modules_are_no_names_of_crates_or_keywords() {
    for (name, module) in
        [("Rexnet", "rexnet_network"), ("Std", "std_network"), ("Match", "match_network"), ("V2Net", "v2net")]
    {
        let text = expand(Rexnet, &format!("struct {name}; width = 0.5, size = 32"), None).unwrap();
        assert_eq!(self::module(&text).ident, module);
    }
}

#[test]
fn a_definition_stands_in_the_invocation() {
    let text = expand(Network, &format!("/// Docs of the network.\n{TINY}, batch = 2"), None).unwrap();
    assert!(text.contains("[usize ; 4] = [2 , 3 , 16 , 16]"), "{text:.2000}");
    let literal = text.split_once("SPEC : & 'static str = ").unwrap().1.split_once(" ;").unwrap().0;
    let spec: syn::LitStr = syn::parse_str(literal).unwrap();
    let again = rexnet_ir::spec::parse_network(&spec.value()).unwrap();
    assert_eq!(again, rexnet_ir::spec::parse_network(TINY).unwrap());
}

/// The names that a head is refused must be all that the module's own types have.
#[test]
fn no_type_can_have_the_name_of_another_item() {
    let module = module(&expand(Rexnet, "width = 0.5, size = 32", None).unwrap());
    let names: BTreeSet<String> = module
        .content
        .map(|(_, items)| items)
        .unwrap_or_default()
        .iter()
        .filter_map(|item| match item {
            Item::Struct(item) => Some(item.ident.to_string()),
            Item::Enum(item) => Some(item.ident.to_string()),
            Item::Type(item) => Some(item.ident.to_string()),
            _ => None,
        })
        .filter(|name| name != "Rexnet")
        .collect();
    assert!(names.contains("Scratch") && names.contains("Version"), "{names:?}");
    for name in names {
        let taken = expand(Rexnet, &format!("struct {name}; width = 0.5, size = 32"), None);
        assert!(taken.is_err(), "{name}");
    }
}

#[test]
fn embedded_code_names_no_absolute_path() {
    let folder = std::env::temp_dir().join(format!("rexnet-items-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let spec = "rexnet(width = 0.5, size = 32)";
    let weights = rexnet_codegen::driver::Weights::Zeros;
    let compilation =
        rexnet_codegen::driver::compile(rexnet_codegen::driver::Request::new(spec, weights)).unwrap();
    std::fs::write(folder.join("x.rxw"), compilation.weights.to_rxw()).unwrap();
    let text = expand(Rexnet, "width = 0.5, size = 32, weights = \"x.rxw\"", Some(&folder));
    std::fs::remove_dir_all(&folder).unwrap();
    let text = text.unwrap();
    assert!(text.contains("(env ! (\"CARGO_MANIFEST_DIR\") , \"/x.rxw\")"));
    assert!(!text.contains(folder.to_str().unwrap()));
}
