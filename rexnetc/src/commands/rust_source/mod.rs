//! `--emit rust`: a network as a module of Rust, or as a small crate around it.

mod timed_crate;

use super::forms::{Product, Subject};
use rexnet::Diagnostics;
use rexnet_codegen::build::printable;
use rexnet_codegen::driver::Compilation;
use rexnet_codegen::emit::rust::{self, Embedding, ModuleOptions, WeightsSource};

/// The module first; then the packed weights, and the rest of the crate.
///
/// # Errors
/// `RX0501` for a fault of this compiler.
pub(super) fn files(subject: Subject<'_>) -> Result<Vec<Product>, Diagnostics> {
    let Subject { net, facts, compilation, code: request, .. } = subject;
    let Compilation { program, weights, .. } = compilation;
    let name = request.name(net, program);
    let packed = format!("{name}.rxw");
    let options = ModuleOptions {
        type_name: request.type_name.clone(),
        title: format!("The network `{name}`."),
        spec: printable(&net.description(facts)),
        counts: compilation.counts(),
        weights: if request.embed {
            WeightsSource::Embedded(Embedding::BesideModule(packed.clone()))
        } else {
            WeightsSource::RunTime
        },
        std: request.std,
        machine_code: request.machine_code,
        threads: None,
        entry: None,
    };
    let versions = compilation.versions(&request.versions);
    let folder = if request.as_crate { "src/" } else { "" };
    let source = |path: String, text: String| Product { path, bytes: text.into_bytes(), guarded: true };
    let mut products = vec![source(format!("{folder}{name}.rs"), rust::file(&versions, &options))];
    if request.weights {
        // What the module includes lies beside it; what a program loads, in the crate's own folder.
        let folder = if request.embed { folder } else { "" };
        products.push(Product::new(format!("{folder}{packed}"), weights.to_rxw()));
    }
    if request.as_crate {
        products.push(source("Cargo.toml".to_owned(), timed_crate::manifest(&name)));
        let main = timed_crate::main(&name, &request.type_name, program, request.embed);
        products.push(source("src/main.rs".to_owned(), main));
    }
    Ok(products)
}
