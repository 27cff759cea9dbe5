//! The built program from outside: arguments in; streams, files and exit codes out.

mod against;
mod altered;
mod arrays;
mod bench;
mod binary;
mod checkpoints;
mod codes;
mod compile;
mod dump;
mod errors;
mod explain;
mod faults;
mod files;
mod generated;
mod image;
mod info;
mod model;
mod onnx;
mod outputs;
mod pack;
mod profile;
mod run;
mod rust;
mod security;
mod table;
mod verify;
