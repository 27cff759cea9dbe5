//! Values, as lists of 128-bit parts (or one scalar).

use super::{Emitter, LANES, flags, parts};
use crate::loops::{Affine, BinaryOp, BufferId, Element, Expression, UnaryOp, ValueType};
use cranelift_codegen::ir::condcodes::FloatCC;
use cranelift_codegen::ir::{self, InstBuilder, MemFlagsData, Value, types};

impl Emitter<'_, '_> {
    pub(super) fn constant(&mut self, bits: u32, ty: ValueType) -> Value {
        let scalar = match ty.element {
            Element::F32 => self.builder.ins().f32const(f32::from_bits(bits)),
            Element::I32 => self.builder.ins().iconst(types::I32, i64::from(bits)),
        };
        if ty.lanes == 1 {
            return scalar;
        }
        let vector = match ty.element {
            Element::F32 => types::F32X4,
            Element::I32 => types::I32X4,
        };
        self.builder.ins().splat(vector, scalar)
    }

    /// The value of an affine expression of unrolled variables.
    pub(super) fn constant_index(&self, index: &Affine) -> usize {
        let index = index.evaluate(|variable| self.unrolled.get(&variable).copied().unwrap_or(0));
        usize::try_from(index).unwrap_or(usize::MAX)
    }

    /// A pointer and an offset that fits an instruction.
    pub(super) fn address(&mut self, address: &Affine, buffer: BufferId) -> (Value, i32) {
        let (pointer, offset) = self.addresses.of(&mut self.builder, &self.unrolled, buffer, address);
        // Room for the parts of a vector above the offset.
        match i32::try_from(offset) {
            Ok(offset) if offset < i32::MAX - 64 => (pointer, offset),
            _ => (self.builder.ins().iadd_imm_s(pointer, offset), 0),
        }
    }

    /// The parts of a value, the lowest lanes first.
    pub(super) fn expression(&mut self, expression: &Expression) -> Vec<Value> {
        match expression {
            Expression::Constant { bits, ty } => vec![self.constant(*bits, *ty); parts(ty.lanes)],
            Expression::Local(local) => self.locals[local].clone(),
            Expression::Register { array, index } => {
                let count = parts(self.kernel.register_array(*array).ty.lanes);
                let first = self.constant_index(index) * count;
                (first..first + count)
                    .map(|part| {
                        let variable = self.registers[array.0 as usize][part];
                        self.builder.use_var(variable)
                    })
                    .collect()
            }
            Expression::Load { access, lanes } => {
                let (pointer, offset) = self.address(&access.address, access.buffer);
                let ty = super::part_type(ValueType::f32(*lanes));
                let flags = flags(self.kernel.buffer(access.buffer).role);
                (0..parts(*lanes))
                    .map(|part| {
                        let offset = offset + (4 * LANES * part) as i32;
                        self.builder.ins().load(ty, flags, pointer, offset)
                    })
                    .collect()
            }
            Expression::Broadcast { access, lanes } => {
                let (pointer, offset) = self.address(&access.address, access.buffer);
                let flags = flags(self.kernel.buffer(access.buffer).role);
                let scalar = self.builder.ins().load(types::F32, flags, pointer, offset);
                let value = if *lanes == 1 { scalar } else { self.builder.ins().splat(types::F32X4, scalar) };
                vec![value; parts(*lanes)]
            }
            Expression::Unary { op, value } => {
                let value = self.expression(value);
                value.into_iter().map(|value| self.unary(*op, value)).collect()
            }
            Expression::Binary { op, left, right } => {
                let (left, right) = (self.expression(left), self.expression(right));
                left.into_iter().zip(right).map(|(left, right)| self.binary(*op, left, right)).collect()
            }
            Expression::Fma { a, b, c } => {
                let (a, b, c) = (self.expression(a), self.expression(b), self.expression(c));
                let operands = a.into_iter().zip(b).zip(c);
                operands.map(|((a, b), c)| self.builder.ins().fma(a, b, c)).collect()
            }
            Expression::Select { mask, then, otherwise } => {
                let mask = self.expression(mask);
                let (then, otherwise) = (self.expression(then), self.expression(otherwise));
                let operands = mask.into_iter().zip(then).zip(otherwise);
                operands.map(|((mask, then), otherwise)| self.select(mask, then, otherwise)).collect()
            }
        }
    }

    fn is_scalar(&self, value: Value) -> bool {
        !self.builder.func.dfg.value_type(value).is_vector()
    }

    fn bitcast(&mut self, ty: ir::Type, value: Value) -> Value {
        self.builder.ins().bitcast(ty, MemFlagsData::new(), value)
    }

    fn unary(&mut self, op: UnaryOp, value: Value) -> Value {
        let scalar = self.is_scalar(value);
        match op {
            UnaryOp::ToBits => self.bitcast(if scalar { types::I32 } else { types::I32X4 }, value),
            UnaryOp::FromBits => self.bitcast(if scalar { types::F32 } else { types::F32X4 }, value),
            UnaryOp::ShiftLeft(by) => {
                let by = self.builder.ins().iconst(types::I32, i64::from(by));
                self.builder.ins().ishl(value, by)
            }
        }
    }

    fn binary(&mut self, op: BinaryOp, left: Value, right: Value) -> Value {
        match op {
            BinaryOp::Add => self.builder.ins().fadd(left, right),
            BinaryOp::Sub => self.builder.ins().fsub(left, right),
            BinaryOp::Mul => self.builder.ins().fmul(left, right),
            BinaryOp::Div => self.builder.ins().fdiv(left, right),
            BinaryOp::IntAdd => self.builder.ins().iadd(left, right),
            BinaryOp::Less => self.compare(FloatCC::LessThan, left, right),
            BinaryOp::Unordered => self.compare(FloatCC::Unordered, left, right),
            // On x86-64 the next two become minps and maxps.
            BinaryOp::Min => {
                let mask = self.compare(FloatCC::LessThan, left, right);
                self.select(mask, left, right)
            }
            BinaryOp::Max => {
                let mask = self.compare(FloatCC::LessThan, right, left);
                self.select(mask, left, right)
            }
        }
    }

    /// A mask of all ones or all zeros.
    fn compare(&mut self, condition: FloatCC, left: Value, right: Value) -> Value {
        let truth = self.builder.ins().fcmp(condition, left, right);
        if self.is_scalar(left) { self.builder.ins().bmask(types::I32, truth) } else { truth }
    }

    fn select(&mut self, mask: Value, then: Value, otherwise: Value) -> Value {
        if self.is_scalar(then) {
            return self.builder.ins().select(mask, then, otherwise);
        }
        let ty = self.builder.func.dfg.value_type(then);
        let mask = self.bitcast(ty, mask);
        self.builder.ins().bitselect(mask, then, otherwise)
    }
}
