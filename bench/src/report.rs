//! What a run counts, and how it is told: lines for people, or one JSON object. Pure.

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::time::Duration;

use hdrhistogram::Histogram;

/// Different failures that are kept word by word; the rest is only counted.
const FAILURES_MAX: usize = 10;
const LATENCY_MAX_US: u64 = 3_600_000_000;
/// From this share of its one core on the generator itself may have been the limit.
const BUSY_SHARE: f64 = 0.8;

/// The counts of one run, of all its connections.
#[derive(Debug)]
pub(crate) struct Tally {
    pub(crate) requests: u64,
    pub(crate) records: u64,
    pub(crate) bytes: u64,
    latency_us: Histogram<u64>,
    failures: BTreeMap<String, u64>,
    failed: u64,
    /// When records were last acknowledged or read.
    last: Duration,
}

impl Tally {
    pub(crate) fn new() -> Self {
        #[expect(
            clippy::expect_used,
            reason = "bounds and digits are constants that it takes"
        )]
        let latency_us = Histogram::new_with_bounds(1, LATENCY_MAX_US, 3).expect("a histogram");
        Self {
            requests: 0,
            records: 0,
            bytes: 0,
            latency_us,
            failures: BTreeMap::new(),
            failed: 0,
            last: Duration::ZERO,
        }
    }

    /// A request was answered as it should be.
    pub(crate) fn answered(&mut self, sent: Duration, now: Duration) {
        self.requests += 1;
        let micros = u64::try_from(now.saturating_sub(sent).as_micros());
        self.latency_us
            .saturating_record(micros.unwrap_or(u64::MAX));
    }

    /// Records arrived where they should.
    pub(crate) fn count(&mut self, records: u64, bytes: u64, now: Duration) {
        self.records += records;
        self.bytes += bytes;
        self.last = now;
    }

    pub(crate) fn fail(&mut self, why: &impl fmt::Display) {
        self.failed += 1;
        let why = why.to_string();
        if self.failures.len() < FAILURES_MAX || self.failures.contains_key(&why) {
            *self.failures.entry(why).or_insert(0) += 1;
        }
    }

    pub(crate) fn failed(&self) -> u64 {
        self.failed
    }

    pub(crate) fn last(&self) -> Duration {
        self.last
    }
}

/// A parameter of the run.
#[derive(Debug)]
pub(crate) enum Parameter {
    Text(String),
    Number(u64),
    Flag(bool),
}

/// A finished run.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) command: &'static str,
    pub(crate) parameters: Vec<(&'static str, Parameter)>,
    pub(crate) tally: Tally,
    /// From the first request to the last answer with records.
    pub(crate) took: Duration,
    /// What the generator itself cost in that time.
    pub(crate) cpu: Duration,
}

impl Report {
    pub(crate) fn to_text(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = self.write_text(&mut text);
        text
    }

    fn write_text(&self, out: &mut String) -> fmt::Result {
        let tally = &self.tally;
        write!(out, "{}:", self.command)?;
        for (name, value) in &self.parameters {
            write!(out, " {name}={value}")?;
        }
        let seconds = self.took.as_secs_f64();
        let (records_rate, mb_rate) = self.rates();
        writeln!(
            out,
            "\n{} records in {} requests, {seconds:.2} s",
            tally.records, tally.requests
        )?;
        writeln!(out, "{records_rate:.0} records/s, {mb_rate:.2} MB/s")?;
        let [p50, p99, p99_9, max] = self.latencies().map(|micros| micros as f64 / 1e3);
        writeln!(
            out,
            "latency ms: p50 {p50:.2}, p99 {p99:.2}, p99.9 {p99_9:.2}, max {max:.2}"
        )?;
        let share = self.busy_share();
        write!(
            out,
            "generator: {:.2} CPU s, {:.0} % of its one core; errors: {}",
            self.cpu.as_secs_f64(),
            share * 100.0,
            tally.failed,
        )?;
        if share > BUSY_SHARE {
            write!(
                out,
                "\nnote: the generator was busy; it may have been the limit itself"
            )?;
        }
        for (why, count) in &tally.failures {
            write!(out, "\nerror, {count} times: {why}")?;
        }
        Ok(())
    }

    pub(crate) fn to_json(&self) -> String {
        let mut json = String::new();
        let _ = self.write_json(&mut json);
        json
    }

    fn write_json(&self, out: &mut String) -> fmt::Result {
        let tally = &self.tally;
        write!(out, "{{\"command\": {}", quoted(self.command))?;
        for (name, value) in &self.parameters {
            write!(out, ", {}: ", quoted(name))?;
            match value {
                Parameter::Text(text) => write!(out, "{}", quoted(text))?,
                Parameter::Number(number) => write!(out, "{number}")?,
                Parameter::Flag(flag) => write!(out, "{flag}")?,
            }
        }
        write!(
            out,
            ", \"records\": {}, \"requests\": {}, \"bytes\": {}, \"seconds\": {:.6}",
            tally.records,
            tally.requests,
            tally.bytes,
            self.took.as_secs_f64()
        )?;
        let (records_rate, mb_rate) = self.rates();
        write!(
            out,
            ", \"records_per_second\": {records_rate:.1}, \"mb_per_second\": {mb_rate:.3}"
        )?;
        let [p50, p99, p99_9, max] = self.latencies();
        write!(
            out,
            ", \"latency_us\": {{\"p50\": {p50}, \"p99\": {p99}, \"p99.9\": {p99_9}, \"max\": {max}}}"
        )?;
        let cpu = self.cpu.as_secs_f64();
        write!(
            out,
            ", \"generator_cpu_seconds\": {cpu:.6}, \"errors\": {}",
            tally.failed
        )?;
        let mut failures = tally.failures.iter();
        write!(out, ", \"failures\": {{")?;
        if let Some((why, count)) = failures.next() {
            write!(out, "{}: {count}", quoted(why))?;
        }
        for (why, count) in failures {
            write!(out, ", {}: {count}", quoted(why))?;
        }
        write!(out, "}}}}")
    }

    /// Records and megabytes a second.
    fn rates(&self) -> (f64, f64) {
        let seconds = self.took.as_secs_f64();
        if seconds == 0.0 {
            return (0.0, 0.0);
        }
        let (records, bytes) = (self.tally.records as f64, self.tally.bytes as f64);
        (records / seconds, bytes / 1e6 / seconds)
    }

    /// 50 %, 99 %, 99.9 % and the maximum, in microseconds.
    fn latencies(&self) -> [u64; 4] {
        let latency_us = &self.tally.latency_us;
        let at = |quantile| latency_us.value_at_quantile(quantile);
        [at(0.5), at(0.99), at(0.999), latency_us.max()]
    }

    fn busy_share(&self) -> f64 {
        if self.took.is_zero() {
            return 0.0;
        }
        self.cpu.as_secs_f64() / self.took.as_secs_f64()
    }
}

impl fmt::Display for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Number(number) => write!(f, "{number}"),
            Self::Flag(flag) => f.write_str(if *flag { "yes" } else { "no" }),
        }
    }
}

/// A JSON string.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            '\0'..='\u{1f}' => quoted.push_str(&format!("\\u{:04x}", u32::from(character))),
            _ => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let mut tally = Tally::new();
        for millis in 1..=1000 {
            tally.answered(Duration::ZERO, Duration::from_millis(millis));
            tally.count(2, 2000, Duration::from_millis(millis));
        }
        Report {
            command: "produce",
            parameters: vec![
                ("topic", Parameter::Text("a \"b\"\n".to_owned())),
                ("connections", Parameter::Number(5)),
                ("idempotent", Parameter::Flag(false)),
            ],
            took: tally.last(),
            tally,
            cpu: Duration::from_millis(250),
        }
    }

    #[test]
    fn the_text_has_rates_latencies_and_the_generators_own_cost() {
        let text = report().to_text();
        for part in [
            "connections=5 idempotent=no",
            "2000 records in 1000 requests, 1.00 s",
            "2000 records/s, 2.00 MB/s",
            "p50 500.",
            "max 1000.",
            "0.25 CPU s, 25 % of its one core; errors: 0",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(!text.contains("note:"));
    }

    #[test]
    fn the_json_escapes_what_must_be() {
        let json = report().to_json();
        assert!(json.starts_with(r#"{"command": "produce", "topic": "a \"b\"\u000a", "#));
        assert!(json.contains(
            r#""records": 2000, "requests": 1000, "bytes": 2000000, "seconds": 1.000000"#
        ));
        assert!(json.ends_with(r#""errors": 0, "failures": {}}"#));
    }

    #[test]
    fn a_busy_generator_says_so() {
        let busy = Report {
            cpu: Duration::from_millis(900),
            ..report()
        };
        assert!(busy.to_text().contains("note: the generator was busy"));
    }

    #[test]
    fn a_run_without_records_has_rates_of_zero() {
        let empty = Report {
            tally: Tally::new(),
            took: Duration::ZERO,
            ..report()
        };
        assert!(empty.to_text().contains("0 records/s, 0.00 MB/s"));
        assert!(!empty.to_json().contains("NaN"));
    }

    #[test]
    fn failures_are_counted_and_only_a_few_are_spelled_out() {
        let mut tally = Tally::new();
        for number in 0..1000 {
            tally.fail(&format!("failure {}", number % 50));
        }
        assert_eq!(tally.failed(), 1000);
        let text = Report { tally, ..report() }.to_text();
        assert_eq!(
            text.matches("error, 20 times: failure").count(),
            FAILURES_MAX
        );
    }
}
