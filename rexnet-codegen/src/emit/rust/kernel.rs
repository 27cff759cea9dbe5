//! A kernel as Rust functions, one a section: what the loop text says, statement by statement. Unrolled loops are written
//! out and their registers become variables of their own; all other loops stay loops.

use super::names::{self, Names};
use super::vectors::{Operation, Vocabulary};
use super::{Notes, identifier};
use crate::loops::{Access, Affine, Element, Expression, Kernel, RegisterId, Section, Statement, VariableId};
use proc_macro2::{Ident, Literal, TokenStream};
use quote::quote;
use std::collections::{BTreeSet, HashMap};

/// The function of a section of a verified kernel: see [`name`]. It takes a pass of the section's outer loop and a range of
/// passes of its inner one, where there are such loops, then the buffers that it touches. What it only reads it takes by
/// reference, so that the compiler knows that nothing writes there meanwhile; what it writes, other threads may write too,
/// elsewhere.
pub(super) fn function(
    kernel: &Kernel,
    sections: &[Section],
    index: usize,
    vocabulary: &mut Vocabulary,
    notes: Notes,
) -> TokenStream {
    let feature = vocabulary.target_feature();
    let (name, section) = (name(kernel, sections, index), &sections[index]);
    let names = Names::of(kernel);
    let (parameters, pointers) = parameters(kernel, section, &names);
    let mut writer =
        Writer { kernel, names: &names, vocabulary, unrolled: HashMap::new(), undeclared: BTreeSet::new() };
    let body = match &section.inner {
        Some(inner) => {
            let (begin, end) = (identifier(names::BEGIN), identifier(names::END));
            writer.for_loop(inner.variable, &quote!(#begin..#end), section.body(kernel))
        }
        None => writer.block(section.body(kernel)),
    };
    let note = notes.write(
        "SAFETY: the compiler proved every access to lie inside its buffer, and the caller has as much memory.",
    );
    let loops = (index == 0).then(|| loop_text(kernel, notes));
    quote! {
        #[inline(never)]
        #feature
        unsafe fn #name(#(#parameters),*) {
            #loops
            #(#pointers)*
            #note
            unsafe { #body }
        }
    }
}

/// The kernel as loops, a comment a line: what is unrolled below is rolled there.
pub(super) fn loop_text(kernel: &Kernel, notes: Notes) -> TokenStream {
    if !notes.written {
        return TokenStream::new();
    }
    kernel.to_string().lines().map(|line| notes.write(line)).collect()
}

/// The parameters of a section's function, and what makes pointers of those that are references.
pub(super) fn parameters(
    kernel: &Kernel,
    section: &Section,
    names: &Names,
) -> (Vec<TokenStream>, Vec<TokenStream>) {
    let (mut parameters, mut pointers) = (Vec::new(), Vec::new());
    if let Some(outer) = &section.outer {
        let outer = &names.variables[outer.variable.0 as usize];
        parameters.push(quote!(#outer: isize));
    }
    if section.inner.is_some() {
        let (begin, end) = (identifier(names::BEGIN), identifier(names::END));
        parameters.push(quote!(#begin: isize, #end: isize));
    }
    for buffer in section.buffers(kernel) {
        let (buffer, name) = (&kernel.buffers[buffer], &names.buffers[buffer]);
        let elements = Literal::usize_unsuffixed(buffer.elements);
        if buffer.role.is_written() {
            parameters.push(quote!(#name: *mut f32));
        } else {
            parameters.push(quote!(#name: &[f32; #elements]));
            pointers.push(quote!(let #name = #name.as_ptr();));
        }
    }
    (parameters, pointers)
}

/// The name of a section's function: the kernel's, with a number if there are several.
pub(super) fn name(kernel: &Kernel, sections: &[Section], index: usize) -> Ident {
    match sections.len() {
        1 => identifier(&kernel.name),
        _ => identifier(&format!("{}_section{}", kernel.name, index + 1)),
    }
}

struct Writer<'k, 'v> {
    kernel: &'k Kernel,
    names: &'k Names,
    vocabulary: &'v mut Vocabulary,
    /// The value of each unrolled variable in scope.
    unrolled: HashMap<VariableId, i64>,
    /// Registers that were announced but have no `let` yet: their first value declares them.
    undeclared: BTreeSet<(RegisterId, usize)>,
}

impl<'k> Writer<'k, '_> {
    fn block(&mut self, body: &[Statement]) -> TokenStream {
        let mut tokens = TokenStream::new();
        for statement in body {
            let written = match statement {
                Statement::For { variable, begin, end, unroll: true, body } => {
                    let mut passes = TokenStream::new();
                    for value in *begin..*end {
                        self.unrolled.insert(*variable, value);
                        passes.extend(self.block(body));
                    }
                    self.unrolled.remove(variable);
                    passes
                }
                Statement::For { variable, begin, end, unroll: false, body } => {
                    let (begin, end) =
                        (Literal::i64_unsuffixed(*begin), Literal::isize_suffixed(*end as isize));
                    self.for_loop(*variable, &quote!(#begin..#end), body)
                }
                Statement::Registers { array } => {
                    let count = self.kernel.register_array(*array).count;
                    self.undeclared.extend((0..count).map(|index| (*array, index)));
                    TokenStream::new()
                }
                Statement::Let { local, value } => {
                    let (zeros, value) = self.expression_after_zeros(value);
                    let name = &self.names.locals[local.0 as usize];
                    quote!(#zeros let #name = #value;)
                }
                Statement::Set { array, index, value } => {
                    let (zeros, value) = self.expression_after_zeros(value);
                    let index = self.constant_index(index);
                    let name = self.register(*array, index);
                    let declare = self.undeclared.remove(&(*array, index)).then(|| quote!(let mut));
                    quote!(#zeros #declare #name = #value;)
                }
                Statement::Store { access, value } => {
                    let lanes = self.kernel.type_of(value).lanes;
                    let (zeros, value) = self.expression_after_zeros(value);
                    let to = self.address(access);
                    let store = self.vocabulary.call(Operation::Store, lanes);
                    quote!(#zeros #store(#to, #value);)
                }
            };
            tokens.extend(written);
        }
        // An array lives to the end of its block.
        for statement in body {
            if let Statement::Registers { array } = statement {
                self.undeclared.retain(|(other, _)| other != array);
            }
        }
        tokens
    }

    fn for_loop(&mut self, variable: VariableId, range: &TokenStream, body: &[Statement]) -> TokenStream {
        let zeros = self.declare_all();
        let name = if mentions(body, variable) {
            let name = self.variable(variable);
            quote!(#name)
        } else {
            quote!(_)
        };
        let body = self.block(body);
        quote!(#zeros for #name in #range { #body })
    }

    /// `let mut` with zero for every register that has no value yet.
    fn declare_all(&mut self) -> TokenStream {
        let undeclared = std::mem::take(&mut self.undeclared);
        let declare = undeclared.into_iter().map(|(array, index)| self.declare_zero(array, index));
        declare.collect()
    }

    fn declare_zero(&mut self, array: RegisterId, index: usize) -> TokenStream {
        let ty = self.kernel.register_array(array).ty;
        let (name, zero) = (self.register(array, index), self.constant(0, ty.element, ty.lanes));
        quote!(let mut #name = #zero;)
    }

    /// An expression, and before it the declarations of the registers that it reads.
    fn expression_after_zeros(&mut self, expression: &Expression) -> (TokenStream, TokenStream) {
        let mut zeros = TokenStream::new();
        if !self.undeclared.is_empty() {
            let mut read = Vec::new();
            self.registers_of(expression, &mut read);
            for (array, index) in read {
                if self.undeclared.remove(&(array, index)) {
                    zeros.extend(self.declare_zero(array, index));
                }
            }
        }
        (zeros, self.expression(expression))
    }

    fn registers_of(&self, expression: &Expression, read: &mut Vec<(RegisterId, usize)>) {
        if let Expression::Register { array, index } = expression {
            read.push((*array, self.constant_index(index)));
        }
        expression.operands().for_each(|operand| self.registers_of(operand, read));
    }

    fn expression(&mut self, expression: &Expression) -> TokenStream {
        let ty = self.kernel.type_of(expression);
        match expression {
            Expression::Constant { bits, ty } => self.constant(*bits, ty.element, ty.lanes),
            Expression::Local(local) => {
                let name = &self.names.locals[local.0 as usize];
                quote!(#name)
            }
            Expression::Register { array, index } => {
                let name = self.register(*array, self.constant_index(index));
                quote!(#name)
            }
            Expression::Load { access, lanes } => {
                let from = self.address(access);
                let load = self.vocabulary.call(Operation::Load, *lanes);
                quote!(#load(#from))
            }
            Expression::Broadcast { access, lanes } => {
                let from = self.address(access);
                let splat = self.vocabulary.call(Operation::Splat, *lanes);
                quote!(#splat(*#from))
            }
            Expression::Unary { op, value } => {
                let value = self.expression(value);
                let function = self.vocabulary.call(Operation::from(*op), ty.lanes);
                match op {
                    crate::loops::UnaryOp::ShiftLeft(by) => {
                        let by = Literal::u8_unsuffixed(*by);
                        quote!(#function(#value, #by))
                    }
                    _ => quote!(#function(#value)),
                }
            }
            Expression::Binary { op, left, right } => {
                let (left, right) = (self.expression(left), self.expression(right));
                let function = self.vocabulary.call(Operation::from(*op), ty.lanes);
                quote!(#function(#left, #right))
            }
            Expression::Fma { a, b, c } => {
                let [a, b, c] = [a, b, c].map(|operand| self.expression(operand));
                let function = self.vocabulary.call(Operation::Fma, ty.lanes);
                quote!(#function(#a, #b, #c))
            }
            Expression::Select { mask, then, otherwise } => {
                let [mask, then, otherwise] = [mask, then, otherwise].map(|operand| self.expression(operand));
                let op = match ty.element {
                    Element::F32 => Operation::Select,
                    Element::I32 => Operation::SelectInt,
                };
                let function = self.vocabulary.call(op, ty.lanes);
                quote!(#function(#mask, #then, #otherwise))
            }
        }
    }

    fn constant(&mut self, bits: u32, element: Element, lanes: usize) -> TokenStream {
        match element {
            Element::I32 => {
                let value = Literal::i32_unsuffixed(bits as i32);
                let splat = self.vocabulary.call(Operation::SplatInt, lanes);
                quote!(#splat(#value))
            }
            Element::F32 => {
                let value = f32::from_bits(bits);
                let literal = if value.is_finite() {
                    let literal = shortest(value.abs());
                    if value.is_sign_negative() { quote!(-#literal) } else { quote!(#literal) }
                } else {
                    let bits = Literal::u32_unsuffixed(bits);
                    quote!(f32::from_bits(#bits))
                };
                let splat = self.vocabulary.call(Operation::Splat, lanes);
                quote!(#splat(#literal))
            }
        }
    }

    /// `buffer.offset(16 * k + 16)`; unrolled variables are numbers by now.
    fn address(&self, access: &Access) -> TokenStream {
        let buffer = &self.names.buffers[access.buffer.0 as usize];
        let mut constant = access.address.constant;
        let mut terms = Vec::new();
        for &(variable, factor) in access.address.terms() {
            match self.unrolled.get(&variable) {
                Some(value) => constant += factor * value,
                None => {
                    let name = self.variable(variable);
                    terms.push((
                        factor,
                        if factor.abs() == 1 {
                            quote!(#name)
                        } else {
                            let magnitude = Literal::u64_unsuffixed(factor.unsigned_abs());
                            quote!(#magnitude * #name)
                        },
                    ));
                }
            }
        }
        if constant != 0 {
            let magnitude = Literal::u64_unsuffixed(constant.unsigned_abs());
            terms.push((constant, quote!(#magnitude)));
        }
        let mut sum = TokenStream::new();
        for (index, (sign, term)) in terms.into_iter().enumerate() {
            sum.extend(match (index, sign < 0) {
                (0, false) => term,
                (_, true) => quote!(- #term),
                (_, false) => quote!(+ #term),
            });
        }
        if sum.is_empty() { quote!(#buffer) } else { quote!(#buffer.offset(#sum)) }
    }

    fn constant_index(&self, index: &Affine) -> usize {
        let value = index.evaluate(|variable| self.unrolled.get(&variable).copied().unwrap_or(0));
        usize::try_from(value).unwrap_or(usize::MAX)
    }

    fn register(&self, array: RegisterId, index: usize) -> &'k Ident {
        &self.names.registers[array.0 as usize][index]
    }

    fn variable(&self, variable: VariableId) -> &'k Ident {
        &self.names.variables[variable.0 as usize]
    }
}

/// The shortest text that reads back as this number.
fn shortest(value: f32) -> TokenStream {
    format!("{value:?}").parse().unwrap_or_default()
}

/// Whether an address or a register index in the statements depends on the variable.
fn mentions(body: &[Statement], variable: VariableId) -> bool {
    let of = |affine: &Affine| affine.terms().iter().any(|&(other, _)| other == variable);
    body.iter().any(|statement| match statement {
        Statement::For { body, .. } => mentions(body, variable),
        Statement::Registers { .. } => false,
        Statement::Let { value, .. } => reads(value, &of),
        Statement::Set { index, value, .. } => of(index) || reads(value, &of),
        Statement::Store { access, value } => of(&access.address) || reads(value, &of),
    })
}

fn reads(expression: &Expression, of: &impl Fn(&Affine) -> bool) -> bool {
    let here = match expression {
        Expression::Load { access, .. } | Expression::Broadcast { access, .. } => of(&access.address),
        Expression::Register { index, .. } => of(index),
        _ => false,
    };
    here || expression.operands().any(|operand| reads(operand, of))
}
