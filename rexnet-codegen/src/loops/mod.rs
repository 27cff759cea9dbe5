//! The loop language: what a kernel computes, stated once for every back end.
//!
//! A [`Kernel`] is a nest of `for` loops with constant bounds over statements on typed vectors:
//!
//! ```text
//! kernel pointwise_k96_m16 {
//!   buffer input: in f32[9216] @64
//!   buffer weights: const f32[1552] @64
//!   buffer output: out f32[1536] @64
//!   for p in 0..16 {
//!     reg acc: f32x8[6]
//!     for r in 0..6 unroll {
//!       acc[r] = load f32x8 @32 weights[0]
//!     }
//!     for k in 0..96 {
//!       let w: f32x8 = load f32x8 @32 weights[16*k + 16]
//!       for r in 0..6 unroll {
//!         acc[r] = fma(broadcast f32x8 input[576*p + 96*r + k], w, acc[r])
//!       }
//!     }
//!     for r in 0..6 unroll {
//!       store output[96*p + 16*r] @32 = acc[r]
//!     }
//!   }
//! }
//! ```
//!
//! - Addresses count elements and are affine in the loop variables.
//! - `reg` declares an array of vector registers, zero at first, alive to the end of its block. Its indices
//!   are affine in unrolled variables only, so every access names one register.
//! - `let` names a value to the end of its block.
//! - `unroll` is an order to the emitter, not a hint: what the text shows is what is emitted.
//! - `min(a, b)` is `a` if `a < b`, else `b`; `max(a, b)` is `a` if `a > b`, else `b`. So a NaN in the second
//!   operand passes through. `fma` rounds once. Everything else is IEEE 754 binary32, round to nearest even,
//!   subnormals kept.
//! - There is nothing horizontal: lane `i` of a result depends on lane `i` of the operands alone.
//!
//! [`verify`] proves from the constant bounds that every access is inside its buffer; emitted code rests on
//! that proof. [`interpret`] is the meaning that every emitter is compared with, bit for bit.

mod affine;
mod build;
mod count;
pub mod interpret;
mod parse;
mod pressure;
mod print;
mod sections;
mod verify;

pub use affine::Affine;
pub use build::KernelBuilder;
pub use count::{OperationCounts, Operations, Traffic, count};
pub use parse::parse;
pub use pressure::register_pressure;
#[cfg(feature = "jit")]
pub(crate) use sections::each_access;
pub use sections::{Passes, Section, sections};
pub use verify::verify;

/// The largest number of lanes of a value.
pub const MAX_LANES: usize = 16;

/// The element of a value. The language's only storage type is f32.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Element {
    /// IEEE 754 binary32.
    F32,
    /// 32 bits: an integer that wraps, or a mask of all ones or all zeros.
    I32,
}

/// The type of a value: so many lanes of an element; one lane is a scalar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ValueType {
    /// What each lane holds.
    pub element: Element,
    /// 1, 4, 8 or 16.
    pub lanes: usize,
}

impl ValueType {
    /// So many lanes of f32.
    pub fn f32(lanes: usize) -> Self {
        Self { element: Element::F32, lanes }
    }

    /// So many lanes of i32.
    pub fn i32(lanes: usize) -> Self {
        Self { element: Element::I32, lanes }
    }
}

/// Names a loop variable within its kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VariableId(pub u32);

/// Names a register array within its kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RegisterId(pub u32);

/// Names a `let` within its kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LocalId(pub u32);

/// Names a buffer within its kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BufferId(pub u32);

/// What a kernel does with a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Read only; an activation.
    In,
    /// Read only; packed weights.
    Const,
    /// Written, and read only after it was written by this kernel.
    Out,
    /// For the length of a step: what one section of the kernel leaves there, later ones read.
    Shared,
    /// Private to a pass of a section (see [`sections`]): its content is unknown when a pass begins.
    Scratch,
}

impl Role {
    /// Whether a kernel writes to such a buffer.
    pub fn is_written(self) -> bool {
        match self {
            Role::In | Role::Const => false,
            Role::Out | Role::Shared | Role::Scratch => true,
        }
    }
}

/// A stretch of f32 memory that a kernel is given. Different buffers of one call never overlap.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Buffer {
    /// Unique within the kernel.
    pub name: String,
    /// What the kernel does with it.
    pub role: Role,
    /// The number of elements.
    pub elements: usize,
    /// The guaranteed alignment of its first element, in bytes: a power of two, at least 4.
    pub alignment: usize,
}

/// A place in a buffer, and how many bytes its address is proven to be a multiple of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Access {
    /// The buffer.
    pub buffer: BufferId,
    /// The first element.
    pub address: Affine,
    /// The claimed alignment of the address in bytes.
    pub alignment: usize,
}

/// Operations on one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnaryOp {
    /// The bits of an f32 as an i32.
    ToBits,
    /// The f32 with these bits.
    FromBits,
    /// Bits moved up by a constant below 32.
    ShiftLeft(u8),
}

/// Operations on two values of the same type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BinaryOp {
    /// f32 sum.
    Add,
    /// f32 difference.
    Sub,
    /// f32 product.
    Mul,
    /// f32 quotient, correctly rounded.
    Div,
    /// `a < b ? a : b`.
    Min,
    /// `a > b ? a : b`.
    Max,
    /// i32 sum, wrapping.
    IntAdd,
    /// The mask of `a < b` on f32; false with a NaN.
    Less,
    /// The mask of f32 pairs with a NaN.
    Unordered,
}

impl BinaryOp {
    /// All of them with their spelling.
    pub const NAMES: &'static [(BinaryOp, &'static str)] = &[
        (BinaryOp::Add, "add"),
        (BinaryOp::Sub, "sub"),
        (BinaryOp::Mul, "mul"),
        (BinaryOp::Div, "div"),
        (BinaryOp::Min, "min"),
        (BinaryOp::Max, "max"),
        (BinaryOp::IntAdd, "int_add"),
        (BinaryOp::Less, "less"),
        (BinaryOp::Unordered, "unordered"),
    ];

    /// Whether the result is a mask.
    pub fn is_comparison(self) -> bool {
        matches!(self, BinaryOp::Less | BinaryOp::Unordered)
    }

    /// The element of both operands.
    pub fn operand_element(self) -> Element {
        if self == BinaryOp::IntAdd { Element::I32 } else { Element::F32 }
    }

    /// The element of the result.
    pub fn result_element(self) -> Element {
        if self.is_comparison() || self == BinaryOp::IntAdd { Element::I32 } else { Element::F32 }
    }
}

/// A value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Expression {
    /// The same constant in every lane.
    Constant {
        /// Its bits.
        bits: u32,
        /// Its type.
        ty: ValueType,
    },
    /// A `let`.
    Local(LocalId),
    /// A register of an array.
    Register {
        /// The array.
        array: RegisterId,
        /// Which; affine in unrolled variables.
        index: Affine,
    },
    /// Consecutive elements.
    Load {
        /// Where the first lane lies.
        access: Access,
        /// How many.
        lanes: usize,
    },
    /// One element in every lane.
    Broadcast {
        /// Where it lies.
        access: Access,
        /// How many lanes.
        lanes: usize,
    },
    /// An operation on one value.
    Unary {
        /// Which.
        op: UnaryOp,
        /// On what.
        value: Box<Expression>,
    },
    /// An operation on two values.
    Binary {
        /// Which.
        op: BinaryOp,
        /// The first operand.
        left: Box<Expression>,
        /// The second operand.
        right: Box<Expression>,
    },
    /// `a * b + c`, rounded once.
    Fma {
        /// A factor.
        a: Box<Expression>,
        /// A factor.
        b: Box<Expression>,
        /// The addend.
        c: Box<Expression>,
    },
    /// `mask ? then : otherwise`, lane by lane.
    Select {
        /// An i32 mask.
        mask: Box<Expression>,
        /// Where the mask is all ones.
        then: Box<Expression>,
        /// Where it is all zeros.
        otherwise: Box<Expression>,
    },
}

impl Kernel {
    /// How many statements there are, those of loops once.
    pub fn statements(&self) -> usize {
        self.body.iter().map(Statement::lines).sum()
    }
}

/// A step.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Statement {
    /// The body once for each value of the variable.
    For {
        /// The variable, visible in the body.
        variable: VariableId,
        /// The first value.
        begin: i64,
        /// One past the last; above `begin`.
        end: i64,
        /// Whether the emitter repeats the body instead of looping.
        unroll: bool,
        /// What is repeated.
        body: Vec<Statement>,
    },
    /// Declares a register array, all zeros.
    Registers {
        /// Its identity.
        array: RegisterId,
    },
    /// Names a value.
    Let {
        /// Its identity.
        local: LocalId,
        /// The value.
        value: Expression,
    },
    /// Writes a register.
    Set {
        /// The array.
        array: RegisterId,
        /// Which; affine in unrolled variables.
        index: Affine,
        /// The value.
        value: Expression,
    },
    /// Writes consecutive elements.
    Store {
        /// Where the first lane goes.
        access: Access,
        /// The value, of f32 lanes.
        value: Expression,
    },
}

/// A register array's declaration.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RegisterArray {
    /// Unique within the kernel.
    pub name: String,
    /// The type of each register.
    pub ty: ValueType,
    /// How many.
    pub count: usize,
}

/// A `let`'s declaration.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Local {
    /// Unique within the kernel.
    pub name: String,
    /// The type of the value.
    pub ty: ValueType,
}

/// A loop nest with the buffers it works on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Kernel {
    /// An identifier.
    pub name: String,
    /// In the order of the arguments.
    pub buffers: Vec<Buffer>,
    /// The names of the loop variables, by identity.
    pub variables: Vec<String>,
    /// The register arrays, by identity.
    pub registers: Vec<RegisterArray>,
    /// The `let`s, by identity.
    pub locals: Vec<Local>,
    /// What is done.
    pub body: Vec<Statement>,
}

impl Kernel {
    /// The buffer of that identity.
    pub fn buffer(&self, id: BufferId) -> &Buffer {
        &self.buffers[id.0 as usize]
    }

    /// The register array of that identity.
    pub fn register_array(&self, id: RegisterId) -> &RegisterArray {
        &self.registers[id.0 as usize]
    }

    /// The `let` of that identity.
    pub fn local(&self, id: LocalId) -> &Local {
        &self.locals[id.0 as usize]
    }

    /// The type of an expression whose parts are well typed.
    pub fn type_of(&self, expression: &Expression) -> ValueType {
        match expression {
            Expression::Constant { ty, .. } => *ty,
            Expression::Local(local) => self.local(*local).ty,
            Expression::Register { array, .. } => self.register_array(*array).ty,
            Expression::Load { lanes, .. } | Expression::Broadcast { lanes, .. } => ValueType::f32(*lanes),
            Expression::Unary { op, value } => {
                let lanes = self.type_of(value).lanes;
                match op {
                    UnaryOp::FromBits => ValueType::f32(lanes),
                    UnaryOp::ToBits | UnaryOp::ShiftLeft(_) => ValueType::i32(lanes),
                }
            }
            Expression::Binary { op, left, .. } => {
                ValueType { element: op.result_element(), lanes: self.type_of(left).lanes }
            }
            Expression::Fma { a, .. } => self.type_of(a),
            Expression::Select { then, .. } => self.type_of(then),
        }
    }
}

impl Expression {
    /// The values that it is computed from, in order.
    pub fn operands(&self) -> impl Iterator<Item = &Expression> {
        let operands = match self {
            Expression::Constant { .. }
            | Expression::Local(_)
            | Expression::Register { .. }
            | Expression::Load { .. }
            | Expression::Broadcast { .. } => [None, None, None],
            Expression::Unary { value, .. } => [Some(value), None, None],
            Expression::Binary { left, right, .. } => [Some(left), Some(right), None],
            Expression::Fma { a, b, c } => [Some(a), Some(b), Some(c)],
            Expression::Select { mask, then, otherwise } => [Some(mask), Some(then), Some(otherwise)],
        };
        operands.into_iter().flatten().map(|operand| &**operand)
    }
}
