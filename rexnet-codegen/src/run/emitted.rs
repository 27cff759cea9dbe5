//! Emitted Rust compiled by this machine's `cargo` and loaded as a library: the generated module itself, run beside
//! the other back ends.

use super::{Calls, Memory};
use crate::emit::rust::{self, ModuleOptions, Version, WeightsSource};
use crate::loops;
use crate::plan::{self, Grain, Passes, Program, Schedule, Work};
use rexnet_ir::diagnostic::{Code, Diagnostic, Diagnostics, Location};
use rexnet_ir::graph::Counts;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_64;

/// See [`ModuleOptions::entry`].
type Entry = unsafe extern "C" fn(
    usize,
    isize,
    isize,
    isize,
    *mut f32,
    *const f32,
    *const *const f32,
    *const *mut f32,
    *mut f32,
);

/// How much `cargo` does for the speed of emitted Rust. The bits are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Optimisation {
    /// Nothing: compiled in a tenth of the time, and slow.
    None,
    /// All that it can do.
    Full,
}

/// One program of a loaded library.
#[derive(Debug)]
pub struct Library {
    /// What the proofs were made for and the code was emitted from.
    program: Box<Program>,
    works: Vec<Vec<Work>>,
    schedule: Schedule,
    entry: Entry,
    /// Keeps the code in memory.
    _library: Arc<libloading::Library>,
}

fn fault(cause: impl Into<String>) -> Diagnostic {
    Diagnostic::new(Code::RustBuild, Location::None, cause)
}

impl Library {
    /// Emits, compiles and loads one version of a program. `folder` keeps what was built, by content: the same
    /// program is compiled once.
    ///
    /// # Errors
    /// `RX0402` and `RX0501` when a proof fails; `RX0604` when `cargo` is missing or fails, or this processor
    /// does not have the version's features.
    pub fn build(program: &Program, version: Version, folder: &Path) -> Result<Self, Diagnostics> {
        let mut built = Self::build_all(&[(program, version)], Optimisation::Full, folder)?;
        Ok(built.swap_remove(0))
    }

    /// As [`Library::build`], for many programs at once, in one crate.
    ///
    /// # Errors
    /// As [`Library::build`].
    pub fn build_all(
        programs: &[(&Program, Version)],
        optimisation: Optimisation,
        folder: &Path,
    ) -> Result<Vec<Self>, Diagnostics> {
        let mut sources = Vec::new();
        for (index, &(program, version)) in programs.iter().enumerate() {
            program.kernels.iter().try_for_each(loops::verify)?;
            plan::check_unaligned(program)?;
            if !version.runs_here() {
                let cause = format!("this processor has not the features of {}", version.name());
                return Err(fault(cause).into());
            }
            let options = ModuleOptions {
                type_name: "Network".to_owned(),
                title: program.name.clone(),
                spec: program.name.clone(),
                counts: Counts { parameters: 0, multiply_accumulates: program.multiply_accumulates() },
                weights: WeightsSource::RunTime,
                machine_code: false,
                std: false,
                threads: None,
                entry: Some(entry_name(index)),
            };
            // Nobody reads it: laying it out as text would take as long as compiling it. But rustc walks along the line
            // of every place that it notes, and a module in one line would keep it for minutes.
            let tokens = rust::module(&[(version, program.clone())], &options).to_string();
            sources.push(tokens.replace(" ; ", " ;\n"));
        }
        let path = build_crate(&sources, optimisation, folder)?;
        // SAFETY: the library is what was emitted just now or before from the same text; nothing in it runs when
        // it is loaded.
        let library = unsafe { libloading::Library::new(&path) };
        let library =
            library.map_err(|error| fault(format!("{} cannot be loaded: {error}", path.display())))?;
        let library = Arc::new(library);
        let load = |(index, &(program, version)): (usize, &(&Program, Version))| {
            // SAFETY: the emitted function has this type.
            let entry = unsafe { library.get::<Entry>(entry_name(index).as_bytes()) };
            let entry = entry.map_err(|error| fault(format!("{}: {error}", path.display())))?;
            let works = rust::works(version, program);
            let schedule = Schedule::new(program, &works, Grain::Modelled);
            let program = Box::new(program.clone());
            Ok(Self { program, works, schedule, entry: *entry, _library: library.clone() })
        };
        programs.iter().enumerate().map(load).collect()
    }

    /// Cuts runs up anew.
    pub fn cut(&mut self, grain: Grain) {
        self.schedule = Schedule::new(&self.program, &self.works, grain);
    }

    /// What the code was made for.
    pub(crate) fn program(&self) -> &Program {
        &self.program
    }
}

/// Addresses as the entry takes them, and a thread's own scratch memory.
pub(crate) struct Addresses {
    inputs: Vec<*const f32>,
    outputs: Vec<*mut f32>,
    private: *mut f32,
}

impl Calls for Library {
    type Thread = Addresses;

    fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    fn thread(&self, private: *mut f32) -> Addresses {
        Addresses { inputs: Vec::new(), outputs: Vec::new(), private }
    }

    unsafe fn call(&self, thread: &mut Addresses, passes: &Passes, memory: &Memory) {
        if thread.inputs.len() + thread.outputs.len() == 0 {
            // SAFETY: the memory is that of the program.
            thread.inputs.extend((0..self.program.inputs.len()).map(|index| unsafe { memory.input(index) }));
            // SAFETY: as above.
            let outputs = (0..self.program.outputs.len()).map(|index| unsafe { memory.output(index) });
            thread.outputs.extend(outputs);
        }
        // SAFETY: the memory is as large as the plan says, and `build_all` proved kernels and plan. The schedule is that
        // of the emitted module. The library lives as long as `self`.
        unsafe {
            (self.entry)(
                passes.call,
                passes.outer as isize,
                passes.inner.start as isize,
                passes.inner.end as isize,
                memory.arena,
                memory.weights,
                thread.inputs.as_ptr(),
                thread.outputs.as_ptr(),
                thread.private,
            );
        }
    }
}

fn entry_name(index: usize) -> String {
    format!("rexnet_run_{index}")
}

const MANIFEST: &str = "[package]
name = \"emitted\"
version = \"0.0.0\"
edition = \"2024\"

[lib]
path = \"lib.rs\"
crate-type = [\"cdylib\"]

[workspace]

[profile.release]
panic = \"abort\"
";

impl Optimisation {
    /// The last line of the manifest.
    fn level(self) -> &'static str {
        match self {
            Optimisation::None => "opt-level = 0\n",
            Optimisation::Full => "opt-level = 3\n",
        }
    }
}

/// The library of these modules, compiled unless it is in the folder already.
fn build_crate(sources: &[String], optimisation: Optimisation, folder: &Path) -> Result<PathBuf, Diagnostic> {
    let manifest = [MANIFEST, optimisation.level()].concat();
    let hash = sources.iter().fold(xxh3_64(manifest.as_bytes()), |hash, source| {
        xxh3_64(&[hash.to_le_bytes(), xxh3_64(source.as_bytes()).to_le_bytes()].concat())
    });
    let name = format!("{hash:016x}");
    let file = format!("{}emitted{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let finished = folder.join(&name);
    if finished.join(&file).is_file() {
        return Ok(finished.join(file));
    }
    let unwritable = |error: std::io::Error| {
        let location = Location::File(folder.display().to_string());
        Diagnostic::new(Code::RustBuild, location, format!("nothing can be built here: {error}"))
    };
    // Built aside and moved into place whole: a second process finds all of it or nothing.
    let work = folder.join(format!("{name}.{}.{:?}", std::process::id(), std::thread::current().id()));
    let outcome = write_crate(&manifest, sources, &work)
        .map_err(unwritable)
        .and_then(|()| run_cargo(&work))
        .and_then(|()| {
            std::fs::create_dir_all(&finished)
                .and_then(|()| std::fs::rename(work.join("target/release").join(&file), finished.join(&file)))
                .map_err(unwritable)
        });
    // What is left over does no harm.
    let _ = std::fs::remove_dir_all(&work);
    outcome.map(|()| finished.join(file))
}

/// Writes the crate of these modules.
fn write_crate(manifest: &str, sources: &[String], work: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(work)?;
    std::fs::write(work.join("Cargo.toml"), manifest)?;
    let mut root = String::from("//! Emitted networks.\n#![allow(warnings)]\n");
    for (index, source) in sources.iter().enumerate() {
        root.push_str(&format!("mod network_{index};\n"));
        std::fs::write(work.join(format!("network_{index}.rs")), source)?;
    }
    std::fs::write(work.join("lib.rs"), root)
}

/// Builds the crate in a folder.
fn run_cargo(work: &Path) -> Result<(), Diagnostic> {
    let built = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--release", "--offline", "--quiet", "--target-dir", "target"])
        .current_dir(work)
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env_remove("CARGO_BUILD_TARGET")
        .output();
    match built {
        Err(error) => {
            let cause = format!("`cargo` cannot be started: {error}");
            Err(fault(cause).with_help("install Rust (rustup), or use another back end: --backend jit"))
        }
        Ok(output) if !output.status.success() => {
            let text = String::from_utf8_lossy(&output.stderr);
            let last = text.lines().filter(|line| !line.trim().is_empty()).take(4).collect::<Vec<_>>();
            let cause = format!("`cargo build` failed: {}", last.join(" "));
            Err(fault(cause).with_help("please report this"))
        }
        Ok(_) => Ok(()),
    }
}
