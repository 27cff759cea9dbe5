//! A kernel's machine code for people: each instruction, and beside it the line of the loop text that it comes from.

use super::{Encoding, Function, function};
use crate::loops::{Kernel, Section, Statement, sections};
use iced_x86::{Decoder, DecoderOptions, Formatter, Instruction, NasmFormatter};
use std::fmt::Write;

/// The column where the loop text stands.
const TEXT_COLUMN: usize = 64;

/// The functions of a verified kernel's sections: the instructions, one a line, with the loop text beside the first one of
/// each statement; then the constants.
///
/// # Errors
/// As [`function`].
pub fn listing(kernel: &Kernel, encoding: Encoding) -> Result<String, String> {
    let text = kernel.to_string();
    let lines = statement_lines(kernel, &text);
    let sections = sections(kernel);
    let mut listing = String::new();
    for (index, section) in sections.iter().enumerate() {
        if index > 0 {
            listing.push('\n');
        }
        let _ = writeln!(listing, "; {}", Section::title(kernel, index, sections.len()));
        for buffer in text.lines().filter(|line| line.trim_start().starts_with("buffer ")) {
            let _ = writeln!(listing, "; {buffer}");
        }
        list(&mut listing, &lines, &function(kernel, section, encoding)?);
    }
    Ok(listing)
}

fn list(listing: &mut String, lines: &[&str], function: &Function) {
    let mut formatter = NasmFormatter::new();
    formatter.options_mut().set_space_after_operand_separator(true);
    formatter.options_mut().set_hex_prefix("0x");
    formatter.options_mut().set_hex_suffix("");
    let mut decoder = Decoder::with_ip(64, &function.bytes[..function.code_length], 0, DecoderOptions::NONE);
    let (mut instruction, mut spelled) = (Instruction::default(), String::new());
    let mut statements = function.statements.iter().peekable();
    while decoder.can_decode() {
        decoder.decode_out(&mut instruction);
        spelled.clear();
        formatter.format(&instruction, &mut spelled);
        let mut line = format!("{:6x}  {spelled}", instruction.ip());
        let begun =
            std::iter::from_fn(|| statements.next_if(|(offset, _)| u64::from(*offset) <= instruction.ip()));
        if let Some((_, statement)) = begun.last() {
            let source = lines.get(*statement as usize).copied().unwrap_or_default();
            line = format!("{line:TEXT_COLUMN$} ; {source}");
        }
        let _ = writeln!(listing, "{line}");
    }
    for (index, words) in function.bytes[function.code_length..].chunks(16).enumerate() {
        let spelled: Vec<String> = words.iter().map(|byte| format!("{byte:02x}")).collect();
        let _ = writeln!(listing, "{:6x}  db {}", function.code_length + 16 * index, spelled.join(" "));
    }
}

/// The line of each statement, in the order of the text.
fn statement_lines<'t>(kernel: &Kernel, text: &'t str) -> Vec<&'t str> {
    // A statement is one line; what ends a block, or declares the kernel and its buffers, is none.
    let is_statement = |line: &&str| !matches!(line.trim(), "}" | "");
    let lines: Vec<&str> = text.lines().skip(1 + kernel.buffers.len()).filter(is_statement).collect();
    debug_assert_eq!(
        lines.len(),
        kernel.body.iter().map(Statement::lines).sum::<usize>(),
        "a statement is a line"
    );
    lines
}
