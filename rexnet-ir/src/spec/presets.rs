//! The presets: spec files that are compiled in. A new one is a file and a row.

/// A named spec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preset {
    /// The name by which specs call it, and that of the network in it.
    pub name: &'static str,
    /// The text of its file.
    pub source: &'static str,
}

macro_rules! presets {
    ($($name:literal),* $(,)?) => {
        /// All presets.
        pub const PRESETS: &[Preset] = &[$(Preset {
            name: $name,
            source: include_str!(concat!("../../presets/", $name, ".rexnet")),
        }),*];
    };
}

presets![
    "rexnet",
    "rexnetr",
    "rexnet_lite",
    "rexnet_ssdlite",
    "mobilenet_v2",
    "fbnet_c",
    "fbnet_c_timm",
    "proxylessnas_r",
    "mnasnet_a1",
    "mixnet_m",
    "efficientnet_b0",
    "atomnas_c",
    "atomnas_c_plus",
    "fairnas_a",
    "fairnas_a_se",
    "fairdarts_c",
    "se_darts_plus",
    "efficientnet_lite0",
    "efficientnet_lite1",
    "efficientnet_lite2",
];
