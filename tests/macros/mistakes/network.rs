rexnet::network! {
    pub(crate) struct Tiny;
    network tiny(size = 16) {
        input: [3, size, side],
        classes: 4,
        batch_norm: { epsilon: 1e-5 },
        stem: { channels: 8, kernel: 4, stride: 2, activation: silu },
        blocks: {
            repeats: [1],
            channels: 8.5,
            depthwise: { kernel: 3, stride: 1, activation: relu7 },
        },
    },
    width = 1.0,
}

fn main() {}
