//! The groups as a coordinator: the rules of `group` under the runtime. Shell.

use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use protocol::codec::DecodeError;

use super::machine::{Decision, EncodedRecord, Machine, Now, Replay, Transaction};
use super::{Coordinated, Coordinators, parked};
use crate::config::Settings;
use crate::group::Groups;
use crate::group::answer::Reply;
use crate::group::record::GroupRecord;
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

    fn replay(&mut self, record: GroupRecord, transaction: Option<Transaction>, _when: Replay) {
        self.replay(record, transaction);
    }

    fn end_transaction(&mut self, transaction: Transaction, committed: bool) {
        self.end_transaction(transaction, committed);
    }

    fn loaded(&mut self, _now: Now) {}

    fn next_deadline(&mut self) -> Option<Duration> {
        None
    }

    fn expire(&mut self, _now: Now, _image: &ClusterImage) -> Decision<Self, ()> {
        Decision::only(())
    }

    fn abandon(&mut self) -> Vec<Reply> {
        Vec::new()
    }

    fn undone(effect: Reply) -> Option<Reply> {
        Some(effect)
    }
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
