//! The machine that pickles are programs for: a stack with marks, and a memo of what was made before. The methods are its
//! instructions without their operands; each takes time and memory in proportion to the values that it handles.

use super::damaged;
use super::globals::{self, Global};
use super::value::{Heap, Value};
use crate::diagnostic::Diagnostic;
use std::collections::HashMap;

/// What an entry of the memo takes, its share of a table that grows included.
const MEMO_BYTES: usize = 64;

pub(super) struct Machine<'a, 'h> {
    stack: Vec<Value<'a>>,
    /// How long the stack was at each mark. Values below the last one are out of reach.
    marks: Vec<usize>,
    memo: HashMap<u32, Value<'a>>,
    storages: bool,
    heap: &'h mut Heap<'a>,
}

impl<'a, 'h> Machine<'a, 'h> {
    /// With an empty stack. Only where `storages` says so may the pickle refer to storages.
    pub(super) fn new(storages: bool, heap: &'h mut Heap<'a>) -> Self {
        Self { stack: Vec::new(), marks: Vec::new(), memo: HashMap::new(), storages, heap }
    }

    pub(super) fn push(&mut self, value: Value<'a>) -> Result<(), Diagnostic> {
        self.heap.charge(size_of::<Value<'_>>())?;
        self.stack.push(value);
        Ok(())
    }

    pub(super) fn pop(&mut self) -> Result<Value<'a>, Diagnostic> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    pub(super) fn pop_many(&mut self, count: usize) -> Result<Vec<Value<'a>>, Diagnostic> {
        match self.stack.len().checked_sub(count) {
            Some(start) if start >= self.floor() => Ok(self.stack.split_off(start)),
            _ => Err(exhausted()),
        }
    }

    pub(super) fn mark(&mut self) -> Result<(), Diagnostic> {
        self.heap.charge(size_of::<usize>())?;
        self.marks.push(self.stack.len());
        Ok(())
    }

    /// All values above the last mark, which is removed too.
    pub(super) fn pop_mark(&mut self) -> Result<Vec<Value<'a>>, Diagnostic> {
        let mark = self.marks.pop().ok_or_else(exhausted)?;
        Ok(self.stack.split_off(mark))
    }

    /// Removes what is on top, a mark or a value.
    pub(super) fn discard(&mut self) -> Result<(), Diagnostic> {
        match self.marks.last() == Some(&self.stack.len()) {
            true => self.pop_mark().map(|_| ()),
            false => self.pop().map(|_| ()),
        }
    }

    pub(super) fn duplicate(&mut self) -> Result<(), Diagnostic> {
        let top = self.top()?;
        self.push(top)
    }

    /// Pushes a new tuple, list or dict.
    pub(super) fn make(
        &mut self,
        values: Vec<Value<'a>>,
        kind: fn(usize) -> Value<'a>,
    ) -> Result<(), Diagnostic> {
        let list = self.heap.add_list(values)?;
        self.push(kind(list))
    }

    /// Adds to the list on top.
    pub(super) fn append(&mut self, values: &[Value<'a>]) -> Result<(), Diagnostic> {
        match self.top()? {
            Value::List(list) => self.heap.extend(list, values),
            _ => Err(damaged("it appends to what is no list")),
        }
    }

    /// Adds keys and values in turn to the dict on top.
    pub(super) fn add_pairs(&mut self, values: &[Value<'a>]) -> Result<(), Diagnostic> {
        match self.top()? {
            Value::Dict(dict) if values.len().is_multiple_of(2) => self.heap.extend(dict, values),
            _ => Err(damaged("it adds pairs to what is no dict")),
        }
    }

    pub(super) fn global(&mut self, module: Value<'a>, name: Value<'a>) -> Result<(), Diagnostic> {
        match (module, name) {
            (Value::Text(module), Value::Text(name)) => self.push(Value::Global(Global::find(module, name)?)),
            _ => Err(damaged("a name is no text")),
        }
    }

    /// Calls what is below the tuple on top.
    pub(super) fn call(&mut self) -> Result<(), Diagnostic> {
        match (self.pop()?, self.pop()?) {
            (Value::Tuple(arguments), Value::Global(global)) => {
                let value = global.call(arguments, self.heap)?;
                self.push(value)
            }
            _ => Err(damaged("it calls what is no function")),
        }
    }

    /// Drops attributes of an object: those of a state dict are the versions of its layers.
    pub(super) fn state(&mut self) -> Result<(), Diagnostic> {
        self.pop()?;
        match self.top()? {
            Value::Dict(_) => Ok(()),
            _ => Err(damaged("it gives attributes to what has none")),
        }
    }

    /// Replaces a persistent identifier by its storage.
    pub(super) fn storage(&mut self) -> Result<(), Diagnostic> {
        let identifier = self.pop()?;
        if !self.storages {
            return Err(damaged("it refers to a storage where there is none"));
        }
        let storage = globals::storage(identifier, self.heap)?;
        self.push(storage)
    }

    pub(super) fn remember(&mut self, key: u32) -> Result<(), Diagnostic> {
        self.heap.charge(MEMO_BYTES)?;
        self.memo.insert(key, self.top()?);
        Ok(())
    }

    /// Remembers under the number of memories.
    pub(super) fn remember_next(&mut self) -> Result<(), Diagnostic> {
        self.remember(u32::try_from(self.memo.len()).unwrap_or(u32::MAX))
    }

    pub(super) fn recall(&mut self, key: u32) -> Result<(), Diagnostic> {
        let value = self.memo.get(&key).copied();
        self.push(value.ok_or_else(|| damaged("it recalls what it did not remember"))?)
    }

    fn floor(&self) -> usize {
        self.marks.last().map_or(0, |&mark| mark)
    }

    fn top(&self) -> Result<Value<'a>, Diagnostic> {
        self.stack[self.floor()..].last().copied().ok_or_else(exhausted)
    }
}

fn exhausted() -> Diagnostic {
    damaged("a pickle instruction lacks its operands")
}
