//! A program's kernels as machine code that is nowhere in executable memory yet.

mod tier;

pub use tier::Tier;

use crate::emit::{clif, x64};
use crate::loops::{self, Kernel, Section};
use crate::plan::{self, Program, Work};
use cranelift_codegen::Context;
use cranelift_codegen::control::ControlPlane;
use cranelift_codegen::isa::{Builder, OwnedTargetIsa};
use cranelift_codegen::settings::{self, Configurable};
use cranelift_frontend::FunctionBuilderContext;
use cranelift_module::{FuncId, ModuleReloc};
use rexnet_ir::diagnostic::{Code, Diagnostic, Diagnostics, Location};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The most buffers of a kernel: the operands of a concatenation, its result, and scratch memory.
pub(crate) const MAX_BUFFERS: usize = 72;

/// The machine code of one kernel.
pub(crate) struct KernelCode {
    /// That of each of its sections.
    pub(crate) sections: Vec<SectionCode>,
    /// Why another tier than the wanted one made some of it.
    pub(crate) refusal: Option<String>,
}

/// The machine code of one section.
pub(crate) struct SectionCode {
    /// What running it means.
    pub(crate) work: Work,
    /// The function from its entry on, its constants included.
    pub(crate) bytes: Vec<u8>,
    /// The alignment that the bytes need.
    pub(crate) alignment: usize,
    /// What has to be filled in when the bytes have their place; nothing for code that runs anywhere.
    pub(crate) relocations: Vec<ModuleReloc>,
    /// Whether Cranelift made it, for all features of this processor.
    pub(crate) by_cranelift: bool,
}

/// Translates every kernel, after proving the program; many kernels on all cores that the process may use.
///
/// # Errors
/// `RX0402` and `RX0501` when a proof fails, `RX0601` when the code generator refuses a kernel, `RX0603` when there is
/// no code generator for this processor.
pub(crate) fn translate(
    program: &Program,
    tier: Tier,
    isa: &OwnedTargetIsa,
) -> Result<Vec<KernelCode>, Diagnostics> {
    program.kernels.iter().try_for_each(loops::verify)?;
    program.kernels.iter().try_for_each(check_buffers)?;
    plan::check_unaligned(program)?;
    let next = AtomicUsize::new(0);
    let work = || {
        let mut cranelift =
            Cranelift { isa, frontend: FunctionBuilderContext::new(), context: Context::new() };
        let mut made = Vec::new();
        while let index = next.fetch_add(1, Ordering::Relaxed)
            && let Some(kernel) = program.kernels.get(index)
        {
            made.push((index, cranelift.kernel(kernel, index, tier)));
        }
        made
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = cores.min(program.kernels.len() / KERNELS_FOR_A_THREAD);
    let mut made = std::thread::scope(|scope| {
        // Where the system refuses a thread, the others do its work.
        let spawn = |_| std::thread::Builder::new().spawn_scoped(scope, work).ok();
        let others: Vec<_> = (1..threads).filter_map(spawn).collect();
        let mut made = work();
        for other in others {
            made.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        made
    });
    made.sort_unstable_by_key(|&(index, _)| index);
    Ok(made.into_iter().map(|(_, code)| code).collect::<Result<_, Diagnostic>>()?)
}

/// Whether the table of addresses that a kernel is called with has room for its buffers.
///
/// # Errors
/// `RX0601` when it has not.
pub(crate) fn check_buffers(kernel: &Kernel) -> Result<(), Diagnostic> {
    if kernel.buffers.len() <= MAX_BUFFERS {
        return Ok(());
    }
    let cause = format!("it has {} buffers, more than {MAX_BUFFERS}", kernel.buffers.len());
    Err(Diagnostic::new(Code::MachineCode, Location::Name(kernel.name.clone()), cause)
        .with_help("please report this"))
}

/// So many kernels are worth starting another thread for.
const KERNELS_FOR_A_THREAD: usize = 8;

/// The code of a wide tier, why there is none, or `None` for the other tier.
fn wide(kernel: &Kernel, section: &Section, tier: Tier) -> Option<Result<SectionCode, String>> {
    let encoding = tier.encoding()?;
    let code = |function: x64::Function| SectionCode {
        work: Work::of(section, tier.target().register_lanes),
        bytes: function.bytes,
        alignment: x64::ALIGNMENT,
        relocations: Vec::new(),
        by_cranelift: false,
    };
    Some(x64::function(kernel, section, encoding).map(code))
}

/// The portable tier.
struct Cranelift<'i> {
    isa: &'i OwnedTargetIsa,
    frontend: FunctionBuilderContext,
    context: Context,
}

impl Cranelift<'_> {
    /// All sections, by the wanted tier where it can.
    fn kernel(&mut self, kernel: &Kernel, index: usize, tier: Tier) -> Result<KernelCode, Diagnostic> {
        let mut refusal = None;
        let sections =
            loops::sections(kernel).into_iter().map(|section| match wide(kernel, &section, tier) {
                None => self.translate(kernel, &section, index),
                Some(Ok(code)) => Ok(code),
                Some(Err(cause)) => {
                    refusal.get_or_insert(cause);
                    self.translate(kernel, &section, index)
                }
            });
        Ok(KernelCode { sections: sections.collect::<Result<_, _>>()?, refusal })
    }

    fn translate(
        &mut self,
        kernel: &Kernel,
        section: &Section,
        index: usize,
    ) -> Result<SectionCode, Diagnostic> {
        self.context.clear();
        self.context.func = clif::function(kernel, section, &**self.isa, &mut self.frontend);
        let refused = |cause: String| {
            Diagnostic::new(Code::MachineCode, Location::Name(kernel.name.clone()), cause)
                .with_help("please report this")
        };
        self.context
            .compile(&**self.isa, &mut ControlPlane::default())
            .map_err(|error| refused(format!("{:?}", error.inner)))?;
        let Some(code) = self.context.compiled_code() else {
            return Err(refused("there is no code".to_owned()));
        };
        let id = FuncId::from_u32(index as u32);
        let relocations = code
            .buffer
            .relocs()
            .iter()
            .map(|reloc| ModuleReloc::from_mach_reloc(reloc, &self.context.func, id));
        Ok(SectionCode {
            work: Work::of(section, clif::LANES),
            bytes: code.code_buffer().to_vec(),
            alignment: code.buffer.alignment as usize,
            relocations: relocations.collect(),
            by_cranelift: true,
        })
    }
}

/// Cranelift's own verifier runs in debug builds.
const VERIFY: &str = if cfg!(debug_assertions) { "true" } else { "false" };

/// Cranelift for the processor that this runs on, with all that it can do.
pub(crate) fn native_isa() -> Result<OwnedTargetIsa, Diagnostic> {
    isa(cranelift_native::builder(), "false")
}

/// Cranelift for all processors of this architecture that have the named features; the code may be linked anywhere.
///
/// # Errors
/// `RX0603` when there is no code generator for this architecture.
#[cfg(feature = "object")]
pub(crate) fn common_isa(features: &[&str]) -> Result<OwnedTargetIsa, Diagnostic> {
    let mut builder = cranelift_native::builder_with_options(false);
    if let Ok(builder) = &mut builder {
        for feature in features {
            builder.enable(feature).map_err(|error| fault(Code::MachineCode, error.to_string()))?;
        }
    }
    isa(builder, "true")
}

fn isa(
    builder: Result<Builder, &'static str>,
    position_independent: &str,
) -> Result<OwnedTargetIsa, Diagnostic> {
    let mut flags = settings::builder();
    let set = [
        ("opt_level", "speed"),
        ("is_pic", position_independent),
        ("enable_verifier", VERIFY),
        ("unwind_info", "false"),
    ];
    for (name, value) in set {
        flags.set(name, value).map_err(|error| fault(Code::MachineCode, error.to_string()))?;
    }
    let isa = builder
        .map_err(|cause| fault(Code::UnsupportedHost, cause))?
        .finish(settings::Flags::new(flags))
        .map_err(|error| fault(Code::UnsupportedHost, error.to_string()))?;
    if !matches!(isa.triple().architecture.to_string().as_str(), "x86_64" | "aarch64") {
        return Err(fault(Code::UnsupportedHost, format!("{} is not supported", isa.triple())));
    }
    Ok(isa)
}

/// The Cranelift IR of every kernel, as text.
///
/// # Errors
/// `RX0603` when there is no code generator for this processor.
pub fn clif_text(program: &Program) -> Result<String, Diagnostics> {
    let isa = native_isa()?;
    let mut frontend = FunctionBuilderContext::new();
    let mut text = String::new();
    for kernel in &program.kernels {
        let sections = loops::sections(kernel);
        for (index, section) in sections.iter().enumerate() {
            let function = clif::function(kernel, section, &*isa, &mut frontend);
            let title = Section::title(kernel, index, sections.len());
            text.push_str(&format!("; {title}\n{}\n", function.display()));
        }
    }
    Ok(text)
}

/// The machine code of every kernel as a wide tier makes it, disassembled, with the loop text beside it.
///
/// # Errors
/// `RX0402` when a kernel's proof fails, `RX0601` for the portable tier and for kernels that the tier refuses.
pub fn assembly_text(program: &Program, tier: Tier) -> Result<String, Diagnostics> {
    let refuse = |name: &str, cause: String| {
        Diagnostic::new(Code::MachineCode, Location::Name(name.to_owned()), cause)
            .with_help("--emit clif shows what Cranelift compiles")
    };
    let Some(encoding) = tier.encoding() else {
        return Err(refuse(tier.name(), "it has no assembler of its own".to_owned()).into());
    };
    let mut text = String::new();
    for kernel in &program.kernels {
        loops::verify(kernel)?;
        text.push_str(&x64::listing(kernel, encoding).map_err(|cause| refuse(&kernel.name, cause))?);
        text.push('\n');
    }
    Ok(text)
}

/// A fault of machine code with its way out.
pub(crate) fn fault(code: Code, cause: impl Into<String>) -> Diagnostic {
    let help = match code {
        Code::CodeImage => "compile the network again",
        Code::ExecutableMemory | Code::UnsupportedHost => "use the interpreter: --backend interpret",
        _ => "please report this",
    };
    Diagnostic::new(code, Location::None, cause).with_help(help)
}
