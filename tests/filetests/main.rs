//! Each stage of the compiler on text files. The folders of `tests/files` are the stages; a file holds an input
//! and, below it, what the stage makes of it. `BLESS=1 cargo test --test filetests` writes what it makes today.

mod coverage;
mod expectations;
mod stages;

use expectations::check_folder;

#[test]
fn graph_texts_come_back_as_they_were() {
    check_folder("graph", stages::graph);
}

#[test]
fn broken_graph_texts_are_refused() {
    check_folder("graph-errors", stages::graph_errors);
}

#[test]
fn passes() {
    check_folder("passes", stages::pass);
}

#[test]
fn graphs_become_loops() {
    check_folder("lower", stages::lowered);
}

#[test]
fn graphs_that_no_kernel_covers_are_refused() {
    check_folder("lower-errors", stages::lower_errors);
}

#[test]
fn loop_texts_come_back_as_they_were() {
    check_folder("loops", stages::loops);
}

#[test]
fn unsound_loops_are_refused() {
    check_folder("loops-errors", stages::loops_errors);
}

#[test]
fn plans() {
    check_folder("plan", stages::planned);
}

#[cfg(feature = "jit")]
#[test]
fn loops_become_machine_code() {
    check_folder("asm", stages::assembly);
}

#[test]
fn loops_become_rust() {
    check_folder("rust", stages::rust);
}
