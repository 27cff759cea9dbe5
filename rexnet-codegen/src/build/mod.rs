//! Networks compiled by a build script: what the macros do, for those who would rather read the code in a file.
//!
//! ```no_run
//! // build.rs
//! use rexnet_codegen::Build;
//!
//! Build::new().net("rexnet(width = 0.5, classes = 10, size = 32)").weights("models/classifier.safetensors").write_or_exit();
//! ```
//!
//! ```ignore
//! // src/main.rs
//! include!(concat!(env!("OUT_DIR"), "/rexnet.mod.rs")); // a module `rexnet` with the type `Network`
//! ```

mod names;

pub use names::{module_name, printable, type_name};

use crate::driver::{
    self, Compilation, MAX_WEIGHTS_BYTES, Named, Request, Sizes, Source, Weights, read_file,
};
use crate::emit::rust::{self, Embedding, ModuleOptions, Version, WeightsSource};
use crate::replace::replace;
use rexnet_ir::diagnostic::{Code, Diagnostic, Diagnostics, Location};
use std::ffi::{OsStr, OsString};
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

/// What to compile, and how. All paths are relative to the crate that is built.
#[derive(Clone, Debug)]
pub struct Build {
    net: OsString,
    weights: Option<PathBuf>,
    name: Option<String>,
    type_name: String,
    versions: Vec<Version>,
    batch: Option<usize>,
    sizes: Sizes,
    machine_code: bool,
    std: bool,
    out_dir: Option<PathBuf>,
}

impl Default for Build {
    fn default() -> Self {
        Self::new()
    }
}

impl Build {
    /// ReXNet-1.0 without weights, as Rust for all processors, into the folder that cargo gives.
    pub fn new() -> Self {
        Self {
            net: "rexnet".into(),
            weights: None,
            name: None,
            type_name: "Network".to_owned(),
            versions: Version::ALL.to_vec(),
            batch: None,
            sizes: Sizes::default(),
            machine_code: false,
            std: true,
            out_dir: None,
        }
    }

    /// The network: a spec such as `rexnet(width = 1.0)`, or the path of a `.rexnet` or `.onnx` file, in any case.
    #[must_use]
    pub fn net(mut self, net: impl Into<OsString>) -> Self {
        self.net = net.into();
        self
    }

    /// Weights of a spec, which become part of the program: safetensors or a PyTorch checkpoint. They are packed here. An
    /// ONNX model brings its own.
    #[must_use]
    pub fn weights(mut self, path: impl Into<PathBuf>) -> Self {
        self.weights = Some(path.into());
        self
    }

    /// The name of the module and of the files; that of the network, or of a model's file, without.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The name of the type; `Network` without.
    #[must_use]
    pub fn type_name(mut self, name: impl Into<String>) -> Self {
        self.type_name = name.into();
        self
    }

    /// The versions to write, all without.
    #[must_use]
    pub fn targets(mut self, versions: &[Version]) -> Self {
        self.versions = Version::ALL.into_iter().filter(|version| versions.contains(version)).collect();
        self
    }

    /// Images in one run; without, those of a model that is fixed to a number, else 1.
    #[must_use]
    pub fn batch(mut self, batch: usize) -> Self {
        self.batch = Some(batch);
        self
    }

    /// Height and width of the inputs instead of the network's own.
    #[must_use]
    pub fn size(mut self, height: usize, width: usize) -> Self {
        self.sizes.size = Some([height, width]);
        self
    }

    /// A free extent of a model by its name, or as `INPUT[AXIS]`.
    #[must_use]
    pub fn bind(mut self, name: impl Into<String>, extent: usize) -> Self {
        self.sizes.bindings.push((name.into(), extent));
        self
    }

    /// Kernels of AVX2 and AVX-512 as machine code instead of Rust, as fast in a build without optimisation.
    #[cfg(feature = "x64")]
    #[must_use]
    pub fn machine_code(mut self) -> Self {
        self.machine_code = true;
        self
    }

    /// Leaves out what needs `std`: reading weights from a file, memory on the heap.
    #[must_use]
    pub fn no_std(mut self) -> Self {
        self.std = false;
        self
    }

    /// The folder to write to; cargo's `OUT_DIR` without.
    #[must_use]
    pub fn out_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.out_dir = Some(folder.into());
        self
    }

    /// Writes `NAME.rs`, as `rexnetc compile --emit rust` does, `NAME.mod.rs`, which a crate includes to have it as a module,
    /// and with weights `NAME.rxw`; tells cargo which files it depends on. Returns the module's file.
    ///
    /// # Errors
    /// Those of the network and of its weights; `RX0701` for files that cannot be read or written, `RX0103` for names.
    pub fn write(&self) -> Result<PathBuf, Diagnostics> {
        type_name(&self.type_name).map_err(|cause| misnamed(&self.type_name, cause))?;
        if self.versions.is_empty() {
            let cause = "there is no version to write";
            return Err(Diagnostic::new(Code::SpecValue, Location::None, cause)
                .with_help("give targets one, or leave it out")
                .into());
        }
        let crate_folder = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).unwrap_or_default();
        let depends_on = |path: &Path| println!("cargo::rerun-if-changed={}", path.display());
        println!("cargo::rerun-if-changed=build.rs");
        let weights = match &self.weights {
            Some(weights) => {
                let weights = crate_folder.join(weights);
                depends_on(&weights);
                Weights::file(read_file(&weights, MAX_WEIGHTS_BYTES)?)
            }
            None => Weights::Zeros,
        };
        let (source, path) = match Named::new(&self.net)? {
            Named::Spec(text) => (Source::Spec(text), None),
            Named::File(kind, path) => {
                let path = crate_folder.join(path);
                depends_on(&path);
                (Source::of_content(kind, read_file(&path, kind.max_bytes())?, Some(&path))?, Some(path))
            }
            Named::StandardInput => {
                let cause = "a build script has no standard input to read a network from";
                return Err(misnamed("-", cause.to_owned()).into());
            }
        };
        let model = path.filter(|_| matches!(source, Source::Onnx { .. }));
        let spec = match &source {
            Source::Spec(text) => text.clone(),
            Source::Network(_) | Source::Onnx { .. } | Source::Graph(_) => String::new(),
        };
        let request = Request {
            targets: self.versions.iter().map(|version| version.target()).collect(),
            batch: self.batch,
            sizes: self.sizes.clone(),
            ..Request::new(source, weights)
        };
        let compilation = driver::compile(request)?;
        let named = |part: &dyn Fn(&Path) -> Option<&OsStr>| {
            Some(part(model.as_deref()?)?.to_string_lossy().into_owned())
        };
        let spec = named(&|path| path.file_name()).unwrap_or_else(|| description(&spec, &compilation));
        let has_weights = model.is_some() || self.weights.is_some();
        let name = self.name.clone().or_else(|| named(&|path| path.file_stem()));
        let name = name.unwrap_or_else(|| compilation.program.name.clone());
        self.files(&module_name(&name), &spec, &compilation, has_weights)
    }

    /// As [`write`](Self::write); prints what is wrong and ends the build script with 1 where it fails.
    pub fn write_or_exit(&self) -> PathBuf {
        match self.write() {
            Ok(path) => path,
            Err(faults) => {
                for fault in &faults.list {
                    println!("cargo::error={}", fault.to_string().replace('\n', " "));
                }
                std::process::exit(1)
            }
        }
    }

    fn files(
        &self,
        name: &str,
        spec: &str,
        compilation: &Compilation,
        has_weights: bool,
    ) -> Result<PathBuf, Diagnostics> {
        let out = self.out_dir.clone().or_else(|| std::env::var_os("OUT_DIR").map(PathBuf::from));
        let Some(out) = out else {
            let cause = "there is no folder to write to: cargo gives one to build scripts only";
            return Err(Diagnostic::new(Code::FileUnreadable, Location::None, cause)
                .with_help("say where with out_dir")
                .into());
        };
        // A path in source has to be whole, whatever file it stands in.
        let out = std::path::absolute(&out).map_err(|error| unreadable(&out, error))?;
        let packed = format!("{name}.rxw");
        let options = ModuleOptions {
            type_name: self.type_name.clone(),
            title: format!("The network `{name}`."),
            spec: printable(spec),
            counts: compilation.counts(),
            weights: if has_weights {
                WeightsSource::Embedded(Embedding::BesideModule(packed.clone()))
            } else {
                WeightsSource::RunTime
            },
            machine_code: self.machine_code,
            std: self.std,
            threads: None,
            entry: None,
        };
        let versions = compilation.versions(&self.versions);
        let module = out.join(format!("{name}.rs"));
        store(&module, rust::file(&versions, &options).as_bytes())?;
        if has_weights {
            store(&out.join(&packed), &compilation.weights.to_rxw())?;
        }
        let including = format!("#[path = {module:?}]\npub mod {name};\n");
        store(&out.join(format!("{name}.mod.rs")), including.as_bytes())?;
        Ok(module)
    }
}

/// The spec that was compiled, for readers: the call of a preset with all its arguments, the text of a network.
fn description(spec: &str, compilation: &Compilation) -> String {
    match &compilation.network {
        Some(network) if !spec.contains('{') => network.to_string(),
        Some(_) | None => spec.trim().to_owned(),
    }
}

fn store(path: &Path, content: &[u8]) -> Result<(), Diagnostic> {
    // What did not change keeps its time, so that nothing is compiled again.
    if std::fs::read(path).is_ok_and(|old| old == content) {
        return Ok(());
    }
    replace(path, OpenOptions::new().write(true).create_new(true), |file| file.write_all(content))
        .map_err(|error| unreadable(path, error))
}

fn unreadable(path: &Path, cause: impl ToString) -> Diagnostic {
    Diagnostic::new(Code::FileUnreadable, Location::File(path.display().to_string()), cause.to_string())
}

fn misnamed(name: &str, cause: String) -> Diagnostic {
    Diagnostic::new(Code::SpecValue, Location::Name(name.to_owned()), cause)
}
