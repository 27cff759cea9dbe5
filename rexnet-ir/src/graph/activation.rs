//! The elementwise functions of one argument, each stated once.

macro_rules! activations {
    ($(
        $(#[$doc:meta])* $name:ident $(($parameter:ident = $default:literal))? = $text:literal
        ($(onnx $onnx:literal,)? torch $torch:literal), |$x:ident| $value:expr;
    )*) => {
        /// An elementwise function. The closure in the table is its meaning in exact arithmetic; NaN in gives
        /// NaN out.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Activation { $($(#[$doc])* $name $((activations!(@type $parameter)))?,)* }

        impl Activation {
            /// All functions, in the order of the table; those with a parameter with its default.
            pub const ALL: &'static [Activation] =
                &[$(Activation::$name $((activations!(@parameter $parameter $default)))?,)*];

            /// The spelling in specs, where parameters are the defaults; an identifier.
            pub fn name(self) -> &'static str {
                match self { $(Activation::$name $((activations!(@any $parameter)))? => $text,)* }
            }

            /// The ONNX operator that is this function, its attribute `alpha` the parameter; `None` where ONNX has none in
            /// the operator sets that are written.
            pub(super) fn onnx(self) -> Option<&'static str> {
                match self { $(Activation::$name $((activations!(@any $parameter)))? =>
                    activations!(@option $($onnx)?),)* }
            }

            /// The class of PyTorch, whose defaults are those of the table.
            pub(crate) fn torch(self) -> &'static str {
                match self { $(Activation::$name $((activations!(@any $parameter)))? => $torch,)* }
            }

            /// The value in f64.
            pub fn evaluate(self, x: f64) -> f64 {
                match self { $(Activation::$name $(($parameter))? => {
                    let $x = x;
                    $(let $parameter = f64::from($parameter.get());)?
                    $value
                })* }
            }

            /// The parameter, for functions that have one.
            pub fn parameter(self) -> Option<Parameter> {
                match self { $(Activation::$name $(($parameter))? => activations!(@option $($parameter)?),)* }
            }

            /// The function with another parameter; `None` for one without.
            pub(crate) fn with_parameter(self, value: Parameter) -> Option<Self> {
                match self { $(Activation::$name $((activations!(@any $parameter)))? =>
                    activations!(@with value $name $($parameter)?),)* }
            }
        }
    };
    (@type $parameter:ident) => { Parameter };
    (@any $parameter:ident) => { _ };
    (@parameter $parameter:ident $default:literal) => { Parameter(f32::to_bits($default)) };
    (@option) => { None };
    (@option $parameter:ident) => { Some($parameter) };
    (@option $onnx:literal) => { Some($onnx) };
    (@with $value:ident $name:ident) => { None };
    (@with $value:ident $name:ident $parameter:ident) => { Some(Activation::$name($value)) };
}

activations! {
    /// `max(0, x)` (ONNX Relu).
    Relu = "relu" (onnx "Relu", torch "nn.ReLU"), |x| if 0.0 > x { 0.0 } else { x };
    /// `min(6, max(0, x))` (MobileNetV2, section 3).
    Relu6 = "relu6" (torch "nn.ReLU6"), |x| { let y = if 0.0 > x { 0.0 } else { x }; if 6.0 < y { 6.0 } else { y } };
    /// `1 / (1 + exp(-x))` (ONNX Sigmoid).
    Sigmoid = "sigmoid" (onnx "Sigmoid", torch "nn.Sigmoid"), |x| 1.0 / (1.0 + (-x).exp());
    /// `x * sigmoid(x)`, also called Swish-1. Its limit at minus infinity is zero.
    Silu = "silu" (torch "nn.SiLU"), |x| if x == f64::NEG_INFINITY { 0.0 } else { x / (1.0 + (-x).exp()) };
    /// `relu6(x + 3) / 6` (ONNX HardSigmoid with alpha 1/6 and beta 0.5; MobileNetV3, section 5.2).
    HardSigmoid = "hard_sigmoid" (onnx "HardSigmoid", torch "nn.Hardsigmoid"), |x| Activation::Relu6.evaluate(x + 3.0) / 6.0;
    /// `x * hard_sigmoid(x)` (ONNX HardSwish, 14). Its limit at minus infinity is zero.
    HardSwish = "hard_swish" (onnx "HardSwish", torch "nn.Hardswish"), |x| if x <= -3.0 { 0.0 } else { x * Activation::HardSigmoid.evaluate(x) };
    /// `x`, times the parameter below zero (ONNX LeakyRelu).
    LeakyRelu(slope = 0.01) = "leaky_relu" (onnx "LeakyRelu", torch "nn.LeakyReLU"), |x| if x < 0.0 { slope * x } else { x };
    /// `x`, and the parameter times `exp(x) - 1` below zero (ONNX Elu).
    Elu(alpha = 1.0) = "elu" (onnx "Elu", torch "nn.ELU"), |x| if x < 0.0 { alpha * x.exp_m1() } else { x };
    /// `log(1 + exp(x))` (ONNX Softplus).
    Softplus = "softplus" (onnx "Softplus", torch "nn.Softplus"), |x| if x > 0.0 { x + (-x).exp().ln_1p() } else { x.exp().ln_1p() };
    /// The hyperbolic tangent (ONNX Tanh).
    Tanh = "tanh" (onnx "Tanh", torch "nn.Tanh"), |x| x.tanh();
}

/// A finite number that a function of the table depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Parameter(u32);

impl Parameter {
    /// `None` for infinities and NaN.
    pub fn new(value: f32) -> Option<Self> {
        value.is_finite().then(|| Self(value.to_bits()))
    }

    /// The number.
    pub fn get(self) -> f32 {
        f32::from_bits(self.0)
    }
}

impl Activation {
    /// The function of that spelling in specs.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|function| function.name() == name)
    }

    /// The spelling in text forms: the name, then the parameter in parentheses unless it is the default.
    pub fn spelling(self) -> String {
        match self.parameter() {
            Some(parameter) if !Self::ALL.contains(&self) => {
                format!("{}({:?})", self.name(), parameter.get())
            }
            _ => self.name().to_owned(),
        }
    }

    /// The function of that [`spelling`](Self::spelling).
    pub fn from_spelling(text: &str) -> Option<Self> {
        let Some((name, rest)) = text.split_once('(') else { return Self::from_name(text) };
        let parameter = Parameter::new(rest.strip_suffix(')')?.parse().ok()?)?;
        Self::from_name(name)?.with_parameter(parameter)
    }

    /// Whether zero maps to zero, so that channel padding stays zero without a mask.
    pub fn preserves_zero(self) -> bool {
        self.evaluate(0.0) == 0.0
    }
}
