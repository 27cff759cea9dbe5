//! A kernel as text. [`super::parse`] reads it back.

use super::{Access, Affine, BinaryOp, Element, Expression, Kernel, Role, Statement, UnaryOp, ValueType};
use std::fmt::{self, Display, Formatter};

impl Role {
    pub(super) const NAMES: &'static [(Role, &'static str)] = &[
        (Role::In, "in"),
        (Role::Const, "const"),
        (Role::Out, "out"),
        (Role::Shared, "shared"),
        (Role::Scratch, "scratch"),
    ];
}

impl Display for ValueType {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let element = match self.element {
            Element::F32 => "f32",
            Element::I32 => "i32",
        };
        write!(f, "{element}x{}", self.lanes)
    }
}

fn name_of<T: PartialEq>(names: &[(T, &'static str)], value: &T) -> &'static str {
    names.iter().find(|(other, _)| other == value).map_or("?", |(_, name)| name)
}

struct InKernel<'a, T>(&'a Kernel, &'a T);

impl Display for InKernel<'_, Affine> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let InKernel(kernel, affine) = self;
        let mut separator = "";
        for &(variable, factor) in affine.terms() {
            let name = &kernel.variables[variable.0 as usize];
            match factor {
                1 => write!(f, "{separator}{name}")?,
                _ => write!(f, "{separator}{factor}*{name}")?,
            }
            separator = " + ";
        }
        if affine.constant != 0 || affine.terms().is_empty() {
            write!(f, "{separator}{}", affine.constant)?;
        }
        Ok(())
    }
}

impl Display for InKernel<'_, Access> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let InKernel(kernel, access) = self;
        write!(f, "{}[{}]", kernel.buffer(access.buffer).name, InKernel(kernel, &access.address))
    }
}

impl Display for InKernel<'_, Expression> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let InKernel(kernel, expression) = self;
        match expression {
            Expression::Constant { bits, ty } => match ty.element {
                Element::I32 => write!(f, "splat {ty} {}", *bits as i32),
                Element::F32 if f32::from_bits(*bits).is_finite() => {
                    write!(f, "splat {ty} {:?}", f32::from_bits(*bits))
                }
                Element::F32 => write!(f, "splat {ty} {bits:#010x}"),
            },
            Expression::Local(local) => write!(f, "{}", kernel.local(*local).name),
            Expression::Register { array, index } => {
                write!(f, "{}[{}]", kernel.register_array(*array).name, InKernel(kernel, index))
            }
            Expression::Load { access, lanes } => {
                write!(
                    f,
                    "load {} @{} {}",
                    ValueType::f32(*lanes),
                    access.alignment,
                    InKernel(kernel, access)
                )
            }
            Expression::Broadcast { access, lanes } => {
                write!(f, "broadcast {} {}", ValueType::f32(*lanes), InKernel(kernel, access))
            }
            Expression::Unary { op, value } => {
                let value = InKernel(kernel, value.as_ref());
                match op {
                    UnaryOp::ToBits => write!(f, "to_bits({value})"),
                    UnaryOp::FromBits => write!(f, "from_bits({value})"),
                    UnaryOp::ShiftLeft(by) => write!(f, "shift_left({value}, {by})"),
                }
            }
            Expression::Binary { op, left, right } => write!(
                f,
                "{}({}, {})",
                name_of(BinaryOp::NAMES, op),
                InKernel(kernel, left.as_ref()),
                InKernel(kernel, right.as_ref())
            ),
            Expression::Fma { a, b, c } => write!(
                f,
                "fma({}, {}, {})",
                InKernel(kernel, a.as_ref()),
                InKernel(kernel, b.as_ref()),
                InKernel(kernel, c.as_ref())
            ),
            Expression::Select { mask, then, otherwise } => write!(
                f,
                "select({}, {}, {})",
                InKernel(kernel, mask.as_ref()),
                InKernel(kernel, then.as_ref()),
                InKernel(kernel, otherwise.as_ref())
            ),
        }
    }
}

fn statements(kernel: &Kernel, body: &[Statement], depth: usize, f: &mut Formatter<'_>) -> fmt::Result {
    let indent = "  ".repeat(depth);
    for statement in body {
        match statement {
            Statement::For { variable, begin, end, unroll, body } => {
                let name = &kernel.variables[variable.0 as usize];
                let unroll = if *unroll { " unroll" } else { "" };
                writeln!(f, "{indent}for {name} in {begin}..{end}{unroll} {{")?;
                statements(kernel, body, depth + 1, f)?;
                writeln!(f, "{indent}}}")?;
            }
            Statement::Registers { array } => {
                let array = kernel.register_array(*array);
                writeln!(f, "{indent}reg {}: {}[{}]", array.name, array.ty, array.count)?;
            }
            Statement::Let { local, value } => {
                let local = kernel.local(*local);
                writeln!(f, "{indent}let {}: {} = {}", local.name, local.ty, InKernel(kernel, value))?;
            }
            Statement::Set { array, index, value } => {
                let name = &kernel.register_array(*array).name;
                writeln!(f, "{indent}{name}[{}] = {}", InKernel(kernel, index), InKernel(kernel, value))?;
            }
            Statement::Store { access, value } => {
                let target = InKernel(kernel, access);
                writeln!(f, "{indent}store {target} @{} = {}", access.alignment, InKernel(kernel, value))?;
            }
        }
    }
    Ok(())
}

impl Display for Kernel {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "kernel {} {{", self.name)?;
        for buffer in &self.buffers {
            let role = name_of(Role::NAMES, &buffer.role);
            writeln!(f, "  buffer {}: {role} f32[{}] @{}", buffer.name, buffer.elements, buffer.alignment)?;
        }
        statements(self, &self.body, 1, f)?;
        writeln!(f, "}}")
    }
}
