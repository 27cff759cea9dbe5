//! The protocol of `bench --serve`, with which a harness measures several engines in turn.

use super::bench::Subject;
use crate::failure::{Exit, Failure};
use std::io::{BufRead, Write};

/// Prints `#ready`; answers every line N with N lines of milliseconds and `#end`, until `quit` or the end of the
/// input. Times are printed after the runs, so that printing disturbs none.
pub(super) fn serve(
    subject: &mut Subject,
    requests: &mut impl BufRead,
    out: &mut impl Write,
) -> Result<Exit, Failure> {
    /// The most runs of one request.
    const MAX_RUNS: u32 = 1_000_000;
    writeln!(out, "#ready")?;
    out.flush()?;
    let mut line = String::new();
    while requests.read_line(&mut line).is_ok_and(|bytes| bytes > 0) {
        match line.trim() {
            "quit" => break,
            "" => {}
            request => {
                match request.parse() {
                    Ok(count @ 0..=MAX_RUNS) => {
                        for time in subject.times(count)? {
                            writeln!(out, "{time:.6}")?;
                        }
                    }
                    Ok(_) | Err(_) => writeln!(out, "#error")?,
                }
                writeln!(out, "#end")?;
                out.flush()?;
            }
        }
        line.clear();
    }
    Ok(Exit::Done)
}
