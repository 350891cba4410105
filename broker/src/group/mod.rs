//! The groups of one partition of `__consumer_offsets`: their members and their offsets. Pure.
//!
//! A group has offsets, and a kind: classic, whose members rebalance among themselves, or consumer
//! (KIP-848), whose coordinator assigns. A group that only commits offsets is a classic one that is
//! empty. What is durable changes by [`Groups::replay`] alone.

pub(crate) mod answer;
pub(crate) mod classic;
pub(crate) mod consumer;
pub(crate) mod consumer_members;
pub(crate) mod delete;
pub(crate) mod describe;
#[cfg(test)]
mod kind_tests;
pub(crate) mod members;
pub(crate) mod offset_commit;
pub(crate) mod offset_fetch;
pub(crate) mod offsets;
pub(crate) mod record;
pub(crate) mod retention;
#[cfg(test)]
pub(crate) mod test_bed;
#[cfg(test)]
mod tests;
pub(crate) mod timers;

use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use foldhash::{HashMap, HashSet};
use protocol::messages::coordinator::offset_commit_key::OffsetCommitKey;
use protocol::messages::coordinator::offset_commit_value::OffsetCommitValue;

use self::classic::ClassicGroup;
use self::consumer::group::ConsumerGroup;
use self::consumer::records::ConsumerRecord;
use self::offsets::{Committed, Offsets};
use self::record::GroupRecord;
use self::timers::Timers;
use crate::config::groups::GroupSettings;
use crate::coordinator::machine::{Decision, Replay, Transaction};

/// A group's id; shared by all that refer to the group.
pub(crate) type GroupId = Rc<str>;

/// See the module.
#[derive(Debug)]
pub(crate) struct Groups {
    settings: GroupSettings,
    groups: HashMap<GroupId, Group>,
    /// The names of all topics with an offset, each once.
    topic_names: HashSet<Rc<str>>,
    /// The groups in which a producer has pending offsets.
    transactions: HashMap<i64, BTreeSet<GroupId>>,
    timers: Timers,
    /// When old offsets are looked for next, by the monotonic clock.
    retention_at: Duration,
}

/// One group; a new one is a classic group without members, which is what it stays if all that
/// comes are offsets.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) id: GroupId,
    pub(crate) offsets: Offsets,
    pub(crate) kind: Kind,
}

/// The protocol that a group's members speak.
#[derive(Debug)]
pub(crate) enum Kind {
    Classic(ClassicGroup),
    Consumer(ConsumerGroup),
}

impl Default for Kind {
    fn default() -> Self {
        Self::Classic(ClassicGroup::default())
    }
}

/// What an operation on groups comes to.
pub(crate) type GroupDecision<R> = Decision<Groups, R>;

impl Groups {
    pub(crate) fn new(settings: GroupSettings) -> Self {
        Self {
            settings,
            groups: HashMap::default(),
            topic_names: HashSet::default(),
            transactions: HashMap::default(),
            timers: Timers::default(),
            retention_at: Duration::MAX,
        }
    }

    pub(crate) fn get(&self, group_id: &str) -> Option<&Group> {
        self.groups.get(group_id)
    }

    /// Takes up a record: the only way in which what is durable changes.
    pub(crate) fn replay(
        &mut self,
        record: GroupRecord,
        transaction: Option<Transaction>,
        when: Replay,
    ) {
        match record {
            GroupRecord::OffsetCommit { key, value } => match value {
                Some(value) => self.replay_commit(&key, value, transaction),
                None => self.replay_offset_tombstone(&key),
            },
            GroupRecord::GroupMetadata { group, value } => match value {
                // a live classic group is what its record was made from
                Some(_) if when == Replay::Live && self.is_classic(&group) => {}
                Some(value) => {
                    let group = self.group_or_new(&group);
                    group.kind = Kind::Classic(ClassicGroup::from_record(&value));
                }
                // a group that has gone over to the other protocol is not ended by it
                None if self.is_classic(&group) => self.remove_kind(&group),
                None => {}
            },
            GroupRecord::Consumer { group, record } => self.replay_consumer(&group, record),
        }
    }

    /// The marker of a transaction has come.
    pub(crate) fn end_transaction(&mut self, transaction: Transaction, commits: bool) {
        let producer_id = transaction.producer_id;
        for group_id in self.transactions.remove(&producer_id).unwrap_or_default() {
            if let Some(group) = self.groups.get_mut(&group_id) {
                group.offsets.end_transaction(producer_id, commits);
            }
        }
    }

    fn replay_commit(
        &mut self,
        key: &OffsetCommitKey,
        value: OffsetCommitValue,
        transaction: Option<Transaction>,
    ) {
        let topic = self.topic_name(&key.topic);
        let committed = Committed::new(value.offset, value.leader_epoch, value.commit_timestamp)
            .with(value.metadata, value.expire_timestamp);
        let group = self.group_or_new(&key.group);
        let Some(transaction) = transaction else {
            group.offsets.commit(&topic, key.partition, committed);
            return;
        };
        let producer_id = transaction.producer_id;
        let offsets = &mut group.offsets;
        offsets.commit_pending(producer_id, &topic, key.partition, committed);
        let group_id = Rc::clone(&group.id);
        let of_producer = self.transactions.entry(producer_id).or_default();
        of_producer.insert(group_id);
    }

    fn replay_consumer(&mut self, group_id: &str, record: ConsumerRecord) {
        if record.is_end() {
            // what ends is gone already if the group has gone over to the other protocol
            let Some(Kind::Consumer(group)) = self.groups.get_mut(group_id).map(|g| &mut g.kind)
            else {
                return;
            };
            if record == ConsumerRecord::Group(None) {
                self.remove_kind(group_id);
            } else {
                group.replay(record);
            }
            return;
        }
        let group = self.group_or_new(group_id);
        if let Kind::Consumer(group) = &mut group.kind {
            return group.replay(record);
        }
        let mut consumer = ConsumerGroup::default();
        consumer.replay(record);
        group.kind = Kind::Consumer(consumer);
    }

    fn replay_offset_tombstone(&mut self, key: &OffsetCommitKey) {
        if let Some(group) = self.groups.get_mut(key.group.as_str()) {
            group.offsets.delete(&key.topic, key.partition);
        }
    }

    /// The group's tombstone: its offsets have theirs, and may come before or after it.
    fn remove_kind(&mut self, group_id: &str) {
        let Some(group) = self.groups.get_mut(group_id) else {
            return;
        };
        group.kind = Kind::default();
        if group.offsets.is_empty() {
            self.groups.remove(group_id);
        }
    }

    fn group_or_new(&mut self, group_id: &str) -> &mut Group {
        if !self.groups.contains_key(group_id) {
            let id: GroupId = group_id.into();
            let group = Group {
                id: Rc::clone(&id),
                offsets: Offsets::default(),
                kind: Kind::default(),
            };
            self.groups.insert(id, group);
        }
        self.groups
            .get_mut(group_id)
            .unwrap_or_else(|| unreachable!("it was just put in"))
    }

    fn is_classic(&self, group_id: &str) -> bool {
        let kind = self.get(group_id).map(|group| &group.kind);
        matches!(kind, Some(Kind::Classic(_)))
    }

    fn topic_name(&mut self, name: &str) -> Rc<str> {
        if let Some(known) = self.topic_names.get(name) {
            return Rc::clone(known);
        }
        let name: Rc<str> = name.into();
        self.topic_names.insert(Rc::clone(&name));
        name
    }
}
