//! The comparison as text, as Markdown and as a page. Pure.

use std::fmt::Write;

use super::figures::Sample;
use super::{Comparison, Row};
use crate::report::html::whole_page;
use crate::report::svg::{self, Axes, Line, Scale, escaped};

/// The cells of a table: a head, then a row for each figure.
fn cells(comparison: &Comparison) -> Vec<Vec<String>> {
    let mut head = vec!["figure".to_owned(), "unit".to_owned()];
    for (place, side) in comparison.sides.iter().enumerate() {
        head.push(side.name.clone());
        if place > 0 {
            head.push("change".to_owned());
        }
    }
    let rows = comparison.rows.iter().map(row_cells);
    std::iter::once(head).chain(rows).collect()
}

fn row_cells(row: &Row) -> Vec<String> {
    let mut cells = vec![row.figure.name.to_owned(), row.figure.unit.to_owned()];
    let first = row.samples.first().copied().flatten();
    for (place, sample) in row.samples.iter().enumerate() {
        cells.push(sample.as_ref().map_or_else(|| "-".to_owned(), sample_text));
        if place > 0 {
            cells.push(change_text(row, sample.as_ref(), first.as_ref()));
        }
    }
    cells
}

/// The median, and the spread of repeated runs.
fn sample_text(sample: &Sample) -> String {
    let number = |value: f64| match value.abs() {
        v if v >= 1000.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.3}"),
    };
    if sample.count == 1 {
        return number(sample.median);
    }
    let (low, high) = (number(sample.low), number(sample.high));
    format!(
        "{} ({low}..{high}, {} runs)",
        number(sample.median),
        sample.count
    )
}

fn change_text(row: &Row, sample: Option<&Sample>, first: Option<&Sample>) -> String {
    let change = sample.zip(first);
    let Some(change) = change.and_then(|(own, first)| own.change_from(first)) else {
        return "-".to_owned();
    };
    let mut text = format!("{:+.1} %", change.part * 100.0);
    let verdict = |better: bool| if better { "better" } else { "worse" };
    let is_better = (change.part > 0.0) == row.figure.more_is_better;
    match change.interval {
        Some((low, high)) if low <= 0.0 && high >= 0.0 => text.push_str(" (no clear change)"),
        Some((low, high)) => {
            let (low, high) = (low * 100.0, high * 100.0);
            let _ = write!(text, " ({low:+.1}..{high:+.1}, {})", verdict(is_better));
        }
        None if change.part == 0.0 => {}
        None => {
            let _ = write!(text, " ({})", verdict(is_better));
        }
    }
    text
}

pub(crate) fn text(comparison: &Comparison) -> String {
    let cells = cells(comparison);
    let columns = cells.first().map_or(0, Vec::len);
    let width = |column: usize| cells.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<usize> = (0..columns).filter_map(width).collect();
    let mut text = String::new();
    for row in &cells {
        for (cell, width) in row.iter().zip(&widths) {
            let padding = " ".repeat(width - cell.chars().count());
            // Writing to a string does not fail.
            let _ = write!(text, "{cell}{padding}  ");
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    for warning in &comparison.warnings {
        let _ = writeln!(text, "note: {warning}");
    }
    text
}

pub(crate) fn markdown(comparison: &Comparison) -> String {
    let mut text = String::new();
    for (number, row) in cells(comparison).iter().enumerate() {
        let _ = writeln!(text, "| {} |", row.join(" | "));
        if number == 0 {
            let _ = writeln!(text, "|{}", "---|".repeat(row.len()));
        }
    }
    for warning in &comparison.warnings {
        let _ = writeln!(text, "\n*{warning}*");
    }
    text
}

/// A page with the table, and the sides' first runs drawn over each other.
pub(crate) fn html(comparison: &Comparison) -> String {
    let mut body = String::from("<h1>Comparison</h1>");
    for warning in &comparison.warnings {
        let _ = write!(body, "<p class=\"bad\">{}</p>", escaped(warning));
    }
    body.push_str("<div class=\"card scroll\"><table>");
    for (number, row) in cells(comparison).iter().enumerate() {
        let tag = if number == 0 { "th" } else { "td" };
        let cell = |cell: &String| format!("<{tag}>{}</{tag}>", escaped(cell));
        let row: String = row.iter().map(cell).collect();
        let _ = write!(body, "<tr>{row}</tr>");
    }
    body.push_str("</table></div><h2>Over time</h2><div class=\"charts\">");
    for (title, unit, scale, value) in [
        (
            "Throughput",
            "records/s",
            Scale::Linear,
            (|s| s.acked.max(s.received) as f64) as fn(&crate::report::json::Second) -> f64,
        ),
        ("Response time, p50", "ms", Scale::Log, |s| {
            s.response_p50_us as f64 / 1e3
        }),
        ("Response time, p99", "ms", Scale::Log, |s| {
            s.response_p99_us as f64 / 1e3
        }),
        ("CPU of the broker", "cores", Scale::Linear, |s| {
            s.broker_cores.unwrap_or(0.0)
        }),
    ] {
        let lines: Vec<Line> = comparison
            .sides
            .iter()
            .filter_map(|side| {
                let report = side.reports.first()?;
                let points = report.series.iter();
                Some(Line {
                    name: side.name.clone(),
                    points: points.map(|s| (s.second as f64, value(s))).collect(),
                })
            })
            .collect();
        let axes = Axes {
            title,
            x: "second",
            y: unit,
            y_scale: scale,
            x_ticks: None,
        };
        let _ = write!(
            body,
            "<div class=\"card\">{}</div>",
            svg::lines(&axes, &lines)
        );
    }
    body.push_str("</div>");
    whole_page("Comparison", &body)
}
