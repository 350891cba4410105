//! The report directory: `report.json`, `report.html`, `series.csv`, percentile files, the
//! environment and the effective workload. Shell.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::html;
use super::json::{self, Report};
use crate::measure::interval::Series;
use crate::measure::latencies::Latencies;

/// Steps of a percentile file each time the distance from the maximum halves.
const TICKS_PER_HALF: u32 = 5;

#[derive(Debug, thiserror::Error)]
#[error("the report cannot be written: {path}: {source}")]
pub(crate) struct WriteError {
    path: PathBuf,
    source: io::Error,
}

/// Makes the directory before the run, so that the run is not for nothing.
pub(crate) fn prepare(directory: &Path) -> Result<(), WriteError> {
    let failed = |source| WriteError {
        path: directory.to_owned(),
        source,
    };
    fs::create_dir_all(directory).map_err(failed)?;
    let probe = directory.join(".writable");
    fs::write(&probe, b"").map_err(failed)?;
    fs::remove_file(&probe).map_err(failed)
}

/// Writes all files.
pub(crate) fn write(directory: &Path, report: &Report, series: &Series) -> Result<(), WriteError> {
    let put = |name: &str, content: &str| {
        let path = directory.join(name);
        fs::write(&path, content).map_err(|source| WriteError { path, source })
    };
    put("report.json", &report.to_text())?;
    put("series.csv", &csv(report))?;
    put("workload.yaml", &report.workload.to_yaml())?;
    let environment = serde_json::to_string_pretty(&(&report.environment, &report.target));
    put("env.json", &environment.unwrap_or_default())?;
    for (name, latencies) in json::named(series) {
        if !latencies.is_empty() {
            put(&format!("{name}.hgrm"), &percentiles(latencies))?;
        }
    }
    put("report.html", &html::page(report, series))
}

fn csv(report: &Report) -> String {
    let mut csv = String::from(
        "second,sent,acked,acked_bytes,received,received_bytes,failed,unacknowledged,backlog,\
         response_p50_us,response_p99_us,response_p99.9_us,response_max_us,service_p99_us,\
         end_to_end_p50_us,end_to_end_p99_us,slip_p99_us,broker_cores,broker_rss_bytes,\
         generator_cores\n",
    );
    for s in &report.series {
        let broker = s
            .broker_cores
            .map_or(String::new(), |cores| format!("{cores:.3}"));
        // Writing to a string does not fail.
        let _ = writeln!(
            csv,
            "{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{broker},{},{:.3}",
            s.second,
            s.sent,
            s.acked,
            s.acked_bytes,
            s.received,
            s.received_bytes,
            s.failed,
            s.unacknowledged,
            s.backlog,
            s.response_p50_us,
            s.response_p99_us,
            s.response_p999_us,
            s.response_max_us,
            s.service_p99_us,
            s.end_to_end_p50_us,
            s.end_to_end_p99_us,
            s.slip_p99_us,
            s.broker_rss_bytes,
            s.generator_cores
        );
    }
    csv
}

/// A percentile file as plotters of HDR histograms read it, in milliseconds.
fn percentiles(latencies: &Latencies) -> String {
    let mut text = String::from("       Value     Percentile TotalCount 1/(1-Percentile)\n\n");
    let ms = |micros: f64| micros / 1000.0;
    for (value, quantile, below) in latencies.percentiles(TICKS_PER_HALF) {
        let _ = if quantile < 1.0 {
            let inverse = 1.0 / (1.0 - quantile);
            let value = ms(value as f64);
            writeln!(
                text,
                "{value:12.3} {quantile:2.12} {below:10} {inverse:14.2}"
            )
        } else {
            writeln!(text, "{:12.3} {quantile:2.12} {below:10}", ms(value as f64))
        };
    }
    let (mean, deviation) = (ms(latencies.mean()), ms(latencies.deviation()));
    let (max, count) = (ms(latencies.max() as f64), latencies.count());
    let _ = writeln!(
        text,
        "#[Mean    = {mean:12.3}, StdDeviation   = {deviation:12.3}]"
    );
    let _ = writeln!(text, "#[Max     = {max:12.3}, Total count    = {count:12}]");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentile_files_have_the_form_that_plotters_read() {
        let mut latencies = Latencies::default();
        for micros in 1..=10_000_u64 {
            latencies.record(micros * 1000);
        }
        let text = percentiles(&latencies);
        assert!(text.starts_with("       Value     Percentile TotalCount 1/(1-Percentile)\n"));
        assert!(text.contains("#[Mean    =        5.0"), "{text}");
        assert!(text.contains("0.500000000000"), "{text}");
        assert!(text.lines().nth(2).unwrap().split_whitespace().count() == 4);
    }

    #[test]
    fn a_directory_that_cannot_be_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = prepare(&file.path().join("report")).unwrap_err();
        assert!(error.to_string().contains("cannot be written"), "{error}");
    }
}
