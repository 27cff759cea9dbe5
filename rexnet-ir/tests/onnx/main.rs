//! ONNX in and out: files of PyTorch's exporters, our own export, and ONNX Runtime's answers on it.

mod exporters;
mod files;
mod names;
mod round_trip;
mod runtime;
mod tensors;
