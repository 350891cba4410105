//! The outcome as JSON: the schema of `report.json`, whose version says when a field changed.
//! Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::load::ledger::Verdict;
use crate::measure::interval::Series;
use crate::measure::latencies::{Latencies, QUANTILES};
use crate::measure::process::Cost;
use crate::run::outcome::{Ended, Outcome};
use crate::run::search::Found;
use crate::workload::Workload;

use super::environment::Environment;

const SCHEMA_VERSION: u32 = 1;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) schema_version: u32,
    pub(crate) generator_version: String,
    pub(crate) began_ms: i64,
    pub(crate) ended: String,
    pub(crate) workload: Workload,
    pub(crate) seconds: f64,
    pub(crate) records: u64,
    pub(crate) bytes: u64,
    pub(crate) requests: u64,
    pub(crate) records_per_second: f64,
    pub(crate) mb_per_second: f64,
    pub(crate) consumed_records_per_second: f64,
    pub(crate) consumed_mb_per_second: f64,
    pub(crate) transactions_per_second: f64,
    pub(crate) commits: u64,
    pub(crate) retries: u64,
    /// By kind, then by quantile, in microseconds.
    pub(crate) latency_us: BTreeMap<String, BTreeMap<String, f64>>,
    pub(crate) broker: Option<CostFigures>,
    pub(crate) generator: CostFigures,
    /// The part of its threads' time that the generator was busy.
    pub(crate) generator_share: f64,
    pub(crate) account: Account,
    pub(crate) errors: u64,
    pub(crate) failures: BTreeMap<String, u64>,
    pub(crate) complaints: Vec<String>,
    /// What zstd leaves of the values.
    pub(crate) compressibility: f64,
    pub(crate) target: TargetFigures,
    pub(crate) environment: Environment,
    pub(crate) series: Vec<Second>,
    /// What happened, by second.
    pub(crate) events: Vec<(f64, String)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) load_curve: Vec<CurvePoint>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct CostFigures {
    pub(crate) cpu_seconds: f64,
    pub(crate) user_seconds: f64,
    pub(crate) system_seconds: f64,
    pub(crate) cpu_seconds_per_million_records: f64,
    pub(crate) cpu_seconds_per_gb: f64,
    pub(crate) records_per_cpu_second: f64,
    pub(crate) requests_per_cpu_second: f64,
    pub(crate) rss_bytes: u64,
    pub(crate) peak_rss_bytes: u64,
    pub(crate) context_switches: u64,
    pub(crate) involuntary_context_switches: u64,
    pub(crate) written_bytes: u64,
    pub(crate) read_bytes: u64,
    /// Bytes written to disk per byte produced.
    pub(crate) write_amplification: f64,
}

/// Every record of the run.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Account {
    /// Readers were to get everything, so that losses show.
    pub(crate) is_complete: bool,
    pub(crate) acked: u64,
    pub(crate) received: u64,
    pub(crate) failed: u64,
    pub(crate) lost: u64,
    pub(crate) duplicated: u64,
    pub(crate) out_of_order: u64,
    pub(crate) damaged: u64,
    pub(crate) unconfirmed: u64,
    pub(crate) aborted_seen: u64,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct TargetFigures {
    pub(crate) bootstrap: String,
    pub(crate) cluster_id: Option<String>,
    pub(crate) brokers: usize,
    pub(crate) command: Option<String>,
    pub(crate) features: BTreeMap<String, i16>,
    pub(crate) broker_config: BTreeMap<String, String>,
    pub(crate) topic_config: BTreeMap<String, String>,
}

/// One interval.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Second {
    pub(crate) second: u64,
    pub(crate) sent: u64,
    pub(crate) acked: u64,
    pub(crate) acked_bytes: u64,
    pub(crate) received: u64,
    pub(crate) received_bytes: u64,
    pub(crate) failed: u64,
    pub(crate) unacknowledged: u64,
    pub(crate) backlog: u64,
    pub(crate) response_p50_us: u64,
    pub(crate) response_p99_us: u64,
    pub(crate) response_p999_us: u64,
    pub(crate) response_max_us: u64,
    pub(crate) service_p99_us: u64,
    pub(crate) end_to_end_p50_us: u64,
    pub(crate) end_to_end_p99_us: u64,
    pub(crate) slip_p99_us: u64,
    pub(crate) broker_cores: Option<f64>,
    pub(crate) broker_rss_bytes: u64,
    pub(crate) generator_cores: f64,
    /// Row of the heat map (eight a factor of ten), and how many.
    pub(crate) heat: Vec<(u32, u64)>,
}

/// One rate of the load-latency curve.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct CurvePoint {
    pub(crate) offered: f64,
    pub(crate) achieved: f64,
    pub(crate) p50_us: u64,
    pub(crate) p99_us: u64,
    pub(crate) p999_us: u64,
    pub(crate) max_us: u64,
    pub(crate) broker_cores: Option<f64>,
    pub(crate) missed: Option<String>,
    pub(crate) is_best: bool,
}

impl Report {
    pub(crate) fn new(outcome: &Outcome) -> Self {
        let (counts, target) = (&outcome.counts, &outcome.target);
        Self {
            schema_version: SCHEMA_VERSION,
            generator_version: env!("CARGO_PKG_VERSION").to_owned(),
            began_ms: outcome.began_ms,
            ended: ended(outcome.ended).to_owned(),
            workload: outcome.workload.clone(),
            seconds: outcome.seconds,
            records: outcome.records(),
            bytes: outcome.bytes(),
            requests: counts.requests,
            records_per_second: outcome.per_second(outcome.records() as f64),
            mb_per_second: outcome.per_second(outcome.bytes() as f64) / 1e6,
            consumed_records_per_second: outcome.received_rate(),
            consumed_mb_per_second: outcome.received_bytes_rate() / 1e6,
            transactions_per_second: outcome.per_second(counts.transactions as f64),
            commits: counts.commits,
            retries: counts.retries,
            latency_us: latencies(&outcome.series),
            broker: outcome.broker.map(|cost| CostFigures::new(&cost, outcome)),
            generator: CostFigures::new(&outcome.generator, outcome),
            generator_share: outcome.generator_share(),
            account: account(&outcome.verdict, outcome),
            errors: outcome.failures.total,
            failures: outcome.failures.words.clone(),
            complaints: outcome.complaints(),
            compressibility: outcome.compressibility,
            target: TargetFigures {
                bootstrap: target.bootstrap.clone(),
                cluster_id: target.cluster_id.clone(),
                brokers: target.brokers,
                command: target.command.clone(),
                features: target.features.clone(),
                broker_config: target.broker_config.clone(),
                topic_config: target.topic_config.clone(),
            },
            environment: Environment::read(),
            series: seconds(outcome),
            events: outcome.events.clone(),
            load_curve: Vec::new(),
        }
    }

    /// A search: the outcome of its best rate, or of its lowest, with the whole curve.
    pub(crate) fn of_search(found: &Found) -> Option<Self> {
        let step = found.steps.get(found.best.unwrap_or(0))?;
        let mut report = Self::new(&step.outcome);
        report.load_curve = found
            .steps
            .iter()
            .enumerate()
            .map(|(place, step)| {
                let (outcome, response) = (&step.outcome, &step.outcome.series.response);
                CurvePoint {
                    offered: step.offered,
                    achieved: outcome.records_rate(),
                    p50_us: response.at(0.5),
                    p99_us: response.at(0.99),
                    p999_us: response.at(0.999),
                    max_us: response.max(),
                    broker_cores: outcome.broker.map(|b| outcome.per_second(b.cpu_seconds())),
                    missed: step.missed.clone(),
                    is_best: found.best == Some(place),
                }
            })
            .collect();
        Some(report)
    }

    pub(crate) fn to_text(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_else(|error| format!("\"{error}\""))
    }

    /// A quantile of a kind of latency, in microseconds.
    pub(crate) fn latency(&self, kind: &str, quantile: &str) -> Option<f64> {
        self.latency_us.get(kind)?.get(quantile).copied()
    }
}

impl CostFigures {
    fn new(cost: &Cost, outcome: &Outcome) -> Self {
        let per = |amount: f64, unit: f64| if unit > 0.0 { amount / unit } else { 0.0 };
        let (cpu, records) = (cost.cpu_seconds(), outcome.records() as f64);
        Self {
            cpu_seconds: cpu,
            user_seconds: cost.user_seconds,
            system_seconds: cost.system_seconds,
            cpu_seconds_per_million_records: per(cpu, records / 1e6),
            cpu_seconds_per_gb: per(cpu, outcome.bytes() as f64 / 1e9),
            records_per_cpu_second: per(records, cpu),
            requests_per_cpu_second: per(outcome.counts.requests as f64, cpu),
            rss_bytes: cost.rss_bytes,
            peak_rss_bytes: cost.peak_rss_bytes,
            context_switches: cost.voluntary_switches + cost.involuntary_switches,
            involuntary_context_switches: cost.involuntary_switches,
            written_bytes: cost.written_bytes,
            read_bytes: cost.read_bytes,
            write_amplification: per(cost.written_bytes as f64, outcome.counts.acked_bytes as f64),
        }
    }
}

fn ended(ended: Ended) -> &'static str {
    match ended {
        Ended::Whole => "whole",
        Ended::Interrupted => "interrupted",
        Ended::Failed => "failed",
        Ended::NotDrained => "not drained",
    }
}

fn account(verdict: &Verdict, outcome: &Outcome) -> Account {
    Account {
        is_complete: outcome.is_accounted,
        acked: verdict.acked,
        received: verdict.received,
        failed: outcome.counts.failed,
        lost: verdict.lost,
        duplicated: verdict.duplicated,
        out_of_order: verdict.out_of_order,
        damaged: verdict.damaged,
        unconfirmed: verdict.unconfirmed,
        aborted_seen: verdict.aborted_seen,
    }
}

fn latencies(series: &Series) -> BTreeMap<String, BTreeMap<String, f64>> {
    let mut kinds = BTreeMap::new();
    for (name, latencies) in named(series) {
        if !latencies.is_empty() {
            kinds.insert(name.to_owned(), quantiles(latencies));
        }
    }
    kinds
}

/// The kinds of latency under the names that files and fields have.
pub(crate) fn named(series: &Series) -> [(&'static str, &Latencies); 6] {
    [
        ("response", &series.response),
        ("service", &series.service),
        ("end_to_end", &series.end_to_end),
        ("slip", &series.slip),
        ("fetch", &series.fetch),
        ("transaction", &series.transaction),
    ]
}

fn quantiles(latencies: &Latencies) -> BTreeMap<String, f64> {
    let mut figures = BTreeMap::new();
    for (name, quantile) in QUANTILES {
        figures.insert(name.to_owned(), latencies.at(quantile) as f64);
    }
    figures.insert("max".to_owned(), latencies.max() as f64);
    figures.insert("mean".to_owned(), latencies.mean());
    figures.insert("deviation".to_owned(), latencies.deviation());
    figures.insert("count".to_owned(), latencies.count() as f64);
    figures
}

fn seconds(outcome: &Outcome) -> Vec<Second> {
    let points = outcome.timeline.iter();
    points
        .map(|point| Second {
            second: point.second,
            sent: point.counts.sent,
            acked: point.counts.acked,
            acked_bytes: point.counts.acked_bytes,
            received: point.counts.received,
            received_bytes: point.counts.received_bytes,
            failed: point.counts.failed,
            unacknowledged: point.unacknowledged,
            backlog: point.backlog,
            response_p50_us: point.response.p50,
            response_p99_us: point.response.p99,
            response_p999_us: point.response.p999,
            response_max_us: point.response.max,
            service_p99_us: point.service.p99,
            end_to_end_p50_us: point.end_to_end.p50,
            end_to_end_p99_us: point.end_to_end.p99,
            slip_p99_us: point.slip.p99,
            broker_cores: point.usage.broker_cores,
            broker_rss_bytes: point.usage.broker_rss_bytes,
            generator_cores: point.usage.generator_cores,
            heat: point.heat.clone(),
        })
        .collect()
}
