//! Random kernels, well typed and inside their buffers.

use crate::choices::Choices;
use rexnet_codegen::loops::{
    Affine, BinaryOp, BufferId, Element, Expression, Kernel, KernelBuilder, RegisterId, Role, UnaryOp,
    ValueType,
};

/// The elements of the buffers: input, weights, scratch, output.
pub(crate) const ELEMENTS: [usize; 4] = [96, 64, 64, 96];

/// A kernel of the given choices.
pub(crate) fn random_kernel(choices: &mut Choices) -> Kernel {
    let mut builder = KernelBuilder::new("random");
    let roles =
        [("input", Role::In), ("weights", Role::Const), ("scratch", Role::Shared), ("output", Role::Out)];
    let buffers: Vec<BufferId> = roles
        .iter()
        .zip(ELEMENTS)
        .map(|(&(name, role), elements)| {
            // What belongs to the user is aligned to its elements only.
            let alignment = if matches!(role, Role::In | Role::Out) { 4 } else { 64 };
            builder.buffer(name, role, elements, alignment)
        })
        .collect();
    // Their content at entry is unknown.
    for written in [2, 3] {
        builder.for_each("fill", ELEMENTS[written] / 4, |builder, i| {
            builder.store(buffers[written], i * 4, Expression::f32(0.5, 4));
        });
    }
    let lanes = choices.one_of(&[4, 8, 16, 1]);
    let mut writer = Writer { builder, choices, scope: Scope::default(), budget: 60, lanes };
    writer.block(0);
    writer.builder.finish()
}

/// What a statement may refer to.
#[derive(Clone, Default)]
struct Scope {
    /// Indices of loops with their first and last value and whether they are unrolled.
    loops: Vec<(Affine, i64, i64, bool)>,
    locals: Vec<(Expression, ValueType)>,
    registers: Vec<(RegisterId, ValueType, usize)>,
}

struct Writer<'a> {
    builder: KernelBuilder,
    choices: &'a mut Choices,
    scope: Scope,
    /// Statements that may still be written.
    budget: usize,
    /// The lanes of most values, so that they meet.
    lanes: usize,
}

impl Writer<'_> {
    fn block(&mut self, depth: usize) {
        let outer = self.scope.clone();
        for _ in 0..3 + self.choices.below(5) {
            if self.budget == 0 || !self.choices.more() {
                break;
            }
            self.budget -= 1;
            self.statement(depth);
        }
        self.scope = outer;
    }

    fn statement(&mut self, depth: usize) {
        let any = self.choices.one_of(&[4, 8, 16, 1]);
        let lanes = if self.choices.below(4) == 3 { any } else { self.lanes };
        match self.choices.below(7) {
            0 | 1 if depth < 3 => {
                let begin = self.choices.between(-2, 2);
                let end = begin + self.choices.between(1, 4);
                let unroll = self.choices.below(2) == 1;
                let builder = std::mem::replace(&mut self.builder, KernelBuilder::new(""));
                let mut outer = builder;
                outer.repeat("i", begin, end, unroll, |inside, index| {
                    // The builder is lent to the writer for the body.
                    std::mem::swap(inside, &mut self.builder);
                    self.scope.loops.push((index, begin, end - 1, unroll));
                    self.block(depth + 1);
                    self.scope.loops.pop();
                    std::mem::swap(inside, &mut self.builder);
                });
                self.builder = outer;
            }
            2 => {
                let ty = self.any_type(lanes);
                let count = 1 + self.choices.below(3);
                let array = self.builder.registers("acc", ty, count);
                self.scope.registers.push((array, ty, count));
            }
            3 => {
                let ty = self.any_type(lanes);
                let value = self.value(ty, 0);
                let local = self.builder.bind("v", value);
                self.scope.locals.push((local, ty));
            }
            4 | 5 if !self.scope.registers.is_empty() => {
                let registers = self.scope.registers.clone();
                let (array, ty, count) = self.choices.one_of(&registers);
                let index = self.index(count, 1, true);
                let value = self.value(ty, 0);
                self.builder.set(array, index, value);
            }
            _ => {
                let buffer = self.choices.one_of(&[3u32, 2]);
                let address = self.index(ELEMENTS[buffer as usize], lanes, false);
                let value = self.value(ValueType::f32(lanes), 0);
                self.builder.store(BufferId(buffer), address, value);
            }
        }
    }

    fn any_type(&mut self, lanes: usize) -> ValueType {
        let element = self.choices.one_of(&[Element::F32, Element::F32, Element::I32]);
        ValueType { element, lanes }
    }

    /// An address of `lanes` elements inside `elements`.
    fn index(&mut self, elements: usize, lanes: usize, only_unrolled: bool) -> Affine {
        let room = elements as i64 - lanes as i64;
        let (mut index, mut low, mut high) = (Affine::default(), 0, 0);
        for (variable, first, last, unrolled) in self.scope.loops.clone() {
            let factor = self.choices.one_of(&[0, 1, lanes as i64, -1, 8, 3]);
            let (a, b) = (factor * first, factor * last);
            let spread = (low + a.min(b), high + a.max(b));
            if (unrolled || !only_unrolled) && spread.1 - spread.0 <= room {
                (low, high) = spread;
                index = index + variable * factor;
            }
        }
        let constant = self.choices.between(-low, room - high);
        index + constant
    }

    fn value(&mut self, ty: ValueType, depth: usize) -> Expression {
        if depth > 2 || !self.choices.more() {
            return self.leaf(ty);
        }
        match (ty.element, self.choices.below(9)) {
            (_, 0..=2) => self.leaf(ty),
            (Element::F32, 3) => {
                let [a, b, c] = [0; 3].map(|_| self.value(ty, depth + 1));
                a.fma(b, c)
            }
            (_, 4) => {
                let compared = ValueType::f32(ty.lanes);
                let mask = self.comparison(compared, depth + 1);
                let [a, b] = [0; 2].map(|_| self.value(ty, depth + 1));
                mask.select(a, b)
            }
            (Element::F32, 5) => {
                let bits = ValueType::i32(ty.lanes);
                self.value(bits, depth + 1).unary(UnaryOp::FromBits)
            }
            (Element::F32, _) => {
                let op = self.choices.one_of(&[
                    BinaryOp::Add,
                    BinaryOp::Sub,
                    BinaryOp::Mul,
                    BinaryOp::Div,
                    BinaryOp::Min,
                    BinaryOp::Max,
                ]);
                let [a, b] = [0; 2].map(|_| self.value(ty, depth + 1));
                a.binary(op, b)
            }
            (Element::I32, 3) => {
                let [a, b] = [0; 2].map(|_| self.value(ty, depth + 1));
                a.binary(BinaryOp::IntAdd, b)
            }
            (Element::I32, 5) => {
                let by = self.choices.below(32) as u8;
                self.value(ty, depth + 1).unary(UnaryOp::ShiftLeft(by))
            }
            (Element::I32, 6) => self.comparison(ValueType::f32(ty.lanes), depth + 1),
            (Element::I32, _) => {
                // Which of its bits a NaN has is not defined.
                let float = ValueType::f32(ty.lanes);
                let value = self.value(float, depth + 1);
                let value = self.builder.bind("number", value);
                let is_nan = value.clone().binary(BinaryOp::Unordered, value.clone());
                is_nan.select(Expression::f32(1.0, ty.lanes), value).unary(UnaryOp::ToBits)
            }
        }
    }

    fn comparison(&mut self, ty: ValueType, depth: usize) -> Expression {
        let op = self.choices.one_of(&[BinaryOp::Less, BinaryOp::Unordered]);
        let [a, b] = [0; 2].map(|_| self.value(ty, depth));
        a.binary(op, b)
    }

    fn leaf(&mut self, ty: ValueType) -> Expression {
        let locals: Vec<Expression> = self
            .scope
            .locals
            .iter()
            .filter(|(_, other)| *other == ty)
            .map(|(local, _)| local.clone())
            .collect();
        let registers: Vec<(RegisterId, usize)> = self
            .scope
            .registers
            .iter()
            .filter(|(_, other, _)| *other == ty)
            .map(|&(array, _, count)| (array, count))
            .collect();
        match self.choices.below(7) {
            0 | 5 if !locals.is_empty() => self.choices.one_of(&locals),
            1 | 6 if !registers.is_empty() => {
                let (array, count) = self.choices.one_of(&registers);
                let index = self.index(count, 1, true);
                Expression::register(array, index)
            }
            2 | 3 if ty.element == Element::F32 => {
                let buffer = self.choices.below(4);
                let broadcast = self.choices.below(2) == 1;
                let lanes = if broadcast { 1 } else { ty.lanes };
                let address = self.index(ELEMENTS[buffer], lanes, false);
                let buffer = BufferId(buffer as u32);
                if broadcast {
                    self.builder.broadcast(buffer, address, ty.lanes)
                } else {
                    self.builder.load(buffer, address, ty.lanes)
                }
            }
            _ if ty.element == Element::F32 => {
                let values = [1.5, 0.0, -0.0, -3.0, 1e-40, f32::INFINITY, f32::NAN, f32::MIN_POSITIVE, 1e30];
                Expression::f32(self.choices.one_of(&values), ty.lanes)
            }
            _ => Expression::i32(self.choices.one_of(&[1, -1, 0x3f80_0000, i32::MIN, 0]), ty.lanes),
        }
    }
}
