//! The function that runs a version: its kernels in the order of the plan, on the caller's memory.

use super::processor::Primitives;
use super::{Kernels, Made};
use crate::plan::{Call, Grain, Place, Schedule, Work};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{AbiParam, InstBuilder, MemFlagsData, StackSlotData, StackSlotKind, Value};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};
use cranelift_module::{Linkage, Module};
use cranelift_object::ObjectModule;

/// Defines a function of that name,
///
/// ```text
/// void name(const float *weights, float *scratch, const float *input…, float *output…)
/// ```
///
/// by the system's convention for C.
pub(super) fn define(
    module: &mut ObjectModule,
    name: &str,
    kernels: &Kernels<'_>,
    primitives: &Primitives,
) -> Made<()> {
    let program = kernels.program;
    let pointer = module.target_config().pointer_type();
    let mut signature = module.make_signature();
    let ports = program.inputs.len() + program.outputs.len();
    signature.params.extend(vec![AbiParam::new(pointer); 2 + ports]);
    let id = module.declare_function(name, Linkage::Export, &signature)?;
    let mut context = module.make_context();
    context.func.signature = signature;

    let works: Vec<Vec<Work>> =
        kernels.code.iter().map(|code| code.sections.iter().map(|own| own.work.clone()).collect()).collect();
    let schedule = Schedule::new(program, &works, Grain::Modelled);
    let most = program.kernels.iter().map(|kernel| kernel.buffers.len()).max().unwrap_or(0).max(1);
    let table = StackSlotData::new(StackSlotKind::ExplicitSlot, most as u32 * pointer.bytes(), 4);

    let enter_mode = module.declare_func_in_func(primitives.enter_mode, &mut context.func);
    let restore_mode = module.declare_func_in_func(primitives.restore_mode, &mut context.func);
    let sections: Vec<Vec<_>> = kernels
        .sections
        .iter()
        .map(|own| own.iter().map(|&id| module.declare_func_in_func(id, &mut context.func)).collect())
        .collect();

    let mut frontend = FunctionBuilderContext::new();
    let mut builder = FunctionBuilder::new(&mut context.func, &mut frontend);
    let entry = builder.create_block();
    builder.append_block_params_for_function_params(entry);
    builder.switch_to_block(entry);
    let parameters = builder.block_params(entry).to_vec();
    let (weights, arena) = (parameters[0], parameters[1]);
    let (inputs, outputs) = parameters[2..].split_at(program.inputs.len());
    let table = builder.create_sized_stack_slot(table);
    let entered = builder.ins().call(enter_mode, &[]);
    let mode = builder.inst_results(entered)[0];
    let table_address = builder.ins().stack_addr(pointer, table, 0);

    let mut filled = None;
    for call in schedule.calls() {
        let step = &program.steps[call.step];
        if filled.replace(call.step) != Some(call.step) {
            for (index, place) in step.arguments.iter().enumerate() {
                let (base, offset) = match *place {
                    Place::Arena(offset) => (arena, offset),
                    Place::Weights(offset) => (weights, offset),
                    Place::Input(input) => (inputs[input], 0),
                    Place::Output(output) => (outputs[output], 0),
                };
                let offset = builder.ins().iconst(pointer, offset as i64);
                let address = builder.ins().iadd(base, offset);
                builder.ins().store(
                    MemFlagsData::trusted(),
                    address,
                    table_address,
                    index as i32 * pointer.bytes() as i32,
                );
            }
        }
        let section = sections[step.kernel][call.section];
        passes(&mut builder, call, |builder, outer| {
            let [begin, end] =
                [call.inner.start, call.inner.end].map(|bound| builder.ins().iconst(pointer, bound));
            builder.ins().call(section, &[table_address, outer, begin, end]);
        });
    }
    builder.ins().call(restore_mode, &[mode]);
    builder.ins().return_(&[]);
    builder.seal_all_blocks();
    builder.finalize(module.target_config());
    Ok(module.define_function(id, &mut context)?)
}

/// A loop over the passes of a call's outer loop, without one where there is a single pass.
fn passes(
    builder: &mut FunctionBuilder<'_>,
    call: &Call,
    body: impl FnOnce(&mut FunctionBuilder<'_>, Value),
) {
    let pointer = cranelift_codegen::ir::types::I64;
    let first = builder.ins().iconst(pointer, call.outer.start);
    if call.outer.end - call.outer.start == 1 {
        body(builder, first);
        return;
    }
    let pass = builder.declare_var(pointer);
    builder.def_var(pass, first);
    let (inside, after) = (builder.create_block(), builder.create_block());
    builder.ins().jump(inside, &[]);
    builder.switch_to_block(inside);
    let outer = builder.use_var(pass);
    body(builder, outer);
    let one = builder.ins().iconst(pointer, 1);
    let outer = builder.use_var(pass);
    let next = builder.ins().iadd(outer, one);
    builder.def_var(pass, next);
    let end = builder.ins().iconst(pointer, call.outer.end);
    let again = builder.ins().icmp(IntCC::SignedLessThan, next, end);
    builder.ins().brif(again, inside, &[], after, &[]);
    builder.switch_to_block(after);
}
