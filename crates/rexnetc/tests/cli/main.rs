//! The built program from outside: arguments in; streams, files and exit codes out.

mod against;
mod bench;
mod binary;
mod check;
mod checkpoints;
mod compile;
mod dump;
mod errors;
mod explain;
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
mod table;
mod verify;
