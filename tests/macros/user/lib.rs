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

/// The private network's parameters.
#[must_use]
pub const fn parameters() -> u64 {
    Rexnet::PARAMS
}
