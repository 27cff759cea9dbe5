rexnet::rexnet!(widht = 1.0);
rexnet::rexnet! {
    /// Two at once.
    pub struct Classifier;
    width = -1.0, classes = 2.5,
}
rexnet::network!(efficientnet(width = 1.0));

fn main() {}
