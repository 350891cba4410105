//! The account of every record: what producers were promised, what consumers got. Pure.
//! Records are numbered by producer and partition from 0, so an account is a few ranges.

use std::collections::BTreeMap;

/// Numbers, as ranges: start, and the end that is not inside.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ranges(Vec<(u64, u64)>);

impl Ranges {
    /// Adds one number; false when it was there.
    #[inline]
    pub(crate) fn insert(&mut self, number: u64) -> bool {
        match self.0.last_mut() {
            Some((_, end)) if *end == number => {
                *end += 1;
                true
            }
            Some((_, end)) if number > *end => {
                self.0.push((number, number + 1));
                true
            }
            None => {
                self.0.push((number, number + 1));
                true
            }
            Some(_) => self.insert_below(number),
        }
    }

    fn insert_below(&mut self, number: u64) -> bool {
        let place = self.0.partition_point(|(start, _)| *start <= number);
        if place > 0 && self.0[place - 1].1 > number {
            return false;
        }
        let joins_before = place > 0 && self.0[place - 1].1 == number;
        let joins_behind = self
            .0
            .get(place)
            .is_some_and(|(start, _)| *start == number + 1);
        match (joins_before, joins_behind) {
            (true, true) => {
                let (_, end) = self.0.remove(place);
                self.0[place - 1].1 = end;
            }
            (true, false) => self.0[place - 1].1 += 1,
            (false, true) => self.0[place].0 = number,
            (false, false) => self.0.insert(place, (number, number + 1)),
        }
        true
    }

    /// Adds a range of which nothing was there yet.
    pub(crate) fn extend(&mut self, start: u64, end: u64) {
        match self.0.last_mut() {
            Some((_, last)) if *last == start => *last = end,
            Some((_, last)) if start < *last => {
                for number in start..end {
                    self.insert(number);
                }
            }
            Some(_) | None => self.0.push((start, end)),
        }
    }

    pub(crate) fn len(&self) -> u64 {
        self.0.iter().map(|(start, end)| end - start).sum()
    }

    /// How many of these numbers are not in `other`.
    pub(crate) fn missing_in(&self, other: &Self) -> u64 {
        let mut missing = 0;
        let mut places = other.0.iter().peekable();
        for (start, end) in &self.0 {
            let mut at = *start;
            while at < *end {
                while places.next_if(|(_, there_end)| *there_end <= at).is_some() {}
                match places.peek() {
                    Some((there, there_end)) if *there < *end => {
                        missing += there.saturating_sub(at);
                        at = (*there_end).min(*end);
                    }
                    Some(_) | None => {
                        missing += end - at;
                        at = *end;
                    }
                }
            }
        }
        missing
    }

    pub(crate) fn common_with(&self, other: &Self) -> u64 {
        self.len() - self.missing_in(other)
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for (start, end) in &other.0 {
            self.extend(*start, *end);
        }
    }
}

/// Producer, and the place of the partition among all of the run.
pub(crate) type Route = (u32, usize);

/// What a producer was promised for one partition.
#[derive(Debug, Clone, Default)]
pub(crate) struct Promised {
    pub(crate) acked: Ranges,
    pub(crate) aborted: Ranges,
}

/// What the readers of one subscription got of one producer's records of one partition.
#[derive(Debug, Clone, Default)]
pub(crate) struct Got {
    numbers: Ranges,
    highest: Option<u64>,
    pub(crate) duplicates: u64,
    pub(crate) out_of_order: u64,
}

impl Got {
    /// A record came; false for one that had come before.
    #[inline]
    pub(crate) fn take(&mut self, number: u64) -> bool {
        if !self.numbers.insert(number) {
            self.duplicates += 1;
            return false;
        }
        if self.highest.is_some_and(|highest| number < highest) {
            self.out_of_order += 1;
        }
        self.highest = Some(self.highest.map_or(number, |highest| highest.max(number)));
        true
    }

    /// What another thread's members of the same subscription got.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.duplicates += other.duplicates + self.numbers.common_with(&other.numbers);
        self.out_of_order += other.out_of_order;
        self.numbers.merge(&other.numbers);
        self.highest = self.highest.max(other.highest);
    }
}

pub(crate) type Promises = BTreeMap<Route, Promised>;
/// By subscription.
pub(crate) type Receipts = BTreeMap<u32, BTreeMap<Route, Got>>;

/// The verdict about a run's records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) acked: u64,
    /// Different records, added over the subscriptions.
    pub(crate) received: u64,
    /// Acknowledged, but a subscription never got them.
    pub(crate) lost: u64,
    pub(crate) duplicated: u64,
    pub(crate) out_of_order: u64,
    /// Got although their transaction was aborted.
    pub(crate) aborted_seen: u64,
    /// Got without an acknowledgement: the broker stored what it could not confirm.
    pub(crate) unconfirmed: u64,
    pub(crate) damaged: u64,
}

impl Verdict {
    /// Balances the accounts. `complete` when the readers were to read everything.
    pub(crate) fn new(promises: &Promises, receipts: &Receipts, complete: bool) -> Self {
        let nothing = Got::default();
        let mut verdict = Self::default();
        for promised in promises.values() {
            verdict.acked += promised.acked.len();
        }
        for receipt in receipts.values() {
            for (route, promised) in promises {
                let got = receipt.get(route).unwrap_or(&nothing);
                if complete {
                    verdict.lost += promised.acked.missing_in(&got.numbers);
                }
                verdict.aborted_seen += promised.aborted.common_with(&got.numbers);
            }
            for (route, got) in receipt {
                verdict.received += got.numbers.len();
                verdict.duplicated += got.duplicates;
                verdict.out_of_order += got.out_of_order;
                verdict.unconfirmed += match promises.get(route) {
                    Some(promised) => {
                        got.numbers.missing_in(&promised.acked)
                            - promised.aborted.common_with(&got.numbers)
                    }
                    None => got.numbers.len(),
                };
            }
        }
        verdict
    }

    /// Something happened that a broker must not do.
    pub(crate) fn is_violated(&self, duplicates_allowed: bool) -> bool {
        let wrong = self.lost + self.out_of_order + self.aborted_seen + self.damaged;
        wrong > 0 || (self.duplicated > 0 && !duplicates_allowed)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn ranges(numbers: &[u64]) -> (Ranges, BTreeSet<u64>) {
        let (mut ranges, mut set) = (Ranges::default(), BTreeSet::new());
        for number in numbers {
            assert_eq!(ranges.insert(*number), set.insert(*number), "{number}");
        }
        (ranges, set)
    }

    proptest! {
        #[test]
        fn ranges_are_sets(
            first in prop::collection::vec(0..60_u64, 0..80),
            second in prop::collection::vec(0..60_u64, 0..80),
        ) {
            let (mut first, mut first_set) = ranges(&first);
            let (second, second_set) = ranges(&second);
            prop_assert_eq!(first.len(), first_set.len() as u64);
            let missing = first_set.difference(&second_set).count() as u64;
            prop_assert_eq!(first.missing_in(&second), missing);
            prop_assert!(first.0.windows(2).all(|pair| pair[0].1 < pair[1].0));
            first.merge(&second);
            first_set.extend(second_set);
            prop_assert_eq!(first.len(), first_set.len() as u64);
        }
    }

    fn promised(numbers: std::ops::Range<u64>) -> Promises {
        let mut promised = Promised::default();
        promised.acked.extend(numbers.start, numbers.end);
        [((0, 0), promised)].into()
    }

    fn received(numbers: &[u64]) -> Receipts {
        let mut got = Got::default();
        for number in numbers {
            got.take(*number);
        }
        [(0, [((0, 0), got)].into())].into()
    }

    #[test]
    fn every_kind_of_wrong_is_told_apart() {
        let promises = promised(0..5);
        let verdict = |numbers: &[u64]| Verdict::new(&promises, &received(numbers), true);
        assert!(!verdict(&[0, 1, 2, 3, 4]).is_violated(false));
        assert_eq!(verdict(&[0, 1, 3, 4]).lost, 1);
        assert_eq!(verdict(&[0, 1, 2, 2, 3, 4]).duplicated, 1);
        let reordered = verdict(&[0, 2, 1, 3, 4]);
        assert_eq!((reordered.out_of_order, reordered.lost), (1, 0));
        let more = verdict(&[0, 1, 2, 3, 4, 5, 6]);
        assert_eq!((more.unconfirmed, more.is_violated(false)), (2, false));
        assert!(!verdict(&[0, 1, 2, 2, 3, 4]).is_violated(true));
    }

    #[test]
    fn aborted_records_must_not_be_seen() {
        let mut promises = promised(0..3);
        promises.values_mut().next().unwrap().aborted.extend(3, 5);
        let verdict = Verdict::new(&promises, &received(&[0, 1, 2, 4]), true);
        assert_eq!((verdict.aborted_seen, verdict.unconfirmed), (1, 0));
        assert!(verdict.is_violated(true));
    }

    #[test]
    fn what_two_members_both_got_is_a_duplicate() {
        let (mut first, mut second) = (Got::default(), Got::default());
        for number in 0..10 {
            first.take(number);
        }
        for number in 8..12 {
            second.take(number);
        }
        first.merge(&second);
        assert_eq!((first.duplicates, first.numbers.len()), (2, 12));
    }
}
