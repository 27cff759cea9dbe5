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

/// Two shapes that stretch to fit each other, with as few axes as say the same: neighbours of which both shapes, or one and
/// the same, have one element are one axis.
pub(super) fn grouped(a: &[usize], b: &[usize]) -> Result<[Vec<usize>; 2], String> {
    let dims = together(a, b)?;
    let full = |own: &[usize]| [vec![1; dims.len() - own.len()], own.to_vec()].concat();
    let (a, b) = (full(a), full(b));
    let mut groups: [Vec<usize>; 2] = [Vec::new(), Vec::new()];
    let mut last = None;
    for (&x, &y) in a.iter().zip(&b) {
        let kind = (x == 1, y == 1);
        // An axis of one element belongs anywhere.
        if kind == (true, true) && last.is_some() {
            continue;
        }
        match (last, &mut groups) {
            (Some(known), [a, b]) if known == kind => {
                a.last_mut().into_iter().for_each(|extent| *extent *= x);
                b.last_mut().into_iter().for_each(|extent| *extent *= y);
            }
            (Some((true, true)), [a, b]) => (*a, *b) = (vec![x], vec![y]),
            (_, [a, b]) => {
                a.push(x);
                b.push(y);
            }
        }
        last = Some(kind);
    }
    Ok(groups)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_that_stretch_alike_are_one_axis() {
        for (a, b, grouped_a, grouped_b) in [
            (&[2, 3, 4, 5, 6][..], &[2, 3, 4, 5, 6][..], &[720][..], &[720][..]),
            (&[1, 3, 4, 5, 2], &[4, 5, 1], &[3, 20, 2], &[1, 20, 1]),
            (&[1, 1, 2], &[3, 1, 1], &[1, 2], &[3, 1]),
            (&[2, 1, 3, 1, 5], &[1, 4, 1, 6, 1], &[2, 1, 3, 1, 5], &[1, 4, 1, 6, 1]),
            (&[1, 1], &[1], &[1], &[1]),
        ] {
            assert_eq!(grouped(a, b), Ok([grouped_a.to_vec(), grouped_b.to_vec()]), "{a:?} {b:?}");
        }
    }
}
