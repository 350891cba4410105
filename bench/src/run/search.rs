//! The search for the highest rate that is good enough: bracketing, then bisection. The rule is
//! pure; the shell around it runs the loads.

use std::sync::atomic::{AtomicBool, Ordering};

use super::conduct;
use super::live::Live;
use super::options::RunOptions;
use super::outcome::Outcome;
use super::setup::{self, SetupError};
use super::slo::Slo;
use crate::workload::Workload;
use crate::workload::arrivals::Arrivals;

/// The search ends when the bracket is this close.
const CLOSE: f64 = 1.06;
const STEPS_MAX: u32 = 24;
const FACTOR: f64 = 2.0;

/// Which rate is tried next.
#[derive(Debug)]
struct Search {
    next: f64,
    met: Option<f64>,
    missed: Option<f64>,
    steps: u32,
}

impl Search {
    fn new(from: f64) -> Self {
        Self {
            next: from,
            met: None,
            missed: None,
            steps: 0,
        }
    }

    /// The rate to try; `None` when the bracket is closed.
    fn next(&self) -> Option<f64> {
        let closed = match (self.met, self.missed) {
            (Some(met), Some(missed)) => missed / met < CLOSE,
            (None, Some(missed)) => missed < 1.0,
            (_, None) => false,
        };
        (!closed && self.steps < STEPS_MAX).then_some(self.next)
    }

    fn judge(&mut self, met: bool) {
        self.steps += 1;
        if met {
            self.met = Some(self.met.map_or(self.next, |rate| rate.max(self.next)));
        } else {
            self.missed = Some(self.missed.map_or(self.next, |rate| rate.min(self.next)));
        }
        self.next = match (self.met, self.missed) {
            (Some(met), None) => met * FACTOR,
            (None, Some(missed)) => missed / FACTOR,
            // The middle of factors, not of sums.
            (Some(met), Some(missed)) => (met * missed).sqrt(),
            (None, None) => self.next,
        };
    }
}

/// One rate of the load-latency curve.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) offered: f64,
    pub(crate) outcome: Outcome,
    /// Why it was not good enough.
    pub(crate) missed: Option<String>,
}

/// All rates that were tried, ascending, and which is the best.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) slo: String,
    pub(crate) steps: Vec<Step>,
    pub(crate) best: Option<usize>,
}

/// What is held at each rate.
#[derive(Debug)]
pub(crate) struct Holding<'a> {
    pub(crate) slo: &'a Slo,
    pub(crate) from: f64,
    pub(crate) hold_minutes: f64,
    pub(crate) settle_minutes: f64,
}

pub(crate) fn search(
    workload: &Workload,
    options: &RunOptions,
    holding: &Holding<'_>,
    live: &mut Live,
    interrupted: &AtomicBool,
) -> Result<Found, SetupError> {
    let mut search = Search::new(holding.from.max(1.0));
    let mut own = Workload {
        records: None,
        arrivals: match workload.arrivals {
            Arrivals::Closed => Arrivals::Fixed,
            open @ (Arrivals::Fixed | Arrivals::Poisson) => open,
        },
        test_duration_minutes: holding.hold_minutes,
        warmup_duration_minutes: holding.settle_minutes,
        ..workload.clone()
    };
    let mut made = Vec::new();
    let mut steps: Vec<Step> = Vec::new();
    while let Some(offered) = search.next() {
        own.producer_rate = offered;
        let (setup, target, new) = setup::prepare(&own, options)?;
        if !new.is_empty() {
            own.existing_topics.clone_from(&new);
            made = new;
        }
        live.say(&format!("{offered:.0} records/s:"));
        let outcome = conduct::conduct(setup, target, options, live, interrupted)?;
        let missed = holding.slo.missed_by(&outcome, offered);
        let figures = &outcome.series.response;
        let (p50, p99) = (figures.at(0.5) as f64 / 1e3, figures.at(0.99) as f64 / 1e3);
        let verdict = missed.clone().unwrap_or_else(|| "good".to_owned());
        live.say(&format!("  p50 {p50:.2} ms, p99 {p99:.2} ms: {verdict}"));
        search.judge(missed.is_none());
        steps.push(Step {
            offered,
            outcome,
            missed,
        });
        if interrupted.load(Ordering::Relaxed) {
            break;
        }
    }
    setup::clean_up(options, &made);
    steps.sort_by(|one, other| one.offered.total_cmp(&other.offered));
    let best = steps.iter().rposition(|step| step.missed.is_none());
    Ok(Found {
        slo: holding.slo.to_string(),
        steps,
        best,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(from: f64, limit: f64) -> (f64, u32) {
        let mut search = Search::new(from);
        while let Some(rate) = search.next() {
            search.judge(rate <= limit);
        }
        (search.met.unwrap_or(0.0), search.steps)
    }

    #[test]
    fn the_limit_is_found_from_below_and_from_above() {
        for (from, limit) in [(1000.0, 123_456.0), (1e6, 7_000.0), (500.0, 500.0)] {
            let (found, steps) = find(from, limit);
            assert!(
                found <= limit && found * CLOSE > limit,
                "{from} {limit}: {found}"
            );
            assert!(steps < STEPS_MAX, "{steps}");
        }
    }

    #[test]
    fn a_broker_that_never_meets_it_ends_the_search() {
        let (found, _) = find(1000.0, 0.0);
        assert_eq!(found, 0.0);
    }
}
