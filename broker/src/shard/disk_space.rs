//! Whether produce requests are refused because the disk is nearly full. Pure: what is free and what
//! is appended are parameters.
//!
//! Refusing comes before any write can fail: a failed write is final, a refused request is not. The
//! rest of the space is for what was accepted, for internal topics, metadata and deletion. Between
//! two looks at the disk all shards together append at most half of what was above the reserve.

use std::cell::Cell;

/// Produce goes on when this part of the reserve is free on top of it, so that it does not flap.
const HYSTERESIS_PART: u64 = 4;
const SHARE_BETWEEN_LOOKS: u64 = 2;

/// See the module.
#[derive(Debug)]
pub(crate) struct DiskSpace {
    reserve_bytes: u64,
    shards: u64,
    is_short: Cell<bool>,
    /// What this shard's connections may still bring before somebody looks again.
    allowance: Cell<u64>,
}

/// What a look at the disk changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SpaceChange {
    Short,
    Enough,
}

impl DiskSpace {
    pub(crate) fn new(reserve_bytes: u64, shards: u32) -> Self {
        Self {
            reserve_bytes,
            shards: u64::from(shards.max(1)),
            is_short: Cell::new(false),
            allowance: Cell::new(0),
        }
    }

    pub(crate) fn is_short(&self) -> bool {
        self.is_short.get()
    }

    /// Takes up what is free.
    pub(crate) fn note_free(&self, free_bytes: u64) -> Option<SpaceChange> {
        let above = free_bytes.saturating_sub(self.reserve_bytes);
        self.allowance
            .set(above / (SHARE_BETWEEN_LOOKS * self.shards));
        let was_short = self.is_short.get();
        let is_short = if was_short {
            above < self.reserve_bytes / HYSTERESIS_PART
        } else {
            free_bytes < self.reserve_bytes
        };
        self.is_short.set(is_short);
        match (was_short, is_short) {
            (false, true) => Some(SpaceChange::Short),
            (true, false) => Some(SpaceChange::Enough),
            (false, false) | (true, true) => None,
        }
    }

    /// Notes bytes that are to be appended; says whether to look at the disk before.
    pub(crate) fn wants_look(&self, bytes: usize) -> bool {
        let bytes = bytes as u64;
        if self.reserve_bytes == 0 || self.is_short.get() {
            return false;
        }
        let left = self.allowance.get().checked_sub(bytes);
        self.allowance.set(left.unwrap_or(0));
        left.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESERVE: u64 = 1_000;

    #[test]
    fn produce_is_refused_below_one_mark_and_accepted_above_another() {
        let space = DiskSpace::new(RESERVE, 2);
        assert_eq!(space.note_free(1_000), None);
        assert!(!space.is_short());
        assert_eq!(space.note_free(999), Some(SpaceChange::Short));
        assert_eq!(space.note_free(1_249), None);
        assert!(space.is_short());
        assert_eq!(space.note_free(1_250), Some(SpaceChange::Enough));
        assert!(!space.is_short());
    }

    #[test]
    fn shards_look_again_before_they_can_have_used_what_is_above_the_reserve() {
        let space = DiskSpace::new(RESERVE, 2);
        assert!(space.wants_look(1), "nobody has looked yet");
        assert_eq!(space.note_free(RESERVE + 400), None);
        assert!(!space.wants_look(60) && !space.wants_look(40));
        assert!(space.wants_look(1));
        assert!(space.wants_look(1), "until somebody looks");
        assert_eq!(space.note_free(RESERVE + 40), None);
        assert!(space.wants_look(11));
    }

    #[test]
    fn without_a_reserve_nothing_is_refused() {
        let space = DiskSpace::new(0, 2);
        assert_eq!(space.note_free(0), None);
        assert!(!space.is_short() && !space.wants_look(usize::MAX));
    }
}
