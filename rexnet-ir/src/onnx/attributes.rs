//! The attributes of a node, read with their types.

use super::messages::{Attribute, Node, TensorMessage, attribute_type};

/// A node's attributes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attributes<'a>(pub(super) &'a [Attribute]);

impl<'a> Attributes<'a> {
    pub(super) fn of(node: &'a Node) -> Self {
        Self(&node.attribute)
    }

    /// Every attribute is among the known ones of that version of the standard operators, and none is given twice.
    pub(super) fn check(&self, known: &[&str], opset: i64) -> Result<(), String> {
        let mut seen = Vec::with_capacity(known.len());
        for attribute in self.0 {
            let name = attribute.name.as_deref().unwrap_or("");
            // Which memory an engine of the first version may reuse says nothing about values.
            if name == "consumed_inputs" && opset < 6 {
                continue;
            }
            if !known.contains(&name) || name == "is_test" && opset >= 7 {
                return Err(format!("attribute {name} is not known"));
            }
            if seen.contains(&name) {
                return Err(format!("attribute {name} is given twice"));
            }
            seen.push(name);
        }
        Ok(())
    }

    fn find(&self, name: &str, kind: i32) -> Result<Option<&'a Attribute>, String> {
        let Some(attribute) = self.0.iter().find(|attribute| attribute.name.as_deref() == Some(name)) else {
            return Ok(None);
        };
        if attribute.ref_attr_name.as_deref().is_some_and(|name| !name.is_empty()) {
            return Err(format!("attribute {name} refers to a function's attribute that is not given"));
        }
        match attribute.r#type {
            Some(given) if given == kind => Ok(Some(attribute)),
            None | Some(0) => Err(format!("attribute {name} has no type")),
            Some(_) => Err(format!("attribute {name} has another type")),
        }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|attribute| attribute.name.as_deref() == Some(name))
    }

    pub(super) fn int(&self, name: &str, default: i64) -> Result<i64, String> {
        Ok(self.find(name, attribute_type::INT)?.map_or(default, |attribute| attribute.i.unwrap_or(0)))
    }

    pub(super) fn float(&self, name: &str, default: f32) -> Result<f32, String> {
        Ok(self.find(name, attribute_type::FLOAT)?.map_or(default, |attribute| attribute.f.unwrap_or(0.0)))
    }

    pub(super) fn ints(&self, name: &str) -> Result<Option<&'a [i64]>, String> {
        Ok(self.find(name, attribute_type::INTS)?.map(|attribute| attribute.ints.as_slice()))
    }

    pub(super) fn floats(&self, name: &str) -> Result<Option<&'a [f32]>, String> {
        Ok(self.find(name, attribute_type::FLOATS)?.map(|attribute| attribute.floats.as_slice()))
    }

    pub(super) fn tensor(&self, name: &str) -> Result<Option<&'a TensorMessage>, String> {
        let attribute = self.find(name, attribute_type::TENSOR)?;
        let tensor = attribute.map(|attribute| attribute.t.as_deref());
        tensor.map(|tensor| tensor.ok_or_else(|| format!("attribute {name} holds no tensor"))).transpose()
    }

    pub(super) fn string(&self, name: &str) -> Result<Option<String>, String> {
        let attribute = self.find(name, attribute_type::STRING)?;
        let bytes = attribute.map(|attribute| attribute.s.clone().unwrap_or_default());
        bytes
            .map(|bytes| String::from_utf8(bytes).map_err(|_| format!("attribute {name} is no text")))
            .transpose()
    }
}
