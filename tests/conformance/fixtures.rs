//! Tensors that PyTorch computed; the scripts beside them say how.

use rexnet_ir::graph::Tensor;
use safetensors::SafeTensors;
use std::path::PathBuf;

/// A file below `tests/fixtures`.
pub(crate) fn read(path: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(path);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The f32 tensors of a safetensors file.
pub(crate) struct Tensors {
    file: Vec<u8>,
}

impl Tensors {
    /// Those of a file below `tests/fixtures`.
    pub(crate) fn read(path: &str) -> Self {
        Self { file: read(path) }
    }

    /// The tensor of that name.
    pub(crate) fn tensor(&self, name: &str) -> Tensor {
        let tensors = SafeTensors::deserialize(&self.file).unwrap();
        let view = tensors.tensor(name).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(view.dtype(), safetensors::Dtype::F32, "{name}");
        let data: Vec<f32> =
            view.data().as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
        Tensor::new(view.shape(), data).unwrap()
    }
}
