//! One stretch of memory for all values, offsets fixed at compile time by live ranges.

use crate::memory::ALIGNMENT;

/// A value or scratch in the arena.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allocation {
    /// The node's name.
    pub name: String,
    /// Its size.
    pub bytes: usize,
    /// Its first byte; a multiple of 64.
    pub offset: usize,
    /// The step that writes it first.
    pub first: usize,
    /// The last step that touches it.
    pub last: usize,
}

impl Allocation {
    pub(super) fn new(name: &str, bytes: usize, step: usize) -> Self {
        Self { name: name.to_owned(), bytes, offset: 0, first: step, last: step }
    }

    /// Whether the two are alive at once.
    pub(super) fn meets(&self, other: &Allocation) -> bool {
        self.first <= other.last && other.first <= self.last
    }

    fn end(&self) -> usize {
        (self.offset + self.bytes).next_multiple_of(ALIGNMENT)
    }
}

/// The most bytes alive at any step.
pub(super) fn lower_bound(allocations: &[Allocation]) -> usize {
    let alive = |step: usize| {
        let alive =
            allocations.iter().filter(|allocation| (allocation.first..=allocation.last).contains(&step));
        alive.map(|allocation| allocation.bytes.next_multiple_of(ALIGNMENT)).sum()
    };
    allocations.iter().map(|allocation| alive(allocation.first)).max().unwrap_or(0)
}

/// Gives every allocation an offset and returns the size of the arena. Best fit in two orders, by size and by
/// first use; the smaller arena wins.
pub(super) fn place(allocations: &mut [Allocation]) -> usize {
    let mut by_size: Vec<usize> = (0..allocations.len()).collect();
    by_size.sort_by_key(|&index| (std::cmp::Reverse(allocations[index].bytes), allocations[index].first));
    let by_time: Vec<usize> = (0..allocations.len()).collect();
    let best = [by_size, by_time]
        .into_iter()
        .map(|order| place_in_order(allocations, &order))
        .min_by_key(|(_, size)| *size);
    let Some((offsets, size)) = best else { return 0 };
    for (allocation, offset) in allocations.iter_mut().zip(offsets) {
        allocation.offset = offset;
    }
    size
}

/// Each in turn goes into the smallest gap among its contemporaries that holds it, or after them all.
fn place_in_order(allocations: &[Allocation], order: &[usize]) -> (Vec<usize>, usize) {
    let mut placed: Vec<Allocation> = Vec::new();
    let mut offsets = vec![0; allocations.len()];
    for &index in order {
        let mut allocation = allocations[index].clone();
        let mut neighbours: Vec<&Allocation> =
            placed.iter().filter(|other| other.meets(&allocation)).collect();
        neighbours.sort_by_key(|other| other.offset);
        let mut best: Option<(usize, usize)> = None;
        let mut free_from = 0;
        for other in neighbours {
            if other.offset >= free_from + allocation.bytes {
                let gap = other.offset - free_from;
                if best.is_none_or(|(smallest, _)| gap < smallest) {
                    best = Some((gap, free_from));
                }
            }
            free_from = free_from.max(other.end());
        }
        allocation.offset = best.map_or(free_from, |(_, offset)| offset);
        offsets[index] = allocation.offset;
        placed.push(allocation);
    }
    let size = placed.iter().map(Allocation::end).max().unwrap_or(0);
    (offsets, size)
}
