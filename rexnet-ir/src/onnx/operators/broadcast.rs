//! Shapes that stretch to fit each other, as in NumPy.

/// The extents of two shapes together.
pub(super) fn together(a: &[usize], b: &[usize]) -> Result<Vec<usize>, String> {
    let rank = a.len().max(b.len());
    let extent = |dims: &[usize], at: usize| (at + dims.len()).checked_sub(rank).map_or(1, |at| dims[at]);
    (0..rank)
        .map(|at| match (extent(a, at), extent(b, at)) {
            (x, y) if x == y => Ok(x),
            (1, y) => Ok(y),
            (x, 1) => Ok(x),
            _ => Err(format!("shapes {a:?} and {b:?} do not broadcast")),
        })
        .collect()
}

/// Where element `at` of a tensor of extents `dims` stands in one of extents `own`, which stretch to them.
pub(super) fn place(at: usize, dims: &[usize], own: &[usize]) -> usize {
    let (mut rest, mut place, mut stride) = (at, 0, 1);
    for (extent, own) in dims.iter().rev().zip(own.iter().rev()) {
        place += if *own == 1 { 0 } else { rest % extent * stride };
        rest /= extent;
        stride *= own;
    }
    place
}
