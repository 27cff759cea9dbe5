//! Machine code at run time: a program's kernels compiled into memory of this process.

use crate::emit::clif;
use crate::float_environment::FloatEnvironment;
use crate::loops;
use crate::memory::AlignedBuffer;
use crate::plan::{self, PackedWeights, Place, Program};
use cranelift_codegen::settings::{self, Configurable};
use cranelift_frontend::FunctionBuilderContext;
use cranelift_jit::{ArenaMemoryProvider, JITBuilder, JITModule};
use cranelift_module::{Linkage, Module, default_libcall_names};
use rexnet_ir::diagnostic::{Code, Diagnostic, Diagnostics, Location};
use std::sync::Mutex;

/// A compiled kernel: takes the address of a table with its buffers' addresses.
type KernelFunction = unsafe extern "C" fn(*const *mut f32);

/// The most buffers of a kernel.
const MAX_BUFFERS: usize = 72;

/// The compiled kernels of one program. The code is freed when this is dropped.
pub struct MachineCode {
    /// What the proofs were made for; nothing else is ever run.
    program: Box<Program>,
    functions: Vec<KernelFunction>,
    /// Owns the code; `None` only while being dropped. The module is not `Sync`, and nothing reads it while
    /// functions run.
    module: Mutex<Option<Box<JITModule>>>,
    code_bytes: usize,
}

impl std::fmt::Debug for MachineCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MachineCode")
            .field("functions", &self.functions.len())
            .field("code_bytes", &self.code_bytes)
            .finish_non_exhaustive()
    }
}

fn fault(code: Code, cause: impl Into<String>) -> Diagnostic {
    let help = match code {
        Code::ExecutableMemory | Code::UnsupportedHost => "use the interpreter: --backend interpret",
        _ => "please report this",
    };
    Diagnostic::new(code, Location::None, cause).with_help(help)
}

impl MachineCode {
    /// Compiles every kernel of a program for this processor.
    ///
    /// The program is proved first, wherever it comes from.
    ///
    /// # Errors
    /// `RX0402` and `RX0501` when a proof fails, `RX0601` when the code generator refuses a kernel, `RX0602` when the system refuses executable memory,
    /// `RX0603` when there is no code generator for this processor.
    pub fn compile(program: &Program) -> Result<Self, Diagnostics> {
        program.kernels.iter().try_for_each(loops::verify)?;
        plan::check_unaligned(program)?;
        let isa = native_isa()?;
        if !matches!(isa.triple().architecture.to_string().as_str(), "x86_64" | "aarch64") {
            return Err(fault(Code::UnsupportedHost, format!("{} is not supported", isa.triple())).into());
        }
        probe_executable_memory()?;
        let mut builder = JITBuilder::with_isa(isa, default_libcall_names());
        // Without FMA instructions, Cranelift calls this for each lane.
        builder.symbol("fmaf", soft_fma as *const u8);
        let reserved = (1 << 20) + program.kernels.len() * (256 << 10);
        let arena = ArenaMemoryProvider::new_with_size(reserved)
            .map_err(|error| fault(Code::ExecutableMemory, format!("no memory for code: {error}")))?;
        builder.memory_provider(Box::new(arena));
        let mut module = JITModule::new(builder);
        match define_all(&mut module, program) {
            Ok((functions, code_bytes)) => Ok(Self {
                program: Box::new(program.clone()),
                functions,
                module: Mutex::new(Some(Box::new(module))),
                code_bytes,
            }),
            Err(faults) => {
                // SAFETY: no function of the module was handed out.
                unsafe { module.free_memory() };
                Err(faults)
            }
        }
    }

    /// The bytes of machine code, constants included.
    pub fn code_bytes(&self) -> usize {
        self.code_bytes
    }

    /// Runs the program that this was compiled from. `arena` has the program's arena size, inputs and outputs
    /// those of its ports. Nothing is allocated. `observe` is called after each step, by its index.
    ///
    /// # Errors
    /// `RX0706` when a buffer has another length; `RX0306` when the weights were packed for another layout.
    pub fn run(
        &self,
        weights: &PackedWeights,
        arena: &mut AlignedBuffer,
        inputs: &[&[f32]],
        outputs: &mut [&mut [f32]],
        observe: &mut dyn FnMut(usize),
    ) -> Result<(), Diagnostic> {
        let program = &self.program;
        crate::execute::check_arguments(program, weights, arena, inputs, outputs)?;
        let arena = arena.as_mut_slice().as_mut_ptr();
        let weights = weights.as_slice().as_ptr().cast_mut();
        let _environment = FloatEnvironment::enter();
        for (number, step) in program.steps.iter().enumerate() {
            let mut table = [std::ptr::null_mut::<f32>(); MAX_BUFFERS];
            for (entry, &place) in table.iter_mut().zip(&step.arguments) {
                *entry = match place {
                    Place::Arena(offset) => arena.wrapping_byte_add(offset),
                    Place::Weights(offset) => weights.wrapping_byte_add(offset),
                    Place::Input(index) => inputs[index].as_ptr().cast_mut(),
                    Place::Output(index) => outputs[index].as_mut_ptr(),
                };
            }
            // SAFETY: the loops' verifier proved every access of the kernel to be inside buffers of the declared
            // sizes, and the plan's checker proved that each argument has that size, that written
            // buffers overlap no other, and that inputs and weights are only read. `check_arguments` found the
            // memory to be as large as the plan says. The code lives as long as `self`.
            unsafe { self.functions[step.kernel](table.as_ptr()) };
            observe(number);
        }
        Ok(())
    }
}

impl Drop for MachineCode {
    fn drop(&mut self) {
        let module = match self.module.get_mut() {
            Ok(module) => module.take(),
            Err(poisoned) => poisoned.into_inner().take(),
        };
        if let Some(module) = module {
            // SAFETY: functions run only while `self` is borrowed, and their addresses are never given away.
            unsafe { module.free_memory() };
        }
    }
}

fn native_isa() -> Result<cranelift_codegen::isa::OwnedTargetIsa, Diagnostic> {
    let mut flags = settings::builder();
    let set =
        [("opt_level", "speed"), ("is_pic", "false"), ("enable_verifier", VERIFY), ("unwind_info", "false")];
    for (name, value) in set {
        flags.set(name, value).map_err(|error| fault(Code::MachineCode, error.to_string()))?;
    }
    let builder = cranelift_native::builder().map_err(|cause| fault(Code::UnsupportedHost, cause))?;
    builder
        .finish(settings::Flags::new(flags))
        .map_err(|error| fault(Code::UnsupportedHost, error.to_string()))
}

/// The Cranelift IR of every kernel, as text.
///
/// # Errors
/// `RX0603` when there is no code generator for this processor.
pub fn clif_text(program: &Program) -> Result<String, Diagnostics> {
    let isa = native_isa()?;
    let mut frontend = FunctionBuilderContext::new();
    let text = program.kernels.iter().map(|kernel| {
        let function = clif::function(kernel, &*isa, &mut frontend);
        format!("; {}\n{}\n", kernel.name, function.display())
    });
    Ok(text.collect())
}

/// Cranelift's own verifier runs in debug builds.
const VERIFY: &str = if cfg!(debug_assertions) { "true" } else { "false" };

fn define_all(
    module: &mut JITModule,
    program: &Program,
) -> Result<(Vec<KernelFunction>, usize), Diagnostics> {
    let mut frontend = FunctionBuilderContext::new();
    let mut context = module.make_context();
    let mut ids = Vec::with_capacity(program.kernels.len());
    let mut code_bytes = 0;
    for kernel in &program.kernels {
        let refuse = |cause: String| {
            Diagnostic::new(Code::MachineCode, Location::Name(kernel.name.clone()), cause)
                .with_help("please report this")
        };
        if kernel.buffers.len() > MAX_BUFFERS {
            return Err(refuse(format!("it has {} buffers", kernel.buffers.len())).into());
        }
        context.func = clif::function(kernel, module.isa(), &mut frontend);
        let id = module
            .declare_function(&kernel.name, Linkage::Local, &context.func.signature)
            .map_err(|error| refuse(error.to_string()))?;
        module.define_function(id, &mut context).map_err(|error| refuse(format!("{error:?}")))?;
        code_bytes += context.compiled_code().map_or(0, |code| code.code_buffer().len());
        module.clear_context(&mut context);
        ids.push(id);
    }
    module.finalize_definitions().map_err(|error| {
        fault(Code::ExecutableMemory, format!("the code cannot be made executable: {error}"))
    })?;
    let functions = ids
        .into_iter()
        .map(|id| {
            let address = module.get_finalized_function(id);
            // SAFETY: the function was compiled with exactly this signature for the host's C calling convention.
            unsafe { std::mem::transmute::<*const u8, KernelFunction>(address) }
        })
        .collect();
    Ok((functions, code_bytes))
}

/// Cranelift's memory provider panics where the system forbids executable pages; find out before.
fn probe_executable_memory() -> Result<(), Diagnostic> {
    let refused = |error: region::Error| {
        fault(Code::ExecutableMemory, format!("a page cannot be made executable: {error}"))
    };
    let mut page = region::alloc(1, region::Protection::READ_WRITE).map_err(refused)?;
    // SAFETY: the page was allocated just now and nothing refers to it.
    unsafe { region::protect(page.as_mut_ptr::<u8>(), page.len(), region::Protection::READ_EXECUTE) }
        .map_err(refused)
}

/// `a * b + c`, rounded once; the standard library's own where the processor has no instruction for it.
extern "C" fn soft_fma(a: f32, b: f32, c: f32) -> f32 {
    a.mul_add(b, c)
}
