//! Builds kernels in program order.

use super::{
    Access, Affine, BinaryOp, Buffer, BufferId, Expression, Kernel, Local, LocalId, RegisterArray,
    RegisterId, Role, Statement, UnaryOp, ValueType, VariableId,
};
use std::collections::HashMap;
use std::ops::Range;

/// Appends statements to a kernel. Names are made unique by appending a number.
#[derive(Debug)]
pub struct KernelBuilder {
    kernel: Kernel,
    blocks: Vec<Vec<Statement>>,
    variables: Names,
    registers: Names,
    locals: Names,
}

/// Names given so far, each with the next number to try behind it.
#[derive(Debug, Default)]
struct Names(HashMap<String, u32>);

impl Names {
    /// The name, or the name with the least number behind it, from 2 on, that makes it another than all before.
    fn unique(&mut self, name: &str) -> String {
        let mut unique = name.to_owned();
        if let Some(&known) = self.0.get(name) {
            let mut number = known;
            loop {
                unique = format!("{name}{number}");
                number += 1;
                if !self.0.contains_key(&unique) {
                    break;
                }
            }
            self.0.insert(name.to_owned(), number);
        }
        self.0.insert(unique.clone(), 2);
        unique
    }
}

impl KernelBuilder {
    /// An empty kernel.
    pub fn new(name: impl Into<String>) -> Self {
        let kernel = Kernel {
            name: name.into(),
            buffers: Vec::new(),
            variables: Vec::new(),
            registers: Vec::new(),
            locals: Vec::new(),
            body: Vec::new(),
        };
        Self {
            kernel,
            blocks: vec![Vec::new()],
            variables: Names::default(),
            registers: Names::default(),
            locals: Names::default(),
        }
    }

    /// The kernel as built.
    pub fn finish(mut self) -> Kernel {
        self.kernel.body = self.blocks.pop().unwrap_or_default();
        self.kernel
    }

    /// Adds an argument, aligned to 64 bytes unless it belongs to the user.
    pub fn buffer(&mut self, name: &str, role: Role, elements: usize, alignment: usize) -> BufferId {
        let id = BufferId(self.kernel.buffers.len() as u32);
        self.kernel.buffers.push(Buffer { name: name.to_owned(), role, elements, alignment });
        id
    }

    /// A loop from 0 to `extent`. A single pass needs no loop: the index is the constant 0 then.
    pub fn for_each(&mut self, name: &str, extent: usize, body: impl FnOnce(&mut Self, Affine)) {
        self.repeat(name, 0, extent as i64, false, body);
    }

    /// As [`for_each`](Self::for_each), repeated by the emitter.
    pub fn unrolled(&mut self, name: &str, extent: usize, body: impl FnOnce(&mut Self, Affine)) {
        self.repeat(name, 0, extent as i64, true, body);
    }

    /// A loop over `begin..end`; nothing when that is empty.
    pub fn repeat(
        &mut self,
        name: &str,
        begin: i64,
        end: i64,
        unroll: bool,
        body: impl FnOnce(&mut Self, Affine),
    ) {
        if end <= begin {
            return;
        }
        if end - begin == 1 {
            body(self, Affine::constant(begin));
            return;
        }
        self.loop_over(name, begin, end, unroll, body);
    }

    fn loop_over(
        &mut self,
        name: &str,
        begin: i64,
        end: i64,
        unroll: bool,
        body: impl FnOnce(&mut Self, Affine),
    ) {
        let variable = VariableId(self.kernel.variables.len() as u32);
        let name = self.variables.unique(name);
        self.kernel.variables.push(name);
        self.blocks.push(Vec::new());
        body(self, Affine::variable(variable));
        let body = self.blocks.pop().unwrap_or_default();
        self.push(Statement::For { variable, begin, end, unroll, body });
    }

    /// Two nested loops at the top of a kernel, a section of it. A single pass needs no loop, but one of the two stays,
    /// so that what is at the top of a kernel are loops. `body` is given the two indices.
    pub fn section(
        &mut self,
        (outer_name, outer): (&str, Range<i64>),
        (inner_name, inner): (&str, Range<i64>),
        body: impl FnOnce(&mut Self, Affine, Affine),
    ) {
        debug_assert_eq!(self.blocks.len(), 1, "a section is a top-level loop");
        let is_loop = |range: &Range<i64>| range.end - range.start > 1;
        if outer.is_empty() || inner.is_empty() {
            return;
        }
        if is_loop(&outer) || is_loop(&inner) {
            self.repeat(outer_name, outer.start, outer.end, false, |builder, outer| {
                builder.repeat(inner_name, inner.start, inner.end, false, |builder, inner| {
                    body(builder, outer, inner);
                });
            });
        } else {
            let (outer, inner) = (Affine::constant(outer.start), Affine::constant(inner.start));
            self.loop_over("once", 0, 1, false, |builder, _| body(builder, outer, inner));
        }
    }

    /// Declares a register array.
    pub fn registers(&mut self, name: &str, ty: ValueType, count: usize) -> RegisterId {
        let array = RegisterId(self.kernel.registers.len() as u32);
        let name = self.registers.unique(name);
        self.kernel.registers.push(RegisterArray { name, ty, count });
        self.push(Statement::Registers { array });
        array
    }

    /// Writes a register.
    pub fn set(&mut self, array: RegisterId, index: Affine, value: Expression) {
        self.push(Statement::Set { array, index, value });
    }

    /// Names a value, so that it is computed once.
    pub fn bind(&mut self, name: &str, value: Expression) -> Expression {
        let local = LocalId(self.kernel.locals.len() as u32);
        let name = self.locals.unique(name);
        let ty = self.kernel.type_of(&value);
        self.kernel.locals.push(Local { name, ty });
        self.push(Statement::Let { local, value });
        Expression::Local(local)
    }

    /// Writes consecutive elements.
    pub fn store(&mut self, buffer: BufferId, address: Affine, value: Expression) {
        let lanes = self.kernel.type_of(&value).lanes;
        let access = self.access(buffer, address, lanes);
        self.push(Statement::Store { access, value });
    }

    /// Consecutive elements.
    pub fn load(&self, buffer: BufferId, address: Affine, lanes: usize) -> Expression {
        Expression::Load { access: self.access(buffer, address, lanes), lanes }
    }

    /// One element in every lane.
    pub fn broadcast(&self, buffer: BufferId, address: Affine, lanes: usize) -> Expression {
        Expression::Broadcast { access: self.access(buffer, address, 1), lanes }
    }

    fn access(&self, buffer: BufferId, address: Affine, lanes: usize) -> Access {
        let limit = (4 * lanes).min(self.kernel.buffer(buffer).alignment) as i64 / 4;
        let alignment = 4 * address.power_of_two_divisor(limit) as usize;
        Access { buffer, address, alignment }
    }

    fn push(&mut self, statement: Statement) {
        if let Some(block) = self.blocks.last_mut() {
            block.push(statement);
        }
    }
}

impl Expression {
    /// An f32 in every lane.
    pub fn f32(value: f32, lanes: usize) -> Self {
        Expression::Constant { bits: value.to_bits(), ty: ValueType::f32(lanes) }
    }

    /// An i32 in every lane.
    pub fn i32(value: i32, lanes: usize) -> Self {
        Expression::Constant { bits: value as u32, ty: ValueType::i32(lanes) }
    }

    /// A register of an array.
    pub fn register(array: RegisterId, index: Affine) -> Self {
        Expression::Register { array, index }
    }

    /// An operation on one value.
    #[must_use]
    pub fn unary(self, op: UnaryOp) -> Self {
        Expression::Unary { op, value: Box::new(self) }
    }

    /// An operation on two values, this one first.
    #[must_use]
    pub fn binary(self, op: BinaryOp, right: Expression) -> Self {
        Expression::Binary { op, left: Box::new(self), right: Box::new(right) }
    }

    /// `self * b + c`, rounded once.
    #[must_use]
    pub fn fma(self, b: Expression, c: Expression) -> Self {
        Expression::Fma { a: Box::new(self), b: Box::new(b), c: Box::new(c) }
    }

    /// `self ? then : otherwise`.
    #[must_use]
    pub fn select(self, then: Expression, otherwise: Expression) -> Self {
        Expression::Select { mask: Box::new(self), then: Box::new(then), otherwise: Box::new(otherwise) }
    }
}
