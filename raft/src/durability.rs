//! Which writes are under way, how far the log is durable, and which messages wait for it.
//!
//! Pure. Writes become durable in the order they were asked for; that is what makes one number (`done`) enough.

use std::collections::VecDeque;

use crate::message::Message;

/// What a message must wait for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Needs {
    /// It promises nothing: a leader's words (its term was durable before it was elected) and pre-votes.
    Nothing,
    /// It shows the term or vote.
    HardState,
    /// It promises that the log is durable as it is now.
    Log,
}

#[derive(Debug)]
pub(crate) struct Durability {
    /// Number of the last write asked for; 0 before the first.
    issued: u64,
    /// Number of the last durable write.
    done: u64,
    /// The write that holds the present hard state.
    hard_state: u64,
    /// Writes under way with the end of the log in each, lowered by later truncations.
    under_way: VecDeque<(u64, u64)>,
    durable_index: u64,
    held: VecDeque<(u64, Message)>,
}

impl Durability {
    pub(crate) fn new(durable_index: u64) -> Self {
        Self {
            issued: 0,
            done: 0,
            hard_state: 0,
            under_way: VecDeque::new(),
            durable_index,
            held: VecDeque::new(),
        }
    }

    /// The end of the log that no crash can take away.
    pub(crate) fn durable_index(&self) -> u64 {
        self.durable_index
    }

    pub(crate) fn issued(&self) -> u64 {
        self.issued
    }

    pub(crate) fn is_done(&self, write: u64) -> bool {
        self.done >= write
    }

    /// A new write; the log will end at `last_index` when it is durable.
    pub(crate) fn issue(&mut self, last_index: u64, has_hard_state: bool) -> u64 {
        self.issued += 1;
        if has_hard_state {
            self.hard_state = self.issued;
        }
        self.under_way.push_back((self.issued, last_index));
        self.issued
    }

    /// The entry at `from` and all that follow are gone, also from the writes under way.
    pub(crate) fn truncate(&mut self, from: u64) {
        self.durable_index = self.durable_index.min(from - 1);
        for (_, end) in &mut self.under_way {
            *end = (*end).min(from - 1);
        }
    }

    /// A write is durable.
    pub(crate) fn complete(&mut self, write: u64) {
        let next = self.under_way.pop_front();
        let (number, end) = next.unwrap_or_default();
        assert_eq!(
            number, write,
            "receipts come back in the order of their writes"
        );
        self.done = write;
        self.durable_index = end;
    }

    /// The write that a message must wait for, when it is not durable yet.
    pub(crate) fn hold_for(&self, needs: Needs) -> Option<u64> {
        let write = match needs {
            Needs::Nothing => 0,
            Needs::HardState => self.hard_state,
            Needs::Log => self.issued,
        };
        (write > self.done).then_some(write)
    }

    pub(crate) fn hold(&mut self, write: u64, message: Message) {
        self.held.push_back((write, message));
    }

    /// Moves the messages that wait no longer to `out`. One behind another of a later write waits with it.
    pub(crate) fn release(&mut self, out: &mut Vec<Message>) {
        while let Some((write, message)) = self.held.pop_front() {
            if write > self.done {
                self.held.push_front((write, message));
                return;
            }
            out.push(message);
        }
    }
}
