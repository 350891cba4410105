//! What went wrong, counted by its words. Pure.

use std::collections::BTreeMap;
use std::fmt;

/// Different failures that are kept word by word; the rest is only counted.
const WORDS_MAX: usize = 20;

#[derive(Debug, Clone, Default)]
pub(crate) struct Failures {
    pub(crate) words: BTreeMap<String, u64>,
    pub(crate) total: u64,
}

impl Failures {
    pub(crate) fn add(&mut self, why: &impl fmt::Display) {
        self.count(why.to_string(), 1);
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for (why, count) in &other.words {
            self.count(why.clone(), *count);
        }
        let spelled: u64 = other.words.values().sum();
        self.total += other.total - spelled;
    }

    fn count(&mut self, why: String, count: u64) {
        self.total += count;
        if self.words.len() < WORDS_MAX || self.words.contains_key(&why) {
            *self.words.entry(why).or_insert(0) += count;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_counted_and_only_a_few_are_spelled_out() {
        let mut failures = Failures::default();
        for number in 0..1000 {
            failures.add(&format!("failure {}", number % 50));
        }
        let mut merged = Failures::default();
        merged.merge(&failures);
        merged.merge(&failures);
        assert_eq!((merged.total, merged.words.len()), (2000, WORDS_MAX));
        assert_eq!(merged.words["failure 0"], 40);
    }
}
