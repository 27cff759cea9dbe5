rexnet::rexnet!(width = 0.5, emit = "c", precision = f16, targets = [avx1], std = maybe);
rexnet::network! {
    pub struct Wide;
    rexnet(width = 0.5),
    targets = [neon, neon],
    crate = "rexnet",
    labels = 5,
    labels = "models/none.labels",
}
rexnet::rexnet!(width = 0.5, classes = 10, size = 32, labels = "models/two.labels");
rexnet::rexnet!(width = 0.5, classes = 10, size = 32, targets = [neon]);

fn main() {}
