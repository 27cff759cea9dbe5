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

presets!["rexnet", "efficientnet_lite0"];
