//! A bed for tests of groups: it plays the coordinator's runtime, with a clock of its own. Every
//! request that waits is owed exactly one answer, and what was recorded can be loaded again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use protocol::error_code::ErrorCode;
use protocol::messages::heartbeat_request::HeartbeatRequest;
use protocol::messages::join_group_response::JoinGroupResponse;
use protocol::messages::leave_group_response::MemberResponse;
use protocol::messages::sync_group_response::SyncGroupResponse;
use protocol::types::Uuid;

use crate::config::consumer_groups::ConsumerGroupSettings;
use crate::config::groups::GroupSettings;
use crate::coordinator::machine::{Now, Replay, Transaction};
use crate::group::answer::{Answer, Token};
use crate::group::classic::{ClassicGroup, Joining, Leaving, Protocol, Syncing};
use crate::group::offset_commit::{Committed, Committer, OffsetToCommit};
use crate::group::offset_fetch::OffsetsWanted;
use crate::group::record::GroupRecord;
use crate::group::{GroupDecision, Groups, Kind};
use crate::metadata::image::ClusterImage;

pub(crate) const GROUP: &str = "group";
const STARTED_MS: i64 = 1_700_000_000_000;

/// See the module.
pub(crate) struct Bed {
    pub(crate) groups: Groups,
    pub(crate) now: Now,
    /// What the log has.
    pub(crate) log: Vec<(GroupRecord, Option<Transaction>)>,
    waiting: BTreeSet<u64>,
    answers: BTreeMap<u64, Answer>,
    numbers: u64,
}

pub(crate) fn settings() -> GroupSettings {
    GroupSettings {
        consumer: ConsumerGroupSettings::default(),
        offset_metadata_length_max: 10,
        offsets_retention: Duration::from_secs(3600),
        offsets_retention_check: Duration::from_secs(600),
        session_timeout_ms_min: 1,
        session_timeout_ms_max: 60_000,
        initial_rebalance_delay: Duration::from_secs(3),
        groups_max: 1000,
        members_max: 1000,
        record_bytes_max: 100_000,
    }
}

fn image() -> ClusterImage {
    ClusterImage::empty("cluster".into())
}

/// A join of somebody new who must not come twice.
pub(crate) fn joining() -> Joining {
    Joining {
        token: Token {
            shard: 0,
            number: 0,
        },
        member_id: String::new(),
        fresh_id: String::new(),
        instance_id: None,
        client_id: "client".into(),
        client_host: "/127.0.0.1".into(),
        rebalance_timeout_ms: 60_000,
        session_timeout_ms: 10_000,
        protocol_type: "consumer".into(),
        protocols: vec![protocol("range", "m")],
        needs_known_id: false,
        can_skip_assignment: true,
    }
}

pub(crate) fn protocol(name: &str, metadata: &str) -> Protocol {
    Protocol {
        name: name.to_owned(),
        metadata: Bytes::copy_from_slice(metadata.as_bytes()),
    }
}

impl Bed {
    pub(crate) fn new() -> Self {
        Self::with(settings())
    }

    pub(crate) fn with(settings: GroupSettings) -> Self {
        let now = Now {
            wall_ms: STARTED_MS,
            monotonic: Duration::from_secs(100),
        };
        let mut groups = Groups::new(settings);
        groups.loaded(now, &image());
        Self {
            groups,
            now,
            log: Vec::new(),
            waiting: BTreeSet::new(),
            answers: BTreeMap::new(),
            numbers: 0,
        }
    }

    /// The same coordinator after a crash: what was recorded is replayed, who waited is gone.
    pub(crate) fn restart(&mut self) {
        self.waiting.clear();
        self.answers.clear();
        let mut groups = Groups::new(self.groups.settings.clone());
        for (record, transaction) in &self.log {
            let encoded = record.encode();
            let decoded = GroupRecord::decode(&encoded.key, encoded.value.as_ref());
            let decoded = decoded.unwrap().unwrap();
            assert_eq!(&decoded, record, "a record returns as it was written");
            groups.replay(decoded, *transaction, Replay::Load);
        }
        groups.loaded(self.now, &image());
        self.groups = groups;
    }

    pub(crate) fn take<R>(&mut self, decision: GroupDecision<R>) -> R {
        for record in decision.records {
            self.log.push((record.clone(), decision.transaction));
            self.groups
                .replay(record, decision.transaction, Replay::Live);
        }
        for reply in decision.effects {
            let number = reply.token.number;
            assert!(self.waiting.remove(&number), "{number} waits for no answer");
            self.answers.insert(number, reply.answer);
        }
        decision.response
    }

    /// Lets time pass, and what is due happen when it is due.
    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.now.monotonic + time;
        while let Some(due) = self.groups.next_deadline().filter(|due| *due <= end) {
            self.advance_to(due.max(self.now.monotonic));
            let expired = self.groups.expire(self.now, &image());
            self.take(expired);
        }
        self.advance_to(end);
    }

    fn advance_to(&mut self, to: Duration) {
        let passed = i64::try_from((to - self.now.monotonic).as_millis()).unwrap();
        self.now.wall_ms += passed;
        self.now.monotonic = to;
    }

    /// Sends a join; its answer comes under the number.
    pub(crate) fn join(&mut self, mut joining: Joining) -> u64 {
        self.numbers += 1;
        let number = self.numbers;
        joining.token = Token { shard: 0, number };
        if joining.fresh_id.is_empty() {
            joining.fresh_id = format!("member-{number}");
        }
        self.waiting.insert(number);
        let joined = self.groups.join(GROUP, joining, (self.now, &image()));
        self.take(joined);
        number
    }

    pub(crate) fn sync(&mut self, joined: &JoinGroupResponse, assigned: &[(&str, &str)]) -> u64 {
        let assignments = assigned.iter();
        let assignments = assignments.map(|(member, assignment)| {
            (
                (*member).to_owned(),
                Bytes::copy_from_slice(assignment.as_bytes()),
            )
        });
        self.sync_as(Syncing {
            token: joining().token,
            member_id: joined.member_id.clone(),
            instance_id: None,
            generation: joined.generation_id,
            protocol_type: joined.protocol_type.clone(),
            protocol: joined.protocol_name.clone(),
            assignments: assignments.collect(),
        })
    }

    pub(crate) fn sync_as(&mut self, mut syncing: Syncing) -> u64 {
        self.numbers += 1;
        let number = self.numbers;
        syncing.token = Token { shard: 0, number };
        self.waiting.insert(number);
        let synced = self.groups.sync(GROUP, syncing, (self.now, &image()));
        self.take(synced);
        number
    }

    pub(crate) fn heartbeat(&mut self, member_id: &str, generation: i32) -> ErrorCode {
        self.heartbeat_as(member_id, None, generation)
    }

    pub(crate) fn heartbeat_as(
        &mut self,
        member_id: &str,
        instance_id: Option<&str>,
        generation: i32,
    ) -> ErrorCode {
        let request = HeartbeatRequest {
            group_id: GROUP.into(),
            generation_id: generation,
            member_id: member_id.into(),
            group_instance_id: instance_id.map(str::to_owned),
        };
        let heard = self.groups.heartbeat(&request, (self.now, &image()));
        self.take(heard)
    }

    pub(crate) fn leave(&mut self, leaving: &[(&str, Option<&str>)]) -> Vec<MemberResponse> {
        let leaving: Vec<Leaving> = leaving
            .iter()
            .map(|(member_id, instance_id)| Leaving {
                member_id: (*member_id).to_owned(),
                instance_id: instance_id.map(str::to_owned),
            })
            .collect();
        let left = self.groups.leave(GROUP, &leaving, (self.now, &image()));
        self.take(left)
    }

    pub(crate) fn commit(
        &mut self,
        member_id: &str,
        generation: i32,
        offsets: &[(&str, i32, i64)],
    ) -> Committed {
        let committed = self.groups.commit(
            &committer(member_id, generation),
            -1,
            to_commit(offsets),
            self.now,
        );
        self.take(committed)
    }

    pub(crate) fn commit_in_transaction(
        &mut self,
        producer_id: i64,
        committer: &Committer,
        offsets: &[(&str, i32, i64)],
    ) -> Committed {
        let transaction = Transaction {
            producer_id,
            producer_epoch: 0,
        };
        let offsets = to_commit(offsets);
        let committed =
            self.groups
                .commit_in_transaction(committer, transaction, offsets, self.now);
        self.take(committed)
    }

    /// The committed offset of a partition, -1 for none.
    pub(crate) fn offset(
        &self,
        topic: &str,
        partition: i32,
        stable: bool,
    ) -> Result<i64, ErrorCode> {
        let found = self.groups.fetch(OffsetsWanted {
            group_id: GROUP.into(),
            member_id: None,
            member_epoch: -1,
            topics: Some(vec![(topic.into(), vec![partition])]),
            require_stable: stable,
        });
        let found = found.unwrap();
        let found = &found[0].1[0];
        if found.error == ErrorCode::None {
            Ok(found.offset)
        } else {
            Err(found.error)
        }
    }

    pub(crate) fn waits(&self, number: u64) -> bool {
        self.waiting.contains(&number)
    }

    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    pub(crate) fn answer(&mut self, number: u64) -> Option<Answer> {
        self.answers.remove(&number)
    }

    /// The answer to a join, which must be there.
    pub(crate) fn joined(&mut self, number: u64) -> JoinGroupResponse {
        match self.answer(number) {
            Some(Answer::Join(joined)) => joined,
            other => panic!("join {number} has {other:?}"),
        }
    }

    /// The answer to a sync, which must be there: its error and assignment.
    pub(crate) fn synced(&mut self, number: u64) -> (ErrorCode, String) {
        match self.answer(number) {
            Some(Answer::Sync(SyncGroupResponse {
                error_code,
                assignment,
                ..
            })) => (
                ErrorCode::from_code(error_code).unwrap(),
                String::from_utf8(assignment.to_vec()).unwrap(),
            ),
            other => panic!("sync {number} has {other:?}"),
        }
    }

    pub(crate) fn classic(&self) -> &ClassicGroup {
        let Kind::Classic(classic) = &self.groups.get(GROUP).unwrap().kind else {
            panic!("not a classic group");
        };
        classic
    }

    /// A stable group: members that joined together, the first one leading, with assignments `a0`,
    /// `a1` and so on.
    pub(crate) fn stable(&mut self, members: Vec<Joining>) -> Vec<JoinGroupResponse> {
        let joins: Vec<u64> = members
            .into_iter()
            .map(|member| self.join(member))
            .collect();
        self.pass(Duration::from_secs(7));
        let joined: Vec<_> = joins.into_iter().map(|join| self.joined(join)).collect();
        self.assign(&joined);
        joined
    }

    /// Has everybody sync, the leader with assignments.
    pub(crate) fn assign(&mut self, joined: &[JoinGroupResponse]) {
        let names: Vec<String> = (0..joined.len()).map(|index| format!("a{index}")).collect();
        let ids = joined.iter().map(|joined| joined.member_id.as_str());
        let assigned: Vec<_> = ids.zip(names.iter().map(String::as_str)).collect();
        let syncs: Vec<u64> = joined
            .iter()
            .map(|joined| {
                let leads = joined.leader == joined.member_id;
                self.sync(joined, if leads { &assigned } else { &[] })
            })
            .collect();
        for (sync, name) in syncs.into_iter().zip(names) {
            assert_eq!(self.synced(sync), (ErrorCode::None, name));
        }
    }
}

pub(crate) fn committer(member_id: &str, generation: i32) -> Committer {
    Committer {
        group_id: GROUP.into(),
        member_id: member_id.into(),
        group_instance_id: None,
        generation_or_epoch: generation,
        version: 9,
    }
}

fn to_commit(offsets: &[(&str, i32, i64)]) -> Vec<OffsetToCommit> {
    let offsets = offsets.iter();
    let offsets = offsets.map(|(topic, partition, offset)| OffsetToCommit {
        topic: (*topic).into(),
        topic_id: Uuid::ZERO,
        partition: *partition,
        offset: *offset,
        leader_epoch: -1,
        metadata: None,
    });
    offsets.collect()
}
