//! Constant indices along an axis, as runs of equal steps: a flip is one run, a shuffle of channels a few.

use super::ops::Attribute;

/// The most runs of the indices of one operator: each can need code of its own.
pub const MAX_INDEX_RUNS: usize = 1 << 13;

/// Indices `start`, `start + step`, … `count` of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IndexRun {
    /// The first index.
    pub start: usize,
    /// The distance from one to the next; 0 repeats the first.
    pub step: isize,
    /// How many; at least one.
    pub count: usize,
}

impl IndexRun {
    fn single(start: usize) -> Self {
        Self { start, step: 1, count: 1 }
    }

    /// The smallest and the largest index; `None` where one is no index at all.
    fn bounds(&self) -> Option<(usize, usize)> {
        let steps = isize::try_from(self.count.checked_sub(1)?).ok()?;
        let last = isize::try_from(self.start).ok()?.checked_add(self.step.checked_mul(steps)?)?;
        let last = usize::try_from(last).ok()?;
        Some((self.start.min(last), self.start.max(last)))
    }

    /// The indices of a run within an extent.
    pub fn indices(self) -> impl Iterator<Item = usize> {
        (0..self.count).map(move |at| self.start.wrapping_add_signed(self.step.wrapping_mul(at as isize)))
    }
}

/// Indices in order, as runs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Indices(Vec<IndexRun>);

impl Indices {
    /// Equal steps from `start` on, `count` of them.
    pub fn run(start: usize, step: isize, count: usize) -> Self {
        Self(vec![IndexRun { start, step: if count == 1 { 1 } else { step }, count }])
    }

    /// All of an extent in order, several times.
    pub fn repeated(extent: usize, times: usize) -> Self {
        if extent == 1 {
            Self::run(0, 0, times)
        } else {
            Self(vec![IndexRun { start: 0, step: 1, count: extent }; times])
        }
    }

    /// Any indices, from left to right in runs as long as they can be.
    pub fn of(indices: &[usize]) -> Self {
        let step =
            |at: usize| Some(indices.get(at + 1)?.cast_signed().wrapping_sub(indices[at].cast_signed()));
        let length = |from: usize, step: isize| {
            let mut end = from + 1;
            while end < indices.len()
                && indices[end].cast_signed().wrapping_sub(indices[end - 1].cast_signed()) == step
            {
                end += 1;
            }
            end - from
        };
        let mut runs = Vec::new();
        let mut at = 0;
        while at < indices.len() {
            let run = match step(at) {
                None => IndexRun::single(indices[at]),
                Some(own) => match (length(at, own), step(at + 1)) {
                    // Two by chance before more with another step.
                    (2, Some(next)) if length(at + 1, next) > 2 => IndexRun::single(indices[at]),
                    (count, _) => IndexRun { start: indices[at], step: own, count },
                },
            };
            at += run.count;
            runs.push(run);
        }
        Self(runs)
    }

    /// The runs.
    pub fn runs(&self) -> &[IndexRun] {
        &self.0
    }

    /// The number of indices; `None` where no memory holds as many.
    pub fn count(&self) -> Option<usize> {
        self.0.iter().try_fold(0usize, |sum, run| sum.checked_add(run.count))
    }

    /// All indices.
    pub fn iter(&self) -> impl Iterator<Item = usize> {
        self.0.iter().flat_map(|run| run.indices())
    }

    /// The range that they are, where each is one after the one before.
    pub fn range(&self) -> Option<std::ops::Range<usize>> {
        match self.0[..] {
            [IndexRun { start, step: 1, count }] => Some(start..start + count),
            _ => None,
        }
    }

    /// Why they are no indices of an axis of that extent.
    pub(super) fn fault(&self, extent: usize) -> Option<String> {
        if self.0.is_empty() || self.0.len() > MAX_INDEX_RUNS {
            return Some(format!("indices in {} runs; 1 to {MAX_INDEX_RUNS} can be", self.0.len()));
        }
        let outside = self.0.iter().find(|run| run.bounds().is_none_or(|(_, largest)| largest >= extent))?;
        Some(format!("the indices {} are not within an extent of {extent}", spelt(outside)))
    }
}

/// `start`, `start:count`, or `start:count:step`.
fn spelt(run: &IndexRun) -> String {
    let IndexRun { start, step, count } = run;
    match (count, step) {
        (1, _) => start.to_string(),
        (_, 1) => format!("{start}:{count}"),
        _ => format!("{start}:{count}:{step}"),
    }
}

/// `[7, 0:4, 9:3:-2]` is 7, 0, 1, 2, 3, 9, 7, 5.
impl Attribute for Indices {
    fn print(&self) -> Option<String> {
        let runs: Vec<String> = self.0.iter().map(spelt).collect();
        Some(format!("[{}]", runs.join(",")))
    }
    fn parse(text: Option<&str>) -> Option<Self> {
        let run = |item: &str| {
            let mut parts = item.trim().split(':');
            let start = parts.next()?.parse().ok()?;
            let count =
                parts.next().map_or(Some(1), |count| count.parse().ok().filter(|&count| count > 0))?;
            let step = parts.next().map_or(Some(1), |step| step.parse().ok())?;
            parts.next().is_none().then_some(IndexRun { start, step, count })
        };
        let inner = text?.strip_prefix('[')?.strip_suffix(']')?;
        inner.split(',').map(run).collect::<Option<Vec<IndexRun>>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_are_few_runs_and_read_back() {
        let cases: &[(&[usize], &str)] = &[
            (&[2, 1, 0], "[2:3:-1]"),
            (&[0, 1, 5, 2], "[0:2,5:2:-3]"),
            (&[5, 0, 1, 2, 3], "[5,0:4]"),
            (&[0, 3, 1, 4, 2, 5], "[0:2:3,1:2:3,2:2:3]"),
            (&[4, 4, 4], "[4:3:0]"),
            (&[7], "[7]"),
        ];
        for &(indices, text) in cases {
            let runs = Indices::of(indices);
            assert_eq!(runs.print().as_deref(), Some(text));
            assert_eq!(Indices::parse(Some(text)), Some(runs.clone()));
            assert!(runs.iter().eq(indices.iter().copied()), "{indices:?}");
            let extent = indices.iter().max().unwrap() + 1;
            assert_eq!((runs.fault(extent), runs.fault(extent - 1).is_some()), (None, true), "{text}");
        }
    }

    #[test]
    fn what_is_no_index_is_refused() {
        for text in ["[]", "[1:0]", "[1:2:3:4]", "[-1]", "[a]", "1"] {
            assert_eq!(Indices::parse(Some(text)), None, "{text}");
        }
        for text in ["[0:2:-1]", "[5:18446744073709551615]", "[0:9223372036854775807:9223372036854775807]"] {
            assert!(Indices::parse(Some(text)).unwrap().fault(6).is_some(), "{text}");
        }
    }
}
