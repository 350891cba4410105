//! The generator measured by itself: how much it can do against a sink that only counts, and that
//! a stall of the sink shows in the response times of a fixed rate. Shell.

mod sink;

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use serde::Serialize;

use crate::run::conduct;
use crate::run::live::Live;
use crate::run::options::RunOptions;
use crate::run::outcome::Outcome;
use crate::run::setup::{self, SetupError};
use crate::workload::Workload;
use sink::{Sink, Stall};

/// What two cores must give, one of them the sink's.
const RECORDS_BAR: f64 = 1e6;
const BYTES_BAR: f64 = 1e9;
/// What the p99 of the response times must show of the stall.
const STALL_BAR: f64 = 0.9;
/// How much longer the fixed rate goes on than the stall.
const STALL_PARTS: f64 = 3.0;

#[derive(Debug, thiserror::Error)]
pub(crate) enum SelfTestError {
    #[error(transparent)]
    Setup(#[from] SetupError),
    #[error("the sink: {0}")]
    Sink(#[from] std::io::Error),
    #[error("{0}")]
    Workload(String),
}

/// One line of the test.
#[derive(Debug, Serialize)]
pub(crate) struct Line {
    pub(crate) what: &'static str,
    pub(crate) figure: f64,
    pub(crate) unit: &'static str,
    pub(crate) bar: f64,
    pub(crate) passed: bool,
    pub(crate) detail: String,
}

impl Line {
    fn new(
        what: &'static str,
        (figure, unit): (f64, &'static str),
        bar: f64,
        detail: String,
    ) -> Self {
        Self {
            what,
            figure,
            unit,
            bar,
            passed: figure >= bar,
            detail,
        }
    }

    pub(crate) fn to_text(&self) -> String {
        let verdict = if self.passed { "ok  " } else { "FAIL" };
        let (what, figure, unit) = (self.what, self.figure, self.unit);
        format!(
            "{verdict} {what:<44} {figure:>12.0} {unit:<12} (bar {:.0})  {}",
            self.bar, self.detail
        )
    }
}

pub(crate) fn run(
    hold: Duration,
    stall: Duration,
    live: &mut Live,
    interrupted: &AtomicBool,
) -> Result<Vec<Line>, SelfTestError> {
    let small = "{producersPerTopic: 4, arrivals: closed, messageSize: 100, \
                 producerConfig: {batch.size: '16384', linger.ms: '0'}}";
    let large = "{producersPerTopic: 4, arrivals: closed, messageSize: 1024, \
                 producerConfig: {batch.size: '1048576', linger.ms: '0', max.request.size: '1100000'}}";
    let small = against_sink(small, hold, None, live, interrupted)?;
    let large = against_sink(large, hold, None, live, interrupted)?;
    let detail =
        |outcome: &Outcome| format!("{:.0} % of one core", outcome.generator_share() * 100.0);
    let mut lines = vec![
        Line::new(
            "100 B records to a sink",
            (small.records_rate(), "records/s"),
            RECORDS_BAR,
            detail(&small),
        ),
        Line::new(
            "1 KiB records to a sink",
            (large.bytes_rate(), "bytes/s"),
            BYTES_BAR,
            detail(&large),
        ),
    ];
    lines.push(slip(hold, live, interrupted)?);
    if !stall.is_zero() {
        lines.push(stalled(stall, live, interrupted)?);
    }
    Ok(lines)
}

/// How exactly the generator keeps a schedule.
fn slip(hold: Duration, live: &mut Live, interrupted: &AtomicBool) -> Result<Line, SelfTestError> {
    let steady = "{producersPerTopic: 4, producerRate: 20000, producerConfig: {linger.ms: '0'}}";
    let outcome = against_sink(steady, hold, None, live, interrupted)?;
    let slip = &outcome.series.slip;
    let (p50, p99) = (slip.at(0.5), slip.at(0.99));
    let kept = outcome.records_rate();
    let detail = format!("schedule slip p50 {p50} µs, p99 {p99} µs");
    Ok(Line::new(
        "20,000 records/s on schedule",
        (kept, "records/s"),
        19_800.0,
        detail,
    ))
}

fn stalled(
    stall: Duration,
    live: &mut Live,
    interrupted: &AtomicBool,
) -> Result<Line, SelfTestError> {
    let steady = "{producersPerTopic: 4, producerRate: 1000, producerConfig: {linger.ms: '0'}}";
    let injected = Stall {
        after: stall / 2,
        length: stall,
    };
    let whole = stall.mul_f64(STALL_PARTS);
    let outcome = against_sink(steady, whole, Some(injected), live, interrupted)?;
    let ms = |micros: u64| micros as f64 / 1000.0;
    let (response, service) = (&outcome.series.response, &outcome.series.service);
    let detail = format!(
        "a stall of {} s; p50 {:.1} ms; the service time's p99 is {:.1} ms",
        stall.as_secs_f64(),
        ms(response.at(0.5)),
        ms(service.at(0.99))
    );
    let bar = stall.as_secs_f64() * 1000.0 * STALL_BAR;
    Ok(Line::new(
        "p99 of the response time with a stall",
        (ms(response.at(0.99)), "ms"),
        bar,
        detail,
    ))
}

fn against_sink(
    yaml: &str,
    hold: Duration,
    stall: Option<Stall>,
    live: &mut Live,
    interrupted: &AtomicBool,
) -> Result<Outcome, SelfTestError> {
    let mut workload = Workload::parse(yaml).map_err(SelfTestError::Workload)?;
    workload.test_duration_minutes = hold.as_secs_f64() / 60.0;
    let sink = Sink::start(workload.partitions_per_topic, stall)?;
    let options = RunOptions {
        bootstrap: format!("127.0.0.1:{}", sink.port),
        threads: 1,
        broker_pid: None,
        report: None,
        keep_topics: true,
        give_up: Duration::from_secs(10),
        json: false,
        quiet: true,
        faults: Vec::new(),
    };
    let (setup, target, _) = setup::prepare(&workload, &options)?;
    Ok(conduct::conduct(
        setup,
        target,
        &options,
        live,
        interrupted,
    )?)
}
