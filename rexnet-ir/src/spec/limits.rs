//! Bounds on the text of a spec, checked before it is lexed, so that none of it costs memory, stack or time.

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Location};

/// The longest spec, in bytes.
pub const MAX_BYTES: usize = 64 * 1024;
/// The deepest nesting of brackets.
pub const MAX_NESTING: usize = 32;
/// The longest word or number, in bytes: the lexer reads digits in quadratic time.
const MAX_WORD: usize = 256;

/// The cause of a fault of nesting, in text and in tokens.
pub(super) const TOO_DEEP: &str = "brackets are nested more than 32 deep";

/// Refuses text that is too long, too deeply nested, or has too long a word; also strings, in which brackets
/// would not nest.
pub(super) fn check(source: &str) -> Result<(), Diagnostics> {
    let refuse = |code, range, cause: &str| Err(Diagnostic::new(code, Location::Span(range), cause).into());
    if source.len() > MAX_BYTES {
        return refuse(Code::SpecTooLarge, MAX_BYTES..source.len(), "a spec has at most 65536 bytes");
    }
    let bytes = source.as_bytes();
    let (mut depth, mut word, mut comments, mut in_line) = (0usize, 0usize, 0usize, false);
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let pair = (byte, bytes.get(at + 1).copied().unwrap_or(0));
        let step = match pair {
            _ if in_line => {
                in_line = byte != b'\n';
                1
            }
            (b'/', b'*') => {
                comments += 1;
                2
            }
            (b'*', b'/') if comments > 0 => {
                comments -= 1;
                2
            }
            _ if comments > 0 => 1,
            (b'/', b'/') => {
                in_line = true;
                2
            }
            (b'"', _) => return refuse(Code::SpecSyntax, at..at + 1, "specs have no strings"),
            (b'(' | b'[' | b'{', _) => {
                depth += 1;
                if depth > MAX_NESTING {
                    return refuse(Code::SpecTooLarge, at..at + 1, TOO_DEEP);
                }
                1
            }
            (b')' | b']' | b'}', _) => {
                depth = depth.saturating_sub(1);
                1
            }
            _ => 1,
        };
        let in_word =
            !in_line && comments == 0 && (byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80);
        word = if in_word { word + 1 } else { 0 };
        if word > MAX_WORD {
            return refuse(Code::SpecTooLarge, at + 1 - word..at + 1, "a word has at most 256 bytes");
        }
        at += step;
    }
    Ok(())
}
