//! From where to where each virtual register holds a value that somebody reads.
//!
//! Time counts half items: item `i` reads at `2 i` and writes at `2 i + 1`. What comes from before a loop and is read
//! in it lives to the loop's end, for the next pass may read it again.

use super::nest::{Item, Nest};

/// A stretch of time, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Life {
    pub(super) begin: u32,
    pub(super) end: u32,
}

/// The life of each virtual register; `None` where nothing writes it.
pub(super) fn lives(nest: &Nest) -> Vec<Option<Life>> {
    let ends = loop_ends(nest);
    let mut lives: Vec<Option<Life>> = vec![None; nest.registers as usize];
    // Begin and end of the loops around, outermost first.
    let mut around: Vec<(u32, u32)> = Vec::new();
    for (index, item) in nest.items.iter().enumerate() {
        let time = 2 * index as u32;
        match item {
            Item::Enter(id) => around.push((time, ends[id.0 as usize])),
            Item::Leave(_) => {
                around.pop();
            }
            Item::Operation(operation) => {
                for register in operation.reads() {
                    if let Some(life) = &mut lives[register.0 as usize] {
                        let outermost = around.iter().find(|&&(begin, _)| begin > life.begin);
                        life.end = life.end.max(outermost.map_or(time, |&(_, end)| end));
                    }
                }
                if let Some(target) = operation.target {
                    let new = Life { begin: time + 1, end: time + 1 };
                    let life = lives[target.0 as usize].get_or_insert(new);
                    life.end = life.end.max(time + 1);
                }
            }
        }
    }
    lives
}

/// When each loop ends.
fn loop_ends(nest: &Nest) -> Vec<u32> {
    let mut ends = vec![0; nest.loops.len()];
    for (index, item) in nest.items.iter().enumerate() {
        if let Item::Leave(id) = item {
            ends[id.0 as usize] = 2 * index as u32;
        }
    }
    ends
}

/// How many registers are alive at each time.
pub(super) fn pressure(lives: &[Option<Life>], items: usize) -> Vec<u16> {
    let mut change = vec![0i32; 2 * items + 2];
    for life in lives.iter().flatten() {
        change[life.begin as usize] += 1;
        change[life.end as usize + 1] -= 1;
    }
    let mut alive = 0;
    change
        .iter()
        .map(|change| {
            alive += change;
            alive as u16
        })
        .collect()
}
