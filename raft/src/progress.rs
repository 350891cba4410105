//! What a leader knows about one member, and how much it has under way to it.
//!
//! Pure. Three states: *probe* (where does its log agree? one message at a time), *replicate* (messages follow each other
//! without waiting, within the window) and *snapshot* (the entries it needs are compacted).

use std::collections::VecDeque;
use std::time::Duration;

use crate::snapshot::Snapshot;

/// How entries travel to the member.
#[derive(Debug)]
pub(crate) enum Mode {
    Probe { awaiting: bool },
    Replicate,
    Snapshot(Transfer),
}

/// A snapshot under way.
#[derive(Debug)]
pub(crate) struct Transfer {
    pub(crate) snapshot: Snapshot,
    /// The next byte to send; `None` until the member said where to begin.
    pub(crate) next_offset: Option<u64>,
    /// A chunk (or the question) is under way.
    pub(crate) awaiting: bool,
    /// Heartbeats since then: after two it is taken as lost.
    pub(crate) silent_heartbeats: u32,
}

#[derive(Debug)]
pub(crate) struct Progress {
    /// The last entry known to be durable there and equal.
    pub(crate) matched: u64,
    /// The next entry to send.
    pub(crate) next: u64,
    pub(crate) mode: Mode,
    pub(crate) window: Window,
    /// The last round that the member answered.
    pub(crate) acked_round: u64,
    /// The commit that the member was told.
    pub(crate) commit_told: u64,
    pub(crate) last_contact: Option<Duration>,
}

impl Progress {
    pub(crate) fn new(next: u64) -> Self {
        Self {
            matched: 0,
            next,
            mode: Mode::Probe { awaiting: false },
            window: Window::default(),
            acked_round: 0,
            commit_told: 0,
            last_contact: None,
        }
    }

    pub(crate) fn probe_from(&mut self, next: u64) {
        self.next = next;
        self.mode = Mode::Probe { awaiting: false };
        self.window.clear();
    }

    /// The member's log agrees up to `index`; `base` is what the leader has compacted.
    pub(crate) fn matched_to(&mut self, index: u64, base: u64) {
        self.matched = self.matched.max(index);
        self.window.free_to(index);
        let settled = match &self.mode {
            Mode::Replicate => false,
            Mode::Probe { .. } => true,
            Mode::Snapshot(transfer) => self.matched >= base.min(transfer.snapshot.meta.index),
        };
        if settled {
            self.mode = Mode::Replicate;
            self.window.clear();
            self.next = self.matched + 1;
        }
        self.next = self.next.max(self.matched + 1);
    }

    /// The entry at `prev` is not there; the leader's log may agree at `agreeable`. Old news change nothing.
    pub(crate) fn conflict_at(&mut self, prev: u64, agreeable: u64) {
        match &self.mode {
            Mode::Replicate if prev > self.matched => self.probe_from(self.matched + 1),
            Mode::Probe { .. } if prev + 1 == self.next => {
                self.probe_from(agreeable.saturating_add(1).min(prev).max(self.matched + 1));
            }
            Mode::Replicate | Mode::Probe { .. } | Mode::Snapshot(_) => {}
        }
    }
}

/// Append messages under way: the last entry and the weight of each.
#[derive(Debug, Default)]
pub(crate) struct Window {
    messages: VecDeque<(u64, u64)>,
    weight: u64,
}

impl Window {
    pub(crate) fn has_room(&self, messages_max: usize, weight_max: u64) -> bool {
        self.messages.is_empty() || (self.messages.len() < messages_max && self.weight < weight_max)
    }

    pub(crate) fn add(&mut self, last_index: u64, weight: u64) {
        self.messages.push_back((last_index, weight));
        self.weight += weight;
    }

    fn free_to(&mut self, index: u64) {
        while let Some((_, weight)) = self.messages.pop_front_if(|(last, _)| *last <= index) {
            self.weight -= weight;
        }
    }

    fn clear(&mut self) {
        self.messages.clear();
        self.weight = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probe_goes_back_to_where_the_logs_may_agree() {
        let mut progress = Progress::new(10);
        progress.conflict_at(9, 4);
        assert_eq!(progress.next, 5);
        progress.conflict_at(9, 1);
        assert_eq!(progress.next, 5, "an old answer");
        progress.conflict_at(4, 4);
        assert_eq!(progress.next, 4, "at least one step back");
    }

    #[test]
    fn replicate_falls_back_to_what_matched() {
        let mut progress = Progress::new(10);
        progress.matched_to(5, 0);
        progress.next = 20;
        progress.conflict_at(5, 5);
        assert!(matches!(progress.mode, Mode::Replicate), "an old answer");
        progress.conflict_at(19, 3);
        assert!(matches!(progress.mode, Mode::Probe { .. }));
        assert_eq!(progress.next, 6);
    }

    #[test]
    fn window_bounds_messages_and_weight() {
        let mut window = Window::default();
        window.add(3, 100);
        assert!(window.has_room(2, 101));
        assert!(!window.has_room(1, 101));
        assert!(!window.has_room(2, 100));
        window.add(5, 1);
        window.free_to(4);
        assert!(window.has_room(2, 2));
        window.free_to(5);
        assert!(window.has_room(1, 1));
    }
}
