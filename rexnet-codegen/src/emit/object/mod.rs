//! Program → an object file that programs in C link, and its header: the machine code of every version, and the weights
//! where they are embedded. It needs no library but, for [`Version::Portable`], that of mathematics.

mod archive;
mod header;
mod processor;
mod run;

pub use archive::archive;
pub use header::header;

use crate::emit::clif;
use crate::emit::machine::{KernelCode, SectionCode, Tier, common_isa, translate};
use crate::emit::rust::Version;
use crate::loops::Kernel;
use crate::memory::ALIGNMENT;
use crate::plan::{PACKED_HEADER_BYTES, PackedWeights, Program};
use cranelift_module::{DataDescription, FuncId, Linkage, Module, ModuleError, default_libcall_names};
use cranelift_object::{ObjectBuilder, ObjectModule};
use processor::Primitives;
use rexnet_ir::diagnostic::{Code, Diagnostic, Diagnostics, Location};
use rexnet_ir::graph::Counts;
use xxhash_rust::xxh64::xxh64;

/// What to write, beside the programs themselves.
#[derive(Clone, Debug)]
pub struct ObjectOptions<'a> {
    /// What all names begin with; an identifier in lower case.
    pub name: &'a str,
    /// The spec, or another description of the network.
    pub spec: &'a str,
    /// Parameters and multiply-accumulates of the network as its source says it.
    pub counts: Counts,
    /// The weights that become part of the object.
    pub embedded: Option<&'a PackedWeights>,
    /// Whether the header may use the C library: reading weights from a file, memory on the heap.
    pub std: bool,
}

/// The versions that there is an object of on this machine's architecture, the widest first.
pub fn versions() -> impl Iterator<Item = Version> {
    let here: &[Version] = if cfg!(target_arch = "aarch64") {
        &[Version::Neon]
    } else {
        &[Version::Avx512, Version::Avx2, Version::Portable]
    };
    here.iter().copied()
}

/// Processors' features that Cranelift may use in a version, for kernels that our assembler refuses.
const AVX2_FEATURES: &[&str] =
    &["has_sse3", "has_ssse3", "has_sse41", "has_sse42", "has_popcnt", "has_avx", "has_avx2", "has_fma"];

fn tier(version: Version) -> (Tier, &'static [&'static str]) {
    match version {
        Version::Avx512 => (Tier::Avx512, AVX2_FEATURES),
        Version::Avx2 => (Tier::Avx2, AVX2_FEATURES),
        Version::Neon | Version::Portable => (Tier::Clif, &[]),
    }
}

/// The object file, in the format of the system that this runs on. Equal arguments give equal bytes.
///
/// `programs` are one network lowered for each of some of the [`versions`], of one layout of the weights.
///
/// # Errors
/// `RX0402` and `RX0501` when a proof fails, `RX0601` when the code generator refuses a kernel, `RX0603` when there is
/// none for this architecture.
pub fn object(programs: &[(Version, Program)], options: &ObjectOptions<'_>) -> Result<Vec<u8>, Diagnostics> {
    let refuse = |cause: String| {
        Diagnostic::new(Code::MachineCode, Location::Name(options.name.to_owned()), cause)
            .with_help("please report this")
    };
    let refused = |error: Box<ModuleError>| refuse(error.to_string());
    let builder = ObjectBuilder::new(common_isa(&[])?, options.name, default_libcall_names());
    let mut module = ObjectModule::new(builder.map_err(|error| refused(error.into()))?);
    let primitives = Primitives::define(&mut module, options.name).map_err(refused)?;
    for (version, program) in programs {
        let (tier, features) = tier(*version);
        let code = translate(program, tier, &common_isa(features)?)?;
        let prefix = format!("{}_run_{}", options.name, version.name());
        let sections = install(&mut module, &prefix, program, &code).map_err(refused)?;
        let kernels = Kernels { program, code: &code, sections: &sections };
        run::define(&mut module, &prefix, &kernels, &primitives).map_err(refused)?;
    }
    export(&mut module, &mark(programs, options), [1].into()).map_err(refused)?;
    if let Some(weights) = options.embedded {
        export(&mut module, &format!("{}_embedded", options.name), weights.to_rxw().into())
            .map_err(refused)?;
    }
    Ok(module.finish().emit().map_err(|error| refuse(error.to_string()))?)
}

/// The name of a byte that is 1, which the header reads: another network of the same name does not link with it, nor do both
/// in one program.
fn mark(programs: &[(Version, Program)], options: &ObjectOptions<'_>) -> String {
    let mut text = format!("{}\n{:?}\n", options.spec, options.counts);
    for (version, program) in programs {
        text += &format!("{} {:x} {}\n", version.name(), program.layout_hash, program.arena_bytes);
    }
    let mut hash = xxh64(text.as_bytes(), 0);
    if let Some(weights) = options.embedded {
        hash = xxh64(&weights.to_rxw()[..PACKED_HEADER_BYTES], hash);
    }
    format!("{}_is_{hash:016x}", options.name)
}

/// What the module refuses is a large value.
type Made<T> = Result<T, Box<ModuleError>>;

/// A version's kernels in the module.
struct Kernels<'k> {
    program: &'k Program,
    code: &'k [KernelCode],
    /// Those of each kernel's sections.
    sections: &'k [Vec<FuncId>],
}

/// Puts the code of every kernel into the module, under names that only the module knows.
fn install(
    module: &mut ObjectModule,
    prefix: &str,
    program: &Program,
    code: &[KernelCode],
) -> Made<Vec<Vec<FuncId>>> {
    let signature = clif::signature(module.isa());
    let of_kernel = |(kernel, code): (&Kernel, &KernelCode)| {
        let sections = code.sections.iter().enumerate();
        let define = |(index, code): (usize, &SectionCode)| {
            let name = format!("{prefix}.{}.{index}", kernel.name);
            let id = module.declare_function(&name, Linkage::Local, &signature)?;
            module.define_function_bytes(id, code.alignment as u64, &code.bytes, &code.relocations)?;
            Ok(id)
        };
        sections.map(define).collect()
    };
    program.kernels.iter().zip(code).map(of_kernel).collect()
}

/// Constant bytes under a name of the object, at a multiple of 64.
fn export(module: &mut ObjectModule, name: &str, content: Box<[u8]>) -> Made<()> {
    let id = module.declare_data(name, Linkage::Export, false, false)?;
    let mut data = DataDescription::new();
    data.define(content);
    data.set_align(ALIGNMENT as u64);
    Ok(module.define_data(id, &data)?)
}
