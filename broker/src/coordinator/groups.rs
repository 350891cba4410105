//! The groups as a coordinator: the rules of `group` under the runtime. Shell.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use foldhash::HashSet;
use protocol::codec::DecodeError;

use super::machine::{Decision, EncodedRecord, Machine, Now, Replay, Transaction};
use super::{Coordinated, Coordinators, parked};
use crate::config::Settings;
use crate::group::Groups;
use crate::group::answer::Reply;
use crate::group::record::GroupRecord;
use crate::metadata::delta::ImageChange;
use crate::metadata::image::{ClusterImage, GROUP_OFFSETS_TOPIC};
use crate::shard::Shard;

impl Machine for Groups {
    type Record = GroupRecord;
    type Effect = Reply;

    fn new(settings: &Settings) -> Self {
        Self::new(settings.groups.clone())
    }

    fn encode(record: &GroupRecord) -> EncodedRecord {
        record.encode()
    }

    fn decode(key: &Bytes, value: Option<&Bytes>) -> Result<Option<GroupRecord>, DecodeError> {
        GroupRecord::decode(key, value)
    }

    fn replay(&mut self, record: GroupRecord, transaction: Option<Transaction>, when: Replay) {
        self.replay(record, transaction, when);
    }

    fn end_transaction(&mut self, transaction: Transaction, committed: bool) {
        self.end_transaction(transaction, committed);
    }

    fn loaded(&mut self, now: Now, image: &ClusterImage) {
        self.loaded(now, image);
    }

    fn next_deadline(&mut self) -> Option<Duration> {
        Self::next_deadline(self)
    }

    fn expire(&mut self, now: Now, image: &ClusterImage) -> Decision<Self, ()> {
        self.expire(now, image)
    }

    fn abandon(&mut self) -> Vec<Reply> {
        self.abandon()
    }

    fn undone(effect: Reply) -> Option<Reply> {
        Some(effect.refused())
    }
}

/// Has the coordinators of this shard forget the offsets of topics that are gone.
pub(crate) fn topics_deleted(shard: &Rc<Shard>, change: &ImageChange) {
    if change.topics_deleted.is_empty() {
        return;
    }
    let names = change.topics_deleted.iter();
    let names: Rc<HashSet<Arc<str>>> =
        Rc::new(names.map(|topic| Arc::clone(&topic.name)).collect());
    let shard = Rc::clone(shard);
    storage::tasks::spawn(async move {
        for groups in shard.group_coordinators.all_active() {
            let deleted = groups.write(&shard, |groups, _| {
                groups.topics_deleted(|topic| names.contains(topic))
            });
            // a coordinator that cannot write says so itself
            let (Ok(()) | Err(_)) = deleted.await;
        }
    })
    .detach();
}

impl Coordinated for Groups {
    const TOPIC: &'static str = GROUP_OFFSETS_TOPIC;

    fn coordinators(shard: &Shard) -> &Coordinators<Self> {
        &shard.group_coordinators
    }

    fn carry_out(shard: &Rc<Shard>, reply: Reply) {
        parked::deliver(shard, reply.token, reply.answer);
    }
}
