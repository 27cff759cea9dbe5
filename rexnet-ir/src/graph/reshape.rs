//! The ways in which a tensor gets other extents without a change of its elements.

use super::ops::{Attribute, Exported, Family};

/// The same elements in row-major order under other extents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reshape {
    /// `[n, c, h, w]` to `[n, c*h*w]` (ONNX Flatten, axis 1).
    Flatten,
    /// `[n, c]` to `[n, c, 1, 1]` (ONNX Unsqueeze).
    Unflatten,
    /// To these extents, of as many elements (ONNX Reshape).
    To(Vec<usize>),
}

impl Reshape {
    /// The extents of the result; the error says what does not fit.
    pub(super) fn dims(&self, from: &[usize]) -> Result<Vec<usize>, String> {
        match self {
            Reshape::Flatten => Ok(vec![from[0], from[1..].iter().product()]),
            Reshape::Unflatten => match from {
                &[n, c] => Ok(vec![n, c, 1, 1]),
                dims => Err(format!("shape {dims:?} is not of rank 2")),
            },
            Reshape::To(dims) => {
                let count = dims.iter().try_fold(1usize, |product, &extent| product.checked_mul(extent));
                if count == Some(from.iter().product()) {
                    Ok(dims.clone())
                } else {
                    Err(format!("shape {from:?} cannot become {dims:?}"))
                }
            }
        }
    }

    /// How ONNX spells it.
    pub fn exported(&self) -> Exported {
        Exported::As(match self {
            Reshape::Flatten => "Flatten",
            Reshape::Unflatten => "Unsqueeze",
            Reshape::To(_) => "Reshape",
        })
    }
}

impl Family for Reshape {
    const NAMES: &'static [&'static str] = &["flatten", "unflatten", "reshape"];

    fn name(&self) -> &'static str {
        match self {
            Reshape::Flatten => "flatten",
            Reshape::Unflatten => "unflatten",
            Reshape::To(_) => "reshape",
        }
    }

    fn attributes(&self) -> Vec<(&'static str, Option<String>)> {
        match self {
            Reshape::Flatten | Reshape::Unflatten => Vec::new(),
            Reshape::To(dims) => vec![("dims", dims.print())],
        }
    }

    fn known(name: &str) -> &'static [&'static str] {
        if name == "reshape" { &["dims"] } else { &[] }
    }

    fn parse(name: &str, text: &dyn Fn(&str) -> Option<String>) -> Result<Self, &'static str> {
        match name {
            "flatten" => Ok(Reshape::Flatten),
            "unflatten" => Ok(Reshape::Unflatten),
            "reshape" => Attribute::parse(text("dims").as_deref()).map(Reshape::To).ok_or("dims"),
            _ => Err("name"),
        }
    }
}
