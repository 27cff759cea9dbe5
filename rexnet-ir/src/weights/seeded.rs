//! Weights drawn from a seed, for networks without trained ones.

use crate::diagnostic::Diagnostics;
use crate::graph::{Graph, NodeId, Op, Tensor};

/// What a constant is to the operator that uses it.
#[derive(Clone, Copy)]
enum Role {
    /// A weight whose outputs each sum `fan_in` products.
    Weight {
        fan_in: usize,
    },
    Bias,
    Scale,
    Variance,
}

/// Binds every constant that has no tensor yet. Each tensor is drawn from a generator seeded by its own name
/// and `seed`, so that it depends on nothing else; the scale follows its role (He et al., 2015, with gain √2),
/// so that activations stay in range. Returns how many were drawn.
///
/// # Errors
/// None on a verified graph.
pub fn seed(graph: &mut Graph, seed: u64) -> Result<usize, Diagnostics> {
    let mut drawn = 0;
    for id in graph.order() {
        let node = graph.node(id);
        if node.op != Op::Constant || graph.constant(&node.name).is_some() {
            continue;
        }
        let (name, dims) = (node.name.clone(), node.ty.dims.clone());
        let data = draw(role(graph, id), node.ty.elements(), &name, seed);
        if let Some(tensor) = Tensor::new(dims, data) {
            graph.edit().bind(&name, tensor)?;
            drawn += 1;
        }
    }
    Ok(drawn)
}

/// Binds zeros, which take no memory, to every constant that has no tensor yet: the passes fold them, and the program
/// is that of any weights.
///
/// # Errors
/// None on a verified graph.
pub fn zero(graph: &mut Graph) -> Result<(), Diagnostics> {
    for id in graph.order() {
        let node = graph.node(id);
        if node.op == Op::Constant && graph.constant(&node.name).is_none() {
            let (name, zeros) = (node.name.clone(), Tensor::zeros(node.ty.dims.clone()));
            graph.edit().bind(&name, zeros)?;
        }
    }
    Ok(())
}

fn role(graph: &Graph, constant: NodeId) -> Role {
    let dims = &graph.node(constant).ty.dims;
    let Some(&user) = graph.users(constant).first() else { return Role::Bias };
    let user = graph.node(user);
    let place = user.operands.iter().position(|&operand| operand == constant).unwrap_or(0);
    match (&user.op, place) {
        (Op::Conv2d(_) | Op::Dense(_), 1) | (Op::SqueezeExcite(_), 1 | 3) => {
            Role::Weight { fan_in: dims[1..].iter().product() }
        }
        (Op::BatchNorm(_), 1) => Role::Scale,
        (Op::BatchNorm(_), 4) => Role::Variance,
        _ => Role::Bias,
    }
}

fn draw(role: Role, count: usize, name: &str, seed: u64) -> Vec<f32> {
    // FNV-1a over the name, then SplitMix64: short, well known, the same everywhere.
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let mut state = hash ^ seed;
    let mut uniform = move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        (z >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    };
    // A uniform variable on [-a, a] has the variance a²/3.
    let mut value = move || match role {
        Role::Weight { fan_in } => uniform() * (6.0 / fan_in.max(1) as f32).sqrt(),
        Role::Bias => 0.1 * uniform(),
        Role::Scale => 1.0 + 0.2 * uniform(),
        Role::Variance => 1.0 + 0.3 * uniform(),
    };
    (0..count).map(|_| value()).collect()
}
