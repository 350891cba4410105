//! The figures that are compared, and the statistics of repeated runs. Pure.

use crate::report::json::Report;

/// 97.5 % quantiles of Student's t, by degrees of freedom from 1.
const STUDENT: [f64; 30] = [
    12.71, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
    2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056,
    2.052, 2.048, 2.045, 2.042,
];
const STUDENT_LIMIT: f64 = 1.96;

pub(crate) struct Figure {
    pub(crate) name: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) more_is_better: bool,
    pub(crate) of: fn(&Report) -> Option<f64>,
}

impl std::fmt::Debug for Figure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

const fn better_more(
    name: &'static str,
    unit: &'static str,
    of: fn(&Report) -> Option<f64>,
) -> Figure {
    Figure {
        name,
        unit,
        more_is_better: true,
        of,
    }
}

const fn better_less(
    name: &'static str,
    unit: &'static str,
    of: fn(&Report) -> Option<f64>,
) -> Figure {
    Figure {
        name,
        unit,
        more_is_better: false,
        of,
    }
}

pub(crate) const FIGURES: [Figure; 14] = [
    better_more("throughput", "records/s", |r| Some(r.records_per_second)),
    better_more("bytes", "MB/s", |r| Some(r.mb_per_second)),
    better_more("consumed", "MB/s", |r| {
        (r.consumed_mb_per_second > 0.0).then_some(r.consumed_mb_per_second)
    }),
    better_less("p50", "ms", |r| ms(r, "response", "p50")),
    better_less("p99", "ms", |r| ms(r, "response", "p99")),
    better_less("p99.9", "ms", |r| ms(r, "response", "p99.9")),
    better_less("max", "ms", |r| ms(r, "response", "max")),
    better_less("service.p99", "ms", |r| ms(r, "service", "p99")),
    better_less("e2e.p50", "ms", |r| ms(r, "end_to_end", "p50")),
    better_less("e2e.p99", "ms", |r| ms(r, "end_to_end", "p99")),
    better_less("cpu.records", "CPU s/M records", |r| {
        Some(r.broker.as_ref()?.cpu_seconds_per_million_records)
    }),
    better_less("cpu.bytes", "CPU s/GB", |r| {
        Some(r.broker.as_ref()?.cpu_seconds_per_gb)
    }),
    better_less("rss", "MiB", |r| {
        Some(r.broker.as_ref()?.rss_bytes as f64 / 1_048_576.0)
    }),
    better_less("disk", "bytes/byte", |r| {
        Some(r.broker.as_ref()?.write_amplification)
    }),
];

fn ms(report: &Report, kind: &str, quantile: &str) -> Option<f64> {
    Some(report.latency(kind, quantile)? / 1000.0)
}

/// A figure of one side's runs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sample {
    pub(crate) count: usize,
    pub(crate) median: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
    mean: f64,
    /// Of the values.
    variance: f64,
}

/// How far another side is from the first, as a part of the first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Change {
    pub(crate) part: f64,
    /// Where the true change lies with 95 %, when the runs were repeated.
    pub(crate) interval: Option<(f64, f64)>,
}

impl Sample {
    pub(crate) fn new(values: impl Iterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.collect();
        values.sort_unstable_by(f64::total_cmp);
        let (low, high) = (*values.first()?, *values.last()?);
        let count = values.len();
        let mean = values.iter().sum::<f64>() / count as f64;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let middle = count / 2;
        let median = if count.is_multiple_of(2) {
            f64::midpoint(values[middle - 1], values[middle])
        } else {
            values[middle]
        };
        Some(Self {
            count,
            median,
            low,
            high,
            mean,
            variance: if count > 1 {
                squares / (count - 1) as f64
            } else {
                0.0
            },
        })
    }

    /// The change from `first` to this one; the interval is Welch's.
    pub(crate) fn change_from(&self, first: &Self) -> Option<Change> {
        if first.median == 0.0 {
            return None;
        }
        let part = self.median / first.median - 1.0;
        let (own, other) = (
            self.variance / self.count as f64,
            first.variance / first.count as f64,
        );
        let repeated = self.count > 1 && first.count > 1;
        let interval = repeated.then(|| {
            let freedom = if own + other > 0.0 {
                (own + other).powi(2)
                    / (own.powi(2) / (self.count - 1) as f64
                        + other.powi(2) / (first.count - 1) as f64)
            } else {
                f64::MAX
            };
            let half = student(freedom) * (own + other).sqrt();
            let difference = self.mean - first.mean;
            let part = |difference: f64| difference / first.mean;
            (part(difference - half), part(difference + half))
        });
        Some(Change { part, interval })
    }
}

fn student(freedom: f64) -> f64 {
    let place = usize::try_from(crate::workload::units::to_whole(freedom)).unwrap_or(usize::MAX);
    let known = place.checked_sub(1).and_then(|place| STUDENT.get(place));
    known.copied().unwrap_or(STUDENT_LIMIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(values: &[f64]) -> Sample {
        Sample::new(values.iter().copied()).unwrap()
    }

    #[test]
    fn a_clear_change_is_told_from_noise() {
        let first = sample(&[100.0, 101.0, 99.0, 100.0, 100.0]);
        let faster = sample(&[120.0, 121.0, 119.0, 120.0, 120.0]);
        let change = faster.change_from(&first).unwrap();
        let (low, high) = change.interval.unwrap();
        assert!((change.part - 0.2).abs() < 1e-9 && low > 0.18 && high < 0.22);
        let noisy = sample(&[70.0, 150.0, 90.0, 130.0, 100.0]);
        let (low, high) = noisy.change_from(&first).unwrap().interval.unwrap();
        assert!(low < 0.0 && high > 0.0);
    }

    #[test]
    fn one_run_has_a_change_but_no_interval() {
        let change = sample(&[50.0]).change_from(&sample(&[100.0])).unwrap();
        assert_eq!((change.part, change.interval), (-0.5, None));
        assert_eq!(sample(&[3.0, 1.0, 2.0, 10.0]).median, 2.5);
        assert!(Sample::new(std::iter::empty()).is_none());
        assert!(sample(&[1.0]).change_from(&sample(&[0.0])).is_none());
    }
}
