//! Cores that this process may use: affinity and, for their number, the cgroup's quota. Shell.

use std::fs;
use std::io;
use std::thread;

/// Cores that the process may run on, in order.
///
/// # Errors
/// /proc is not there or has another form.
pub(crate) fn allowed() -> io::Result<Vec<usize>> {
    read("/proc/self/status")
}

/// Cores that the calling thread may run on.
#[cfg(test)]
pub(crate) fn allowed_to_this_thread() -> io::Result<Vec<usize>> {
    read("/proc/thread-self/status")
}

fn read(status: &str) -> io::Result<Vec<usize>> {
    let text = fs::read_to_string(status)?;
    let list = text
        .lines()
        .find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    list.and_then(parse_list)
        .filter(|cores| !cores.is_empty())
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "no list of allowed cores"))
}

/// How many cores' worth of time the process gets: affinity, and the quota of its cgroup rounded
/// down but at least one.
pub(crate) fn count() -> u32 {
    let count = thread::available_parallelism().map_or(1, usize::from);
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// The core of each shard, or None where shards must not be tied: fewer cores than shards, or a
/// quota that lets the process use only part of them.
pub(crate) fn placement(allowed: &[usize], count: u32, shards: u32) -> Option<Vec<usize>> {
    let shards = usize::try_from(shards).ok()?;
    let whole = usize::try_from(count).is_ok_and(|count| count >= allowed.len());
    (whole && shards <= allowed.len()).then(|| allowed[..shards].to_vec())
}

/// `0-3,8,10-11`.
fn parse_list(text: &str) -> Option<Vec<usize>> {
    const CORES_MAX: usize = 1 << 16;
    let mut cores = Vec::new();
    for part in text.trim().split(',').filter(|part| !part.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
        if last >= CORES_MAX {
            return None;
        }
        cores.extend(first..=last);
    }
    Some(cores)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn core_lists_parse() {
        assert_eq!(parse_list(" 0-2,5,7-8\n"), Some(vec![0, 1, 2, 5, 7, 8]));
        assert_eq!(parse_list("0-99999999999"), None);
        assert_eq!(parse_list("x"), None);
    }

    #[test]
    fn shards_are_tied_only_where_every_one_has_a_whole_core() {
        assert_eq!(placement(&[1, 3, 5], 3, 2), Some(vec![1, 3]));
        assert_eq!(placement(&[1, 3], 2, 4), None, "more shards than cores");
        assert_eq!(placement(&[0, 1, 2, 3], 2, 2), None, "a quota of two cores");
    }

    #[test]
    fn this_process_has_a_core() {
        assert!(!allowed().unwrap().is_empty());
        assert!(count() >= 1);
    }
}
