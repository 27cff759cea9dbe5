//! Inputs that are the same on every machine.

/// `count` values spread evenly over -2 to 2: SplitMix64, seeded.
pub(crate) fn values(seed: u64, count: usize) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    (0..count).map(|_| (next() >> 40) as f32 / (1u64 << 22) as f32 - 2.0).collect()
}

/// One input for each of a graph's, of the size that it needs.
pub(crate) fn for_graph(graph: &rexnet_ir::graph::Graph) -> Vec<Vec<f32>> {
    let sizes = graph.inputs().into_iter().map(|id| graph.node(id).ty.elements());
    sizes.enumerate().map(|(index, size)| values(index as u64, size)).collect()
}

/// As slices.
pub(crate) fn borrow(inputs: &[Vec<f32>]) -> Vec<&[f32]> {
    inputs.iter().map(Vec::as_slice).collect()
}
