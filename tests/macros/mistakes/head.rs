rexnet::rexnet! { pub struct Classifier, width = 1.0 }
rexnet::rexnet! { pub struct Scratch; width = 1.0, width = 2.0 }
rexnet::network!();

fn main() {
    rexnet::rexnet!(width: 1.0);
}
