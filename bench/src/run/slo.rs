//! What a load must meet: limits on latencies, errors and backlog. Pure.

use std::fmt;
use std::str::FromStr;

use super::outcome::{Ended, Outcome};
use crate::workload::units;

/// Below this part of the offered rate a run did not keep up.
const KEPT_UP: f64 = 0.97;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Limit {
    /// A quantile of the response time, in microseconds.
    Response(f64, u64),
    EndToEnd(f64, u64),
    Errors(u64),
    /// Seconds of the load that readers may be behind.
    Backlog(f64),
}

/// Limits that must all be met; the rate must be kept in any case.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Slo {
    limits: Vec<Limit>,
    text: String,
}

impl Slo {
    /// Why a run does not meet it; `None` when it does.
    pub(crate) fn missed_by(&self, outcome: &Outcome, offered: f64) -> Option<String> {
        if outcome.ended != Ended::Whole {
            return Some("the run did not come to its end".to_owned());
        }
        if outcome.records_rate() < offered * KEPT_UP {
            return Some(format!("only {:.0} records/s", outcome.records_rate()));
        }
        self.limits
            .iter()
            .find_map(|limit| limit.missed_by(outcome, offered))
    }
}

impl Limit {
    fn missed_by(self, outcome: &Outcome, offered: f64) -> Option<String> {
        let series = &outcome.series;
        let above = |name: &str, quantile: f64, is: u64, limit: u64| {
            let (percent, ms) = (quantile * 100.0, is as f64 / 1000.0);
            (is > limit).then(|| format!("{name} p{percent:.4} is {ms:.1} ms"))
        };
        match self {
            Self::Response(quantile, limit) => {
                above("response", quantile, series.response.at(quantile), limit)
            }
            Self::EndToEnd(quantile, limit) => above(
                "end-to-end",
                quantile,
                series.end_to_end.at(quantile),
                limit,
            ),
            Self::Errors(limit) => {
                let errors = outcome.failures.total + outcome.counts.failed;
                (errors > limit).then(|| format!("{errors} errors"))
            }
            Self::Backlog(seconds) => {
                let backlog = outcome.timeline.iter().map(|point| point.backlog).max();
                let backlog = backlog.unwrap_or(0) as f64 / offered.max(1.0);
                (backlog > seconds).then(|| format!("readers were {backlog:.1} s behind"))
            }
        }
    }
}

impl FromStr for Slo {
    type Err = String;

    /// `p99<20ms,errors=0,backlog<1s`
    fn from_str(text: &str) -> Result<Self, String> {
        let limits = text.split(',').map(limit).collect::<Result<_, _>>()?;
        Ok(Self {
            limits,
            text: text.to_owned(),
        })
    }
}

fn limit(text: &str) -> Result<Limit, String> {
    let wrong =
        || format!("'{text}' is no limit such as p99<20ms, e2e.p99.9<1s, errors=0 or backlog<1s");
    let (name, value) = text.split_once(['<', '=']).ok_or_else(wrong)?;
    let name = name.trim();
    if name == "errors" {
        return Ok(Limit::Errors(units::whole(value)?));
    }
    let duration = units::duration(value)?;
    if name == "backlog" {
        return Ok(Limit::Backlog(duration.as_secs_f64()));
    }
    let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
    let (end_to_end, name) = match name.strip_prefix("e2e.") {
        Some(name) => (true, name),
        None => (false, name),
    };
    let quantile = if name == "max" {
        1.0
    } else {
        let percent = name.strip_prefix('p').ok_or_else(wrong)?;
        percent.parse::<f64>().map_err(|_| wrong())? / 100.0
    };
    if !(0.0..=1.0).contains(&quantile) {
        return Err(wrong());
    }
    Ok(if end_to_end {
        Limit::EndToEnd(quantile, micros)
    } else {
        Limit::Response(quantile, micros)
    })
}

impl fmt::Display for Slo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read() {
        let slo: Slo = "p99<20ms,e2e.p99.9<1s,errors=0,backlog<2s,max<5s"
            .parse()
            .unwrap();
        assert_eq!(
            slo.limits,
            [
                Limit::Response(0.99, 20_000),
                Limit::EndToEnd(99.9 / 100.0, 1_000_000),
                Limit::Errors(0),
                Limit::Backlog(2.0),
                Limit::Response(1.0, 5_000_000),
            ]
        );
        for text in ["", "p99", "p101<1s", "q99<1s", "p99<soon"] {
            assert!(text.parse::<Slo>().is_err(), "{text}");
        }
    }
}
