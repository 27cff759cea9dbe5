//! Reads the text form of a graph: a node or an output a line; a line that begins with `;` is a comment.

use super::{Graph, Layout, Node, NodeId, Op, TensorType};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Location};
use std::collections::HashMap;

/// The longest text that is read, in bytes.
const MAX_TEXT: usize = 16 << 20;

/// Reads what [`Graph`]'s `Display` prints and verifies it. Operands must stand before their users. Constants
/// have shapes but no tensors.
///
/// # Errors
/// `RX0201` for each line that does not read, with its number; otherwise whatever
/// [`verify`](Graph::verify) finds.
pub fn parse(text: &str) -> Result<Graph, Diagnostics> {
    let fault = |line: usize, cause: String| Diagnostic::new(Code::GraphSyntax, Location::Line(line), cause);
    if text.len() > MAX_TEXT {
        return Err(fault(1, format!("the text is longer than {MAX_TEXT} bytes")).into());
    }
    let mut faults = Diagnostics::default();
    let mut graph: Option<Graph> = None;
    let mut closed = false;
    let mut numbers: HashMap<u32, NodeId> = HashMap::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with(';') {
            continue;
        }
        let mut reader = Reader { rest: line };
        let result = match &mut graph {
            None => reader.header().map(|name| graph = Some(Graph::new(name))),
            Some(_) if closed => Err("nothing may follow the closing brace".to_owned()),
            Some(_) if line == "}" => {
                closed = true;
                Ok(())
            }
            Some(graph) if line.starts_with("output") => reader.output(graph, &numbers),
            Some(graph) => reader.node(graph, &mut numbers),
        };
        if let Err(cause) = result {
            faults.push(fault(index + 1, cause));
        }
    }
    let lines = text.lines().count().max(1);
    let Some(graph) = graph else {
        faults.push(fault(lines, "there is no graph".to_owned()));
        return Err(faults);
    };
    if !closed {
        faults.push(fault(lines, "the closing brace is missing".to_owned()));
    }
    let graph = faults.into_result(graph)?;
    graph.verify()?;
    Ok(graph)
}

/// Numbers between brackets; none between `[` and `]`.
fn extents(text: &str) -> Option<Vec<usize>> {
    match text.strip_prefix('[')?.strip_suffix(']')? {
        "" => Some(Vec::new()),
        list => list.split(',').map(|extent| extent.trim().parse().ok()).collect(),
    }
}

struct Reader<'text> {
    rest: &'text str,
}

impl<'text> Reader<'text> {
    fn header(&mut self) -> Result<String, String> {
        self.expect("graph")?;
        let name = self.name()?;
        self.expect("{")?;
        self.end()?;
        Ok(name)
    }

    fn output(&mut self, graph: &mut Graph, numbers: &HashMap<u32, NodeId>) -> Result<(), String> {
        self.expect("output")?;
        let name = self.name()?;
        self.expect("=")?;
        let node = self.operand(numbers)?;
        if self.accept("as") {
            let dims = extents(self.value()?).ok_or("extents such as [20,7] are expected")?;
            graph.edit().output_as(name, node, dims);
        } else {
            graph.edit().output(name, node);
        }
        self.end()
    }

    fn node(&mut self, graph: &mut Graph, numbers: &mut HashMap<u32, NodeId>) -> Result<(), String> {
        let number = self.number()?;
        self.expect("=")?;
        let op_name = self.word()?;
        self.expect("(")?;
        let mut operands = Vec::new();
        while !self.accept(")") {
            if !operands.is_empty() {
                self.expect(",")?;
            }
            operands.push(self.operand(numbers)?);
        }
        let mut attributes = Vec::new();
        if self.accept("{") {
            while !self.accept("}") {
                if !attributes.is_empty() {
                    self.expect(",")?;
                }
                let key = self.word()?;
                self.expect("=")?;
                attributes.push((key.to_owned(), self.value()?.to_owned()));
            }
        }
        let name = self.name()?;
        self.expect(":")?;
        let ty = self.tensor_type()?;
        self.end()?;
        let op = Op::from_text(op_name, &attributes)?;
        super::shape::check_extents(&ty).map_err(|fault| fault.at(&name).cause)?;
        if !op.arity().contains(&operands.len()) {
            return Err(format!("{op_name} does not take {} operands", operands.len()));
        }
        let id = graph.edit().insert_parsed(Node { name, op, operands, ty });
        if numbers.insert(number, id).is_some() {
            return Err(format!("%{number} stands for two nodes"));
        }
        Ok(())
    }

    fn tensor_type(&mut self) -> Result<TensorType, String> {
        self.expect("f32")?;
        let dims = extents(self.value()?).ok_or("a shape such as f32[1,3,224,224] is expected")?;
        let layout = self.word()?;
        let layout = Layout::from_name(layout).ok_or_else(|| format!("there is no layout {layout}"))?;
        Ok(TensorType { dims, layout })
    }

    fn operand(&mut self, numbers: &HashMap<u32, NodeId>) -> Result<NodeId, String> {
        let number = self.number()?;
        numbers.get(&number).copied().ok_or_else(|| format!("%{number} is not defined above"))
    }

    fn number(&mut self) -> Result<u32, String> {
        self.expect("%")?;
        let digits = self.take(|c| c.is_ascii_digit());
        digits.parse().map_err(|_| "a number after % is expected".to_owned())
    }

    fn name(&mut self) -> Result<String, String> {
        self.expect("@")?;
        if self.rest.starts_with('"') {
            // Rust's string literals are what the printer writes; syn reads exactly those.
            let end = self.rest[1..]
                .char_indices()
                .scan(false, |escaped, (at, c)| {
                    let closing = c == '"' && !*escaped;
                    *escaped = c == '\\' && !*escaped;
                    Some((at, closing))
                })
                .find(|&(_, closing)| closing)
                .map(|(at, _)| at + 2)
                .ok_or("the name's closing quote is missing")?;
            let (literal, rest) = self.rest.split_at(end);
            self.rest = rest;
            return syn::parse_str::<syn::LitStr>(literal)
                .map(|literal| literal.value())
                .map_err(|_| "the quoted name is not a string literal".to_owned());
        }
        let name = self.take(|c| super::print::is_plain_name(c.encode_utf8(&mut [0; 4])));
        if name.is_empty() { Err("a name after @ is expected".to_owned()) } else { Ok(name.to_owned()) }
    }

    /// An attribute's text: a word, a number or a bracketed list.
    fn value(&mut self) -> Result<&'text str, String> {
        self.skip_space();
        let end = if self.rest.starts_with('[') {
            self.rest.find(']').map(|at| at + 1)
        } else {
            self.rest.find([',', '}', ' '])
        };
        let (value, rest) = self.rest.split_at(end.ok_or("a value is expected")?);
        self.rest = rest;
        Ok(value)
    }

    fn word(&mut self) -> Result<&'text str, String> {
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

    fn expect(&mut self, token: &str) -> Result<(), String> {
        if self.accept(token) { Ok(()) } else { Err(format!("{token:?} is expected before {:?}", self.rest)) }
    }

    fn end(&mut self) -> Result<(), String> {
        self.skip_space();
        if self.rest.is_empty() { Ok(()) } else { Err(format!("{:?} is not expected here", self.rest)) }
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start();
    }
}
