//! Calls of the model's own functions replaced by their nodes.

use super::messages::{Attribute, Function, Node};
use std::collections::HashMap;

/// The deepest nesting of calls.
const MAX_DEPTH: usize = 16;
/// The most nodes after all calls are replaced.
const MAX_NODES: usize = 1 << 17;

/// The nodes with every call of one of `functions` replaced, names inside made unique.
///
/// # Errors
/// Calls nested too deeply (or recursive), too many nodes, or a call that does not fit its function.
pub(super) fn inline(nodes: Vec<Node>, functions: &[Function]) -> Result<Vec<Node>, String> {
    let mut result = Vec::with_capacity(nodes.len());
    let mut calls = 0;
    for node in nodes {
        expand(node, functions, 0, &mut calls, &mut result)?;
    }
    Ok(result)
}

fn domain(name: Option<&str>) -> &str {
    match name {
        None | Some("ai.onnx") => "",
        Some(name) => name,
    }
}

fn expand(
    node: Node,
    functions: &[Function],
    depth: usize,
    calls: &mut usize,
    result: &mut Vec<Node>,
) -> Result<(), String> {
    let called = functions.iter().find(|function| {
        function.name == node.op_type
            && domain(function.domain.as_deref()) == domain(node.domain.as_deref())
            && function.overload.as_deref().unwrap_or("") == node.overload.as_deref().unwrap_or("")
    });
    let Some(function) = called else {
        if result.len() >= MAX_NODES {
            return Err(format!("the functions expand to more than {MAX_NODES} nodes"));
        }
        result.push(node);
        return Ok(());
    };
    let name = function.name.clone().unwrap_or_default();
    if depth >= MAX_DEPTH {
        return Err(format!("calls of {name} are nested more than {MAX_DEPTH} deep"));
    }
    if node.input.len() > function.input.len() || node.output.len() > function.output.len() {
        return Err(format!("a call of {name} has more inputs or outputs than the function"));
    }
    *calls += 1;
    if *calls > MAX_NODES {
        return Err(format!("the functions expand to more than {MAX_NODES} calls"));
    }
    let prefix = format!("{}#{calls}/", node.name.as_deref().unwrap_or(&name));
    let mut names: HashMap<&str, String> = HashMap::new();
    for (place, inner) in function.input.iter().enumerate() {
        // An input that is left out is an empty name inside too.
        names.insert(inner, node.input.get(place).cloned().unwrap_or_default());
    }
    for (inner, outer) in function.output.iter().zip(&node.output) {
        if !outer.is_empty() {
            names.insert(inner, outer.clone());
        }
    }
    let rename = |inner: &str| match names.get(inner) {
        Some(outer) => outer.clone(),
        None if inner.is_empty() => String::new(),
        None => format!("{prefix}{inner}"),
    };
    for inner in &function.node {
        let replaced = Node {
            input: inner.input.iter().map(|name| rename(name)).collect(),
            output: inner.output.iter().map(|name| rename(name)).collect(),
            name: Some(format!("{prefix}{}", inner.name.as_deref().unwrap_or(""))),
            attribute: inner
                .attribute
                .iter()
                .filter_map(|attribute| bind(attribute, &node, function))
                .collect(),
            ..inner.clone()
        };
        expand(replaced, functions, depth + 1, calls, result)?;
    }
    Ok(())
}

/// An attribute of a node inside a function: where it refers to one of the function's, the call's value, else
/// the function's default, else none.
fn bind(attribute: &Attribute, call: &Node, function: &Function) -> Option<Attribute> {
    let Some(reference) = attribute.ref_attr_name.as_deref().filter(|name| !name.is_empty()) else {
        return Some(attribute.clone());
    };
    let named = |attributes: &[Attribute]| {
        attributes.iter().find(|other| other.name.as_deref() == Some(reference)).cloned()
    };
    let value = named(&call.attribute).or_else(|| named(&function.attribute_proto))?;
    Some(Attribute { name: attribute.name.clone(), ..value })
}
