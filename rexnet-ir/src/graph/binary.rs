//! The elementwise operators of two operands, each stated once.

use super::ops::{Exported, Family};

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $text:literal (onnx $onnx:literal, commutes $commutes:literal), |$a:ident, $b:ident| $value:expr;)*) => {
        /// An elementwise operator of two operands. The closure in the table is its meaning in exact arithmetic.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum BinaryKind { $($(#[$doc])* $name,)* }

        impl BinaryKind {
            /// All kinds, in the order of the table.
            pub const ALL: &'static [BinaryKind] = &[$(BinaryKind::$name,)*];

            /// The value in f64.
            pub fn evaluate(self, a: f64, b: f64) -> f64 {
                match self { $(BinaryKind::$name => { let ($a, $b) = (a, b); $value })* }
            }

            /// Whether the order of the operands does not matter.
            pub fn commutes(self) -> bool {
                match self { $(BinaryKind::$name => $commutes,)* }
            }

            /// How ONNX spells it.
            pub fn exported(self) -> Exported {
                match self { $(BinaryKind::$name => Exported::As($onnx),)* }
            }
        }

        impl Family for BinaryKind {
            const NAMES: &'static [&'static str] = &[$($text,)*];

            fn name(&self) -> &'static str {
                match self { $(BinaryKind::$name => $text,)* }
            }

            fn attributes(&self) -> Vec<(&'static str, Option<String>)> {
                Vec::new()
            }

            fn known(_: &str) -> &'static [&'static str] {
                &[]
            }

            fn parse(name: &str, _: &dyn Fn(&str) -> Option<String>) -> Result<Self, &'static str> {
                match name {
                    $($text => Ok(BinaryKind::$name),)*
                    _ => Err("name"),
                }
            }
        }
    };
}

kinds! {
    /// `a + b`.
    Add = "add" (onnx "Add", commutes true), |a, b| a + b;
    /// `a - b`.
    Sub = "sub" (onnx "Sub", commutes false), |a, b| a - b;
    /// `a * b`.
    Mul = "mul" (onnx "Mul", commutes true), |a, b| a * b;
    /// `a / b`.
    Div = "div" (onnx "Div", commutes false), |a, b| a / b;
    /// The larger one, NaN where one is.
    Maximum = "maximum" (onnx "Max", commutes true), |a, b| if a > b || a.is_nan() { a } else { b };
    /// The smaller one, NaN where one is.
    Minimum = "minimum" (onnx "Min", commutes true), |a, b| if a < b || a.is_nan() { a } else { b };
    /// `a` to the power of `b`; one where `b` is zero, NaN where `a` is below zero and `b` is no integer.
    Power = "power" (onnx "Pow", commutes false), |a, b| a.powf(b);
    /// Whether `a` is smaller: 1 or 0.
    Less = "less" (onnx "Less", commutes false), |a, b| f64::from(a < b);
    /// Whether `a` is not larger, and neither is NaN: 1 or 0.
    LessOrEqual = "less_or_equal" (onnx "LessOrEqual", commutes false), |a, b| f64::from(a <= b);
    /// Whether they are equal: 1 or 0.
    Equal = "equal" (onnx "Equal", commutes true), |a, b| f64::from(a == b);
    /// `a` where `b` is not zero, zero elsewhere; written as a choice between the two.
    Keep = "keep" (onnx "Where", commutes false), |a, b| if b == 0.0 { 0.0 } else { a };
}

impl BinaryKind {
    /// Whether the result is an answer, 1 or 0: ONNX has it as a truth value.
    pub fn is_truth(self) -> bool {
        matches!(self, BinaryKind::Less | BinaryKind::LessOrEqual | BinaryKind::Equal)
    }
}
