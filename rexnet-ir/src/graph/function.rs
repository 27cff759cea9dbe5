//! The elementwise functions of one operand: the activations, a clip, and those that are operators of their own name.

use super::activation::Activation;
use super::ops::{Attribute, Exported, Family};

macro_rules! functions {
    ($($(#[$doc:meta])* $name:ident = $text:literal (onnx $onnx:literal), |$x:ident| $value:expr;)*) => {
        /// An elementwise function of one operand. The closure in the table is its meaning in exact arithmetic; NaN in
        /// gives NaN out.
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub enum Function {
            /// A function that networks have between their layers; fused into what produces its operand.
            Activate(Activation),
            /// `min(max(x, min), max)` (ONNX Clip).
            Clip {
                /// The lower bound.
                min: f64,
                /// The upper bound; not below the lower one.
                max: f64,
            },
            $($(#[$doc])* $name,)*
        }

        impl Function {
            /// The functions without attributes that are operators of their own name, in the order of the table.
            pub const NAMED: &'static [Function] = &[$(Function::$name,)*];

            /// The value in f64.
            pub fn evaluate(self, x: f64) -> f64 {
                match self {
                    Function::Activate(function) => function.evaluate(x),
                    // NaN passes through both bounds.
                    Function::Clip { min, max } => {
                        let x = if min > x { min } else { x };
                        if max < x { max } else { x }
                    }
                    $(Function::$name => { let $x = x; $value })*
                }
            }

            /// How ONNX spells it.
            pub fn exported(self) -> Exported {
                match self {
                    Function::Activate(function) => function.onnx().map_or(Exported::WrittenOut, Exported::As),
                    Function::Clip { .. } => Exported::As("Clip"),
                    $(Function::$name => Exported::As($onnx),)*
                }
            }
        }

        impl Family for Function {
            const NAMES: &'static [&'static str] = &["activate", "clip", $($text,)*];

            fn name(&self) -> &'static str {
                match self {
                    Function::Activate(_) => "activate",
                    Function::Clip { .. } => "clip",
                    $(Function::$name => $text,)*
                }
            }

            fn attributes(&self) -> Vec<(&'static str, Option<String>)> {
                match self {
                    Function::Activate(function) => vec![("function", function.print())],
                    Function::Clip { min, max } => vec![("min", min.print()), ("max", max.print())],
                    $(Function::$name => Vec::new(),)*
                }
            }

            fn known(name: &str) -> &'static [&'static str] {
                match name {
                    "activate" => &["function"],
                    "clip" => &["min", "max"],
                    _ => &[],
                }
            }

            fn parse(name: &str, text: &dyn Fn(&str) -> Option<String>) -> Result<Self, &'static str> {
                match name {
                    "activate" => Attribute::parse(text("function").as_deref())
                        .map(Function::Activate)
                        .ok_or("function"),
                    "clip" => {
                        let bound = |key: &'static str| Attribute::parse(text(key).as_deref()).ok_or(key);
                        Ok(Function::Clip { min: bound("min")?, max: bound("max")? })
                    }
                    $($text => Ok(Function::$name),)*
                    _ => Err("name"),
                }
            }
        }
    };
}

functions! {
    /// `e` to the power of each element.
    Exp = "exp" (onnx "Exp"), |x| x.exp();
    /// The natural logarithm; NaN below zero.
    Log = "log" (onnx "Log"), |x| x.ln();
    /// The square root; NaN below zero.
    Sqrt = "sqrt" (onnx "Sqrt"), |x| x.sqrt();
    /// -1 below zero, 1 above.
    Sign = "sign" (onnx "Sign"), |x| if x == 0.0 { x } else { x.signum() };
    /// The nearest integer, the even one of two.
    Round = "round" (onnx "Round"), |x| x.round_ties_even();
    /// The largest integer that is not above.
    Floor = "floor" (onnx "Floor"), |x| x.floor();
    /// The smallest integer that is not below.
    Ceil = "ceil" (onnx "Ceil"), |x| x.ceil();
    /// The integral of the normal distribution that GELU is made of: `2 / sqrt(pi)` times that of `exp(-t²)` from 0 to `x`.
    Erf = "erf" (onnx "Erf"), |x| error_function(x);
    /// The angle whose tangent it is.
    Atan = "atan" (onnx "Atan"), |x| x.atan();
}

/// `2 / sqrt(pi) * exp(-x²) * (x + x (2 x²) / 3 + x (2 x²)² / (3 * 5) + …)`: no term cancels another.
fn error_function(x: f64) -> f64 {
    if x.is_nan() || x.abs() > 6.0 {
        // NaN stays, all others are one in f64.
        return if x.is_nan() { x } else { x.signum() };
    }
    let (mut term, mut sum) = (x, x);
    for odd in (3..400).step_by(2) {
        term *= 2.0 * x * x / f64::from(odd);
        sum += term;
    }
    std::f64::consts::FRAC_2_SQRT_PI * (-x * x).exp() * sum
}

impl Function {
    /// The function that is an ONNX operator of that name without attributes, or whose only attribute is `alpha`, the
    /// parameter.
    pub(crate) fn from_onnx(name: &str) -> Option<Self> {
        let activations = Activation::ALL.iter().map(|&function| Function::Activate(function));
        let mut all = activations.chain(Self::NAMED.iter().copied());
        all.find(|function| matches!(function.exported(), Exported::As(own) if own == name))
    }

    /// Whether zero maps to zero, so that channel padding stays zero without a mask.
    pub fn preserves_zero(self) -> bool {
        self.evaluate(0.0) == 0.0
    }
}
