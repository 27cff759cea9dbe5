//! The meaning of a kernel, executed as written.

use super::{
    Access, Affine, BinaryOp, Element, Expression, Kernel, MAX_LANES, Role, Section, Statement, UnaryOp,
    ValueType, sections,
};

/// The value of up to [`MAX_LANES`] lanes, as bits. Lanes past the type's are meaningless.
type Lanes = [u32; MAX_LANES];

/// Runs a verified kernel: its sections, pass by pass. `buffers[i]` is the memory of the kernel's `i`-th buffer and has
/// at least its declared number of elements; buffers that are only read are left as they are. Scratch memory is all NaN
/// when a pass begins.
///
/// # Panics
/// When a buffer is too short, or the kernel was not verified.
pub fn run(kernel: &Kernel, buffers: &mut [&mut [f32]]) {
    let mut machine = Machine::new(kernel, buffers);
    for section in sections(kernel) {
        for (outer, inner) in section.passes() {
            machine.pass(&section, outer, inner);
        }
    }
}

/// As [`run`], of one pass of a section.
///
/// # Panics
/// As [`run`].
pub fn run_pass(kernel: &Kernel, section: &Section, outer: i64, inner: i64, buffers: &mut [&mut [f32]]) {
    Machine::new(kernel, buffers).pass(section, outer, inner);
}

struct Machine<'run, 'memory> {
    kernel: &'run Kernel,
    buffers: &'run mut [&'memory mut [f32]],
    variables: Vec<i64>,
    registers: Vec<Vec<Lanes>>,
    locals: Vec<Lanes>,
}

impl<'run, 'memory> Machine<'run, 'memory> {
    fn new(kernel: &'run Kernel, buffers: &'run mut [&'memory mut [f32]]) -> Self {
        Self {
            kernel,
            buffers,
            variables: vec![0; kernel.variables.len()],
            registers: kernel.registers.iter().map(|array| vec![[0; MAX_LANES]; array.count]).collect(),
            locals: vec![[0; MAX_LANES]; kernel.locals.len()],
        }
    }

    fn pass(&mut self, section: &Section, outer: i64, inner: i64) {
        for (buffer, memory) in self.kernel.buffers.iter().zip(self.buffers.iter_mut()) {
            if buffer.role == Role::Scratch {
                memory.fill(f32::NAN);
            }
        }
        for (passes, value) in [(section.outer, outer), (section.inner, inner)] {
            if let Some(passes) = passes {
                self.variables[passes.variable.0 as usize] = value;
            }
        }
        self.block(section.body(self.kernel));
    }

    fn block(&mut self, body: &[Statement]) {
        for statement in body {
            match statement {
                Statement::For { variable, begin, end, body, .. } => {
                    for value in *begin..*end {
                        self.variables[variable.0 as usize] = value;
                        self.block(body);
                    }
                }
                Statement::Registers { array } => {
                    self.registers[array.0 as usize].fill([0; MAX_LANES]);
                }
                Statement::Let { local, value } => {
                    self.locals[local.0 as usize] = self.expression(value).0;
                }
                Statement::Set { array, index, value } => {
                    let value = self.expression(value).0;
                    let index = self.index(index);
                    self.registers[array.0 as usize][index] = value;
                }
                Statement::Store { access, value } => {
                    let (value, ty) = self.expression(value);
                    let at = self.index(&access.address);
                    let target = &mut self.buffers[access.buffer.0 as usize][at..at + ty.lanes];
                    for (target, bits) in target.iter_mut().zip(value) {
                        *target = f32::from_bits(bits);
                    }
                }
            }
        }
    }

    fn index(&self, affine: &Affine) -> usize {
        let index = affine.evaluate(|variable| self.variables[variable.0 as usize]);
        usize::try_from(index).unwrap_or(usize::MAX)
    }

    fn elements(&self, access: &Access, count: usize) -> &[f32] {
        let at = self.index(&access.address);
        &self.buffers[access.buffer.0 as usize][at..at + count]
    }

    fn expression(&self, expression: &Expression) -> (Lanes, ValueType) {
        match expression {
            Expression::Constant { bits, ty } => ([*bits; MAX_LANES], *ty),
            Expression::Local(local) => (self.locals[local.0 as usize], self.kernel.local(*local).ty),
            Expression::Register { array, index } => {
                (self.registers[array.0 as usize][self.index(index)], self.kernel.register_array(*array).ty)
            }
            Expression::Load { access, lanes } => {
                let mut value = [0; MAX_LANES];
                for (bits, element) in value.iter_mut().zip(self.elements(access, *lanes)) {
                    *bits = element.to_bits();
                }
                (value, ValueType::f32(*lanes))
            }
            Expression::Broadcast { access, lanes } => {
                ([self.elements(access, 1)[0].to_bits(); MAX_LANES], ValueType::f32(*lanes))
            }
            Expression::Unary { op, value } => {
                let (value, ty) = self.expression(value);
                match op {
                    UnaryOp::ToBits => (value, ValueType { element: Element::I32, ..ty }),
                    UnaryOp::FromBits => (value, ValueType { element: Element::F32, ..ty }),
                    UnaryOp::ShiftLeft(by) => (value.map(|bits| bits << by), ty),
                }
            }
            Expression::Binary { op, left, right } => {
                let (left, ty) = self.expression(left);
                let (right, _) = self.expression(right);
                let mut value = [0; MAX_LANES];
                for lane in 0..ty.lanes {
                    value[lane] = binary(*op, left[lane], right[lane]);
                }
                (value, ValueType { element: op.result_element(), ..ty })
            }
            Expression::Fma { a, b, c } => {
                let (a, ty) = self.expression(a);
                let (b, _) = self.expression(b);
                let (c, _) = self.expression(c);
                let mut value = [0; MAX_LANES];
                for lane in 0..ty.lanes {
                    let [a, b, c] = [a, b, c].map(|lanes| f32::from_bits(lanes[lane]));
                    value[lane] = a.mul_add(b, c).to_bits();
                }
                (value, ty)
            }
            Expression::Select { mask, then, otherwise } => {
                let (mask, _) = self.expression(mask);
                let (then, ty) = self.expression(then);
                let (otherwise, _) = self.expression(otherwise);
                let mut value = otherwise;
                for lane in 0..ty.lanes {
                    if mask[lane] != 0 {
                        value[lane] = then[lane];
                    }
                }
                (value, ty)
            }
        }
    }
}

fn mask(holds: bool) -> u32 {
    if holds { u32::MAX } else { 0 }
}

fn binary(op: BinaryOp, left: u32, right: u32) -> u32 {
    let (a, b) = (f32::from_bits(left), f32::from_bits(right));
    match op {
        BinaryOp::Add => (a + b).to_bits(),
        BinaryOp::Sub => (a - b).to_bits(),
        BinaryOp::Mul => (a * b).to_bits(),
        BinaryOp::Div => (a / b).to_bits(),
        BinaryOp::Min => {
            if a < b {
                left
            } else {
                right
            }
        }
        BinaryOp::Max => {
            if a > b {
                left
            } else {
                right
            }
        }
        BinaryOp::IntAdd => left.wrapping_add(right),
        BinaryOp::Less => mask(a < b),
        BinaryOp::Unordered => mask(a.is_nan() || b.is_nan()),
    }
}
