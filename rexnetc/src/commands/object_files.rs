//! `--emit obj` and `--emit staticlib`: a network for programs in C.

use super::forms::{Product, Subject};
use rexnet::{Code, Diagnostic, Diagnostics, Location};
use rexnet_codegen::build::printable;
use rexnet_codegen::driver::Compilation;
use rexnet_codegen::emit::object::{self, ObjectOptions};
use rexnet_codegen::emit::rust::Version;

/// What the code lies in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Container {
    /// `NAME.o`.
    Object,
    /// `libNAME.a`.
    StaticLibrary,
}

/// The container first; then the header, and the packed weights where they are wanted and lie beside it.
///
/// # Errors
/// `RX0601` for a fault of this compiler, `RX0603` where none of the versions is of this machine's architecture.
pub(super) fn files(subject: Subject<'_>, container: Container) -> Result<Vec<Product>, Diagnostics> {
    let Subject { net, facts, compilation, code: request, .. } = subject;
    let Compilation { program, weights, .. } = compilation;
    let name = request.name(net, program);
    let versions: Vec<Version> =
        object::versions().filter(|version| request.versions.contains(version)).collect();
    if versions.is_empty() {
        let cause =
            "objects are made for the architecture of this machine, and none of the versions is of it";
        let help =
            format!("there are: {}", object::versions().map(Version::name).collect::<Vec<_>>().join(", "));
        return Err(Diagnostic::new(Code::UnsupportedHost, Location::None, cause).with_help(help).into());
    }
    let spec = printable(&net.description(facts));
    let options = ObjectOptions {
        name: &name,
        spec: &spec,
        counts: compilation.counts(),
        embedded: request.embed.then_some(weights),
        std: request.std,
    };
    let programs = compilation.versions(&versions);
    let object = object::object(&programs, &options)?;
    let code = match container {
        Container::Object => Product::new(format!("{name}.o"), object),
        Container::StaticLibrary => Product::new(format!("lib{name}.a"), object::archive(&name, &object)?),
    };
    let header = object::header(&programs, &options).into_bytes();
    let mut products = vec![code, Product { path: format!("{name}.h"), bytes: header, guarded: true }];
    if request.weights && !request.embed {
        products.push(Product::new(format!("{name}.rxw"), weights.to_rxw()));
    }
    Ok(products)
}
