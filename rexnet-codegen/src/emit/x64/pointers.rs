//! Which general registers hold pointers and loop counters.
//!
//! Usually all pointers have registers of their own. Where they are too many, each lives in a slot of the stack and is
//! fetched before the outermost loop whose pointers fit; loops around move the slot. Innermost loops always have their
//! pointers and their counter in registers.

use super::nest::{Count, Item, LoopId, Nest, StreamId};

/// A general register, or a slot of the stack, by its index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Register(u8),
    Slot(u8),
}

/// Where pointers and counters are.
#[derive(Debug)]
pub(super) struct Pointers {
    /// The home of each pointer.
    pub(super) homes: Vec<Place>,
    /// What each loop fetches before it begins: pointers and the registers that they get.
    pub(super) fetched: Vec<Vec<(StreamId, u8)>>,
    /// The counter of each loop.
    pub(super) counters: Vec<Place>,
    /// Slots of the stack.
    pub(super) slots: usize,
    /// How many of the registers are used, the first so many.
    pub(super) registers: usize,
}

/// Finds places among `registers` general registers.
///
/// # Errors
/// Which loop needs more than there are.
pub(super) fn place_pointers(nest: &Nest, registers: usize) -> Result<Pointers, String> {
    let counted = nest.loops.iter().filter(|of| of.passes != Count::Pass);
    let deepest = counted.map(|of| of.height + 1).max().unwrap_or(0);
    let streams = nest.streams.len();
    if streams + deepest.min(1) <= registers {
        // The innermost loops' counters first: theirs are counted most often.
        let spare = registers - streams;
        let counters = nest.loops.iter().map(|of| match of.height {
            height if height < spare => Place::Register((streams + height) as u8),
            height => Place::Slot((height - spare) as u8),
        });
        return Ok(Pointers {
            homes: (0..streams).map(|stream| Place::Register(stream as u8)).collect(),
            fetched: vec![Vec::new(); nest.loops.len()],
            counters: counters.collect(),
            slots: deepest.saturating_sub(spare),
            registers: streams + deepest.min(spare),
        });
    }
    if streams + deepest > usize::from(u8::MAX) {
        return Err(format!("it has {streams} pointers"));
    }
    let mut pointers = Pointers {
        homes: (0..streams).map(|stream| Place::Slot(stream as u8)).collect(),
        fetched: vec![Vec::new(); nest.loops.len()],
        counters: nest
            .loops
            .iter()
            .map(|of| match of.height {
                0 => Place::Register(0),
                height => Place::Slot((streams + height - 1) as u8),
            })
            .collect(),
        slots: streams + deepest.saturating_sub(1),
        registers: 1,
    };
    let used = used_in(nest);
    let mut around = Vec::new();
    let mut taken = 1;
    for item in &nest.items {
        match item {
            Item::Enter(id) => {
                let own = &used[id.0 as usize];
                let held = around.iter().any(|&(_, fetches)| fetches);
                let fits = taken + own.len() <= registers;
                if !held && !fits && nest.loops[id.0 as usize].height == 0 {
                    return Err(format!("an innermost loop has {} pointers", own.len()));
                }
                let fetches = !held && fits;
                if fetches {
                    let numbered =
                        own.iter().enumerate().map(|(index, &stream)| (stream, (taken + index) as u8));
                    pointers.fetched[id.0 as usize] = numbered.collect();
                    taken += own.len();
                    pointers.registers = pointers.registers.max(taken);
                }
                around.push((*id, fetches));
            }
            Item::Leave(_) => {
                if let Some((id, true)) = around.pop() {
                    taken -= pointers.fetched[id.0 as usize].len();
                }
            }
            Item::Operation(_) => {}
        }
    }
    Ok(pointers)
}

/// The pointers that each loop uses, loops inside it included.
fn used_in(nest: &Nest) -> Vec<Vec<StreamId>> {
    (0..nest.loops.len() as u32)
        .map(|id| {
            let uses = |&stream: &usize| nest.streams[stream].step(LoopId(id)).is_some();
            (0..nest.streams.len()).filter(uses).map(|stream| StreamId(stream as u32)).collect()
        })
        .collect()
}
