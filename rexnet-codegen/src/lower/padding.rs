//! The channel padding of every stored tensor holds zeros.

use super::node::ALONE;
use crate::loops::{Affine, BufferId, Expression, KernelBuilder};
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

/// As [`clear`], in the section at hand.
pub(super) fn clear_here(
    builder: &mut KernelBuilder,
    buffer: BufferId,
    ty: &TensorType,
    activation: Option<Activation>,
) {
    if activation.is_none_or(|function| function.preserves_zero()) || ty.channels() == ty.padded_channels() {
        return;
    }
    let pixels = ty.batch() * ty.height() * ty.width();
    builder.for_each("pixel", pixels, |builder, pixel| clear_pixel(builder, buffer, ty, &pixel));
}

fn clear_pixel(builder: &mut KernelBuilder, buffer: BufferId, ty: &TensorType, pixel: &Affine) {
    let (channels, padded) = (ty.channels() as i64, ty.padded_channels() as i64);
    builder.repeat("pad", channels, padded, false, |builder, channel| {
        builder.store(buffer, pixel.clone() * padded + channel, Expression::f32(0.0, 1));
    });
}

/// Writes zeros into the channel padding.
pub(super) fn clear_always(builder: &mut KernelBuilder, buffer: BufferId, ty: &TensorType) {
    if ty.channels() == ty.padded_channels() {
        return;
    }
    let pixels = (ty.batch() * ty.height() * ty.width()) as i64;
    builder.section(("pixel", 0..pixels), ALONE, |builder, pixel, _| {
        clear_pixel(builder, buffer, ty, &pixel);
    });
}
