//! Reads the text form of a kernel. A statement a line; a line that begins with `;` is a comment.

use super::{
    Access, Affine, BinaryOp, Buffer, BufferId, Element, Expression, Kernel, Local, LocalId, RegisterArray,
    RegisterId, Role, Statement, UnaryOp, ValueType, VariableId,
};
use rexnet_ir::diagnostic::{Code, Diagnostic, Diagnostics, Location};

/// The longest text that is read, in bytes.
const MAX_TEXT: usize = 16 << 20;
/// The deepest nesting of loops, and of operands.
const MAX_DEPTH: usize = 32;

/// Reads what [`Kernel`]'s `Display` prints. The result is well formed, not verified.
///
/// # Errors
/// `RX0401` for the first line that does not read, with its number.
pub fn parse(text: &str) -> Result<Kernel, Diagnostics> {
    let fault = |line: usize, cause: String| Diagnostic::new(Code::LoopsSyntax, Location::Line(line), cause);
    if text.len() > MAX_TEXT {
        return Err(fault(1, format!("the text is longer than {MAX_TEXT} bytes")).into());
    }
    let mut parser = Parser {
        kernel: Kernel {
            name: String::new(),
            buffers: Vec::new(),
            variables: Vec::new(),
            registers: Vec::new(),
            locals: Vec::new(),
            body: Vec::new(),
        },
        open: Vec::new(),
        closed: false,
        rest: "",
    };
    let mut count = 0;
    for (index, line) in text.lines().enumerate() {
        count = index + 1;
        let line = line.trim();
        if line.is_empty() || line.starts_with(';') {
            continue;
        }
        parser.rest = line;
        parser.line().map_err(|cause| fault(count, cause))?;
    }
    if !parser.closed {
        return Err(fault(count.max(1), "the kernel's closing brace is missing".to_owned()).into());
    }
    Ok(parser.kernel)
}

/// A loop whose closing brace has not come yet.
struct OpenLoop {
    header: Option<(VariableId, i64, i64, bool)>,
    body: Vec<Statement>,
}

struct Parser<'text> {
    kernel: Kernel,
    open: Vec<OpenLoop>,
    closed: bool,
    rest: &'text str,
}

type Parsed<T> = Result<T, String>;

impl<'text> Parser<'text> {
    fn line(&mut self) -> Parsed<()> {
        if self.closed {
            return Err("nothing may follow the kernel".to_owned());
        }
        if self.open.is_empty() {
            self.expect("kernel")?;
            self.kernel.name = self.word()?.to_owned();
            self.expect("{")?;
            self.open.push(OpenLoop { header: None, body: Vec::new() });
            return self.end();
        }
        if self.accept("}") {
            self.close();
            return self.end();
        }
        let before = self.rest;
        let word = self.word()?;
        match word {
            "buffer" => self.buffer()?,
            "for" => self.for_loop()?,
            "reg" => {
                let name = self.word()?.to_owned();
                self.expect(":")?;
                let ty = self.value_type()?;
                self.expect("[")?;
                let count = self.number()?;
                self.expect("]")?;
                if self.kernel.registers.iter().any(|array| array.name == name) {
                    return Err(format!("registers {name} are declared twice"));
                }
                let array = RegisterId(self.kernel.registers.len() as u32);
                self.kernel.registers.push(RegisterArray { name, ty, count });
                self.push(Statement::Registers { array });
            }
            "let" => {
                let name = self.word()?.to_owned();
                self.expect(":")?;
                let ty = self.value_type()?;
                self.expect("=")?;
                let value = self.expression(0)?;
                if self.kernel.locals.iter().any(|local| local.name == name) {
                    return Err(format!("{name} is named twice"));
                }
                let local = LocalId(self.kernel.locals.len() as u32);
                self.kernel.locals.push(Local { name, ty });
                self.push(Statement::Let { local, value });
            }
            "store" => {
                let (buffer, address) = self.place()?;
                self.expect("@")?;
                let alignment = self.number()?;
                self.expect("=")?;
                let value = self.expression(0)?;
                self.push(Statement::Store { access: Access { buffer, address, alignment }, value });
            }
            _ => {
                self.rest = before;
                let (array, index) = self.register()?;
                self.expect("=")?;
                let value = self.expression(0)?;
                self.push(Statement::Set { array, index, value });
            }
        }
        self.end()
    }

    fn close(&mut self) {
        let Some(OpenLoop { header, body }) = self.open.pop() else { return };
        match header {
            Some((variable, begin, end, unroll)) => {
                self.push(Statement::For { variable, begin, end, unroll, body });
            }
            None => {
                self.kernel.body = body;
                self.closed = true;
            }
        }
    }

    fn push(&mut self, statement: Statement) {
        if let Some(block) = self.open.last_mut() {
            block.body.push(statement);
        }
    }

    fn buffer(&mut self) -> Parsed<()> {
        let name = self.word()?.to_owned();
        self.expect(":")?;
        let role = self.word()?;
        let role =
            Role::NAMES.iter().find(|(_, other)| *other == role).ok_or_else(|| format!("no role {role}"))?.0;
        self.expect("f32")?;
        self.expect("[")?;
        let elements = self.number()?;
        self.expect("]")?;
        self.expect("@")?;
        let alignment = self.number()?;
        if self.kernel.buffers.iter().any(|buffer| buffer.name == name) {
            return Err(format!("buffer {name} is declared twice"));
        }
        self.kernel.buffers.push(Buffer { name, role, elements, alignment });
        Ok(())
    }

    fn for_loop(&mut self) -> Parsed<()> {
        if self.open.len() > MAX_DEPTH {
            return Err(format!("loops are nested more than {MAX_DEPTH} deep"));
        }
        let name = self.word()?.to_owned();
        self.expect("in")?;
        let begin = self.integer()?;
        self.expect("..")?;
        let end = self.integer()?;
        let unroll = self.accept("unroll");
        self.expect("{")?;
        if self.kernel.variables.contains(&name) {
            return Err(format!("{name} is the variable of another loop"));
        }
        let variable = VariableId(self.kernel.variables.len() as u32);
        self.kernel.variables.push(name);
        self.open.push(OpenLoop { header: Some((variable, begin, end, unroll)), body: Vec::new() });
        Ok(())
    }

    fn value_type(&mut self) -> Parsed<ValueType> {
        let word = self.word()?;
        let (element, lanes) = word.split_once('x').ok_or("a type such as f32x8 is expected")?;
        let element = match element {
            "f32" => Element::F32,
            "i32" => Element::I32,
            _ => return Err(format!("there is no element {element}")),
        };
        let lanes = lanes.parse().map_err(|_| format!("{lanes} is not a number of lanes"))?;
        Ok(ValueType { element, lanes })
    }

    fn place(&mut self) -> Parsed<(BufferId, Affine)> {
        let name = self.word()?;
        let buffer = self.kernel.buffers.iter().position(|buffer| buffer.name == name);
        let buffer = buffer.ok_or_else(|| format!("there is no buffer {name}"))?;
        Ok((BufferId(buffer as u32), self.index()?))
    }

    fn register(&mut self) -> Parsed<(RegisterId, Affine)> {
        let name = self.word()?;
        let array = self.kernel.registers.iter().position(|array| array.name == name);
        let array = array.ok_or_else(|| format!("there are no registers {name}"))?;
        Ok((RegisterId(array as u32), self.index()?))
    }

    fn index(&mut self) -> Parsed<Affine> {
        self.expect("[")?;
        let mut affine = Affine::default();
        loop {
            self.skip_space();
            let factor = if self.rest.starts_with(|c: char| c.is_ascii_digit() || c == '-') {
                Some(self.integer()?)
            } else {
                None
            };
            let term = match factor {
                Some(factor) if !self.accept("*") => Affine::constant(factor),
                factor => {
                    let name = self.word()?;
                    let variable = self.kernel.variables.iter().position(|variable| variable == name);
                    let variable = variable.ok_or_else(|| format!("there is no variable {name}"))?;
                    Affine::variable(VariableId(variable as u32)) * factor.unwrap_or(1)
                }
            };
            let bounded = |affine: &Affine| {
                affine.constant.abs() < 1 << 40
                    && affine.terms().iter().all(|(_, factor)| factor.abs() < 1 << 40)
            };
            if !bounded(&term) || !bounded(&affine) {
                return Err("an address is too large".to_owned());
            }
            affine = affine + term;
            if !self.accept("+") {
                break;
            }
        }
        self.expect("]")?;
        Ok(affine)
    }

    fn expression(&mut self, depth: usize) -> Parsed<Expression> {
        if depth > MAX_DEPTH {
            return Err(format!("operands are nested more than {MAX_DEPTH} deep"));
        }
        let before = self.rest;
        let word = self.word()?;
        match word {
            "splat" => {
                let ty = self.value_type()?;
                Ok(Expression::Constant { bits: self.literal(ty.element)?, ty })
            }
            "load" => {
                let ty = self.value_type()?;
                self.expect("@")?;
                let alignment = self.number()?;
                let (buffer, address) = self.place()?;
                Ok(Expression::Load { access: Access { buffer, address, alignment }, lanes: ty.lanes })
            }
            "broadcast" => {
                let ty = self.value_type()?;
                let (buffer, address) = self.place()?;
                Ok(Expression::Broadcast {
                    access: Access { buffer, address, alignment: 4 },
                    lanes: ty.lanes,
                })
            }
            "to_bits" | "from_bits" | "shift_left" => {
                self.expect("(")?;
                let value = self.expression(depth + 1)?;
                let op = match word {
                    "to_bits" => UnaryOp::ToBits,
                    "from_bits" => UnaryOp::FromBits,
                    _ => {
                        self.expect(",")?;
                        let by: usize = self.number()?;
                        UnaryOp::ShiftLeft(u8::try_from(by).map_err(|_| "a shift is longer than 31 bits")?)
                    }
                };
                self.expect(")")?;
                Ok(value.unary(op))
            }
            "fma" => {
                let [a, b, c] = self.three(depth)?;
                Ok(a.fma(b, c))
            }
            "select" => {
                let [mask, then, otherwise] = self.three(depth)?;
                Ok(mask.select(then, otherwise))
            }
            _ => {
                if let Some(&(op, _)) = BinaryOp::NAMES.iter().find(|(_, name)| *name == word)
                    && self.accept("(")
                {
                    let left = self.expression(depth + 1)?;
                    self.expect(",")?;
                    let right = self.expression(depth + 1)?;
                    self.expect(")")?;
                    return Ok(left.binary(op, right));
                }
                if let Some(local) = self.kernel.locals.iter().position(|local| local.name == word) {
                    return Ok(Expression::Local(LocalId(local as u32)));
                }
                self.rest = before;
                let (array, index) = self.register()?;
                Ok(Expression::register(array, index))
            }
        }
    }

    fn three(&mut self, depth: usize) -> Parsed<[Expression; 3]> {
        self.expect("(")?;
        let a = self.expression(depth + 1)?;
        self.expect(",")?;
        let b = self.expression(depth + 1)?;
        self.expect(",")?;
        let c = self.expression(depth + 1)?;
        self.expect(")")?;
        Ok([a, b, c])
    }

    fn literal(&mut self, element: Element) -> Parsed<u32> {
        self.skip_space();
        let text = self.take(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+'));
        let bits = match (text.strip_prefix("0x"), element) {
            (Some(hexadecimal), _) => u32::from_str_radix(hexadecimal, 16).ok(),
            (None, Element::F32) => text.parse::<f32>().ok().map(f32::to_bits),
            (None, Element::I32) => text.parse::<i32>().ok().map(|value| value as u32),
        };
        bits.ok_or_else(|| format!("{text:?} is not a constant"))
    }

    fn number(&mut self) -> Parsed<usize> {
        usize::try_from(self.integer()?).map_err(|_| "a number must not be negative".to_owned())
    }

    fn integer(&mut self) -> Parsed<i64> {
        self.skip_space();
        let (sign, rest) = match self.rest.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, self.rest),
        };
        self.rest = rest;
        let digits = self.take(|c| c.is_ascii_digit());
        let value: i64 =
            digits.parse().map_err(|_| format!("a number is expected before {:?}", self.rest))?;
        Ok(sign * value)
    }

    fn word(&mut self) -> Parsed<&'text str> {
        self.skip_space();
        let word = self.take(|c| c.is_ascii_alphanumeric() || c == '_');
        if word.is_empty() { Err(format!("a word is expected before {:?}", self.rest)) } else { Ok(word) }
    }

    fn take(&mut self, accept: impl Fn(char) -> bool) -> &'text str {
        let end = self.rest.find(|c| !accept(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    fn accept(&mut self, token: &str) -> bool {
        self.skip_space();
        self.rest.strip_prefix(token).map(|rest| self.rest = rest).is_some()
    }

    fn expect(&mut self, token: &str) -> Parsed<()> {
        if self.accept(token) { Ok(()) } else { Err(format!("{token:?} is expected before {:?}", self.rest)) }
    }

    fn end(&mut self) -> Parsed<()> {
        self.skip_space();
        if self.rest.is_empty() { Ok(()) } else { Err(format!("{:?} is not expected here", self.rest)) }
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start();
    }
}
