//! Calls of the model's own functions replaced by their nodes.

use super::import::{OPSETS, standard_version};
use super::messages::{Attribute, Function, Node};
use prost::Message;
use std::collections::HashMap;

/// The deepest nesting of calls.
const MAX_DEPTH: usize = 16;
/// The most nodes, and the most calls, after all calls are replaced.
const MAX_NODES: usize = 1 << 17;
/// The most memory of the nodes that replace calls, in bytes.
const MAX_BYTES: usize = 24 << 20;

/// The most attributes of a call.
const MAX_ATTRIBUTES: usize = 64;

/// A node that calls no function, with the version of the standard operators where it stands.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) node: Node,
    pub(super) opset: i64,
}

/// The nodes of a model without calls.
#[derive(Debug, Default)]
pub(super) struct Inlined {
    pub(super) nodes: Vec<Placed>,
    /// The calls that cannot be replaced, and why.
    pub(super) refused: Vec<(Node, String)>,
}

/// Replaces every call of one of `functions`; names inside are made unique. Recursion ends as a refused call,
/// since calls may only nest [`MAX_DEPTH`] deep.
pub(super) fn inline(nodes: Vec<Node>, functions: &[Function], opset: i64) -> Inlined {
    let mut by_key: HashMap<Key<'_>, Vec<&Function>> = HashMap::new();
    for function in functions {
        by_key.entry(key(&function.domain, &function.name, &function.overload)).or_default().push(function);
    }
    let mut expansion =
        Expansion { functions: by_key, inlined: Inlined::default(), calls: 0, bytes: 0, exhausted: false };
    for node in nodes {
        expansion.node(node, opset, 0);
    }
    expansion.inlined
}

/// Domain, name, overload.
type Key<'a> = [&'a str; 3];

fn key<'a>(domain: &'a Option<String>, name: &'a Option<String>, overload: &'a Option<String>) -> Key<'a> {
    let domain = domain.as_deref().filter(|&domain| domain != "ai.onnx").unwrap_or("");
    [domain, name.as_deref().unwrap_or(""), overload.as_deref().unwrap_or("")]
}

struct Expansion<'a> {
    functions: HashMap<Key<'a>, Vec<&'a Function>>,
    inlined: Inlined,
    calls: usize,
    bytes: usize,
    /// A limit was reached, and told once; all further calls are refused with the same words.
    exhausted: bool,
}

impl<'a> Expansion<'a> {
    fn node(&mut self, node: Node, opset: i64, depth: usize) {
        let found = self.functions.get(&key(&node.domain, &node.op_type, &node.overload));
        let outcome = match found.map(Vec::as_slice) {
            None if depth > 0 && self.inlined.nodes.len() >= MAX_NODES => Err(self.exhaust()),
            None => {
                self.inlined.nodes.push(Placed { node, opset });
                return;
            }
            Some(&[function]) => self.call(&node, function, opset, depth),
            Some(_) => Err("the function is defined more than once".to_owned()),
        };
        if let Err(cause) = outcome {
            self.inlined.refused.push((node, cause));
        }
    }

    fn exhaust(&mut self) -> String {
        self.exhausted = true;
        "the functions expand to too many nodes".to_owned()
    }

    fn call(&mut self, node: &Node, function: &'a Function, opset: i64, depth: usize) -> Result<(), String> {
        let name = function.name.as_deref().unwrap_or("");
        if depth >= MAX_DEPTH {
            return Err(format!("calls of functions are nested more than {MAX_DEPTH} deep"));
        }
        if node.input.len() > function.input.len() || node.output.len() > function.output.len() {
            return Err("the call has more inputs or outputs than the function".to_owned());
        }
        if node.attribute.len().max(function.attribute_proto.len()) > MAX_ATTRIBUTES {
            return Err(format!("a function with more than {MAX_ATTRIBUTES} attributes is not supported"));
        }
        let opset = standard_version(&function.opset_import).unwrap_or(opset);
        if !OPSETS.contains(&opset) {
            return Err(format!("the function's operator set {opset} is not supported"));
        }
        self.calls += 1;
        self.bytes += 64 * (function.input.len() + function.output.len());
        if self.exhausted || self.calls > MAX_NODES || self.bytes > MAX_BYTES {
            return Err(self.exhaust());
        }
        let prefix = format!(
            "{}#{}/",
            node.name.as_deref().filter(|name| !name.is_empty()).unwrap_or(name),
            self.calls
        );
        let names = bound_names(node, function);
        let rename = |inner: &str| match names.get(inner) {
            Some(outer) => (*outer).to_owned(),
            None if inner.is_empty() => String::new(),
            None => format!("{prefix}{inner}"),
        };
        for inner in &function.node {
            let attributes =
                || inner.attribute.iter().filter_map(|attribute| bound(attribute, node, function));
            self.bytes += memory(inner, attributes(), &prefix);
            if self.exhausted || self.bytes > MAX_BYTES {
                return Err(self.exhaust());
            }
            let replaced = Node {
                input: inner.input.iter().map(|name| rename(name)).collect(),
                output: inner.output.iter().map(|name| rename(name)).collect(),
                name: Some(format!("{prefix}{}", inner.name.as_deref().unwrap_or(""))),
                attribute: attributes()
                    .map(|(name, value)| Attribute { name: name.clone(), ..value.clone() })
                    .collect(),
                op_type: inner.op_type.clone(),
                domain: inner.domain.clone(),
                overload: inner.overload.clone(),
            };
            self.node(replaced, opset, depth + 1);
        }
        Ok(())
    }
}

/// What the function's inputs and outputs are called outside.
fn bound_names<'n>(node: &'n Node, function: &'n Function) -> HashMap<&'n str, &'n str> {
    // An input that is left out is an empty name inside too.
    let outer = node.input.iter().map(String::as_str).chain(std::iter::repeat(""));
    let mut names: HashMap<&str, &str> = function.input.iter().map(String::as_str).zip(outer).collect();
    for (inner, outer) in function.output.iter().zip(&node.output) {
        if !outer.is_empty() {
            names.insert(inner, outer);
        }
    }
    names
}

/// About what a copy of a node takes, with these attributes and prefixed names. Packed numbers grow.
fn memory<'n>(
    node: &Node,
    attributes: impl Iterator<Item = (&'n Option<String>, &'n Attribute)>,
    prefix: &str,
) -> usize {
    let own = node.input.iter().chain(&node.output).map(|name| name.len()).sum::<usize>();
    let names = 1 + node.input.len() + node.output.len();
    let attributes: usize =
        attributes.map(|(_, value)| size_of::<Attribute>() + 4 * value.encoded_len()).sum();
    size_of::<Placed>() + own + names * (size_of::<String>() + prefix.len()) + attributes
}

/// An attribute of a node inside a function, as its name and its value: where it refers to one of the function's,
/// the call's value, else the function's default, else none.
fn bound<'n>(
    attribute: &'n Attribute,
    call: &'n Node,
    function: &'n Function,
) -> Option<(&'n Option<String>, &'n Attribute)> {
    let Some(reference) = attribute.ref_attr_name.as_deref().filter(|name| !name.is_empty()) else {
        return Some((&attribute.name, attribute));
    };
    let mut given = call.attribute.iter().chain(&function.attribute_proto);
    Some((&attribute.name, given.find(|other| other.name.as_deref() == Some(reference))?))
}
