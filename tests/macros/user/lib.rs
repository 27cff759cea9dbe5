//! A library that offers networks to others, under strict lints.
#![deny(warnings, missing_docs, unreachable_pub, rustdoc::all, clippy::all, clippy::pedantic, clippy::nursery)]
#![forbid(unsafe_code)]
#![deny(missing_debug_implementations, unused_qualifications, unused_lifetimes, single_use_lifetimes)]
#![deny(let_underscore_drop, non_ascii_idents, trivial_casts, trivial_numeric_casts, unused_results)]

rexnet::rexnet!(width = 0.5);

rexnet::network! {
    /// EfficientNet-Lite0, of which somebody else has the weights.
    #[doc(alias = "lite")]
    pub struct Lite0;
    efficientnet_lite0(size = 64)
}

rexnet::network! {
    /// A model of the crate, its kernels machine code.
    pub struct Model;
    "models/small.onnx",
    emit = "asm",
    targets = [avx512, avx2, neon, portable],
    precision = f32,
}

rexnet::network! {
    /// A spec of the crate, for a crate that has rexnet under another name.
    pub struct Named;
    "models/named.rexnet",
    labels = "models/named.labels",
    crate = crate::vision,
    batch = 1,
}

/// What this crate calls rexnet.
pub mod vision {
    pub use rexnet::*;
}

/// The classes that a photograph may show.
///
/// # Errors
/// When the photograph is too narrow.
pub fn classes(
    network: &Named,
    photograph: &rexnet::image::Rgb8Image,
) -> Result<Vec<&'static str>, rexnet::image::ImageError> {
    let predictions = network.session().classify(photograph)?;
    Ok(predictions.iter().map(|prediction| Named::LABELS[prediction.index]).collect())
}

/// The private network's parameters.
#[must_use]
pub const fn parameters() -> u64 {
    Rexnet::PARAMS
}
