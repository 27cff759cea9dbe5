//! Attributes, tensors and types as messages.

use crate::graph::Tensor;
use crate::onnx::messages::{
    Attribute, Dimension, Shape, TensorMessage, TensorTypeMessage, Type, ValueInfo, attribute_type, data_type,
};

pub(super) fn int(name: &str, value: usize) -> Attribute {
    Attribute {
        name: Some(name.to_owned()),
        i: Some(value as i64),
        r#type: Some(attribute_type::INT),
        ..Attribute::default()
    }
}

pub(super) fn ints(name: &str, values: &[usize]) -> Attribute {
    Attribute {
        name: Some(name.to_owned()),
        ints: values.iter().map(|&value| value as i64).collect(),
        r#type: Some(attribute_type::INTS),
        ..Attribute::default()
    }
}

pub(super) fn float(name: &str, value: f32) -> Attribute {
    Attribute {
        name: Some(name.to_owned()),
        f: Some(value),
        r#type: Some(attribute_type::FLOAT),
        ..Attribute::default()
    }
}

pub(super) fn string(name: &str, value: &str) -> Attribute {
    Attribute {
        name: Some(name.to_owned()),
        s: Some(value.as_bytes().to_vec()),
        r#type: Some(attribute_type::STRING),
        ..Attribute::default()
    }
}

pub(super) fn float_tensor(name: &str, tensor: &Tensor) -> TensorMessage {
    TensorMessage {
        dims: tensor.dims().iter().map(|&extent| extent as i64).collect(),
        data_type: Some(data_type::FLOAT),
        name: Some(name.to_owned()),
        raw_data: Some(tensor.data().iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>().into()),
        ..TensorMessage::default()
    }
}

pub(super) fn value_info(name: &str, dims: &[usize]) -> ValueInfo {
    let dim = |&extent: &usize| Dimension { dim_value: Some(extent as i64), dim_param: None };
    let shape = Shape { dim: dims.iter().map(dim).collect() };
    let tensor = TensorTypeMessage { elem_type: Some(data_type::FLOAT), shape: Some(shape) };
    ValueInfo { name: Some(name.to_owned()), r#type: Some(Type { tensor_type: Some(tensor) }) }
}
