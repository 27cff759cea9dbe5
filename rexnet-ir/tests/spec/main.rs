//! The spec language: published networks, the graph they expand to, faults, and properties.

mod against_pytorch;
mod faults;
mod graph;
mod properties;
mod published;
mod pytorch;
mod tables;
