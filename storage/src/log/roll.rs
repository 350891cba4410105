//! When a new segment begins. Pure; Kafka's rules: by size, by age of the first batch, when the
//! index is full, and when an offset would no longer fit next to the segment's base offset.

/// What the active segment looks like before an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentAge {
    pub base_offset: i64,
    pub bytes: u64,
    pub index_bytes: u64,
    /// Max timestamp of its first batch; negative or none when it has none.
    pub first_timestamp: Option<i64>,
    /// When the segment was begun, by the broker's clock.
    pub created_ms: i64,
}

/// What is about to be appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    pub bytes: u64,
    pub last_offset: i64,
    pub max_timestamp: i64,
    pub now_ms: i64,
}

/// `segment.bytes`, `segment.ms`, `segment.index.bytes`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RollLimits {
    pub segment_bytes: u64,
    pub segment_ms: i64,
    pub index_bytes_max: u64,
}

/// No segment is longer, whatever the configuration says: Kafka's positions are of 31 bits.
const SEGMENT_BYTES_MAX: u64 = i32::MAX as u64;

/// Whether the arrival begins a new segment. An empty segment takes any batch.
#[must_use]
pub fn must_roll(segment: &SegmentAge, arrival: &Arrival, limits: &RollLimits) -> bool {
    if segment.bytes == 0 {
        return false;
    }
    let full = segment.bytes + arrival.bytes > limits.segment_bytes.min(SEGMENT_BYTES_MAX);
    let waited = match segment.first_timestamp {
        Some(first) if first >= 0 => arrival.max_timestamp.saturating_sub(first),
        _ => arrival.now_ms.saturating_sub(segment.created_ms),
    };
    let offsets_overflow = arrival.last_offset - segment.base_offset > i64::from(i32::MAX);
    full || waited > limits.segment_ms
        || segment.index_bytes >= limits.index_bytes_max
        || offsets_overflow
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: RollLimits = RollLimits {
        segment_bytes: 1_000,
        segment_ms: 60_000,
        index_bytes_max: 100,
    };
    const SEGMENT: SegmentAge = SegmentAge {
        base_offset: 0,
        bytes: 900,
        index_bytes: 0,
        first_timestamp: Some(5_000),
        created_ms: 1_000_000,
    };
    const ARRIVAL: Arrival = Arrival {
        bytes: 100,
        last_offset: 10,
        max_timestamp: 5_000,
        now_ms: 1_000_000,
    };

    #[test]
    fn a_batch_that_just_fits_does_not_roll() {
        assert!(!must_roll(&SEGMENT, &ARRIVAL, &LIMITS));
    }

    #[test]
    fn a_batch_that_does_not_fit_rolls() {
        assert!(must_roll(
            &SEGMENT,
            &Arrival {
                bytes: 101,
                ..ARRIVAL
            },
            &LIMITS
        ));
    }

    #[test]
    fn an_empty_segment_takes_any_batch() {
        let empty = SegmentAge {
            bytes: 0,
            index_bytes: 100,
            ..SEGMENT
        };
        let huge = Arrival {
            bytes: 5_000,
            now_ms: i64::MAX,
            ..ARRIVAL
        };
        assert!(!must_roll(&empty, &huge, &LIMITS));
    }

    #[test]
    fn age_counts_by_the_timestamps_of_batches() {
        let aged = Arrival {
            max_timestamp: 65_001,
            ..ARRIVAL
        };
        assert!(must_roll(&SEGMENT, &aged, &LIMITS));
        let same_age_by_clock = Arrival {
            now_ms: 2_000_000,
            ..ARRIVAL
        };
        assert!(!must_roll(&SEGMENT, &same_age_by_clock, &LIMITS));
    }

    #[test]
    fn age_counts_by_the_clock_without_timestamps() {
        let bare = SegmentAge {
            first_timestamp: Some(-1),
            ..SEGMENT
        };
        assert!(must_roll(
            &bare,
            &Arrival {
                now_ms: 1_060_001,
                ..ARRIVAL
            },
            &LIMITS
        ));
        assert!(!must_roll(
            &bare,
            &Arrival {
                now_ms: 1_060_000,
                ..ARRIVAL
            },
            &LIMITS
        ));
    }

    #[test]
    fn a_full_index_rolls() {
        assert!(must_roll(
            &SegmentAge {
                index_bytes: 100,
                ..SEGMENT
            },
            &ARRIVAL,
            &LIMITS
        ));
    }

    #[test]
    fn offsets_too_far_from_the_base_roll() {
        let far = Arrival {
            last_offset: i64::from(i32::MAX) + 1,
            ..ARRIVAL
        };
        assert!(must_roll(&SEGMENT, &far, &LIMITS));
        assert!(!must_roll(
            &SEGMENT,
            &Arrival {
                last_offset: i64::from(i32::MAX),
                ..ARRIVAL
            },
            &LIMITS
        ));
    }
}
