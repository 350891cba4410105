//! Report directories side by side: what changed, how sure that is, and what makes them hard to
//! compare. Shell for reading; the figures and the tables are pure.

mod figures;
mod limits;
mod tables;

use std::fs;
use std::path::Path;

use crate::report::json::Report;

pub(crate) use limits::Limits;
pub(crate) use tables::{html, markdown, text};

use figures::{FIGURES, Figure, Sample};

#[derive(Debug, thiserror::Error)]
pub(crate) enum CompareError {
    #[error("{path}: {source}")]
    Read {
        path: String,
        source: std::io::Error,
    },
    #[error("{path} is no report of this version: {source}")]
    Parse {
        path: String,
        source: serde_json::Error,
    },
}

/// The runs of one side.
#[derive(Debug)]
pub(crate) struct Side {
    pub(crate) name: String,
    pub(crate) reports: Vec<Report>,
}

/// One figure of all sides.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) figure: &'static Figure,
    pub(crate) samples: Vec<Option<Sample>>,
}

#[derive(Debug)]
pub(crate) struct Comparison {
    pub(crate) sides: Vec<Side>,
    pub(crate) rows: Vec<Row>,
    /// Why the sides are not quite comparable.
    pub(crate) warnings: Vec<String>,
}

/// Reads the sides: each a directory, or several with commas between them.
pub(crate) fn read(sides: &[String]) -> Result<Vec<Side>, CompareError> {
    let side = |name: &String| {
        let reports = name.split(',').map(|directory| read_one(directory.trim()));
        Ok(Side {
            name: name.clone(),
            reports: reports.collect::<Result<_, CompareError>>()?,
        })
    };
    sides.iter().map(side).collect()
}

fn read_one(directory: &str) -> Result<Report, CompareError> {
    let path = Path::new(directory).join("report.json");
    let shown = path.display().to_string();
    let text = fs::read_to_string(&path).map_err(|source| CompareError::Read {
        path: shown.clone(),
        source,
    })?;
    serde_json::from_str(&text).map_err(|source| CompareError::Parse {
        path: shown,
        source,
    })
}

pub(crate) fn compare(sides: Vec<Side>) -> Comparison {
    let rows = FIGURES.iter().map(|figure| Row {
        figure,
        samples: sides
            .iter()
            .map(|side| Sample::new(side.reports.iter().filter_map(|report| (figure.of)(report))))
            .collect(),
    });
    let rows = rows.filter(|row| row.samples.iter().any(Option::is_some));
    Comparison {
        rows: rows.collect(),
        warnings: warnings(&sides),
        sides,
    }
}

fn warnings(sides: &[Side]) -> Vec<String> {
    let mut warnings = Vec::new();
    let reports = || {
        let named = |side: &'_ Side| (side.name.clone(), side.reports.clone());
        let sides = sides.iter().map(named);
        sides.flat_map(|(name, reports)| reports.into_iter().map(move |r| (name.clone(), r)))
    };
    let Some((_, first)) = reports().next() else {
        return warnings;
    };
    for (name, report) in reports() {
        for (what, value) in report.environment.essentials() {
            let expected = first
                .environment
                .essentials()
                .remove(what)
                .unwrap_or_default();
            if value != expected {
                warnings.push(format!(
                    "{name}: another {what}: {value} instead of {expected}"
                ));
            }
        }
        if essence(&report) != essence(&first) {
            warnings.push(format!("{name}: another workload"));
        }
        if report.generator_share > 0.8 {
            warnings.push(format!("{name}: the generator was busy"));
        }
        if !report.complaints.is_empty() {
            warnings.push(format!("{name}: {}", report.complaints.join(", ")));
        }
    }
    warnings.sort();
    warnings.dedup();
    warnings
}

/// The workload without what may differ.
fn essence(report: &Report) -> crate::workload::Workload {
    let mut workload = report.workload.clone();
    workload.existing_topics.clear();
    workload.name.clear();
    workload
}
