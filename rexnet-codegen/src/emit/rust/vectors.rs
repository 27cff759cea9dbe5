//! The operations of the loop language as small functions of a version, such as `fma_x16(a, b, c)`. A generated
//! module holds those that its kernels call.
//!
//! A width that the processor has is a table of intrinsics; a wider one is a pair of halves; in the portable
//! version every width is an array of scalars.

use super::version::Version;
use crate::loops::{BinaryOp, UnaryOp};
use proc_macro2::{Ident, Literal, TokenStream};
use quote::{format_ident, quote};
use std::collections::BTreeSet;

/// The operations: name in generated code, operands and result. `f` and `i` are vectors of f32 and i32, `s` and
/// `n` scalars of them, `p` and `m` addresses to read and to write, `-` is nothing.
macro_rules! operations {
    ($($variant:ident = $name:literal, $operands:literal -> $result:literal;)*) => {
        /// An operation of the loop language, as generated code spells it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(super) enum Operation { $($variant),* }

        impl Operation {
            fn name(self) -> &'static str {
                match self { $(Operation::$variant => $name),* }
            }

            fn operands(self) -> &'static str {
                match self { $(Operation::$variant => $operands),* }
            }

            fn result(self) -> char {
                match self { $(Operation::$variant => $result),* }
            }
        }
    };
}

operations! {
    Splat = "splat", "s" -> 'f';
    SplatInt = "splat_int", "n" -> 'i';
    Load = "load", "p" -> 'f';
    Store = "store", "mf" -> '-';
    ToBits = "to_bits", "f" -> 'i';
    FromBits = "from_bits", "i" -> 'f';
    ShiftLeft = "shift_left", "in" -> 'i';
    Add = "add", "ff" -> 'f';
    Sub = "sub", "ff" -> 'f';
    Mul = "mul", "ff" -> 'f';
    Div = "div", "ff" -> 'f';
    Min = "min", "ff" -> 'f';
    Max = "max", "ff" -> 'f';
    IntAdd = "int_add", "ii" -> 'i';
    Less = "less", "ff" -> 'i';
    Unordered = "unordered", "ff" -> 'i';
    Fma = "fma", "fff" -> 'f';
    Select = "select", "iff" -> 'f';
    SelectInt = "select_int", "iii" -> 'i';
}

use Operation as Op;

impl From<UnaryOp> for Operation {
    fn from(op: UnaryOp) -> Self {
        match op {
            UnaryOp::ToBits => Op::ToBits,
            UnaryOp::FromBits => Op::FromBits,
            UnaryOp::ShiftLeft(_) => Op::ShiftLeft,
        }
    }
}

impl From<BinaryOp> for Operation {
    fn from(op: BinaryOp) -> Self {
        match op {
            BinaryOp::Add => Op::Add,
            BinaryOp::Sub => Op::Sub,
            BinaryOp::Mul => Op::Mul,
            BinaryOp::Div => Op::Div,
            BinaryOp::Min => Op::Min,
            BinaryOp::Max => Op::Max,
            BinaryOp::IntAdd => Op::IntAdd,
            BinaryOp::Less => Op::Less,
            BinaryOp::Unordered => Op::Unordered,
        }
    }
}

/// The name of an operation's function.
pub(super) fn function(op: Operation, lanes: usize) -> Ident {
    format_ident!("{}_x{lanes}", op.name())
}

fn vector(element: char, lanes: usize) -> Ident {
    format_ident!("{}x{lanes}", if element == 'f' { "F32" } else { "I32" })
}

/// What one lane does, in plain Rust. `fma` is not among them.
fn scalar(op: Operation) -> &'static str {
    match op {
        Op::Splat | Op::SplatInt => "a",
        Op::Load => "*a",
        Op::Store => "*a = b",
        Op::ToBits => "a.to_bits() as i32",
        Op::FromBits => "f32::from_bits(a as u32)",
        Op::ShiftLeft => "a << b",
        Op::Add => "a + b",
        Op::Sub => "a - b",
        Op::Mul => "a * b",
        Op::Div => "a / b",
        Op::Min => "if a < b { a } else { b }",
        Op::Max => "if a > b { a } else { b }",
        Op::IntAdd => "a.wrapping_add(b)",
        Op::Less => "-i32::from(a < b)",
        Op::Unordered => "-i32::from(a.is_nan() || b.is_nan())",
        Op::Fma => "fused_multiply_add(a, b, c)",
        Op::Select | Op::SelectInt => "if a != 0 { b } else { c }",
    }
}

/// The intrinsics of x86-64: `%` is the prefix of the width, `#` the suffix of its integer type. `minps` and
/// `maxps` are the loops' own `min` and `max`: the second operand where the comparison does not hold.
fn x86(op: Operation, lanes: usize) -> String {
    let text = match (op, lanes) {
        (Op::Splat, _) => "%set1_ps(a)",
        (Op::SplatInt, _) => "%set1_epi32(a)",
        (Op::Load, _) => "%loadu_ps(a)",
        (Op::Store, _) => "%storeu_ps(a, b)",
        (Op::ToBits, _) => "%castps_#(a)",
        (Op::FromBits, _) => "%cast#_ps(a)",
        (Op::ShiftLeft, _) => "%sllv_epi32(a, %set1_epi32(b))",
        (Op::Add, _) => "%add_ps(a, b)",
        (Op::Sub, _) => "%sub_ps(a, b)",
        (Op::Mul, _) => "%mul_ps(a, b)",
        // Dividers are 256 bits wide or less: two halves take no longer than the whole, and on some processors a
        // third of its time. The compiler would join them again if it saw them.
        (Op::Div, 16) => {
            r#"
            let (low, high): (__m256, __m256);
            unsafe {
                core::arch::asm!(
                    "vdivps {low}, {a}, {b}",
                    "vdivps {high}, {c}, {d}",
                    low = out(ymm_reg) low,
                    high = lateout(ymm_reg) high,
                    a = in(ymm_reg) _mm512_castps512_ps256(a),
                    b = in(ymm_reg) _mm512_castps512_ps256(b),
                    c = in(ymm_reg) _mm512_extractf32x8_ps::<1>(a),
                    d = in(ymm_reg) _mm512_extractf32x8_ps::<1>(b),
                    options(pure, nomem, nostack, preserves_flags),
                );
            }
            _mm512_insertf32x8::<1>(_mm512_castps256_ps512(low), high)
            "#
        }
        (Op::Div, _) => "%div_ps(a, b)",
        (Op::Min, _) => "%min_ps(a, b)",
        (Op::Max, _) => "%max_ps(a, b)",
        (Op::IntAdd, _) => "%add_epi32(a, b)",
        (Op::Less, 16) => "%maskz_set1_epi32(%cmp_ps_mask::<_CMP_LT_OQ>(a, b), -1)",
        (Op::Less, _) => "%castps_#(%cmp_ps::<_CMP_LT_OQ>(a, b))",
        (Op::Unordered, 16) => "%maskz_set1_epi32(%cmp_ps_mask::<_CMP_UNORD_Q>(a, b), -1)",
        (Op::Unordered, _) => "%castps_#(%cmp_ps::<_CMP_UNORD_Q>(a, b))",
        (Op::Fma, _) => "%fmadd_ps(a, b, c)",
        (Op::Select, 16) => "%mask_blend_ps(%test_epi32_mask(a, a), c, b)",
        (Op::Select, _) => "%blendv_ps(c, b, %cast#_ps(a))",
        (Op::SelectInt, 16) => "%mask_blend_epi32(%test_epi32_mask(a, a), c, b)",
        (Op::SelectInt, _) => "%blendv_epi8(c, b, a)",
    };
    let (prefix, integers) = match lanes {
        4 => ("_mm_", "si128"),
        8 => ("_mm256_", "si256"),
        _ => ("_mm512_", "si512"),
    };
    text.replace('%', prefix).replace('#', integers)
}

/// The intrinsics of aarch64. Its own minimum and maximum treat NaN in another way, so a comparison selects.
fn neon(op: Operation) -> &'static str {
    match op {
        Op::Splat => "vdupq_n_f32(a)",
        Op::SplatInt => "vdupq_n_s32(a)",
        Op::Load => "vld1q_f32(a)",
        Op::Store => "vst1q_f32(a, b)",
        Op::ToBits => "vreinterpretq_s32_f32(a)",
        Op::FromBits => "vreinterpretq_f32_s32(a)",
        Op::ShiftLeft => "vshlq_s32(a, vdupq_n_s32(b))",
        Op::Add => "vaddq_f32(a, b)",
        Op::Sub => "vsubq_f32(a, b)",
        Op::Mul => "vmulq_f32(a, b)",
        Op::Div => "vdivq_f32(a, b)",
        Op::Min => "vbslq_f32(vcltq_f32(a, b), a, b)",
        Op::Max => "vbslq_f32(vcgtq_f32(a, b), a, b)",
        Op::IntAdd => "vaddq_s32(a, b)",
        Op::Less => "vreinterpretq_s32_u32(vcltq_f32(a, b))",
        Op::Unordered => "vreinterpretq_s32_u32(vmvnq_u32(vandq_u32(vceqq_f32(a, a), vceqq_f32(b, b))))",
        Op::Fma => "vfmaq_f32(c, a, b)",
        Op::Select => "vbslq_f32(vreinterpretq_u32_s32(a), b, c)",
        Op::SelectInt => "vbslq_s32(vreinterpretq_u32_s32(a), b, c)",
    }
}

/// One fused multiply-add of scalars.
fn scalar_fma(version: Version) -> &'static str {
    match version {
        Version::Avx512 | Version::Avx2 => {
            "_mm_cvtss_f32(_mm_fmadd_ss(_mm_set_ss(a), _mm_set_ss(b), _mm_set_ss(c)))"
        }
        Version::Neon => "vget_lane_f32::<0>(vfma_f32(vdup_n_f32(c), vdup_n_f32(a), vdup_n_f32(b)))",
        Version::Portable => "fused_multiply_add(a, b, c)",
    }
}

/// The functions that a version's kernels call, and what those call in turn.
#[derive(Debug)]
pub(super) struct Vocabulary {
    version: Version,
    used: BTreeSet<(usize, Operation)>,
}

impl Vocabulary {
    pub(super) fn new(version: Version) -> Self {
        Self { version, used: BTreeSet::new() }
    }

    /// The attribute of every function of the version.
    pub(super) fn target_feature(&self) -> TokenStream {
        self.version.target_feature()
    }

    /// The function of an operation; it will be among the definitions.
    pub(super) fn call(&mut self, op: Operation, lanes: usize) -> Ident {
        if self.used.insert((lanes, op)) && !self.is_native(lanes) {
            let part = if self.version == Version::Portable { 1 } else { lanes / 2 };
            // The elements of an array are copied, filled and loaded as a whole.
            let whole = matches!(op, Op::Splat | Op::SplatInt | Op::Load | Op::Store);
            if !(whole && part == 1) {
                self.call(op, part);
            }
        }
        function(op, lanes)
    }

    fn is_native(&self, lanes: usize) -> bool {
        lanes == 1 || self.version.native_lanes().contains(&lanes)
    }

    /// Types and functions, the narrow ones first.
    pub(super) fn definitions(&self) -> TokenStream {
        let types = self.types();
        let functions = self.used.iter().map(|&(lanes, op)| self.definition(op, lanes));
        quote!(#(#types)* #(#functions)*)
    }

    fn types(&self) -> Vec<TokenStream> {
        let mut types = BTreeSet::new();
        for (lanes, op) in &self.used {
            for element in op.operands().chars().chain([op.result()]) {
                if matches!(element, 'f' | 'i') {
                    types.insert((*lanes, element));
                }
            }
        }
        types.into_iter().map(|(lanes, element)| self.type_definition(lanes, element)).collect()
    }

    fn type_definition(&self, lanes: usize, element: char) -> TokenStream {
        let name = vector(element, lanes);
        let scalar = if element == 'f' { quote!(f32) } else { quote!(i32) };
        if lanes == 1 {
            return quote!(type #name = #scalar;);
        }
        if self.is_native(lanes) {
            let native = match (self.version, element, lanes) {
                (Version::Neon, 'f', _) => quote!(float32x4_t),
                (Version::Neon, _, _) => quote!(int32x4_t),
                (_, 'f', 4) => quote!(__m128),
                (_, 'f', 8) => quote!(__m256),
                (_, 'f', _) => quote!(__m512),
                (_, _, 4) => quote!(__m128i),
                (_, _, 8) => quote!(__m256i),
                (_, _, _) => quote!(__m512i),
            };
            return quote!(type #name = #native;);
        }
        let content = if self.version == Version::Portable {
            let count = Literal::usize_unsuffixed(lanes);
            quote!([#scalar; #count])
        } else {
            let half = vector(element, lanes / 2);
            quote!(#half, #half)
        };
        quote!(#[derive(Clone, Copy)] struct #name(#content);)
    }

    fn definition(&self, op: Operation, lanes: usize) -> TokenStream {
        let name = function(op, lanes);
        let feature = self.version.target_feature();
        let letters = ["a", "b", "c"].map(|letter| format_ident!("{letter}"));
        let parameters = letters.iter().zip(op.operands().chars()).map(|(letter, kind)| {
            let ty = self.parameter(kind, lanes);
            quote!(#letter: #ty)
        });
        let result = match op.result() {
            '-' => TokenStream::new(),
            element => {
                let ty = vector(element, lanes);
                quote!(-> #ty)
            }
        };
        let is_memory = matches!(op, Op::Load | Op::Store);
        let unsafety = is_memory.then(|| quote!(unsafe));
        let mut body = self.body(op, lanes);
        if is_memory {
            body = quote!(unsafe { #body });
        }
        // A fused multiply-add without an instruction is long.
        let inline = if self.version == Version::Portable && op == Op::Fma {
            quote!(#[inline(never)])
        } else {
            quote!(#[inline])
        };
        quote!(#inline #feature #unsafety fn #name(#(#parameters),*) #result { #body })
    }

    fn parameter(&self, kind: char, lanes: usize) -> TokenStream {
        match kind {
            's' => quote!(f32),
            'n' => quote!(i32),
            'p' => quote!(*const f32),
            'm' => quote!(*mut f32),
            element => {
                let ty = vector(element, lanes);
                quote!(#ty)
            }
        }
    }

    fn body(&self, op: Operation, lanes: usize) -> TokenStream {
        let text = match (self.version, lanes) {
            (version, 1) if op == Op::Fma => scalar_fma(version).to_owned(),
            (_, 1) => scalar(op).to_owned(),
            (Version::Avx512 | Version::Avx2, _) if self.is_native(lanes) => x86(op, lanes),
            (Version::Neon, 4) => neon(op).to_owned(),
            (Version::Portable, _) => return array_body(op, lanes),
            _ => return pair_body(op, lanes),
        };
        text.parse().unwrap_or_else(|_| quote!(compile_error!(#text)))
    }
}

/// An operation on arrays, lane by lane.
fn array_body(op: Operation, lanes: usize) -> TokenStream {
    let one = function(op, 1);
    match op {
        Op::Splat | Op::SplatInt => {
            let (ty, count) = (vector(op.result(), lanes), Literal::usize_unsuffixed(lanes));
            quote!(#ty([a; #count]))
        }
        Op::Load => {
            let ty = vector('f', lanes);
            quote!(#ty(*a.cast()))
        }
        Op::Store => quote!(*a.cast() = b.0),
        _ => {
            let ty = vector(op.result(), lanes);
            let lanes_of = ["a", "b", "c"].map(|letter| format_ident!("{letter}"));
            let operands = lanes_of
                .iter()
                .zip(op.operands().chars())
                .map(|(letter, kind)| if kind == 'n' { quote!(#letter) } else { quote!(#letter.0[lane]) });
            quote!(#ty(core::array::from_fn(|lane| #one(#(#operands),*))))
        }
    }
}

/// An operation on pairs of halves.
fn pair_body(op: Operation, lanes: usize) -> TokenStream {
    let (half, width) = (function(op, lanes / 2), Literal::usize_unsuffixed(lanes / 2));
    match op {
        Op::Load => {
            let ty = vector('f', lanes);
            quote!(#ty(#half(a), #half(a.add(#width))))
        }
        Op::Store => quote!(#half(a, b.0); #half(a.add(#width), b.1)),
        _ => {
            let ty = vector(op.result(), lanes);
            let half_of = |place: usize| {
                let letters = ["a", "b", "c"].map(|letter| format_ident!("{letter}"));
                let place = Literal::usize_unsuffixed(place);
                let operands = letters
                    .into_iter()
                    .zip(op.operands().chars())
                    .map(|(letter, kind)| match kind {
                        's' | 'n' => quote!(#letter),
                        _ => quote!(#letter.#place),
                    })
                    .collect::<Vec<_>>();
                quote!(#half(#(#operands),*))
            };
            let (low, high) = (half_of(0), half_of(1));
            quote!(#ty(#low, #high))
        }
    }
}
