//! The channel padding of every stored tensor holds zeros.

use super::node::ALONE;
use crate::loops::{BufferId, Expression, KernelBuilder};
use rexnet_ir::graph::{Activation, TensorType};

/// Writes zeros into the channel padding after a kernel whose last function does not keep zero: packed weights
/// and biases are zero there, so sums are, but `sigmoid(0)` is not.
pub(super) fn clear(
    builder: &mut KernelBuilder,
    buffer: BufferId,
    ty: &TensorType,
    activation: Option<Activation>,
) {
    if activation.is_some_and(|function| !function.preserves_zero()) {
        clear_always(builder, buffer, ty);
    }
}

/// Writes zeros into the channel padding.
pub(super) fn clear_always(builder: &mut KernelBuilder, buffer: BufferId, ty: &TensorType) {
    let (channels, padded) = (ty.channels(), ty.padded_channels());
    if channels == padded {
        return;
    }
    let pixels = (ty.batch() * ty.height() * ty.width()) as i64;
    builder.section(("pixel", 0..pixels), ALONE, |builder, pixel, _| {
        builder.repeat("pad", channels as i64, padded as i64, false, |builder, channel| {
            builder.store(buffer, pixel * padded as i64 + channel, Expression::f32(0.0, 1));
        });
    });
}
