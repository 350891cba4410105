//! The groups of one partition of `__consumer_offsets`: their members and their offsets. Pure.
//!
//! A group has offsets, and a kind: classic, whose members rebalance among themselves, or consumer
//! (KIP-848), whose coordinator assigns. A group that only commits offsets is a classic one that is
//! empty. What is durable changes by [`Groups::replay`] alone.

pub(crate) mod answer;
pub(crate) mod classic;
pub(crate) mod offset_commit;
pub(crate) mod offset_fetch;
pub(crate) mod offsets;
pub(crate) mod record;

use std::collections::BTreeSet;
use std::rc::Rc;

use foldhash::{HashMap, HashSet};
use protocol::messages::coordinator::offset_commit_key::OffsetCommitKey;
use protocol::messages::coordinator::offset_commit_value::OffsetCommitValue;

use self::classic::ClassicGroup;
use self::offsets::{Committed, Offsets};
use self::record::GroupRecord;
use crate::config::groups::GroupSettings;
use crate::coordinator::machine::{Decision, Transaction};

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
}

/// One group; a new one is a classic group without members, which is what it stays if all that
/// comes are offsets.
#[derive(Debug, Default)]
pub(crate) struct Group {
    pub(crate) offsets: Offsets,
    pub(crate) kind: Kind,
}

/// The protocol that a group's members speak.
#[derive(Debug)]
pub(crate) enum Kind {
    Classic(ClassicGroup),
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
        }
    }

    pub(crate) fn get(&self, group_id: &str) -> Option<&Group> {
        self.groups.get(group_id)
    }

    /// Takes up a record: the only way in which what is durable changes.
    pub(crate) fn replay(&mut self, record: GroupRecord, transaction: Option<Transaction>) {
        match record {
            GroupRecord::OffsetCommit { key, value } => match value {
                Some(value) => self.replay_commit(&key, value, transaction),
                None => self.replay_offset_tombstone(&key),
            },
            GroupRecord::GroupMetadata { group, value } => match value {
                Some(value) => {
                    let group = self.group_or_new(&group);
                    group.kind = Kind::Classic(ClassicGroup::from_record(&value));
                }
                None => self.remove_kind(&group),
            },
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
        let offsets = &mut self.group_or_new(&key.group).offsets;
        let Some(transaction) = transaction else {
            offsets.commit(&topic, key.partition, committed);
            return;
        };
        let producer_id = transaction.producer_id;
        offsets.commit_pending(producer_id, &topic, key.partition, committed);
        let group_id = self.group_id(&key.group);
        let of_producer = self.transactions.entry(producer_id).or_default();
        of_producer.extend(group_id);
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
            self.groups.insert(group_id.into(), Group::default());
        }
        self.groups
            .get_mut(group_id)
            .unwrap_or_else(|| unreachable!("it was just put in"))
    }

    fn group_id(&self, group_id: &str) -> Option<GroupId> {
        let (group_id, _) = self.groups.get_key_value(group_id)?;
        Some(Rc::clone(group_id))
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
