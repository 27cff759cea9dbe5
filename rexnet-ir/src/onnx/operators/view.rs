//! Computed tensors of any rank: the elements of a node in row-major order, under extents of their own.

use super::shape::{count, reshaped_node, split};
use super::{Call, MAX_AXES};
use crate::graph::{Expand, NodeId, Op};
use crate::onnx::import::Value;

/// A computed tensor. The graph's tensors have four axes at most; one of more stands between two reshapes.
#[derive(Clone, Debug)]
pub(in crate::onnx) struct View {
    /// The node that holds the elements, in their order.
    pub(in crate::onnx) id: NodeId,
    /// The extents.
    pub(in crate::onnx) dims: Vec<usize>,
}

/// Extents with as few axes as a tensor of the graph has, one of which is `axis`; and its place among them.
pub(super) fn around(dims: &[usize], axis: usize) -> (Vec<usize>, usize) {
    if dims.len() <= 4 {
        return (dims.to_vec(), axis);
    }
    let (outer, extent, inner) = (&dims[..axis], dims[axis], &dims[axis + 1..]);
    match outer.split_last() {
        None => {
            let (rest, last) = inner.split_at(inner.len() - 2);
            (vec![extent, count(rest), last[0], last[1]], 0)
        }
        Some((&last, rest)) => (vec![count(rest), last, extent, count(inner)], 2),
    }
}

impl Call<'_, '_, '_> {
    /// The extents of a value that has some.
    pub(super) fn dims_of(&self, value: &Value) -> Result<Vec<usize>, String> {
        match value {
            Value::Node(id) => Ok(self.type_of(*id).dims.clone()),
            Value::Split(_, dims) => Ok(dims.to_vec()),
            Value::Constant(_, constant) => Ok(constant.dims().to_vec()),
            _ => Err("an input is not known".to_owned()),
        }
    }

    /// An input as a computed tensor of any rank.
    pub(super) fn view(&mut self, place: usize) -> Result<View, String> {
        match self.input(place)?.clone() {
            Value::Split(id, dims) => Ok(View { id, dims: dims.to_vec() }),
            Value::Constant(name, constant) if constant.dims().len() > 4 => {
                let dims = constant.dims().to_vec();
                let flat = constant.reshaped(vec![count(&dims)])?;
                Ok(View { id: self.importer.constant_node(&name, &flat)?, dims })
            }
            value => {
                let id = self.importer.node_of(&value)?;
                Ok(View { id, dims: self.type_of(id).dims.clone() })
            }
        }
    }

    /// The node of a view under extents of as many elements.
    pub(super) fn shaped(&mut self, view: &View, dims: Vec<usize>) -> Result<NodeId, String> {
        reshaped_node(self, view.id, dims)
    }

    /// A view as a result.
    pub(in crate::onnx) fn viewed(&mut self, view: View) -> Result<Vec<Value>, String> {
        let View { id, dims } = view;
        if dims.len() > 4 || dims.is_empty() {
            return split(self, id, dims);
        }
        let id = reshaped_node(self, id, dims)?;
        Call::node(id)
    }

    /// An operator that works along one axis, which may come to another extent; without a step's name, it has the call's.
    pub(super) fn along(
        &mut self,
        view: &View,
        axis: usize,
        step: &str,
        op: impl FnOnce(usize) -> Op,
    ) -> Result<View, String> {
        let (grouped, at) = around(&view.dims, axis);
        let node = self.shaped(view, grouped)?;
        let id = match step {
            "" => self.add(op(at), &[node])?,
            step => self.add_step(step, op(at), &[node])?,
        };
        let mut dims = view.dims.clone();
        dims[axis] = self.type_of(id).dims[at];
        Ok(View { id, dims })
    }

    /// Axes of extent 1 repeated, and new ones in front: where the axes are too many, one after the other.
    pub(super) fn stretched_view(&mut self, view: &View, dims: &[usize]) -> Result<View, String> {
        let front = dims.len().checked_sub(view.dims.len()).ok_or("axes cannot be taken away")?;
        if dims.len() > MAX_AXES {
            return Err(format!("a tensor of rank {}; at most {MAX_AXES} is supported", dims.len()));
        }
        if dims.len() <= 4 {
            let id = self.shaped(view, view.dims.clone())?;
            let op = Op::Expand(Expand { dims: dims.to_vec() });
            let id = if view.dims == dims { id } else { self.add_step("stretched", op, &[id])? };
            return Ok(View { id, dims: dims.to_vec() });
        }
        let mut result = View { id: view.id, dims: [vec![1; front], view.dims.clone()].concat() };
        for (axis, &extent) in dims.iter().enumerate() {
            if result.dims[axis] != extent {
                let (mut grouped, at) = around(&result.dims, axis);
                let node = self.shaped(&result, grouped.clone())?;
                grouped[at] = extent;
                let op = Op::Expand(Expand { dims: grouped });
                result.id = self.add_step("stretched", op, &[node])?;
                result.dims[axis] = extent;
            }
        }
        Ok(result)
    }
}
