//! Latencies: a histogram of microseconds with three digits, from 1 µs to one hour. Pure.
//! Those of threads and intervals are merged; percentiles are never averaged.

use hdrhistogram::Histogram;

const MAX_US: u64 = 3_600_000_000;

/// The quantiles of tables and reports.
pub(crate) const QUANTILES: [(&str, f64); 7] = [
    ("p50", 0.5),
    ("p75", 0.75),
    ("p90", 0.9),
    ("p95", 0.95),
    ("p99", 0.99),
    ("p99.9", 0.999),
    ("p99.99", 0.9999),
];

#[derive(Debug, Clone)]
pub(crate) struct Latencies(Histogram<u64>);

impl Default for Latencies {
    #[expect(
        clippy::expect_used,
        reason = "bounds and digits are constants that it takes"
    )]
    fn default() -> Self {
        Self(Histogram::new_with_bounds(1, MAX_US, 3).expect("a histogram"))
    }
}

impl Latencies {
    pub(crate) fn record(&mut self, nanos: u64) {
        self.0.saturating_record(nanos / 1000);
    }

    pub(crate) fn record_n(&mut self, nanos: u64, count: u64) {
        self.0.saturating_record_n(nanos / 1000, count);
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        let merged = self.0.add(&other.0);
        debug_assert!(merged.is_ok(), "the bounds are the same");
    }

    pub(crate) fn count(&self) -> u64 {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Microseconds that this part of the latencies does not exceed.
    pub(crate) fn at(&self, quantile: f64) -> u64 {
        self.0.value_at_quantile(quantile)
    }

    pub(crate) fn max(&self) -> u64 {
        self.0.max()
    }

    pub(crate) fn mean(&self) -> f64 {
        self.0.mean()
    }

    pub(crate) fn deviation(&self) -> f64 {
        self.0.stdev()
    }

    /// Upper bounds of the recorded values, and how many are at or below each.
    pub(crate) fn steps(&self) -> Vec<(u64, u64)> {
        let mut below = 0;
        let recorded = self.0.iter_recorded();
        recorded
            .map(|step| {
                below += step.count_since_last_iteration();
                (step.value_iterated_to(), below)
            })
            .collect()
    }

    /// Value, quantile and count at ever smaller distances from the maximum, as percentile plots
    /// are drawn.
    pub(crate) fn percentiles(&self, ticks_per_half: u32) -> Vec<(u64, f64, u64)> {
        let mut below = 0;
        let steps = self.0.iter_quantiles(ticks_per_half);
        steps
            .map(|step| {
                below += step.count_since_last_iteration();
                (step.value_iterated_to(), step.quantile_iterated_to(), below)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merged_latencies_are_as_if_recorded_together() {
        let (mut first, mut second, mut both) = (
            Latencies::default(),
            Latencies::default(),
            Latencies::default(),
        );
        for millis in 1..=1000_u64 {
            let of = if millis % 3 == 0 {
                &mut first
            } else {
                &mut second
            };
            of.record(millis * 1_000_000);
            both.record(millis * 1_000_000);
        }
        first.merge(&second);
        assert_eq!(first.count(), 1000);
        for (_, quantile) in QUANTILES {
            assert_eq!(first.at(quantile), both.at(quantile));
        }
        let p99 = first.at(0.99);
        assert!((989_500..=991_000).contains(&p99), "{p99}");
    }

    #[test]
    fn more_than_an_hour_is_an_hour() {
        let mut latencies = Latencies::default();
        latencies.record_n(u64::MAX, 2);
        assert!(latencies.max() >= MAX_US);
        assert_eq!(latencies.steps().last().map(|(_, below)| *below), Some(2));
    }
}
