//! Where constants come from: registers set once, before a loop or a stretch of straight code, as far as there are
//! registers to spare; else memory, as an operand of the instruction; else a register set just before.

use super::lives::{lives, pressure};
use super::nest::{Item, Kind, Nest, Operand, Operation, Virtual, Width};

/// Gives every constant a place that its instruction can read, for a processor with so many registers.
pub(super) fn place_constants(nest: &mut Nest, registers: usize) {
    let first_temporary = nest.registers;
    materialise(nest);
    let mut pressure = pressure(&lives(nest), nest.items.len());
    let mut shared = Shared {
        set: Vec::new(),
        instead: vec![None; nest.registers as usize],
        unfolded: vec![None; nest.items.len()],
        last_read: last_reads(nest),
    };
    for stretch in stretches(nest) {
        share(nest, &stretch, first_temporary, registers, &mut pressure, &mut shared);
    }
    rewrite(nest, shared);
}

/// The last item that reads each register.
fn last_reads(nest: &Nest) -> Vec<usize> {
    let mut last = vec![0; nest.registers as usize];
    for (index, item) in nest.items.iter().enumerate() {
        if let Item::Operation(operation) = item {
            operation.reads().for_each(|register| last[register.0 as usize] = index);
        }
    }
    last
}

/// The constant that an operation sets a register to.
fn set_constant(operation: &Operation) -> Option<u32> {
    match (operation.kind, operation.operands[0]) {
        (Kind::Move, Some(Operand::Constant(bits))) => Some(bits),
        _ => None,
    }
}

/// Puts constants that cannot be operands from memory into registers of their own, just before they are read.
fn materialise(nest: &mut Nest) {
    let items = std::mem::take(&mut nest.items);
    nest.items.reserve(items.len());
    for item in items {
        let Item::Operation(mut operation) = item else {
            nest.items.push(item);
            continue;
        };
        let in_memory = |operand: &Operand| matches!(operand, Operand::Memory(_) | Operand::Broadcast(_));
        let mut folded = operation.operands.iter().flatten().any(in_memory);
        for place in 0..operation.operands.len() {
            let Some(Operand::Constant(bits)) = operation.operands[place] else { continue };
            if !folded && operation.kind.takes_from_memory(place) {
                folded = true;
                continue;
            }
            let register = nest.fresh();
            nest.items.push(Item::Operation(Operation {
                kind: Kind::Move,
                target: Some(register),
                operands: [Some(Operand::Constant(bits)), None, None, None],
                ..operation
            }));
            operation.operands[place] = Some(Operand::Register(register));
        }
        nest.items.push(Item::Operation(operation));
    }
}

/// Items that one register can serve.
struct Stretch {
    items: std::ops::Range<usize>,
    /// Whether it is the body of a loop, and its registers are set before.
    is_loop: bool,
}

/// The bodies of innermost loops, and the straight code between loops.
fn stretches(nest: &Nest) -> Vec<Stretch> {
    let mut stretches = Vec::new();
    let mut begin = 0;
    for (index, item) in nest.items.iter().enumerate() {
        let is_loop = matches!(item, Item::Leave(id) if nest.loops[id.0 as usize].height == 0);
        if !matches!(item, Item::Operation(_)) {
            stretches.push(Stretch { items: begin..index, is_loop });
            begin = index + 1;
        }
    }
    stretches.push(Stretch { items: begin..nest.items.len(), is_loop: false });
    stretches.retain(|stretch| !stretch.items.is_empty());
    stretches
}

/// What is changed: registers set before an item, and operands replaced.
struct Shared {
    /// With the items that they stand before.
    set: Vec<(usize, Operation)>,
    /// The registers that take the part of temporaries.
    instead: Vec<Option<Virtual>>,
    /// Constant operands that are registers now, by item.
    unfolded: Vec<Option<Virtual>>,
    /// The last item that reads each register, before anything is changed.
    last_read: Vec<usize>,
}

/// The uses of one constant in a stretch.
#[derive(Default)]
struct Uses {
    /// Temporaries that hold it, with the item that sets each.
    temporaries: Vec<(usize, Virtual)>,
    /// Items that read it from memory.
    folded: Vec<usize>,
    width: Option<Width>,
}

impl Uses {
    fn count(&self) -> usize {
        self.temporaries.len() + self.folded.len()
    }
}

fn share(
    nest: &mut Nest,
    stretch: &Stretch,
    first_temporary: u32,
    registers: usize,
    pressure: &mut [u16],
    shared: &mut Shared,
) {
    let mut constants: Vec<(u32, Uses)> = Vec::new();
    for index in stretch.items.clone() {
        let Item::Operation(operation) = &nest.items[index] else { continue };
        let (bits, temporary) = match (set_constant(operation), operation.target) {
            (Some(bits), Some(target)) if target.0 >= first_temporary => (bits, Some(target)),
            (Some(_), _) => continue,
            (None, _) => {
                let folded = operation.operands.iter().find_map(|operand| match operand {
                    Some(Operand::Constant(bits)) => Some(*bits),
                    _ => None,
                });
                let Some(bits) = folded else { continue };
                (bits, None)
            }
        };
        let known = constants.iter().position(|(other, _)| *other == bits).unwrap_or_else(|| {
            constants.push((bits, Uses::default()));
            constants.len() - 1
        });
        let uses = &mut constants[known].1;
        match temporary {
            Some(temporary) => uses.temporaries.push((index, temporary)),
            None => uses.folded.push(index),
        }
        uses.width = Some(uses.width.map_or(operation.width, |width| wider(width, operation.width)));
    }
    constants.sort_by_key(|(_, uses)| std::cmp::Reverse((uses.temporaries.len(), uses.folded.len())));
    for (bits, uses) in constants {
        if !stretch.is_loop && uses.count() < 2 {
            continue;
        }
        let of_temporaries =
            uses.temporaries.iter().map(|&(index, register)| (index, shared.last_read[register.0 as usize]));
        let all = of_temporaries.chain(uses.folded.iter().map(|&index| (index, index)));
        let (first, last) =
            all.fold((usize::MAX, 0), |(first, last), (from, to)| (first.min(from), last.max(to)));
        // A loop's registers are set before it begins, and keep their values to its end.
        let (place, alive) = if stretch.is_loop {
            (stretch.items.start - 1, 2 * (stretch.items.start - 1)..2 * stretch.items.end + 1)
        } else {
            (first, 2 * first..2 * last + 1)
        };
        if pressure[alive.clone()].iter().any(|&alive| usize::from(alive) >= registers) {
            continue;
        }
        pressure[alive].iter_mut().for_each(|alive| *alive += 1);
        let register = nest.fresh();
        let Item::Operation(user) = nest.items[first] else { continue };
        let operation = Operation {
            kind: Kind::Move,
            width: uses.width.unwrap_or(user.width),
            target: Some(register),
            operands: [Some(Operand::Constant(bits)), None, None, None],
            statement: user.statement,
        };
        shared.set.push((place, operation));
        for (_, temporary) in uses.temporaries {
            shared.instead[temporary.0 as usize] = Some(register);
        }
        for index in uses.folded {
            shared.unfolded[index] = Some(register);
        }
    }
}

fn wider(a: Width, b: Width) -> Width {
    if a as usize >= b as usize { a } else { b }
}

fn rewrite(nest: &mut Nest, mut shared: Shared) {
    shared.set.sort_by_key(|&(place, _)| place);
    let instead = |register: Virtual| shared.instead.get(register.0 as usize).copied().flatten();
    let mut set = shared.set.iter().peekable();
    let items = std::mem::take(&mut nest.items);
    nest.items.reserve(items.len());
    for (index, mut item) in items.into_iter().enumerate() {
        while let Some(&(_, operation)) = set.next_if(|&&(place, _)| place == index) {
            nest.items.push(Item::Operation(operation));
        }
        if let Item::Operation(operation) = &mut item {
            if operation.target.and_then(instead).is_some() {
                continue;
            }
            for operand in operation.operands.iter_mut().flatten() {
                let register = match operand {
                    Operand::Register(register) => instead(*register),
                    Operand::Constant(_) => shared.unfolded[index],
                    Operand::Memory(_) | Operand::Broadcast(_) => None,
                };
                if let Some(register) = register {
                    *operand = Operand::Register(register);
                }
            }
        }
        nest.items.push(item);
    }
}
