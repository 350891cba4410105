//! The run second by second. Pure.

use crate::measure::interval::{Counts, Interval};
use crate::measure::latencies::Latencies;

/// Rows of the heat map a factor of ten.
const ROWS_A_DECADE: f64 = 8.0;

/// What processes used in an interval.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    /// CPU seconds a second.
    pub(crate) broker_cores: Option<f64>,
    pub(crate) broker_rss_bytes: u64,
    pub(crate) generator_cores: f64,
}

/// A few figures of a histogram, in microseconds.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Figures {
    pub(crate) p50: u64,
    pub(crate) p99: u64,
    pub(crate) p999: u64,
    pub(crate) max: u64,
}

#[derive(Debug, Clone)]
pub(crate) struct Point {
    /// Where the interval begins, from the begin of the run.
    pub(crate) second: u64,
    pub(crate) counts: Counts,
    pub(crate) response: Figures,
    pub(crate) service: Figures,
    pub(crate) end_to_end: Figures,
    pub(crate) slip: Figures,
    pub(crate) usage: Usage,
    /// Responses by latency: row of the heat map, and how many.
    pub(crate) heat: Vec<(u32, u64)>,
    /// Records made and not yet acknowledged.
    pub(crate) unacknowledged: u64,
    /// Records acknowledged and not yet read by some subscription.
    pub(crate) backlog: u64,
}

impl From<&Latencies> for Figures {
    fn from(latencies: &Latencies) -> Self {
        Self {
            p50: latencies.at(0.5),
            p99: latencies.at(0.99),
            p999: latencies.at(0.999),
            max: latencies.max(),
        }
    }
}

impl Point {
    pub(crate) fn new(second: u64, interval: &Interval, usage: Usage) -> Self {
        let series = &interval.series;
        // A load that only reads has its latencies at the reading end.
        let shown = if series.response.is_empty() {
            &series.end_to_end
        } else {
            &series.response
        };
        Self {
            second,
            counts: interval.counts,
            response: (&series.response).into(),
            service: (&series.service).into(),
            end_to_end: (&series.end_to_end).into(),
            slip: (&series.slip).into(),
            usage,
            heat: heat(shown),
            unacknowledged: 0,
            backlog: 0,
        }
    }
}

fn heat(latencies: &Latencies) -> Vec<(u32, u64)> {
    let mut rows: Vec<(u32, u64)> = Vec::new();
    let mut before = 0;
    for (micros, below) in latencies.steps() {
        let count = below - before;
        before = below;
        let row = row_of(micros);
        match rows.last_mut() {
            Some((last, counted)) if *last == row => *counted += count,
            Some(_) | None => rows.push((row, count)),
        }
    }
    rows
}

fn row_of(micros: u64) -> u32 {
    let row = (micros.max(1) as f64).log10() * ROWS_A_DECADE;
    u32::try_from(crate::workload::units::to_whole(row)).unwrap_or(0)
}

/// The lower bound of a row, in microseconds.
pub(crate) fn row_begin(row: u32) -> f64 {
    10_f64.powf(f64::from(row) / ROWS_A_DECADE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_hold_what_lies_between_their_bounds() {
        let mut latencies = Latencies::default();
        for micros in [5_u64, 50, 55, 500, 5_000_000] {
            latencies.record(micros * 1000);
        }
        let heat = heat(&latencies);
        assert_eq!(heat.iter().map(|(_, count)| count).sum::<u64>(), 5);
        assert!(heat.is_sorted());
        for micros in [1_u64, 7, 99, 100, 12_345, 3_600_000_000] {
            let row = row_of(micros);
            assert!(row_begin(row) <= micros as f64 * 1.0001, "{micros}");
            assert!(row_begin(row + 1) > micros as f64 * 0.9999, "{micros}");
        }
    }
}
