//! Numbers for virtual registers. Lives are stretches of time, so taking any free register in the order of their
//! beginnings needs no more registers than are alive at once; nothing is ever moved or spilled.

use super::lives::{Life, lives};
use super::nest::{Item, Kind, Nest, Operand, Operation, Virtual};

/// The number of each virtual register's register.
#[derive(Debug)]
pub(super) struct Numbers(Vec<u8>);

impl Numbers {
    pub(super) fn of(&self, register: Virtual) -> u8 {
        self.0[register.0 as usize]
    }
}

/// Numbers below `registers` for all, or how many more would be needed at the first place where they run out.
pub(super) fn allocate(nest: &Nest, registers: usize) -> Result<Numbers, usize> {
    let lives = lives(nest);
    let mut numbers = vec![0u8; nest.registers as usize];
    let mut free: u32 = if registers >= 32 { u32::MAX } else { (1 << registers) - 1 };
    // The registers that become free at each time.
    let mut endings = vec![0u32; 2 * nest.items.len() + 1];
    for (index, item) in nest.items.iter().enumerate() {
        // What is read here for the last time leaves its register to what is written.
        free |= endings[2 * index];
        if let Item::Operation(operation) = item
            && let Some(target) = operation.target
            && let Some(life) = lives[target.0 as usize]
            && life.begin as usize == 2 * index + 1
        {
            if free == 0 {
                return Err(alive_at(&lives, life.begin) - registers);
            }
            let wanted = wanted(operation).map(|register| numbers[register.0 as usize]);
            let number = wanted.into_iter().find(|number| free >> number & 1 == 1);
            let number = number.unwrap_or(free.trailing_zeros() as u8);
            free &= !(1 << number);
            numbers[target.0 as usize] = number;
            endings[life.end as usize] |= 1 << number;
        }
        free |= endings[2 * index + 1];
    }
    Ok(Numbers(numbers))
}

/// The operands whose register the result would best take, if it is free by then.
fn wanted(operation: &Operation) -> impl Iterator<Item = Virtual> {
    let order: [usize; 3] = match operation.kind {
        Kind::Fma => [2, 0, 1],
        _ => [0, 1, 2],
    };
    let operands = operation.operands;
    order.into_iter().filter_map(move |place| match operands[place] {
        Some(Operand::Register(register)) => Some(register),
        _ => None,
    })
}

fn alive_at(lives: &[Option<Life>], time: u32) -> usize {
    lives.iter().flatten().filter(|life| (life.begin..=life.end).contains(&time)).count()
}
