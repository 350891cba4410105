//! What is shown while a run goes on: a table with progress on a terminal, a line an interval
//! otherwise. Shell, around pure lines. Goes to standard error: the results alone go to standard
//! output.

use std::io::{self, IsTerminal, Write};

use super::timeline::Point;
use crate::workload::Workload;

/// Notes that are shown as they come; the rest is only counted.
const NOTES_MAX: usize = 8;
/// Lines of the table under its head.
const ROWS_MAX: usize = 12;
const BAR_CELLS: usize = 24;
const SPARKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

#[derive(Debug)]
pub(crate) struct Live {
    terminal: bool,
    quiet: bool,
    rows: Vec<String>,
    rates: Vec<u64>,
    /// Lines on the screen that the next table replaces.
    shown: usize,
    notes: Vec<String>,
    titled: bool,
}

impl Live {
    pub(crate) fn new(quiet: bool) -> Self {
        Self {
            terminal: io::stderr().is_terminal(),
            quiet,
            rows: Vec::new(),
            rates: Vec::new(),
            shown: 0,
            notes: Vec::new(),
            titled: false,
        }
    }

    /// Something worth knowing at once.
    pub(crate) fn note(&mut self, text: &str) {
        // What many say is said once.
        if self.notes.len() > NOTES_MAX || self.notes.iter().any(|note| note == text) {
            return;
        }
        self.notes.push(text.to_owned());
        if self.notes.len() > NOTES_MAX {
            return self.say("millrace-bench: more notes are in the report");
        }
        self.say(&format!("millrace-bench: {text}"));
    }

    /// A line above the table.
    pub(crate) fn say(&mut self, line: &str) {
        self.erase();
        print(line);
    }

    pub(crate) fn show(&mut self, workload: &Workload, point: &Point, phase: &str) {
        if self.quiet {
            return;
        }
        self.rates
            .push(point.counts.acked.max(point.counts.received));
        if !self.terminal {
            if !std::mem::replace(&mut self.titled, true) {
                print(TITLE);
            }
            print(&row(point, phase));
            return;
        }
        self.rows.push(row(point, phase));
        self.erase();
        let done = (point.second + 1) as f64;
        let whole = workload.warm_up() + workload.duration();
        let (share, left) = match workload.records {
            Some(records) => {
                let made: u64 = self.rates.iter().sum();
                let share = made as f64 / records.max(1) as f64;
                (share, done / share.max(1e-9) - done)
            }
            None => {
                let whole = whole.as_secs_f64();
                (done / whole.max(1e-9), whole - done)
            }
        };
        let first = self.rows.len().saturating_sub(ROWS_MAX);
        let mut lines = vec![progress(share, left, phase), TITLE.to_owned()];
        lines.extend_from_slice(&self.rows[first..]);
        lines.push(format!("rate {}", sparkline(&self.rates, 60)));
        self.shown = lines.len();
        print(&lines.join("\n"));
    }

    /// The table stays as it is.
    pub(crate) fn finish(&mut self) {
        self.shown = 0;
        self.rows.clear();
        self.rates.clear();
        self.titled = false;
    }

    fn erase(&mut self) {
        if self.shown > 0 {
            // Up, and clear to the end of the screen.
            drop(write!(io::stderr(), "\x1b[{}A\x1b[J", self.shown));
            self.shown = 0;
        }
    }
}

fn print(line: &str) {
    // Who does not want to see it has closed it.
    drop(writeln!(io::stderr(), "{line}"));
}

const TITLE: &str = "    s     sent/s    acked/s    recv/s   MB/s  in flight  backlog \
                     |  p50 ms   p99 ms  p99.9 ms   max ms | e2e p99 | gen cpu  broker cpu";

fn row(point: &Point, phase: &str) -> String {
    let counts = &point.counts;
    let bytes = counts.acked_bytes.max(counts.received_bytes);
    let ms = |micros: u64| micros as f64 / 1000.0;
    let figures = &point.response;
    let broker = point.usage.broker_cores;
    let broker = broker.map_or_else(|| "-".to_owned(), |cores| format!("{:.0}%", cores * 100.0));
    let mut row = format!(
        "{:>5} {:>10} {:>10} {:>9} {:>6.1} {:>10} {:>8} | {:>7.2} {:>8.2} {:>9.2} {:>8.2} | {:>7.2} | {:>6.0}% {:>11}",
        point.second,
        counts.sent,
        counts.acked,
        counts.received,
        bytes as f64 / 1e6,
        point.unacknowledged,
        point.backlog,
        ms(figures.p50),
        ms(figures.p99),
        ms(figures.p999),
        ms(figures.max),
        ms(point.end_to_end.p99),
        point.usage.generator_cores * 100.0,
        broker,
    );
    if counts.failed > 0 {
        row.push_str(&format!("  {} failed", counts.failed));
    }
    if counts.retries > 0 {
        row.push_str(&format!("  {} sent again", counts.retries));
    }
    if !phase.is_empty() {
        row.push_str(&format!("  {phase}"));
    }
    row
}

fn progress(share: f64, left: f64, phase: &str) -> String {
    let share = share.clamp(0.0, 1.0);
    let cells = crate::workload::units::to_whole(share * BAR_CELLS as f64);
    let cells = usize::try_from(cells).unwrap_or(0).min(BAR_CELLS);
    let bar = "█".repeat(cells) + &"░".repeat(BAR_CELLS - cells);
    let percent = share * 100.0;
    let eta = if phase.is_empty() && left > 0.0 {
        format!("{left:.0} s left")
    } else {
        phase.to_owned()
    };
    format!("{bar} {percent:>3.0} %  {eta}")
}

fn sparkline(values: &[u64], width: usize) -> String {
    let shown = &values[values.len().saturating_sub(width)..];
    let max = shown.iter().copied().max().unwrap_or(0).max(1);
    let spark = |value: &u64| {
        let level = usize::try_from(value.saturating_mul(7) / max).unwrap_or(0);
        SPARKS[level.min(7)]
    };
    shown.iter().map(spark).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_and_rates_are_drawn() {
        assert!(progress(0.5, 10.0, "").contains("50 %  10 s left"));
        assert!(progress(7.0, -3.0, "drain").contains("100 %  drain"));
        assert_eq!(sparkline(&[0, 7, 14], 60), "▁▄█");
        assert_eq!(sparkline(&[1, 2, 3, 4], 2).chars().count(), 2);
        assert_eq!(sparkline(&[], 5), "");
    }
}
