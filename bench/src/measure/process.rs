//! What a process has cost so far, as the kernel counts it below /proc. Shell around pure
//! parsing. CPU time comes in ticks of 10 ms.

use std::fs;
use std::io;
use std::ops::Sub;

/// What `sysconf(_SC_CLK_TCK)` is on every Linux.
const TICKS_A_SECOND: f64 = 100.0;

#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Cost {
    pub(crate) user_seconds: f64,
    pub(crate) system_seconds: f64,
    pub(crate) rss_bytes: u64,
    pub(crate) peak_rss_bytes: u64,
    /// Of the threads that live.
    pub(crate) voluntary_switches: u64,
    pub(crate) involuntary_switches: u64,
    /// From and to storage, not the page cache.
    pub(crate) read_bytes: u64,
    pub(crate) written_bytes: u64,
}

impl Cost {
    pub(crate) fn cpu_seconds(&self) -> f64 {
        self.user_seconds + self.system_seconds
    }

    /// What a process has cost.
    ///
    /// # Errors
    /// There is no such process, or it is another user's.
    pub(crate) fn of(pid: u32) -> io::Result<Self> {
        let read = |name: &str| fs::read_to_string(format!("/proc/{pid}/{name}"));
        let mut cost = Self::default();
        cost.take_stat(&read("stat")?);
        let status = read("status")?;
        cost.rss_bytes = field(&status, "VmRSS:") * 1024;
        cost.peak_rss_bytes = field(&status, "VmHWM:") * 1024;
        // A process of another user hides this one.
        let io = read("io").unwrap_or_default();
        cost.read_bytes = field(&io, "read_bytes:");
        cost.written_bytes = field(&io, "write_bytes:");
        for thread in fs::read_dir(format!("/proc/{pid}/task"))?.flatten() {
            let status = fs::read_to_string(thread.path().join("status")).unwrap_or_default();
            cost.voluntary_switches += field(&status, "voluntary_ctxt_switches:");
            cost.involuntary_switches += field(&status, "nonvoluntary_ctxt_switches:");
        }
        Ok(cost)
    }

    fn take_stat(&mut self, stat: &str) {
        // Behind the name, which may hold anything: state is the first field, user time the 12th.
        let behind = stat.rsplit_once(')').map_or("", |(_, behind)| behind);
        let mut times = behind.split_whitespace().skip(11);
        let mut seconds = || {
            let ticks = times.next().and_then(|field| field.parse::<u32>().ok());
            f64::from(ticks.unwrap_or(0)) / TICKS_A_SECOND
        };
        self.user_seconds = seconds();
        self.system_seconds = seconds();
    }
}

/// What was added between two samples; the memory is the later one's.
impl Sub for Cost {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self {
            user_seconds: (self.user_seconds - earlier.user_seconds).max(0.0),
            system_seconds: (self.system_seconds - earlier.system_seconds).max(0.0),
            voluntary_switches: self
                .voluntary_switches
                .saturating_sub(earlier.voluntary_switches),
            involuntary_switches: self
                .involuntary_switches
                .saturating_sub(earlier.involuntary_switches),
            read_bytes: self.read_bytes.saturating_sub(earlier.read_bytes),
            written_bytes: self.written_bytes.saturating_sub(earlier.written_bytes),
            ..self
        }
    }
}

/// The number behind a line's name; 0 when there is none.
fn field(text: &str, name: &str) -> u64 {
    let mut lines = text.lines();
    let value = lines.find_map(|line| line.strip_prefix(name));
    let number = value.and_then(|value| value.split_whitespace().next());
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stat_line_is_read_whatever_the_name_holds() {
        let mut cost = Cost::default();
        cost.take_stat("7 (a) b) S 1 7 7 0 -1 4194304 1 2 3 4 250 150 0 0 20 0 3 0");
        assert_eq!((cost.user_seconds, cost.system_seconds), (2.5, 1.5));
        cost.take_stat("nothing");
        assert_eq!(cost.cpu_seconds(), 0.0);
    }

    #[test]
    fn this_process_has_a_cost_and_one_that_is_not_there_has_none() {
        let cost = Cost::of(std::process::id()).unwrap();
        assert!(cost.rss_bytes > 0 && cost.peak_rss_bytes >= cost.rss_bytes);
        assert!(Cost::of(u32::MAX).is_err());
    }
}
