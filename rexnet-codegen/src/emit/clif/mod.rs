//! Loops → Cranelift IR: the portable tier. Vectors of 8 or 16 lanes become two or four of 128 bits.
//!
//! A section of a kernel becomes one function that takes the address of a table with its buffers' addresses, a pass of
//! its outer loop and a range of passes of its inner one:
//!
//! ```text
//! fn section(buffers: *const *mut f32, outer: isize, begin: isize, end: isize)
//! ```
//!
//! Addresses are kept as pointers that each loop increments, one for every distinct coefficient vector; unrolled
//! variables and constants become offsets of the access.

mod address;
mod expression;

use crate::loops::{Element, Kernel, Role, Section, Statement, ValueType, VariableId};
use address::{Addresses, Begin};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{self, AbiParam, InstBuilder, MemFlagsData, Value, types};
use cranelift_codegen::isa::{CallConv, TargetIsa};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext, Variable};
use std::collections::HashMap;

/// The lanes of the vectors that Cranelift compiles.
pub(crate) const LANES: usize = 4;

/// The function of a section of a verified kernel, its signature included.
pub fn function(
    kernel: &Kernel,
    section: &Section,
    isa: &dyn TargetIsa,
    context: &mut FunctionBuilderContext,
) -> ir::Function {
    let mut function = ir::Function::new();
    function.signature = signature(isa);
    let mut builder = FunctionBuilder::new(&mut function, context);
    let entry = builder.create_block();
    builder.append_block_params_for_function_params(entry);
    builder.switch_to_block(entry);
    builder.seal_block(entry);

    let pointer = isa.pointer_type();
    let [table, outer, begin, end] = builder.block_params(entry) else { unreachable!("it has four") };
    let (table, outer, begin, end) = (*table, *outer, *begin, *end);
    let bases: Vec<Value> = (0..kernel.buffers.len())
        .map(|index| {
            let offset = (index * pointer.bytes() as usize) as i32;
            builder.ins().load(pointer, MemFlagsData::trusted().with_readonly(), table, offset)
        })
        .collect();
    let registers = kernel
        .registers
        .iter()
        .map(|array| {
            let part = part_type(array.ty);
            (0..array.count * parts(array.ty.lanes)).map(|_| builder.declare_var(part)).collect()
        })
        .collect();
    let addresses = Addresses::new(&mut builder, pointer, &bases);
    let mut emitter = Emitter {
        kernel,
        pointer,
        builder,
        addresses,
        registers,
        locals: HashMap::new(),
        unrolled: HashMap::new(),
    };
    emitter.section(section, outer, begin, end);
    emitter.builder.ins().return_(&[]);
    emitter.builder.finalize(isa.frontend_config());
    function
}

/// A pointer and three integers of its size in, nothing out; on x86-64 by System V's convention on every system.
pub fn signature(isa: &dyn TargetIsa) -> ir::Signature {
    let convention = if cfg!(target_arch = "x86_64") { CallConv::SystemV } else { isa.default_call_conv() };
    let mut signature = ir::Signature::new(convention);
    signature.params.extend([AbiParam::new(isa.pointer_type()); 4]);
    signature
}

fn parts(lanes: usize) -> usize {
    lanes.div_ceil(LANES)
}

fn part_type(ty: ValueType) -> ir::Type {
    match (ty.element, ty.lanes) {
        (Element::F32, 1) => types::F32,
        (Element::F32, _) => types::F32X4,
        (Element::I32, 1) => types::I32,
        (Element::I32, _) => types::I32X4,
    }
}

struct Emitter<'k, 'f> {
    kernel: &'k Kernel,
    /// The type of addresses and of loop counters.
    pointer: ir::Type,
    builder: FunctionBuilder<'f>,
    addresses: Addresses,
    /// The parts of each register array, register by register.
    registers: Vec<Vec<Variable>>,
    locals: HashMap<crate::loops::LocalId, Vec<Value>>,
    /// The value of each unrolled variable in scope.
    unrolled: HashMap<VariableId, i64>,
}

impl Emitter<'_, '_> {
    fn section(&mut self, section: &Section, outer: Value, begin: Value, end: Value) {
        let inside = section.within_outer(self.kernel);
        if let Some(passes) = &section.outer {
            let begin = Begin::Argument(outer);
            self.addresses.open(
                &mut self.builder,
                &self.unrolled,
                self.kernel,
                (passes.variable, begin),
                inside,
            );
        }
        match &section.inner {
            Some(passes) => {
                let count = self.builder.ins().isub(end, begin);
                let body = section.body(self.kernel);
                self.for_loop(passes.variable, Begin::Argument(begin), count, body);
            }
            None => self.block(inside),
        }
    }

    fn block(&mut self, body: &[Statement]) {
        for statement in body {
            match statement {
                Statement::For { variable, begin, end, unroll: true, body } => {
                    for value in *begin..*end {
                        self.unrolled.insert(*variable, value);
                        self.block(body);
                    }
                    self.unrolled.remove(variable);
                }
                Statement::For { variable, begin, end, unroll: false, body } => {
                    let passes = self.builder.ins().iconst(self.pointer, end - begin);
                    self.for_loop(*variable, Begin::Constant(*begin), passes, body);
                }
                Statement::Registers { array } => {
                    let zero = self.constant(0, self.kernel.register_array(*array).ty);
                    for &part in &self.registers[array.0 as usize].clone() {
                        self.builder.def_var(part, zero);
                    }
                }
                Statement::Let { local, value } => {
                    let value = self.expression(value);
                    self.locals.insert(*local, value);
                }
                Statement::Set { array, index, value } => {
                    let value = self.expression(value);
                    let first = self.constant_index(index) * value.len();
                    for (part, value) in value.into_iter().enumerate() {
                        let variable = self.registers[array.0 as usize][first + part];
                        self.builder.def_var(variable, value);
                    }
                }
                Statement::Store { access, value } => {
                    let value = self.expression(value);
                    let (pointer, offset) = self.address(&access.address, access.buffer);
                    let flags = flags(self.kernel.buffer(access.buffer).role);
                    for (part, value) in value.into_iter().enumerate() {
                        let offset = offset + (4 * LANES * part) as i32;
                        self.builder.ins().store(flags, value, pointer, offset);
                    }
                }
            }
        }
    }

    /// Counts down, so that only the pointers carry the position.
    fn for_loop(&mut self, variable: VariableId, begin: Begin, passes: Value, body: &[Statement]) {
        let counter = self.builder.declare_var(self.pointer);
        self.builder.def_var(counter, passes);
        let opened =
            self.addresses.open(&mut self.builder, &self.unrolled, self.kernel, (variable, begin), body);
        let (inside, after) = (self.builder.create_block(), self.builder.create_block());
        self.builder.ins().jump(inside, &[]);
        self.builder.switch_to_block(inside);
        self.block(body);
        self.addresses.advance(&mut self.builder, &opened);
        let left = self.builder.use_var(counter);
        let left = self.builder.ins().iadd_imm_s(left, -1);
        self.builder.def_var(counter, left);
        let again = self.builder.ins().icmp_imm_s(IntCC::NotEqual, left, 0);
        self.builder.ins().brif(again, inside, &[], after, &[]);
        self.builder.seal_block(inside);
        self.builder.switch_to_block(after);
        self.builder.seal_block(after);
        self.addresses.close(&opened);
    }
}

/// Flags of an access, which the kernel's proof covers: it neither traps nor needs alignment. What a kernel only
/// reads does not change while it runs, so those loads may move to their use.
fn flags(role: Role) -> MemFlagsData {
    let flags = MemFlagsData::new().with_notrap();
    match role {
        Role::In | Role::Const => flags.with_readonly().with_can_move(),
        Role::Out | Role::Shared | Role::Scratch => flags,
    }
}
