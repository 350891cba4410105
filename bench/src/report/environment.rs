//! What a run was made on: machine, kernel, limits. Shell.

use std::collections::BTreeMap;
use std::fs;

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Environment {
    pub(crate) kernel: String,
    pub(crate) processor: String,
    pub(crate) cores: usize,
    pub(crate) memory_bytes: u64,
    /// The governors of the cores' frequencies, and whether there is a boost, where told.
    pub(crate) governor: Option<String>,
    /// Processors that this process may use.
    pub(crate) allowed_cores: String,
    /// The control group's limits, when there are any.
    pub(crate) cgroup_cpu_max: Option<String>,
    pub(crate) cgroup_memory_max: Option<String>,
    /// How often the control group was held back so far.
    pub(crate) cgroup_throttled: u64,
    pub(crate) clock_source: Option<String>,
    pub(crate) load_average: String,
}

impl Environment {
    pub(crate) fn read() -> Self {
        let text = |path: &str| {
            let text = fs::read_to_string(path).ok()?;
            Some(text.trim().to_owned())
        };
        let cpus = text("/proc/cpuinfo").unwrap_or_default();
        let status = text("/proc/self/status").unwrap_or_default();
        let memory = text("/proc/meminfo").unwrap_or_default();
        let throttled = text("/sys/fs/cgroup/cpu.stat").unwrap_or_default();
        let number = |text: &str, name: &str| {
            let value = field(text, name).unwrap_or_default();
            let digits = value.split_whitespace().next().unwrap_or_default().parse();
            digits.unwrap_or(0_u64)
        };
        Self {
            kernel: text("/proc/sys/kernel/osrelease").unwrap_or_default(),
            processor: field(&cpus, "model name").unwrap_or_default(),
            cores: std::thread::available_parallelism().map_or(0, std::num::NonZero::get),
            memory_bytes: number(&memory, "MemTotal") * 1024,
            governor: text("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
            allowed_cores: field(&status, "Cpus_allowed_list").unwrap_or_default(),
            cgroup_cpu_max: text("/sys/fs/cgroup/cpu.max"),
            cgroup_memory_max: text("/sys/fs/cgroup/memory.max"),
            cgroup_throttled: number(&throttled, "nr_throttled"),
            clock_source: text("/sys/devices/system/clocksource/clocksource0/current_clocksource"),
            load_average: text("/proc/loadavg").unwrap_or_default(),
        }
    }

    /// What must be alike for figures to be compared.
    pub(crate) fn essentials(&self) -> BTreeMap<&'static str, String> {
        BTreeMap::from([
            ("kernel", self.kernel.clone()),
            ("processor", self.processor.clone()),
            ("cores", self.cores.to_string()),
            ("memory", (self.memory_bytes >> 30).to_string()),
            ("allowed cores", self.allowed_cores.clone()),
            ("CPU limit", self.cgroup_cpu_max.clone().unwrap_or_default()),
        ])
    }

    pub(crate) fn to_line(&self) -> String {
        format!(
            "{}, {} cores, {:.0} GiB, Linux {}",
            self.processor,
            self.cores,
            self.memory_bytes as f64 / (1_u64 << 30) as f64,
            self.kernel
        )
    }
}

/// What stands behind a line's name and colon, or blank.
fn field(text: &str, name: &str) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    let value = line[name.len()..].trim_start_matches([' ', '\t', ':']);
    Some(value.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_described() {
        let environment = Environment::read();
        assert!(environment.cores > 0 && environment.memory_bytes > 1 << 20);
        assert!(!environment.kernel.is_empty());
        assert_eq!(field("a\t: b c\nd: e", "a").as_deref(), Some("b c"));
    }
}
