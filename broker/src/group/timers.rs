//! When something in a group is due. Pure.
//!
//! A heartbeat only moves its member's deadline; the entry here stays, and is put back when it
//! comes up too early. So a heartbeat costs nothing here, and each member has one valid entry.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::rc::Rc;
use std::time::Duration;

use crate::group::GroupId;

/// What may be due.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Due {
    /// The session of a member, or the time that a member to be has to join.
    Session { member_id: Rc<str> },
    /// A step of a rebalance.
    Rebalance,
    /// Some deadline of a consumer group; the group knows which.
    Consumer,
}

/// An entry: when it comes up, and what for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    /// By the monotonic clock.
    pub(crate) at: Duration,
    pub(crate) group_id: GroupId,
    pub(crate) due: Due,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    entries: BinaryHeap<Reverse<Entry>>,
}

impl Timers {
    pub(crate) fn add(&mut self, at: Duration, group_id: &GroupId, due: Due) {
        self.entries.push(Reverse(Entry {
            at,
            group_id: Rc::clone(group_id),
            due,
        }));
    }

    pub(crate) fn next(&self) -> Option<Duration> {
        self.entries.peek().map(|Reverse(entry)| entry.at)
    }

    /// The next entry that has come up. Whoever it is for knows whether it still counts.
    pub(crate) fn pop(&mut self, now: Duration) -> Option<Entry> {
        if self.next()? > now {
            return None;
        }
        self.entries.pop().map(|Reverse(entry)| entry)
    }
}
