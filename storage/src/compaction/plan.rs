//! Which part of a log is compacted, when, and which of its segments become one. Pure; Kafka's
//! rules: whole sealed segments below the last stable offset, not younger than
//! `min.compaction.lag.ms`, when enough of the log is dirty or a record is older than
//! `max.compaction.lag.ms`.

/// A sealed segment as the plan looks at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    pub base_offset: i64,
    /// The offset after its last one.
    pub end_offset: i64,
    pub bytes: u64,
    pub index_bytes: u64,
    /// Of all its records.
    pub max_timestamp: i64,
}

/// The settings that decide it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lags {
    pub min_compaction_lag_ms: i64,
    pub max_compaction_lag_ms: i64,
    pub min_cleanable_dirty_ratio: f64,
}

/// What could be compacted of a log.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cleanable {
    /// Its dirty part, by offset.
    pub first_dirty: i64,
    pub end_offset: i64,
    /// How many of the segments, from the first one on.
    pub segments_count: usize,
    /// Dirty bytes to all bytes before `end_offset`.
    pub dirty_ratio: f64,
    /// A record waits longer than it may.
    pub is_overdue: bool,
}

impl Cleanable {
    /// Whether it is worth a round.
    #[must_use]
    pub fn is_due(&self, lags: &Lags) -> bool {
        self.is_overdue || self.dirty_ratio > lags.min_cleanable_dirty_ratio
    }
}

/// The cleanable part of a log; `sealed` are its sealed segments, oldest first.
#[must_use]
pub fn cleanable(
    sealed: &[Candidate],
    first_dirty: i64,
    last_stable_offset: i64,
    lags: &Lags,
    now_ms: i64,
) -> Option<Cleanable> {
    let first_dirty = first_dirty.max(sealed.first()?.base_offset);
    let settled_before = now_ms.saturating_sub(lags.min_compaction_lag_ms);
    let too_young = |segment: &&Candidate| {
        let is_dirty = segment.end_offset > first_dirty;
        let young = lags.min_compaction_lag_ms > 0 && segment.max_timestamp > settled_before;
        segment.end_offset > last_stable_offset || (is_dirty && young)
    };
    let segments_count = sealed
        .iter()
        .take_while(|segment| !too_young(segment))
        .count();
    let segments = &sealed[..segments_count];
    let end_offset = segments.last()?.end_offset;
    let is_dirty = |segment: &&Candidate| segment.end_offset > first_dirty;
    let first = segments.iter().find(is_dirty)?;
    let dirty: u64 = segments.iter().filter(is_dirty).map(|one| one.bytes).sum();
    let all: u64 = segments.iter().map(|one| one.bytes).sum();
    let waited = now_ms.saturating_sub(first.max_timestamp);
    Some(Cleanable {
        first_dirty,
        end_offset,
        segments_count,
        dirty_ratio: ratio(dirty, all),
        is_overdue: waited > lags.max_compaction_lag_ms,
    })
}

#[expect(clippy::cast_precision_loss, reason = "a ratio")]
fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        return 0.0;
    }
    part as f64 / whole as f64
}

/// How many of these segments, from the first one on, become one: no more than a segment may
/// hold, and no offset too far from the first.
#[must_use]
pub fn group_len(segments: &[Candidate], segment_bytes: u64, index_bytes_max: u64) -> usize {
    let Some(first) = segments.first() else {
        return 0;
    };
    let (mut bytes, mut index_bytes) = (0, 0);
    let fits = |segment: &&Candidate| {
        bytes += segment.bytes;
        index_bytes += segment.index_bytes;
        let near = segment.end_offset - first.base_offset <= i64::from(i32::MAX);
        bytes <= segment_bytes && index_bytes <= index_bytes_max && near
    };
    segments.iter().take_while(fits).count().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAGS: Lags = Lags {
        min_compaction_lag_ms: 0,
        max_compaction_lag_ms: i64::MAX,
        min_cleanable_dirty_ratio: 0.5,
    };

    /// Segments of ten offsets and these bytes; the timestamps are the end offsets.
    fn log(bytes: &[u64]) -> Vec<Candidate> {
        let one = |(at, bytes): (i64, &u64)| Candidate {
            base_offset: at * 10,
            end_offset: at * 10 + 10,
            bytes: *bytes,
            index_bytes: 1,
            max_timestamp: at * 10 + 10,
        };
        (0..).zip(bytes).map(one).collect()
    }

    #[test]
    fn the_dirty_part_is_weighed_against_the_whole() {
        let found = cleanable(&log(&[100, 100, 200]), 10, 99, &LAGS, 1_000).unwrap();
        assert_eq!(
            (found.first_dirty, found.end_offset, found.segments_count),
            (10, 30, 3)
        );
        assert!((found.dirty_ratio - 0.75).abs() < 1e-9 && found.is_due(&LAGS));
        let found = cleanable(&log(&[100, 100, 100, 50]), 30, 99, &LAGS, 1_000).unwrap();
        assert!(!found.is_due(&LAGS));
        assert!(cleanable(&log(&[100, 100]), 20, 99, &LAGS, 1_000).is_none());
        assert!(cleanable(&[], 0, 99, &LAGS, 1_000).is_none());
    }

    #[test]
    fn what_is_not_decided_yet_is_left_alone() {
        let found = cleanable(&log(&[100, 100, 200]), 0, 29, &LAGS, 1_000).unwrap();
        assert_eq!((found.end_offset, found.segments_count), (20, 2));
        assert!(cleanable(&log(&[100]), 0, 9, &LAGS, 1_000).is_none());
    }

    #[test]
    fn young_records_are_left_alone() {
        let lags = Lags {
            min_compaction_lag_ms: 980,
            ..LAGS
        };
        let found = cleanable(&log(&[100, 100, 200]), 0, 99, &lags, 1_000).unwrap();
        assert_eq!(found.end_offset, 20);
    }

    #[test]
    fn a_record_that_waits_too_long_is_overdue() {
        let lags = Lags {
            max_compaction_lag_ms: 900,
            min_cleanable_dirty_ratio: 1.0,
            ..LAGS
        };
        let log = log(&[100, 100]);
        assert!(cleanable(&log, 0, 99, &lags, 1_000).unwrap().is_due(&lags));
        assert!(!cleanable(&log, 0, 99, &lags, 910).unwrap().is_due(&lags));
    }

    #[test]
    fn the_start_of_the_log_may_have_passed_the_first_dirty_offset() {
        let log = &log(&[100, 100, 100])[2..];
        assert_eq!(cleanable(log, 5, 99, &LAGS, 0).unwrap().first_dirty, 20);
    }

    #[test]
    fn small_segments_become_one() {
        let log = log(&[40, 40, 40, 200, 10]);
        assert_eq!(group_len(&log, 100, 100), 2);
        assert_eq!(group_len(&log, 120, 100), 3);
        assert_eq!(group_len(&log, 120, 2), 2);
        assert_eq!(group_len(&log[3..], 100, 100), 1);
        assert_eq!(group_len(&[], 100, 100), 0);
    }
}
