rexnet::rexnet!(width = 1.0, weights = "weights/none.rxw");
rexnet::rexnet!(width = 1.0, weights = "weights/timm.safetensors");
rexnet::rexnet!(width = 0.6, size = 32, weights = "weights/seeded.rxw");
rexnet::rexnet!(weights = 5, batch = 0);

fn main() {}
