//! Kernels of a sort, for summaries.

/// What a kernel does, from the name that lowering gave it: its operators without shapes, `expand + depthwise` or
/// `squeeze-excite`.
pub(super) fn kind(kernel: &str) -> String {
    let parts: Vec<&str> = kernel.split('_').collect();
    let has = |wanted: &str| parts.contains(&wanted);
    // Fused kernels name their operators in order, shapes between them.
    let fused: Vec<&str> =
        ["stem", "expand", "depthwise", "project"].into_iter().filter(|name| has(name)).collect();
    if fused.len() > 1 {
        return fused.join(" + ");
    }
    let words: Vec<&str> = parts
        .iter()
        .copied()
        .take_while(|part| !part.contains(|letter: char| letter.is_ascii_digit()))
        .collect();
    match words[..] {
        [] => parts[0].trim_end_matches(|letter: char| letter.is_ascii_digit()).to_owned(),
        ["pointwise"] if has("gate") => "gate + pointwise".to_owned(),
        _ => words.join("-"),
    }
}

#[cfg(test)]
mod tests {
    use super::kind;

    #[test]
    fn kinds_are_operators_without_shapes() {
        for (kernel, expected) in [
            ("pointwise_c32_1x16x112x112", "pointwise"),
            ("pointwise_c300_1x61x28x28_gate_on_relu6_shortcut", "gate + pointwise"),
            ("expand_c16_silu_depthwise_3x3_s2_c96_1x96x56x56_relu6", "expand + depthwise"),
            ("depthwise_3x3_c32_1x32x112x112_relu6", "depthwise"),
            ("squeeze_excite_1x228x28x28", "squeeze-excite"),
            ("global_average_pool_1x1280x7x7", "global-average-pool"),
            ("grouped2_3x3_c8_1x8x4x4", "grouped"),
            ("dense_1x1280", "dense"),
            ("dense_1x1280_2", "dense"),
            ("add", "add"),
        ] {
            assert_eq!(kind(kernel), expected);
        }
    }
}
