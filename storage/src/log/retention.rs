//! Which segments a log no longer keeps. Pure; Kafka's rules: what lies wholly before the log
//! start offset, what is beyond `retention.bytes`, what is older than `retention.ms` by its
//! largest timestamp. Always a prefix of the log, and never anything that is not committed.

/// `retention.ms` and `retention.bytes`; none keeps records whatever their age, or their size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Retention {
    pub ms: Option<i64>,
    pub bytes: Option<u64>,
}

/// A segment as retention looks at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OldSegment {
    /// The offset after its last one.
    pub end_offset: i64,
    pub bytes: u64,
}

/// Judges the segments of a log, oldest first, until one is kept.
#[derive(Debug, Clone, Copy)]
pub struct RetentionCheck {
    retention: Retention,
    log_start_offset: i64,
    high_watermark: i64,
    now_ms: i64,
    /// Of the segments not yet deleted.
    bytes_left: u64,
}

/// What becomes of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Delete,
    /// It goes when its largest timestamp is before this.
    DeleteIfBefore(i64),
    Keep,
}

impl RetentionCheck {
    /// `bytes` is the size of the whole log.
    #[must_use]
    pub fn new(
        retention: Retention,
        bytes: u64,
        log_start_offset: i64,
        high_watermark: i64,
        now_ms: i64,
    ) -> Self {
        Self {
            retention,
            log_start_offset,
            high_watermark,
            now_ms,
            bytes_left: bytes,
        }
    }

    /// What becomes of the next segment, all before it being deleted.
    #[must_use]
    pub fn judge(&self, segment: OldSegment) -> Verdict {
        if segment.end_offset > self.high_watermark || segment.bytes == 0 {
            return Verdict::Keep;
        }
        let breached = segment.end_offset <= self.log_start_offset;
        let too_large = self
            .retention
            .bytes
            .is_some_and(|bytes| self.bytes_left.saturating_sub(bytes) >= segment.bytes);
        if breached || too_large {
            return Verdict::Delete;
        }
        match self.retention.ms {
            Some(ms) => Verdict::DeleteIfBefore(self.now_ms.saturating_sub(ms)),
            None => Verdict::Keep,
        }
    }

    /// The segment is deleted.
    pub fn note_deleted(&mut self, segment: OldSegment) {
        self.bytes_left = self.bytes_left.saturating_sub(segment.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOR_EVER: Retention = Retention {
        ms: None,
        bytes: None,
    };

    /// How many of these segments (records, bytes, largest timestamp) go.
    fn deleted(retention: Retention, start: i64, watermark: i64, log: &[(i64, u64, i64)]) -> usize {
        let bytes = log.iter().map(|(_, bytes, _)| bytes).sum();
        let mut check = RetentionCheck::new(retention, bytes, start, watermark, 10_000);
        let mut end_offset = 0;
        for (count, (records, bytes, timestamp)) in log.iter().enumerate() {
            end_offset += records;
            let segment = OldSegment {
                end_offset,
                bytes: *bytes,
            };
            let goes = match check.judge(segment) {
                Verdict::Delete => true,
                Verdict::DeleteIfBefore(oldest) => *timestamp < oldest,
                Verdict::Keep => false,
            };
            if !goes {
                return count;
            }
            check.note_deleted(segment);
        }
        log.len()
    }

    const LOG: [(i64, u64, i64); 4] = [
        (10, 100, 1_000),
        (10, 100, 9_000),
        (10, 100, 2_000),
        (10, 50, 9_500),
    ];

    #[test]
    fn nothing_goes_without_a_reason() {
        assert_eq!(deleted(FOR_EVER, 0, 40, &LOG), 0);
    }

    #[test]
    fn age_is_that_of_the_largest_timestamp_and_the_first_young_one_ends_it() {
        let ms = |ms| Retention {
            ms: Some(ms),
            bytes: None,
        };
        assert_eq!(deleted(ms(9_000), 0, 40, &LOG), 0);
        assert_eq!(deleted(ms(8_999), 0, 40, &LOG), 1);
        assert_eq!(deleted(ms(1_000), 0, 40, &LOG), 1);
        assert_eq!(deleted(ms(999), 0, 40, &LOG), 3);
        assert_eq!(deleted(ms(0), 0, 40, &LOG), 4);
    }

    #[test]
    fn size_never_falls_below_the_bound() {
        let bytes = |bytes| Retention {
            ms: None,
            bytes: Some(bytes),
        };
        assert_eq!(deleted(bytes(350), 0, 40, &LOG), 0);
        assert_eq!(deleted(bytes(251), 0, 40, &LOG), 0);
        assert_eq!(deleted(bytes(250), 0, 40, &LOG), 1);
        assert_eq!(deleted(bytes(51), 0, 40, &LOG), 2);
        assert_eq!(deleted(bytes(50), 0, 40, &LOG), 3);
        assert_eq!(deleted(bytes(0), 0, 40, &LOG), 4);
    }

    #[test]
    fn what_lies_before_the_start_goes_whatever_the_retention() {
        assert_eq!(deleted(FOR_EVER, 19, 40, &LOG), 1);
        assert_eq!(deleted(FOR_EVER, 20, 40, &LOG), 2);
    }

    #[test]
    fn what_is_not_committed_stays() {
        let all = Retention {
            ms: Some(0),
            bytes: Some(0),
        };
        assert_eq!(deleted(all, 0, 29, &LOG), 2);
    }

    #[test]
    fn an_empty_segment_stays() {
        let all = Retention {
            ms: Some(0),
            bytes: Some(0),
        };
        assert_eq!(deleted(all, 0, 10, &[(10, 100, 0), (0, 0, 0)]), 1);
    }

    #[test]
    fn times_at_the_edge_do_not_overflow() {
        let ms = Retention {
            ms: Some(i64::MAX),
            bytes: None,
        };
        assert_eq!(deleted(ms, 0, 40, &[(10, 1, -1)]), 0);
    }
}
