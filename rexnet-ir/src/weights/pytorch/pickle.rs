//! Pickles: programs for a machine with a stack, of which only the instructions that make data are followed. Read as
//! CPython's `pickletools` describes protocols 2 to 5. A program runs once from its start to its end, so that time and
//! memory are bounded by its length.

use super::machine::Machine;
use super::value::{Heap, Value};
use super::{damaged, unsupported};
use crate::cursor::Cursor;
use crate::diagnostic::Diagnostic;

const SAVE_AGAIN: &str = "load it and save the weights again: torch.save(model.state_dict(), FILE)";

/// Runs the pickle at the cursor, which is behind it then, and returns its value. Only where `storages` says so may it
/// refer to storages.
///
/// # Errors
/// `RX0301` when it is damaged, `RX0307` when it names something that would have to be called, `RX0309` for
/// instructions that PyTorch does not write, `RX0310` when it takes too much memory.
pub(super) fn unpickle<'a>(
    input: &mut Cursor<'a>,
    storages: bool,
    heap: &mut Heap<'a>,
) -> Result<Value<'a>, Diagnostic> {
    let mut machine = Machine::new(storages, heap);
    loop {
        match input.u8()? {
            b'.' => return machine.pop(),
            instruction => step(instruction, input, &mut machine)?,
        }
    }
}

fn step<'a>(
    instruction: u8,
    input: &mut Cursor<'a>,
    machine: &mut Machine<'a, '_>,
) -> Result<(), Diagnostic> {
    match instruction {
        0x80 => match input.u8()? {
            0..=5 => Ok(()),
            protocol => Err(unsupported(format!("it has the pickle protocol {protocol}"), SAVE_AGAIN)),
        },
        // The length of a frame, of which only readers of streams make use.
        0x95 => Ok(input.take(8).map(|_| ())?),

        b'(' => machine.mark(),
        b'0' => machine.discard(),
        b'1' => machine.pop_mark().map(|_| ()),
        b'2' => machine.duplicate(),

        // None, true, false; a float.
        b'N' | 0x88 | 0x89 => machine.push(Value::Plain),
        b'G' => {
            input.take(8)?;
            machine.push(Value::Plain)
        }
        b'K' => machine.push(Value::Int(input.u8()?.into())),
        b'M' => machine.push(Value::Int(input.u16()?.into())),
        b'J' => machine.push(Value::Int(input.u32()?.cast_signed().into())),
        0x8a => machine.push(integer(counted(input, 1)?)),
        0x8b => machine.push(integer(counted(input, 4)?)),

        b'X' => machine.push(Value::Text(utf8(counted(input, 4)?)?)),
        0x8c => machine.push(Value::Text(utf8(counted(input, 1)?)?)),
        0x8d => machine.push(Value::Text(utf8(counted(input, 8)?)?)),
        b'U' => machine.push(old_text(counted(input, 1)?)),
        b'T' => machine.push(old_text(counted(input, 4)?)),
        b'C' => machine.push(bytes(counted(input, 1)?)),
        b'B' => machine.push(bytes(counted(input, 4)?)),
        0x8e | 0x96 => machine.push(bytes(counted(input, 8)?)),

        b')' => machine.make(Vec::new(), Value::Tuple),
        0x85..=0x87 => machine
            .pop_many(usize::from(instruction - 0x84))
            .and_then(|values| machine.make(values, Value::Tuple)),
        b't' => machine.pop_mark().and_then(|values| machine.make(values, Value::Tuple)),
        b']' => machine.make(Vec::new(), Value::List),
        b'l' => machine.pop_mark().and_then(|values| machine.make(values, Value::List)),
        b'a' => machine.pop_many(1).and_then(|values| machine.append(&values)),
        b'e' => machine.pop_mark().and_then(|values| machine.append(&values)),
        b'}' => machine.make(Vec::new(), Value::Dict),
        b'd' => {
            let pairs = machine.pop_mark()?;
            machine.make(Vec::new(), Value::Dict)?;
            machine.add_pairs(&pairs)
        }
        b's' => machine.pop_many(2).and_then(|pair| machine.add_pairs(&pair)),
        b'u' => machine.pop_mark().and_then(|pairs| machine.add_pairs(&pairs)),

        b'c' => {
            let (module, name) = (utf8(input.line()?)?, utf8(input.line()?)?);
            machine.global(Value::Text(module), Value::Text(name))
        }
        0x93 => {
            let (name, module) = (machine.pop()?, machine.pop()?);
            machine.global(module, name)
        }
        // In the manner of protocol 0 a name and its call are one instruction.
        b'i' => {
            let (module, name) = (utf8(input.line()?)?, utf8(input.line()?)?);
            machine.global(Value::Text(module), Value::Text(name))?;
            Err(foreign(instruction))
        }
        b'R' => machine.call(),
        b'b' => machine.state(),
        b'Q' => machine.storage(),

        b'q' => machine.remember(input.u8()?.into()),
        b'r' => machine.remember(input.u32()?),
        0x94 => machine.remember_next(),
        b'h' => machine.recall(input.u8()?.into()),
        b'j' => machine.recall(input.u32()?),

        // Lines of text for numbers, for text, for the memo and for storages.
        b'I' | b'L' | b'F' | b'S' | b'V' | b'g' | b'p' | b'P' => Err(foreign(instruction)),
        // Objects by their class, registered extensions, sets, buffers that lie elsewhere.
        b'o' | 0x81..=0x84 | 0x8f..=0x92 | 0x97 | 0x98 => Err(foreign(instruction)),
        _ => Err(damaged(format!("{instruction:#04x} is no pickle instruction"))),
    }
}

fn foreign(instruction: u8) -> Diagnostic {
    let cause = format!("it has the pickle instruction {instruction:#04x}, which tensors do not need");
    unsupported(cause, SAVE_AGAIN)
}

/// Bytes behind their number, which takes 1, 4 or 8 bytes itself.
fn counted<'a>(input: &mut Cursor<'a>, width: u8) -> Result<&'a [u8], Diagnostic> {
    let count = match width {
        1 => input.u8()?.into(),
        4 => input.u32()?.into(),
        _ => input.u64()?,
    };
    Ok(input.take_long(count)?)
}

fn integer(bytes: &[u8]) -> Value<'_> {
    if bytes.len() > size_of::<i64>() {
        return Value::Long(bytes);
    }
    let is_negative = bytes.last().is_some_and(|&last| last >= 0x80);
    let mut number = if is_negative { [0xff; 8] } else { [0; 8] };
    number[..bytes.len()].copy_from_slice(bytes);
    Value::Int(i64::from_le_bytes(number))
}

fn utf8(bytes: &[u8]) -> Result<&str, Diagnostic> {
    std::str::from_utf8(bytes).map_err(|_| damaged("text in it is no UTF-8"))
}

fn bytes(_: &[u8]) -> Value<'_> {
    Value::Plain
}

/// Text of Python 2, which may be bytes as well.
fn old_text(bytes: &[u8]) -> Value<'_> {
    std::str::from_utf8(bytes).map_or(Value::Plain, Value::Text)
}
