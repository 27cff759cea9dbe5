//! Machine code at run time: a program's kernels compiled into memory of this process.

use super::pages::Pages;
use super::{Calls, Memory};
use crate::emit::clif;
use crate::emit::image::{self, Image};
use crate::emit::machine::{self, KernelCode, MAX_BUFFERS, Tier, fault};
use crate::loops::Buffer;
use crate::plan::{Grain, Passes, Place, Program, Schedule, Step, Work, private_bytes_of};
use cranelift_jit::{ArenaMemoryProvider, JITBuilder, JITModule};
use cranelift_module::{Linkage, Module, default_libcall_names};
use rexnet_ir::diagnostic::{Code, Diagnostic, Diagnostics, Location};
use std::sync::Mutex;

/// A compiled section of a kernel: takes the address of a table with the kernel's buffers' addresses, a pass of the
/// section's outer loop, and the first pass of its inner loop and one past the last.
#[cfg(target_arch = "x86_64")]
pub(super) type SectionFunction = unsafe extern "sysv64" fn(*const *mut f32, isize, isize, isize);
/// A compiled section of a kernel: takes the address of a table with the kernel's buffers' addresses, a pass of the
/// section's outer loop, and the first pass of its inner loop and one past the last.
#[cfg(not(target_arch = "x86_64"))]
pub(super) type SectionFunction = unsafe extern "C" fn(*const *mut f32, isize, isize, isize);

/// Memory for code is reserved in steps of so many bytes.
const RESERVED_UNIT: usize = 64 << 10;

/// The compiled kernels of one program. The code is freed when this is dropped.
pub struct MachineCode {
    /// What the proofs were made for, without the kernels' bodies; nothing else is ever run.
    program: Box<Program>,
    /// Those of each kernel's sections.
    functions: Vec<Vec<SectionFunction>>,
    works: Vec<Vec<Work>>,
    schedule: Schedule,
    owner: Owner,
    code_bytes: usize,
    tier: Tier,
    /// The name of each kernel that the tier refused, and why.
    refusals: Vec<(String, String)>,
}

/// What the code lies in.
enum Owner {
    /// `None` only while being dropped. The module is not `Sync`, and nothing reads it while functions run.
    Module(Mutex<Option<Box<JITModule>>>),
    /// Held for their memory alone.
    Pages { _pages: Pages },
}

impl std::fmt::Debug for MachineCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MachineCode")
            .field("functions", &self.functions.len())
            .field("code_bytes", &self.code_bytes)
            .finish_non_exhaustive()
    }
}

impl MachineCode {
    /// Compiles every kernel of a program for this processor. What a wide tier refuses, Cranelift makes.
    ///
    /// The program is proved first, wherever it comes from.
    ///
    /// # Errors
    /// `RX0402` and `RX0501` when a proof fails, `RX0601` when the code generator refuses a kernel, `RX0602` when the system refuses executable memory,
    /// `RX0603` when there is no code generator for this processor, or it lacks what the tier needs.
    pub fn compile(program: &Program, tier: Tier) -> Result<Self, Diagnostics> {
        if !tier.runs_here() {
            return Err(
                fault(Code::UnsupportedHost, format!("this processor does not run {}", tier.name())).into()
            );
        }
        let isa = machine::native_isa()?;
        let code = machine::translate(program, tier, &isa)?;
        probe_executable_memory()?;
        let mut builder = JITBuilder::with_isa(isa, default_libcall_names());
        // Without FMA instructions, Cranelift calls this for each lane.
        builder.symbol("fmaf", soft_fma as *const u8);
        let sections = || code.iter().flat_map(|kernel| &kernel.sections);
        let code_bytes = sections().map(|code| code.bytes.len()).sum();
        let reserved =
            sections().map(|code| (code.bytes.len() + code.alignment).next_multiple_of(64)).sum::<usize>();
        let arena =
            ArenaMemoryProvider::new_with_size(reserved.next_multiple_of(RESERVED_UNIT) + RESERVED_UNIT)
                .map_err(|error| fault(Code::ExecutableMemory, format!("no memory for code: {error}")))?;
        builder.memory_provider(Box::new(arena));
        let mut module = JITModule::new(builder);
        let refusals = program
            .kernels
            .iter()
            .zip(&code)
            .filter_map(|(kernel, code)| Some((kernel.name.clone(), code.refusal.clone()?)));
        let refusals = refusals.collect();
        let works = works(&code);
        match install(&mut module, program, &code) {
            Ok(functions) => Ok(Self {
                program: Box::new(program.without_bodies()),
                functions,
                schedule: Schedule::new(program, &works, Grain::Modelled),
                works,
                owner: Owner::Module(Mutex::new(Some(Box::new(module)))),
                code_bytes,
                tier,
                refusals,
            }),
            Err(faults) => {
                // SAFETY: no function of the module was handed out.
                unsafe { module.free_memory() };
                Err(faults)
            }
        }
    }

    /// Makes the code of an image executable.
    ///
    /// # Errors
    /// `RX0602` when the system refuses executable memory.
    ///
    /// # Safety
    /// The image is one that [`Image::to_bytes`] made, unchanged: its code runs in this process, unproved.
    pub unsafe fn from_image(image: &Image) -> Result<Self, Diagnostic> {
        let pages = Pages::new(&image.code)?;
        let of_kernel = |sections: &Vec<(Work, usize)>| {
            // SAFETY: in an image that was not changed, a section's function begins at each offset.
            let functions = sections.iter().map(|&(_, offset)| unsafe { pages.function(offset) });
            functions.collect::<Option<Vec<_>>>()
        };
        let functions = image.sections.iter().map(of_kernel).collect::<Option<_>>();
        let works: Vec<Vec<Work>> = image
            .sections
            .iter()
            .map(|sections| sections.iter().map(|(work, _)| work.clone()).collect())
            .collect();
        Ok(Self {
            program: Box::new(image.program.clone()),
            functions: functions.ok_or_else(|| image::unkept("a kernel lies outside the code"))?,
            schedule: Schedule::new(&image.program, &works, Grain::Modelled),
            works,
            owner: Owner::Pages { _pages: pages },
            code_bytes: image.code.len(),
            tier: image.tier,
            refusals: Vec::new(),
        })
    }

    /// What made the code, but for [`MachineCode::refusals`].
    pub fn tier(&self) -> Tier {
        self.tier
    }

    /// The kernels that the tier refused, so that Cranelift made them, and why.
    pub fn refusals(&self) -> &[(String, String)] {
        &self.refusals
    }

    /// The bytes of machine code, constants included.
    pub fn code_bytes(&self) -> usize {
        self.code_bytes
    }

    /// Cuts runs up anew.
    pub fn cut(&mut self, grain: Grain) {
        self.schedule = Schedule::new(&self.program, &self.works, grain);
    }

    /// How a run is cut up.
    pub fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    /// What the code was made for; its kernels have no bodies.
    pub(crate) fn program(&self) -> &Program {
        &self.program
    }
}

/// The addresses of a step's buffers, as one thread finds them.
pub(crate) struct Table {
    entries: [*mut f32; MAX_BUFFERS],
    /// The step that they are of.
    step: Option<usize>,
    private: *mut f32,
}

impl Calls for MachineCode {
    type Thread = Table;

    fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    fn thread(&self, private: *mut f32) -> Table {
        Table { entries: [std::ptr::null_mut(); MAX_BUFFERS], step: None, private }
    }

    unsafe fn call(&self, table: &mut Table, passes: &Passes, memory: &Memory) {
        let step = &self.program.steps[passes.step];
        if table.step.replace(passes.step) != Some(passes.step) {
            table.fill(step, &self.program.kernels[step.kernel].buffers, memory);
        }
        let function = self.functions[step.kernel][passes.section];
        let (outer, begin, end) =
            (passes.outer as isize, passes.inner.start as isize, passes.inner.end as isize);
        // SAFETY: the loops' verifier proved every access of the kernel to be inside buffers of the declared
        // sizes, and the plan's checker proved that each argument has that size, that written
        // buffers overlap no other, and that inputs and weights are only read. The memory is as large as the plan says.
        // The code lives as long as `self`.
        unsafe { function(table.entries.as_ptr(), outer, begin, end) };
    }
}

impl Table {
    fn fill(&mut self, step: &Step, buffers: &[Buffer], memory: &Memory) {
        let mut own = 0;
        for ((entry, buffer), &place) in self.entries.iter_mut().zip(buffers).zip(&step.arguments) {
            let before = own;
            own += private_bytes_of(buffer);
            *entry = match place {
                Place::Arena(_) if own > before && !self.private.is_null() => {
                    self.private.wrapping_byte_add(before)
                }
                Place::Arena(offset) => memory.arena.wrapping_byte_add(offset),
                Place::Weights(offset) => memory.weights.wrapping_byte_add(offset).cast_mut(),
                // SAFETY: the program was proved to have the inputs and outputs that its steps name.
                Place::Input(index) => unsafe { memory.input(index).cast_mut() },
                // SAFETY: as above.
                Place::Output(index) => unsafe { memory.output(index) },
            };
        }
    }
}

impl Drop for MachineCode {
    fn drop(&mut self) {
        let Owner::Module(module) = &mut self.owner else { return };
        let module = match module.get_mut() {
            Ok(module) => module.take(),
            Err(poisoned) => poisoned.into_inner().take(),
        };
        if let Some(module) = module {
            // SAFETY: functions run only while `self` is borrowed, and their addresses are never given away.
            unsafe { module.free_memory() };
        }
    }
}

/// Puts every kernel's code into the module.
fn install(
    module: &mut JITModule,
    program: &Program,
    code: &[KernelCode],
) -> Result<Vec<Vec<SectionFunction>>, Diagnostics> {
    let signature = clif::signature(module.isa());
    let mut ids = Vec::with_capacity(code.len());
    for (kernel, code) in program.kernels.iter().zip(code) {
        let refuse = |cause: String| {
            Diagnostic::new(Code::MachineCode, Location::Name(kernel.name.clone()), cause)
                .with_help("please report this")
        };
        let mut own = Vec::with_capacity(code.sections.len());
        for (index, code) in code.sections.iter().enumerate() {
            // Names of kernels are identifiers: the dot keeps this one apart.
            let name = format!("{}.{index}", kernel.name);
            let id = module
                .declare_function(&name, Linkage::Local, &signature)
                .map_err(|error| refuse(error.to_string()))?;
            module
                .define_function_bytes(id, code.alignment as u64, &code.bytes, &code.relocations)
                .map_err(|error| refuse(format!("{error:?}")))?;
            own.push(id);
        }
        ids.push(own);
    }
    module.finalize_definitions().map_err(|error| {
        fault(Code::ExecutableMemory, format!("the code cannot be made executable: {error}"))
    })?;
    let function = |id| {
        let address = module.get_finalized_function(id);
        // SAFETY: the function was made with exactly this signature and calling convention.
        unsafe { std::mem::transmute::<*const u8, SectionFunction>(address) }
    };
    Ok(ids.into_iter().map(|own: Vec<_>| own.into_iter().map(function).collect()).collect())
}

/// What running the sections of each kernel means.
fn works(code: &[KernelCode]) -> Vec<Vec<Work>> {
    code.iter().map(|kernel| kernel.sections.iter().map(|section| section.work.clone()).collect()).collect()
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
