rexnet::network!("models/wrong.rexnet");
rexnet::network!("models/wrong.onnx");
rexnet::network!("models/none.onnx");
rexnet::network!("/models/absolute.rexnet");

fn main() {}
