//! The elementwise functions of one argument, each stated once.

macro_rules! activations {
    ($($(#[$doc:meta])* $name:ident = $text:literal, |$x:ident| $value:expr;)*) => {
        /// An elementwise function. The closure in the table is its meaning in exact arithmetic; NaN in gives
        /// NaN out.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Activation { $($(#[$doc])* $name,)* }

        impl Activation {
            /// All functions, in the order of the table.
            pub const ALL: &'static [Activation] = &[$(Activation::$name,)*];

            /// The spelling in specs and text forms.
            pub fn name(self) -> &'static str {
                match self { $(Activation::$name => $text,)* }
            }

            /// The value in f64.
            pub fn evaluate(self, x: f64) -> f64 {
                match self { $(Activation::$name => { let $x = x; $value })* }
            }
        }
    };
}

activations! {
    /// `max(0, x)` (ONNX Relu).
    Relu = "relu", |x| if 0.0 > x { 0.0 } else { x };
    /// `min(6, max(0, x))` (MobileNetV2, section 3).
    Relu6 = "relu6", |x| { let y = if 0.0 > x { 0.0 } else { x }; if 6.0 < y { 6.0 } else { y } };
    /// `1 / (1 + exp(-x))` (ONNX Sigmoid).
    Sigmoid = "sigmoid", |x| 1.0 / (1.0 + (-x).exp());
    /// `x * sigmoid(x)`, also called Swish-1. Its limit at minus infinity is zero.
    Silu = "silu", |x| if x == f64::NEG_INFINITY { 0.0 } else { x / (1.0 + (-x).exp()) };
}

impl Activation {
    /// The function of that spelling.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|function| function.name() == name)
    }

    /// Whether zero maps to zero, so that channel padding stays zero without a mask.
    pub fn preserves_zero(self) -> bool {
        self.evaluate(0.0) == 0.0
    }
}
