//! The protocol's text stands on its own.
#![cfg(not(loom))]

mod atomic {
    pub(super) use core::sync::atomic::{AtomicUsize, Ordering};
}

// As a program without this crate has it.
#[expect(dead_code, unreachable_pub, reason = "it need only compile")]
#[path = "../src/protocol.rs"]
mod protocol;

#[test]
fn the_text_is_a_file_that_needs_core_and_atomics() {
    let text = rexnet_threads::PROTOCOL_SOURCE;
    let file = syn::parse_file(text).unwrap();
    let uses: Vec<_> = text.lines().filter(|line| line.starts_with("use ")).collect();
    assert_eq!(uses, ["use super::atomic::{AtomicUsize, Ordering};", "use core::ops::Range;"]);
    for word in ["std::", "alloc::", "crate::", "#[cfg", "#[test]", "unsafe"] {
        assert!(!text.contains(word), "{word}");
    }
    let named = |name: &str| {
        file.items.iter().any(|item| match item {
            syn::Item::Struct(item) => item.ident == name,
            syn::Item::Trait(item) => item.ident == name,
            _ => false,
        })
    };
    assert!(named("Progress") && named("Threads"));
}
