//! The proof that a kernel is safe to run.

use super::{
    Access, Affine, Element, Expression, Kernel, LocalId, MAX_LANES, RegisterId, Role, Statement, UnaryOp,
    ValueType, VariableId,
};
use rexnet_ir::diagnostic::{Code, Diagnostic, Diagnostics, Location};

/// Proves that a kernel may run on any buffers that have the declared sizes and alignments:
///
/// - every access is inside its buffer, for all values of the loop variables;
/// - every address is aligned as claimed;
/// - registers, `let`s and variables are used in their scope only, register indices stay inside their array
///   and depend on unrolled variables alone;
/// - operands agree in type; inputs and constants are never written.
///
/// # Errors
/// `RX0402` for each statement that fails, with the kernel's name.
pub fn verify(kernel: &Kernel) -> Result<(), Diagnostics> {
    let mut verifier = Verifier {
        kernel,
        ranges: vec![None; kernel.variables.len()],
        unrolled: vec![false; kernel.variables.len()],
        registers: vec![false; kernel.registers.len()],
        locals: vec![false; kernel.locals.len()],
        faults: Diagnostics::default(),
    };
    verifier.declarations();
    verifier.block(&kernel.body);
    verifier.faults.into_result(())
}

struct Verifier<'k> {
    kernel: &'k Kernel,
    /// The first and last value of each variable in scope.
    ranges: Vec<Option<(i64, i64)>>,
    /// Of each variable in scope.
    unrolled: Vec<bool>,
    /// Whether each register array is in scope.
    registers: Vec<bool>,
    /// Whether each `let` is in scope.
    locals: Vec<bool>,
    faults: Diagnostics,
}

impl Verifier<'_> {
    fn fault(&mut self, cause: String) {
        let location = Location::Name(self.kernel.name.clone());
        self.faults.push(Diagnostic::new(Code::LoopsInvalid, location, cause));
    }

    fn declarations(&mut self) {
        for buffer in &self.kernel.buffers {
            if !buffer.alignment.is_power_of_two() || !(4..=4096).contains(&buffer.alignment) {
                self.fault(format!("buffer {} cannot be aligned to {} bytes", buffer.name, buffer.alignment));
            }
            if buffer.elements > 1 << 30 {
                self.fault(format!("buffer {} has more than 2^30 elements", buffer.name));
            }
        }
        for ty in
            self.kernel.registers.iter().map(|array| array.ty).chain(self.kernel.locals.iter().map(|l| l.ty))
        {
            self.lanes(ty.lanes);
        }
    }

    /// Whether there are vectors of so many lanes.
    fn lanes(&mut self, lanes: usize) -> bool {
        let possible = matches!(lanes, 1 | 4 | 8 | MAX_LANES);
        if !possible {
            self.fault(format!("there is no vector of {lanes} lanes"));
        }
        possible
    }

    fn block(&mut self, body: &[Statement]) {
        // What comes into scope here.
        let (mut registers, mut locals): (Vec<RegisterId>, Vec<LocalId>) = Default::default();
        for statement in body {
            match statement {
                Statement::For { variable, begin, end, unroll, body } => {
                    let name = &self.kernel.variables[variable.0 as usize];
                    if begin >= end || end.checked_sub(*begin).is_none_or(|extent| extent > 1 << 31) {
                        self.fault(format!("the loop over {name} runs from {begin} to {end}"));
                        continue;
                    }
                    if self.ranges[variable.0 as usize].replace((*begin, *end - 1)).is_some() {
                        self.fault(format!("{name} is already a loop's variable"));
                    }
                    if *unroll {
                        if end - begin > 64 {
                            self.fault(format!("the loop over {name} is too long to unroll"));
                        }
                        self.unrolled[variable.0 as usize] = true;
                    }
                    self.block(body);
                    self.ranges[variable.0 as usize] = None;
                    self.unrolled[variable.0 as usize] = false;
                }
                Statement::Registers { array } => {
                    if !std::mem::replace(&mut self.registers[array.0 as usize], true) {
                        registers.push(*array);
                    }
                }
                Statement::Let { local, value } => {
                    let declared = self.kernel.local(*local).ty;
                    if self.expression(value).is_some_and(|ty| ty != declared) {
                        self.fault(format!("{} is not of type {declared}", self.kernel.local(*local).name));
                    }
                    if !std::mem::replace(&mut self.locals[local.0 as usize], true) {
                        locals.push(*local);
                    }
                }
                Statement::Set { array, index, value } => {
                    let ty = self.register(*array, index);
                    if self.expression(value).is_some_and(|value| value != ty) {
                        self.fault(format!("a register of {} is not set to a {ty}", self.array_name(*array)));
                    }
                }
                Statement::Store { access, value } => {
                    if let Some(ty) = self.expression(value) {
                        if ty.element != Element::F32 {
                            self.fault(format!("a {ty} cannot be stored"));
                        }
                        self.access(access, ty.lanes);
                    }
                    let buffer = self.kernel.buffer(access.buffer);
                    if matches!(buffer.role, Role::In | Role::Const) {
                        self.fault(format!("buffer {} is read only", buffer.name));
                    }
                }
            }
        }
        registers.into_iter().for_each(|array| self.registers[array.0 as usize] = false);
        locals.into_iter().for_each(|local| self.locals[local.0 as usize] = false);
    }

    fn array_name(&self, array: RegisterId) -> String {
        self.kernel.register_array(array).name.clone()
    }

    /// The first and last value of a variable in scope.
    fn range(&self, variable: VariableId) -> (i64, i64) {
        self.ranges[variable.0 as usize].unwrap_or((0, 0))
    }

    fn in_scope(&mut self, affine: &Affine) -> bool {
        let unknown = affine.terms().iter().find(|(variable, _)| self.ranges[variable.0 as usize].is_none());
        if let Some((variable, _)) = unknown {
            self.fault(format!("{} is used outside its loop", self.kernel.variables[variable.0 as usize]));
        }
        unknown.is_none()
    }

    fn register(&mut self, array: RegisterId, index: &Affine) -> ValueType {
        let declared = self.kernel.register_array(array);
        if !self.registers[array.0 as usize] {
            self.fault(format!("registers {} are used outside their block", declared.name));
        }
        if self.in_scope(index) {
            if let Some((variable, _)) =
                index.terms().iter().find(|(variable, _)| !self.unrolled[variable.0 as usize])
            {
                let name = &self.kernel.variables[variable.0 as usize];
                self.fault(format!("an index of {} depends on {name}, which is not unrolled", declared.name));
            }
            let range = index.range(|variable| self.range(variable));
            if range.is_none_or(|(low, high)| low < 0 || high >= declared.count as i64) {
                self.fault(format!(
                    "an index of {} is not within its {} registers",
                    declared.name, declared.count
                ));
            }
        }
        declared.ty
    }

    fn access(&mut self, access: &Access, lanes: usize) {
        let buffer = self.kernel.buffer(access.buffer);
        if !self.lanes(lanes) || !self.in_scope(&access.address) || !buffer.alignment.is_power_of_two() {
            return;
        }
        let range = access.address.range(|variable| self.range(variable));
        match range {
            Some((low, high)) if low >= 0 && high + lanes as i64 <= buffer.elements as i64 => {}
            Some((low, high)) => self.fault(format!(
                "elements {low}..{} of buffer {} are accessed, it has {}",
                high + lanes as i64,
                buffer.name,
                buffer.elements
            )),
            None => self.fault(format!("an address in buffer {} overflows", buffer.name)),
        }
        let proven =
            4 * access.address.power_of_two_divisor(((4 * lanes).min(buffer.alignment) / 4).max(1) as i64);
        if access.alignment < 4 || access.alignment as i64 > proven {
            let name = &buffer.name;
            self.fault(format!(
                "an access to {name} claims alignment {}, {proven} is proven",
                access.alignment
            ));
        }
    }

    /// The type, or `None` after a fault that makes it meaningless.
    fn expression(&mut self, expression: &Expression) -> Option<ValueType> {
        match expression {
            Expression::Constant { ty, .. } => {
                self.lanes(ty.lanes);
                Some(*ty)
            }
            Expression::Local(local) => {
                if !self.locals[local.0 as usize] {
                    self.fault(format!("{} is used outside its block", self.kernel.local(*local).name));
                }
                Some(self.kernel.local(*local).ty)
            }
            Expression::Register { array, index } => Some(self.register(*array, index)),
            Expression::Load { access, lanes } => {
                self.access(access, *lanes);
                Some(ValueType::f32(*lanes))
            }
            Expression::Broadcast { access, lanes } => {
                self.lanes(*lanes);
                self.access(access, 1);
                Some(ValueType::f32(*lanes))
            }
            Expression::Unary { op, value } => {
                let ty = self.expression(value)?;
                let (operand, result) = match op {
                    UnaryOp::ToBits => (Element::F32, Element::I32),
                    UnaryOp::FromBits => (Element::I32, Element::F32),
                    UnaryOp::ShiftLeft(_) => (Element::I32, Element::I32),
                };
                if matches!(op, UnaryOp::ShiftLeft(by) if *by > 31) {
                    self.fault("a shift is longer than 31 bits".to_owned());
                }
                self.expect(operand, ty)?;
                Some(ValueType { element: result, lanes: ty.lanes })
            }
            Expression::Binary { op, left, right } => {
                let (left, right) = (self.expression(left)?, self.expression(right)?);
                self.expect(op.operand_element(), left)?;
                self.same(left, right)?;
                Some(ValueType { element: op.result_element(), lanes: left.lanes })
            }
            Expression::Fma { a, b, c } => {
                let (a, b, c) = (self.expression(a)?, self.expression(b)?, self.expression(c)?);
                self.expect(Element::F32, a)?;
                self.same(a, b)?;
                self.same(a, c)?;
                Some(a)
            }
            Expression::Select { mask, then, otherwise } => {
                let is_mask = match **mask {
                    Expression::Binary { op, .. } => op.is_comparison(),
                    _ => false,
                };
                let (mask, then) = (self.expression(mask)?, self.expression(then)?);
                let otherwise = self.expression(otherwise)?;
                if !is_mask || mask.element != Element::I32 || mask.lanes != then.lanes {
                    self.fault("a selection needs the mask of a comparison".to_owned());
                }
                self.same(then, otherwise)?;
                Some(then)
            }
        }
    }

    fn expect(&mut self, element: Element, ty: ValueType) -> Option<()> {
        if ty.element == element {
            return Some(());
        }
        self.fault(format!("an operand is of type {ty}"));
        None
    }

    fn same(&mut self, a: ValueType, b: ValueType) -> Option<()> {
        if a == b {
            return Some(());
        }
        self.fault(format!("operands are of types {a} and {b}"));
        None
    }
}
