//! The network that is always there: EfficientNet-Lite0 with its trained ImageNet weights.

use rexnet_ir::spec::{self, Network};

/// The spec of the embedded network.
pub(crate) const SPEC: &str = "efficientnet_lite0";

/// Its weights, a safetensors file in half precision (Apache-2.0; see `models/efficientnet_lite0/NOTICE`).
pub(crate) static WEIGHTS: &[u8] = include_bytes!("../../models/efficientnet_lite0/weights.safetensors");

/// Whether [`WEIGHTS`] were trained for exactly this network.
pub(crate) fn fits(network: &Network) -> bool {
    spec::parse_network(SPEC).is_ok_and(|embedded| embedded == *network)
}
