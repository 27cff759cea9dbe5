//! The built program from outside: arguments in; streams, files and exit codes out.

mod bench;
mod binary;
mod compile;
mod errors;
mod explain;
mod files;
mod info;
mod run;
mod verify;
