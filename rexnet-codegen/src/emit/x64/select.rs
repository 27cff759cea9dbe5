//! Loops → machine operations: every expression as the instructions that compute it, operand by operand.
//!
//! Unrolled loops are written out; a value of more lanes than a register has becomes several. Loads stay operands of
//! the operation that reads them where an instruction can take one from memory.

use super::nest::{
    Address, Count, Item, Kind, Loop, LoopId, Nest, Operand, Operation, Stream, StreamId, Virtual, Width,
};
use super::{Encoding, Options};
use crate::loops::{
    Access, Affine, BinaryOp, BufferId, Expression, Kernel, RegisterId, Section, Statement, UnaryOp,
    VariableId,
};

/// The operations of a section of a verified kernel.
///
/// # Errors
/// That a distance in memory does not fit an instruction.
pub(super) fn select(kernel: &Kernel, section: &Section, options: Options) -> Result<Nest, String> {
    let mut selector = Selector {
        kernel,
        options,
        nest: Nest { items: Vec::new(), loops: Vec::new(), streams: Vec::new(), registers: 0 },
        path: Vec::new(),
        variables: vec![Binding::Unbound; kernel.variables.len()],
        registers: vec![Vec::new(); kernel.registers.len()],
        locals: vec![Parts::default(); kernel.locals.len()],
        statement: section.statements_before(kernel) as u32,
        zeros: Vec::new(),
        steps: Vec::new(),
        too_far: false,
    };
    selector.section(section);
    let Selector { mut nest, zeros, too_far, .. } = selector;
    if too_far {
        return Err("a distance does not fit an instruction".to_owned());
    }
    remove_unread(&mut nest, &zeros);
    Ok(nest)
}

/// What a loop variable stands for.
#[derive(Clone, Copy, Debug)]
enum Binding {
    Unbound,
    /// A number, in an unrolled loop.
    Value(i64),
    /// The loop at that depth of the path.
    Loop {
        depth: usize,
        begin: i64,
    },
}

/// A value, lowest lanes first: 16 lanes are at most two registers of 8.
#[derive(Clone, Copy, Debug, Default)]
struct Parts {
    items: [Option<Operand>; MAX_PARTS],
}

/// Registers that a value of 16 lanes takes where they hold 8.
const MAX_PARTS: usize = 2;

impl Parts {
    fn new(count: usize, mut part: impl FnMut(usize) -> Operand) -> Self {
        Self { items: std::array::from_fn(|index| (index < count).then(|| part(index))) }
    }

    fn at(&self, part: usize) -> Option<Operand> {
        self.items[part]
    }
}

struct Selector<'k> {
    kernel: &'k Kernel,
    options: Options,
    nest: Nest,
    /// The loops around, outermost first.
    path: Vec<LoopId>,
    variables: Vec<Binding>,
    /// The parts of each register of each array, as last declared.
    registers: Vec<Vec<Virtual>>,
    locals: Vec<Parts>,
    statement: u32,
    /// Items that give a register array its first zeros.
    zeros: Vec<usize>,
    /// The bytes that a pass of each loop of the path moves the address at hand.
    steps: Vec<i64>,
    /// Whether a distance was met that 32 bits do not hold.
    too_far: bool,
}

impl Selector<'_> {
    fn section(&mut self, section: &Section) {
        if let Some(outer) = &section.outer {
            let id = self.begin_loop(outer.variable, 0, Count::Pass);
            self.path.push(id);
            self.statement += 1;
        }
        match &section.inner {
            Some(inner) => {
                // The pointers begin at the first pass of the range.
                let id = self.begin_loop(inner.variable, 0, Count::Range);
                self.in_loop(id, section.body(self.kernel));
            }
            None => self.block(section.body(self.kernel)),
        }
    }

    fn begin_loop(&mut self, variable: VariableId, begin: i64, passes: Count) -> LoopId {
        let id = LoopId(self.nest.loops.len() as u32);
        self.nest.loops.push(Loop { passes, height: 0, statement: self.statement });
        self.variables[variable.0 as usize] = Binding::Loop { depth: self.path.len(), begin };
        id
    }

    fn in_loop(&mut self, id: LoopId, body: &[Statement]) {
        for (above, outer) in self.path.iter().rev().enumerate() {
            let outer = &mut self.nest.loops[outer.0 as usize];
            outer.height = outer.height.max(above + 1);
        }
        self.path.push(id);
        self.nest.items.push(Item::Enter(id));
        self.statement += 1;
        self.block(body);
        self.nest.items.push(Item::Leave(id));
        self.path.pop();
    }

    fn block(&mut self, body: &[Statement]) {
        for statement in body {
            let own = self.statement;
            match statement {
                Statement::For { variable, begin, end, unroll: true, body } => {
                    for value in *begin..*end {
                        self.statement = own + 1;
                        self.variables[variable.0 as usize] = Binding::Value(value);
                        self.block(body);
                    }
                }
                Statement::For { variable, begin, end, unroll: false, body } => {
                    let id = self.begin_loop(*variable, *begin, Count::Constant(end - begin));
                    self.in_loop(id, body);
                }
                Statement::Registers { array } => {
                    self.declare(*array);
                    self.statement = own + 1;
                }
                Statement::Let { local, value } => {
                    self.locals[local.0 as usize] = match value {
                        Expression::Constant { .. } | Expression::Local(_) => self.value(value),
                        _ => self.compute(value, None),
                    };
                    self.statement = own + 1;
                }
                Statement::Set { array, index, value } => {
                    let (first, count) = self.place(*array, index);
                    let target = Parts::new(count, |part| {
                        Operand::Register(self.registers[array.0 as usize][first + part])
                    });
                    self.compute(value, Some(target));
                    self.statement = own + 1;
                }
                Statement::Store { access, value } => {
                    let lanes = self.kernel.type_of(value).lanes;
                    let (value, width) = (self.in_registers(value), self.width(lanes));
                    for part in 0..self.parts(lanes) {
                        let address = self.address(access, part);
                        self.operate(Kind::Store(address), width, None, [value.at(part), None, None, None]);
                    }
                    self.statement = own + 1;
                }
            }
        }
    }

    /// Registers of their own for an array, zeros at first.
    fn declare(&mut self, array: RegisterId) {
        let declared = self.kernel.register_array(array);
        let (lanes, count) = (declared.ty.lanes, declared.count * self.parts(declared.ty.lanes));
        let registers: Vec<Virtual> = (0..count).map(|_| self.nest.fresh()).collect();
        for &register in &registers {
            self.zeros.push(self.nest.items.len());
            let zero = [Some(Operand::Constant(0)), None, None, None];
            self.operate(Kind::Move, self.width(lanes), Some(register), zero);
        }
        self.registers[array.0 as usize] = registers;
    }

    /// The first part of a register of an array, and how many it has.
    fn place(&self, array: RegisterId, index: &Affine) -> (usize, usize) {
        let parts = self.parts(self.kernel.register_array(array).ty.lanes);
        let index = index.evaluate(|variable| match self.variables[variable.0 as usize] {
            Binding::Value(value) => value,
            Binding::Unbound | Binding::Loop { .. } => 0,
        });
        (usize::try_from(index).unwrap_or(usize::MAX) * parts, parts)
    }

    fn parts(&self, lanes: usize) -> usize {
        lanes.div_ceil(self.options.encoding.lanes())
    }

    /// The width of a part of a value of so many lanes.
    fn width(&self, lanes: usize) -> Width {
        Width::of_lanes(lanes.min(self.options.encoding.lanes()))
    }

    fn operate(&mut self, kind: Kind, width: Width, target: Option<Virtual>, operands: [Option<Operand>; 4]) {
        let statement = self.statement;
        self.nest.items.push(Item::Operation(Operation { kind, width, target, operands, statement }));
    }

    /// A value where an operation can read it: not yet loaded if it lies in memory.
    fn value(&mut self, expression: &Expression) -> Parts {
        let parts = self.parts(self.kernel.type_of(expression).lanes);
        match expression {
            Expression::Constant { bits, .. } => Parts::new(parts, |_| Operand::Constant(*bits)),
            Expression::Local(local) => self.locals[local.0 as usize],
            Expression::Register { array, index } => {
                let (first, count) = self.place(*array, index);
                Parts::new(count, |part| Operand::Register(self.registers[array.0 as usize][first + part]))
            }
            Expression::Load { access, .. } => {
                Parts::new(parts, |part| Operand::Memory(self.address(access, part)))
            }
            Expression::Broadcast { access, lanes } => {
                let address = self.address(access, 0);
                Parts::new(parts, |_| {
                    if *lanes == 1 { Operand::Memory(address) } else { Operand::Broadcast(address) }
                })
            }
            // Bits have no type in a register.
            Expression::Unary { op: UnaryOp::ToBits | UnaryOp::FromBits, value } => self.value(value),
            _ => self.compute(expression, None),
        }
    }

    /// A value in registers, or constant.
    fn in_registers(&mut self, expression: &Expression) -> Parts {
        let value = self.value(expression);
        let width = self.width(self.kernel.type_of(expression).lanes);
        self.fetched(value, width)
    }

    fn fetched(&mut self, mut value: Parts, width: Width) -> Parts {
        for part in value.items.iter_mut().flatten() {
            if matches!(part, Operand::Memory(_) | Operand::Broadcast(_)) {
                let register = self.nest.fresh();
                self.operate(Kind::Move, width, Some(register), [Some(*part), None, None, None]);
                *part = Operand::Register(register);
            }
        }
        value
    }

    /// Computes a value into registers: these, or new ones.
    fn compute(&mut self, expression: &Expression, target: Option<Parts>) -> Parts {
        let lanes = self.kernel.type_of(expression).lanes;
        let (parts, width) = (self.parts(lanes), self.width(lanes));
        let (kind, operands) = match expression {
            Expression::Constant { .. }
            | Expression::Local(_)
            | Expression::Register { .. }
            | Expression::Load { .. }
            | Expression::Broadcast { .. }
            | Expression::Unary { op: UnaryOp::ToBits | UnaryOp::FromBits, .. } => {
                (Kind::Move, [Some(self.value(expression)), None, None, None])
            }
            Expression::Unary { op: UnaryOp::ShiftLeft(by), value } => {
                (Kind::ShiftLeft(*by), [Some(self.in_registers(value)), None, None, None])
            }
            Expression::Binary { op, left, right } => {
                let (mut left, mut right) = (self.value(left), self.value(right));
                let is_read =
                    |value: &Parts| matches!(value.at(0), Some(Operand::Memory(_) | Operand::Broadcast(_)));
                if matches!(op, BinaryOp::Add | BinaryOp::Mul) && is_read(&left) && !is_read(&right) {
                    std::mem::swap(&mut left, &mut right);
                }
                let left = self.fetched(left, width);
                // The addition of integers reads a whole register, of a scalar too.
                let right = if *op == BinaryOp::IntAdd {
                    self.fetched(right, width)
                } else {
                    self.foldable(right, width)
                };
                if op.is_comparison() {
                    (Kind::Compare(*op), [Some(left), Some(right), None, None])
                } else if *op == BinaryOp::Div && width == Width::Z && !self.options.whole_divisions {
                    return self.divide_by_halves(left, right, target);
                } else {
                    (Kind::Binary(*op), [Some(left), Some(right), None, None])
                }
            }
            Expression::Fma { a, b, c } => {
                let mut operands = [a, b, c].map(|operand| self.value(operand));
                let mut folded = false;
                for operand in &mut operands {
                    let foldable = self.can_fold(operand.at(0));
                    if folded || !foldable {
                        *operand = self.fetched(*operand, width);
                    }
                    folded |= matches!(operand.at(0), Some(Operand::Memory(_) | Operand::Broadcast(_)));
                }
                let [a, b, c] = operands;
                (Kind::Fma, [Some(a), Some(b), Some(c), None])
            }
            Expression::Select { mask, then, otherwise } => {
                let Expression::Binary { op, left, right } = &**mask else {
                    unreachable!("a verified selection has a comparison for its mask");
                };
                let left = self.in_registers(left);
                let right = self.value(right);
                let right = self.foldable(right, width);
                let [then, otherwise] = [then, otherwise].map(|value| self.in_registers(value));
                match self.options.encoding {
                    Encoding::Evex => {
                        (Kind::CompareBlend(*op), [Some(left), Some(right), Some(then), Some(otherwise)])
                    }
                    Encoding::Vex => {
                        let masks = self.each_part(
                            Kind::Compare(*op),
                            width,
                            parts,
                            None,
                            [Some(left), Some(right), None, None],
                        );
                        (Kind::Blend, [Some(otherwise), Some(masks), Some(then), None])
                    }
                }
            }
        };
        self.each_part(kind, width, parts, target, operands)
    }

    fn each_part(
        &mut self,
        kind: Kind,
        width: Width,
        parts: usize,
        target: Option<Parts>,
        operands: [Option<Parts>; 4],
    ) -> Parts {
        let target = self.target(target, parts);
        for part in 0..parts {
            let operands = operands.map(|operand| operand.and_then(|operand| operand.at(part)));
            self.operate(kind, width, register(target.at(part)), operands);
        }
        target
    }

    fn target(&mut self, target: Option<Parts>, parts: usize) -> Parts {
        target.unwrap_or_else(|| Parts::new(parts, |_| Operand::Register(self.nest.fresh())))
    }

    /// Whether an instruction can read it from where it is: VEX instructions read no broadcast elements.
    fn can_fold(&self, operand: Option<Operand>) -> bool {
        !matches!(operand, Some(Operand::Broadcast(_))) || self.options.encoding == Encoding::Evex
    }

    fn foldable(&mut self, value: Parts, width: Width) -> Parts {
        if self.can_fold(value.at(0)) { value } else { self.fetched(value, width) }
    }

    /// 512-bit divisions take five times as long as two of 256 bits on the processors that have them.
    fn divide_by_halves(&mut self, left: Parts, right: Parts, target: Option<Parts>) -> Parts {
        let target = self.target(target, 1);
        let right = self.fetched(right, Width::Z);
        let divide = Kind::Binary(BinaryOp::Div);
        let (Some(a), Some(b)) = (left.at(0), right.at(0)) else { return target };
        let upper = |selector: &mut Self, operand: Operand| match operand {
            Operand::Register(_) => {
                let half = selector.nest.fresh();
                selector.operate(Kind::UpperHalf, Width::Y, Some(half), [Some(operand), None, None, None]);
                Operand::Register(half)
            }
            constant => constant,
        };
        let (upper_a, upper_b) = (upper(self, a), upper(self, b));
        let [low, high] = [(); 2].map(|()| self.nest.fresh());
        self.operate(divide, Width::Y, Some(high), [Some(upper_a), Some(upper_b), None, None]);
        self.operate(divide, Width::Y, Some(low), [Some(a), Some(b), None, None]);
        let halves = [Some(Operand::Register(low)), Some(Operand::Register(high)), None, None];
        self.operate(Kind::JoinHalves, Width::Z, register(target.at(0)), halves);
        target
    }

    fn address(&mut self, access: &Access, part: usize) -> Address {
        let mut elements = access.address.constant + (part * self.options.encoding.lanes()) as i64;
        self.steps.clear();
        self.steps.resize(self.path.len(), 0);
        for &(VariableId(variable), factor) in access.address.terms() {
            match self.variables[variable as usize] {
                Binding::Value(value) => elements += factor * value,
                Binding::Loop { depth, begin } => {
                    elements += factor * begin;
                    self.steps[depth] = 4 * factor;
                }
                Binding::Unbound => {}
            }
        }
        // A verified kernel's addresses are below 2^30; what is taken off for loops that begin late may be more.
        self.too_far |= i32::try_from(elements).is_err();
        Address { stream: self.stream(access.buffer), elements: elements as i32 }
    }

    /// A pointer that moves by the steps at hand in the loops around: one that no access contradicts yet, or a new
    /// one.
    fn stream(&mut self, buffer: BufferId) -> StreamId {
        let moves = || self.path.iter().copied().zip(self.steps.iter().copied());
        let fits = |stream: &Stream| {
            stream.buffer == buffer
                && moves().all(|(id, step)| stream.step(id).is_none_or(|known| known == step))
        };
        let found = self.nest.streams.iter().position(fits).unwrap_or_else(|| {
            self.nest.streams.push(Stream { buffer, steps: Vec::new() });
            self.nest.streams.len() - 1
        });
        let stream = &mut self.nest.streams[found];
        stream.steps.resize(self.nest.loops.len(), None);
        for (id, step) in moves() {
            stream.steps[id.0 as usize] = Some(step);
        }
        StreamId(found as u32)
    }
}

fn register(operand: Option<Operand>) -> Option<Virtual> {
    match operand {
        Some(Operand::Register(register)) => Some(register),
        _ => None,
    }
}

/// Removes what nothing reads: first zeros that are overwritten before they are read, and values without a use.
fn remove_unread(nest: &mut Nest, zeros: &[usize]) {
    // Loops run at least once, so the order of the list is the order of first execution.
    let mut read_first = vec![None; nest.registers as usize];
    let mut uses = vec![0u32; nest.registers as usize];
    let mut next_zero = zeros.iter().copied().peekable();
    for (index, item) in nest.items.iter().enumerate() {
        let Item::Operation(operation) = item else { continue };
        if next_zero.next_if_eq(&index).is_some() {
            continue;
        }
        for register in operation.reads() {
            read_first[register.0 as usize].get_or_insert(true);
            uses[register.0 as usize] += 1;
        }
        if let Some(target) = operation.target {
            read_first[target.0 as usize].get_or_insert(false);
        }
    }
    let mut keep = vec![true; nest.items.len()];
    for (index, item) in nest.items.iter().enumerate().rev() {
        let Item::Operation(Operation { target: Some(target), .. }) = item else { continue };
        let is_zero = zeros.binary_search(&index).is_ok();
        if uses[target.0 as usize] == 0 || (is_zero && read_first[target.0 as usize] != Some(true)) {
            keep[index] = false;
            if let (false, Item::Operation(operation)) = (is_zero, item) {
                operation.reads().for_each(|register| uses[register.0 as usize] -= 1);
            }
        }
    }
    let mut keep = keep.into_iter();
    nest.items.retain(|_| keep.next().unwrap_or(true));
}
