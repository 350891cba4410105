//! The deadlines of a group's members, and when its topics were last looked at. Pure.
//!
//! None of it is in the log: after a restart every member gets its whole timeout again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What a member is given a limited time for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// To be heard of again.
    Session,
    /// To give up partitions that it was told to.
    Revocation,
    /// To join again, for a member of the classic protocol that was told to.
    Join,
    /// To fetch its assignment, for a member of the classic protocol that has joined.
    Sync,
}

/// A change of the deadlines that goes with an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TimerChange {
    Start {
        member: String,
        timer: Timer,
        deadline: Duration,
    },
    /// Leaves a running one as it is.
    StartIfIdle {
        member: String,
        timer: Timer,
        deadline: Duration,
    },
    Stop {
        member: String,
        timer: Timer,
    },
    /// The topics' metadata were compared with the image at this offset of the metadata log.
    LookedAt {
        image_offset: i64,
        group_epoch: i32,
    },
    /// The patterns are being resolved, or were, with this image.
    Resolved {
        image_offset: i64,
        at_ms: i64,
    },
}

#[derive(Debug, Default)]
pub(crate) struct Timers {
    deadlines: BTreeMap<(String, Timer), Duration>,
    by_time: BTreeSet<(Duration, String, Timer)>,
    /// When the group is next looked after, if that is planned.
    planned: Option<Duration>,
    looked_at: Option<(i64, i32)>,
    resolved: Option<(i64, i64)>,
}

impl Timers {
    pub(crate) fn apply(&mut self, changes: impl IntoIterator<Item = TimerChange>) {
        for change in changes {
            match change {
                TimerChange::Start {
                    member,
                    timer,
                    deadline,
                } => self.start(member, timer, deadline),
                TimerChange::StartIfIdle {
                    member,
                    timer,
                    deadline,
                } => {
                    let key = (member, timer);
                    if !self.deadlines.contains_key(&key) {
                        self.start(key.0, timer, deadline);
                    }
                }
                TimerChange::Stop { member, timer } => self.stop(&(member, timer)),
                TimerChange::LookedAt {
                    image_offset,
                    group_epoch,
                } => self.looked_at = Some((image_offset, group_epoch)),
                TimerChange::Resolved {
                    image_offset,
                    at_ms,
                } => self.resolved = Some((image_offset, at_ms)),
            }
        }
    }

    fn start(&mut self, member: String, timer: Timer, deadline: Duration) {
        let key = (member, timer);
        self.stop(&key);
        self.by_time.insert((deadline, key.0.clone(), timer));
        self.deadlines.insert(key, deadline);
    }

    fn stop(&mut self, key: &(String, Timer)) {
        if let Some(deadline) = self.deadlines.remove(key) {
            self.by_time.remove(&(deadline, key.0.clone(), key.1));
        }
    }

    /// The member is gone.
    pub(crate) fn forget(&mut self, member: &str) {
        for timer in [Timer::Session, Timer::Revocation, Timer::Join, Timer::Sync] {
            self.stop(&(member.to_owned(), timer));
        }
    }

    /// When the group must be looked after and that is not planned yet. Heartbeats move deadlines
    /// away from what is planned: then it is looked after too early, which does no harm.
    pub(crate) fn plan(&mut self) -> Option<Duration> {
        let (deadline, ..) = self.by_time.first()?;
        if self.planned.is_some_and(|planned| planned <= *deadline) {
            return None;
        }
        self.planned = Some(*deadline);
        self.planned
    }

    /// The members whose deadlines have passed; these are taken out.
    pub(crate) fn due(&mut self, now: Duration) -> BTreeSet<String> {
        if self.planned.is_some_and(|planned| planned <= now) {
            self.planned = None;
        }
        let mut members = BTreeSet::new();
        while let Some((deadline, member, timer)) = self.by_time.first().cloned() {
            if deadline > now {
                break;
            }
            self.stop(&(member.clone(), timer));
            members.insert(member);
        }
        members
    }

    /// Whether the topics must be compared with the image: it is newer than the one they were
    /// compared with, or the epoch that came of it has not been written.
    pub(crate) fn must_look(&self, image_offset: i64, group_epoch: i32) -> bool {
        self.looked_at
            .is_none_or(|(offset, epoch)| offset != image_offset || group_epoch < epoch)
    }

    /// The image with which patterns were last resolved, and when.
    pub(crate) fn resolved(&self) -> Option<(i64, i64)> {
        self.resolved
    }
}
