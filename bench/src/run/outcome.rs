//! What a run came to. Pure.

use std::collections::BTreeMap;

use super::timeline::Point;
use crate::load::ledger::{Promises, Verdict};
use crate::measure::failures::Failures;
use crate::measure::interval::{Counts, Series};
use crate::measure::process::Cost;
use crate::workload::Workload;

/// From this share of its cores on the generator itself may have been the limit.
const BUSY_SHARE: f64 = 0.8;

/// Why a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It did all that it was to do.
    Whole,
    /// The user stopped it.
    Interrupted,
    /// No producer or no consumer was left.
    Failed,
    /// Consumers did not come to the end of what was acknowledged.
    NotDrained,
}

/// Who was measured.
#[derive(Debug, Clone, Default)]
pub(crate) struct Target {
    pub(crate) bootstrap: String,
    pub(crate) cluster_id: Option<String>,
    pub(crate) brokers: usize,
    /// The level of its metadata, where it tells one: its version.
    pub(crate) features: BTreeMap<String, i16>,
    pub(crate) broker_config: BTreeMap<String, String>,
    pub(crate) topic_config: BTreeMap<String, String>,
    /// The command line of the broker, when it runs here.
    pub(crate) command: Option<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    pub(crate) workload: Workload,
    pub(crate) target: Target,
    pub(crate) threads: usize,
    pub(crate) began_ms: i64,
    pub(crate) ended: Ended,
    /// How long was measured.
    pub(crate) seconds: f64,
    pub(crate) counts: Counts,
    pub(crate) series: Series,
    pub(crate) failures: Failures,
    /// What producers were promised, for who reads it again.
    pub(crate) promises: Promises,
    pub(crate) verdict: Verdict,
    /// Readers were to get everything, so that losses would show.
    pub(crate) is_accounted: bool,
    /// Some values were too short to be found again.
    pub(crate) has_unstamped: bool,
    pub(crate) timeline: Vec<Point>,
    pub(crate) broker: Option<Cost>,
    pub(crate) generator: Cost,
    /// How the values compress with zstd, as a part of their size.
    pub(crate) compressibility: f64,
    /// What happened, and at which second.
    pub(crate) events: Vec<(f64, String)>,
}

impl Outcome {
    pub(crate) fn records_rate(&self) -> f64 {
        self.per_second(self.counts.acked as f64)
    }

    pub(crate) fn bytes_rate(&self) -> f64 {
        self.per_second(self.counts.acked_bytes as f64)
    }

    pub(crate) fn received_rate(&self) -> f64 {
        self.per_second(self.counts.received as f64)
    }

    pub(crate) fn received_bytes_rate(&self) -> f64 {
        self.per_second(self.counts.received_bytes as f64)
    }

    pub(crate) fn per_second(&self, amount: f64) -> f64 {
        if self.seconds > 0.0 {
            amount / self.seconds
        } else {
            0.0
        }
    }

    /// Records of the load: produced, or read where nothing was produced.
    pub(crate) fn records(&self) -> u64 {
        if self.counts.acked > 0 {
            self.counts.acked
        } else {
            self.counts.received
        }
    }

    pub(crate) fn bytes(&self) -> u64 {
        if self.counts.acked > 0 {
            self.counts.acked_bytes
        } else {
            self.counts.received_bytes
        }
    }

    /// The part of its threads' time that the generator was busy.
    pub(crate) fn generator_share(&self) -> f64 {
        let cores = self.threads.max(1) as f64;
        self.per_second(self.generator.cpu_seconds()) / cores
    }

    pub(crate) fn is_generator_busy(&self) -> bool {
        self.generator_share() > BUSY_SHARE
    }

    /// Why the run is not good; nothing when it is.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let mut complaints = Vec::new();
        let verdict = &self.verdict;
        for (count, what) in [
            (verdict.lost, "records were acknowledged and lost"),
            (verdict.out_of_order, "records came out of order"),
            (verdict.damaged, "records were changed on the way"),
            (
                verdict.aborted_seen,
                "records of aborted transactions were read",
            ),
            (self.counts.failed, "records were not acknowledged"),
        ] {
            if count > 0 {
                complaints.push(format!("{count} {what}"));
            }
        }
        if verdict.duplicated > 0 && !self.may_duplicate() {
            complaints.push(format!(
                "{} records came more than once",
                verdict.duplicated
            ));
        }
        match self.ended {
            Ended::Failed => complaints.push("the run could not go on to its end".to_owned()),
            Ended::NotDrained => {
                complaints.push("consumers did not come to the end of what was written".to_owned());
            }
            Ended::Whole | Ended::Interrupted => {}
        }
        if self.failures.total > 0 && complaints.is_empty() {
            complaints.push(format!("{} errors", self.failures.total));
        }
        complaints
    }

    /// Without idempotence a repeated batch may be stored twice; members of a group read again
    /// what was not committed.
    pub(crate) fn may_duplicate(&self) -> bool {
        let is_idempotent =
            crate::workload::knobs::ProducerKnobs::new(&self.workload.producer_config)
                .is_ok_and(|knobs| knobs.idempotent);
        self.workload.groups || (self.counts.retries > 0 && !is_idempotent)
    }
}
