//! Labels beside each other.

/// Places for labels that would stand at `wanted`, in increasing order: at least `gap` apart, between `low` and `high`
/// as far as these leave room, and as near as that allows, in the sense of least squares.
pub(crate) fn spread(wanted: &[f64], gap: f64, low: f64, high: f64) -> Vec<f64> {
    // Less the room that those before it take, a place may equal that of its predecessor but not be less: groups that
    // would be are pooled at their mean.
    let mut groups: Vec<(f64, usize)> = Vec::new();
    for (index, place) in wanted.iter().enumerate() {
        groups.push((place - gap * index as f64, 1));
        while let [.., (before, members), (mean, others)] = groups[..]
            && before > mean
        {
            let count = members + others;
            groups.truncate(groups.len() - 2);
            groups.push(((before * members as f64 + mean * others as f64) / count as f64, count));
        }
    }
    let room = gap * wanted.len().saturating_sub(1) as f64;
    let most = (high - room).max(low);
    groups
        .into_iter()
        .flat_map(|(mean, count)| std::iter::repeat_n(mean.min(most).max(low), count))
        .enumerate()
        .map(|(index, place)| place + gap * index as f64)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::spread;

    #[test]
    fn labels_with_room_stay_where_they_are() {
        assert_eq!(spread(&[10.0, 30.0, 50.0], 15.0, 0.0, 100.0), [10.0, 30.0, 50.0]);
        assert_eq!(spread(&[], 15.0, 0.0, 100.0), [0.0; 0]);
    }

    #[test]
    fn labels_of_one_place_stand_around_it() {
        assert_eq!(spread(&[50.0, 50.0, 50.0], 10.0, 0.0, 100.0), [40.0, 50.0, 60.0]);
    }

    #[test]
    fn labels_keep_their_distance_and_the_bounds() {
        let places = spread(&[1.0, 2.0, 3.0, 40.0, 41.0, 99.0, 99.5], 12.0, 5.0, 95.0);
        assert!(places.windows(2).all(|pair| pair[1] - pair[0] >= 12.0 - 1e-9), "{places:?}");
        assert!(places[0] >= 5.0 && places[6] <= 95.0 + 1e-9, "{places:?}");
    }
}
