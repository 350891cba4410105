//! Scenarios of offsets, and random runs of a classic group with its invariants.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use protocol::error_code::ErrorCode;
use protocol::messages::join_group_response::JoinGroupResponse;
use protocol::types::Uuid;

use crate::coordinator::machine::Transaction;
use crate::group::Kind;
use crate::group::answer::Answer;
use crate::group::classic::{Joining, State};
use crate::group::describe::ListFilter;
use crate::group::offset_commit::{Committer, OffsetToCommit};
use crate::group::test_bed::{Bed, GROUP, committer, joining, settings};

const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn anybody_commits_to_a_group_without_members() {
    let mut bed = Bed::new();
    assert_eq!(
        bed.commit("", -1, &[("t", 0, 5)]),
        Ok(vec![ErrorCode::None])
    );
    assert_eq!(bed.offset("t", 0, false), Ok(5));
    assert_eq!(bed.offset("t", 1, false), Ok(-1));
    bed.restart();
    assert_eq!(bed.offset("t", 0, false), Ok(5));
    assert_eq!(
        bed.commit("member", 1, &[("t", 0, 6)]),
        Err(ErrorCode::UnknownMemberId)
    );
}

#[test]
fn a_commit_names_a_generation_of_a_group_that_exists() {
    let mut bed = Bed::new();
    let committed = bed.commit("member", 1, &[("t", 0, 6)]);
    assert_eq!(committed, Err(ErrorCode::GroupIdNotFound));
    let old = Committer {
        version: 8,
        ..committer("member", 1)
    };
    let committed = bed.groups.commit(&old, -1, Vec::new(), bed.now).response;
    assert_eq!(committed, Err(ErrorCode::IllegalGeneration));
}

#[test]
fn only_members_of_this_generation_commit() {
    let mut bed = Bed::new();
    let joined = bed.stable(vec![joining()]).remove(0);
    let id = joined.member_id.as_str();
    assert!(bed.commit(id, 1, &[("t", 0, 5)]).is_ok());
    assert_eq!(
        bed.commit(id, 0, &[("t", 0, 6)]),
        Err(ErrorCode::IllegalGeneration)
    );
    assert_eq!(
        bed.commit("", -1, &[("t", 0, 6)]),
        Err(ErrorCode::UnknownMemberId)
    );
    assert_eq!(
        bed.commit("other", 1, &[("t", 0, 6)]),
        Err(ErrorCode::UnknownMemberId)
    );
    bed.join(joining());
    assert!(
        bed.commit(id, 1, &[("t", 0, 7)]).is_ok(),
        "what was processed may be committed before the rejoin"
    );
    let rejoin = bed.join(Joining {
        member_id: id.into(),
        ..joining()
    });
    bed.joined(rejoin);
    assert_eq!(
        bed.commit(id, 2, &[("t", 0, 8)]),
        Err(ErrorCode::RebalanceInProgress)
    );
    assert_eq!(bed.offset("t", 0, false), Ok(7));
}

#[test]
fn a_commit_keeps_the_session() {
    let mut bed = Bed::new();
    let joined = bed.stable(vec![joining()]).remove(0);
    for offset in 0..5 {
        bed.pass(Duration::from_secs(8));
        let committed = bed.commit(&joined.member_id, 1, &[("t", 0, offset)]);
        assert!(committed.is_ok(), "{committed:?}");
    }
}

#[test]
fn a_text_that_is_too_long_is_refused_and_the_rest_is_committed() {
    let mut bed = Bed::new();
    let with_text = |partition: i32, text: &str| OffsetToCommit {
        topic: "t".into(),
        topic_id: Uuid::ZERO,
        partition,
        offset: 1,
        leader_epoch: 3,
        metadata: Some(text.to_owned()),
    };
    let offsets = vec![with_text(0, "ten chars!"), with_text(1, "eleven char")];
    let committed = bed.groups.commit(&committer("", -1), -1, offsets, bed.now);
    let outcomes = bed.take(committed).unwrap();
    assert_eq!(
        outcomes,
        [ErrorCode::None, ErrorCode::OffsetMetadataTooLarge]
    );
    let kept = bed.groups.get(GROUP).unwrap().offsets.get("t", 0).unwrap();
    assert_eq!((kept.metadata(), kept.leader_epoch), ("ten chars!", 3));
}

#[test]
fn offsets_of_a_transaction_count_once_it_commits() {
    let mut bed = Bed::new();
    bed.commit("", -1, &[("t", 0, 1)]).unwrap();
    bed.commit_in_transaction(7, &committer("", -1), &[("t", 0, 5)])
        .unwrap();
    assert_eq!(bed.offset("t", 0, false), Ok(1));
    assert_eq!(
        bed.offset("t", 0, true),
        Err(ErrorCode::UnstableOffsetCommit)
    );
    bed.restart();
    assert_eq!(
        bed.offset("t", 0, true),
        Err(ErrorCode::UnstableOffsetCommit)
    );
    let transaction = Transaction {
        producer_id: 7,
        producer_epoch: 0,
    };
    bed.groups.end_transaction(transaction, true);
    assert_eq!(bed.offset("t", 0, true), Ok(5));
}

#[test]
fn a_transaction_of_a_member_is_fenced_by_its_generation() {
    let mut bed = Bed::new();
    let joined = bed.stable(vec![joining()]).remove(0);
    let id = joined.member_id.as_str();
    let commit = |bed: &mut Bed, member: &str, generation| {
        bed.commit_in_transaction(7, &committer(member, generation), &[("t", 0, 5)])
    };
    assert!(commit(&mut bed, id, 1).is_ok());
    assert_eq!(commit(&mut bed, id, 0), Err(ErrorCode::IllegalGeneration));
    assert_eq!(
        commit(&mut bed, "other", 1),
        Err(ErrorCode::UnknownMemberId)
    );
    assert!(
        commit(&mut bed, "", -1).is_ok(),
        "older clients do not name their generation"
    );
}

#[test]
fn offsets_of_a_group_that_is_empty_expire_and_the_group_with_them() {
    let mut bed = Bed::new();
    bed.commit("", -1, &[("t", 0, 1), ("t", 1, 2)]).unwrap();
    bed.pass(HOUR / 2);
    bed.commit("", -1, &[("t", 1, 3)]).unwrap();
    bed.pass(HOUR / 2 + HOUR / 5);
    assert_eq!(bed.offset("t", 0, false), Ok(-1));
    assert_eq!(bed.offset("t", 1, false), Ok(3));
    bed.pass(HOUR / 2);
    assert!(bed.groups.get(GROUP).is_none());
    bed.restart();
    assert!(bed.groups.get(GROUP).is_none());
}

#[test]
fn offsets_of_a_group_with_members_are_kept() {
    let mut bed = Bed::new();
    let joined = bed.stable(vec![joining()]).remove(0);
    bed.commit(&joined.member_id, 1, &[("t", 0, 1)]).unwrap();
    for _ in 0..3 * 450 {
        bed.pass(Duration::from_secs(8));
        assert_eq!(bed.heartbeat(&joined.member_id, 1), ErrorCode::None);
    }
    assert_eq!(bed.offset("t", 0, false), Ok(1));
    bed.leave(&[(&joined.member_id, None)]);
    bed.pass(HOUR / 2);
    assert_eq!(bed.offset("t", 0, false), Ok(1), "from when it was left");
    bed.pass(HOUR);
    assert_eq!(bed.offset("t", 0, false), Ok(-1));
}

#[test]
fn a_pending_offset_keeps_its_group() {
    let mut bed = Bed::new();
    bed.commit_in_transaction(7, &committer("", -1), &[("t", 0, 5)])
        .unwrap();
    bed.pass(HOUR * 3);
    assert!(bed.groups.get(GROUP).is_some());
}

#[test]
fn a_group_is_deleted_with_its_offsets_when_nobody_is_in_it() {
    let mut bed = Bed::new();
    assert_eq!(
        bed.groups.delete_group(GROUP).response,
        ErrorCode::GroupIdNotFound
    );
    let joined = bed.stable(vec![joining()]).remove(0);
    bed.commit(&joined.member_id, 1, &[("t", 0, 1)]).unwrap();
    assert_eq!(
        bed.groups.delete_group(GROUP).response,
        ErrorCode::NonEmptyGroup
    );
    bed.leave(&[(&joined.member_id, None)]);
    let deleted = bed.groups.delete_group(GROUP);
    assert_eq!(bed.take(deleted), ErrorCode::None);
    assert!(bed.groups.get(GROUP).is_none());
    bed.restart();
    assert!(bed.groups.get(GROUP).is_none());
}

#[test]
fn offsets_are_deleted_unless_they_are_read() {
    let mut bed = Bed::new();
    bed.commit("", -1, &[("t", 0, 1), ("u", 0, 1)]).unwrap();
    let deleted = bed
        .groups
        .delete_offsets(GROUP, &vec![("t".into(), vec![0, 9])]);
    assert_eq!(bed.take(deleted), Ok(vec![ErrorCode::None; 2]));
    assert_eq!(bed.offset("t", 0, false), Ok(-1));
    bed.stable(vec![joining()]);
    let deleted = bed
        .groups
        .delete_offsets(GROUP, &vec![("u".into(), vec![0])]);
    assert_eq!(
        bed.take(deleted),
        Ok(vec![ErrorCode::GroupSubscribedToTopic]),
        "metadata that cannot be read may name any topic"
    );
}

#[test]
fn offsets_of_deleted_topics_go() {
    let mut bed = Bed::new();
    bed.commit("", -1, &[("t", 0, 1), ("u", 0, 1)]).unwrap();
    let deleted = bed.groups.topics_deleted(|topic| topic == "t");
    bed.take(deleted);
    assert_eq!(bed.offset("t", 0, false), Ok(-1));
    assert_eq!(bed.offset("u", 0, false), Ok(1));
}

#[test]
fn groups_are_listed_and_described_by_their_state() {
    let mut bed = Bed::new();
    bed.stable(vec![joining()]);
    let list = |states: &[&str], types: &[&str]| ListFilter {
        states: states.iter().map(|name| (*name).to_owned()).collect(),
        types: types.iter().map(|name| (*name).to_owned()).collect(),
    };
    assert_eq!(bed.groups.list(&list(&[], &[])).len(), 1);
    assert_eq!(bed.groups.list(&list(&["stable"], &["Classic"])).len(), 1);
    assert_eq!(bed.groups.list(&list(&["Empty"], &[])).len(), 0);
    assert_eq!(bed.groups.list(&list(&[], &["consumer"])).len(), 0);
    let described = bed.groups.describe_classic(GROUP, 6);
    assert_eq!(described.group_state, "Stable");
    assert_eq!(described.protocol_data, "range");
    assert_eq!(&described.members[0].member_assignment[..], b"a0");
    let unknown = bed.groups.describe_classic("other", 5);
    assert_eq!(
        (unknown.group_state.as_str(), unknown.error_code),
        ("Dead", 0)
    );
    let unknown = bed.groups.describe_classic("other", 6);
    assert_eq!(unknown.error_code, ErrorCode::GroupIdNotFound.code());
}

#[test]
fn a_coordinator_keeps_no_more_groups_than_it_may() {
    let mut bed = Bed::with(crate::config::groups::GroupSettings {
        groups_max: 0,
        ..settings()
    });
    let join = bed.join(joining());
    assert_eq!(
        bed.joined(join).error_code,
        ErrorCode::GroupMaxSizeReached.code()
    );
    let committed = bed.commit("", -1, &[("t", 0, 1)]);
    assert_eq!(committed, Err(ErrorCode::GroupMaxSizeReached));
}

/// What clients of a random run do.
#[derive(Debug, Clone)]
enum Act {
    Join { client: usize },
    Sync { client: usize },
    Heartbeat { client: usize },
    Leave { client: usize },
    Commit { client: usize },
    Pass { millis: u64 },
    Restart,
}

fn act() -> impl Strategy<Value = Act> {
    let client = 0..5_usize;
    prop_oneof![
        6 => client.clone().prop_map(|client| Act::Join { client }),
        6 => client.clone().prop_map(|client| Act::Sync { client }),
        3 => client.clone().prop_map(|client| Act::Heartbeat { client }),
        1 => client.clone().prop_map(|client| Act::Leave { client }),
        2 => client.prop_map(|client| Act::Commit { client }),
        4 => (1..20_000_u64).prop_map(|millis| Act::Pass { millis }),
        1 => Just(Act::Restart),
    ]
}

/// One client as it sees itself.
#[derive(Debug, Default)]
struct Client {
    member_id: String,
    generation: i32,
    leads: bool,
    peers: Vec<String>,
    joins: Option<u64>,
    syncs: Option<u64>,
}

/// A run of clients against one group; clients 3 and 4 are static members.
struct Run {
    bed: Bed,
    clients: Vec<Client>,
    /// The newest generation of the group; a restart may forget one that was not complete.
    generation_seen: i32,
    /// The assignment of each member and generation, as the leader gave it.
    assigned: BTreeMap<(String, i32), String>,
}

impl Run {
    fn new() -> Self {
        Self {
            bed: Bed::new(),
            clients: (0..5).map(|_| Client::default()).collect(),
            generation_seen: 0,
            assigned: BTreeMap::new(),
        }
    }

    fn play(&mut self, act: &Act) {
        match *act {
            Act::Join { client } => self.join(client),
            Act::Sync { client } => self.sync(client),
            Act::Heartbeat { client } => {
                let (id, generation) = self.who(client);
                let heard = self.bed.heartbeat(&id, generation);
                self.forget_if_unknown(client, heard);
            }
            Act::Leave { client } => {
                let (id, _) = self.who(client);
                self.bed.leave(&[(&id, None)]);
                self.clients[client].member_id.clear();
            }
            Act::Commit { client } => {
                let (id, generation) = self.who(client);
                if !id.is_empty()
                    && let Err(error) = self.bed.commit(&id, generation, &[("t", 0, 1)])
                {
                    self.forget_if_unknown(client, error);
                }
            }
            Act::Pass { millis } => self.bed.pass(Duration::from_millis(millis)),
            Act::Restart => {
                self.bed.restart();
                self.generation_seen = 0;
                for client in &mut self.clients {
                    (client.joins, client.syncs) = (None, None);
                }
            }
        }
        self.take_answers();
        self.check();
    }

    fn who(&self, client: usize) -> (String, i32) {
        let client = &self.clients[client];
        (client.member_id.clone(), client.generation)
    }

    fn forget_if_unknown(&mut self, client: usize, error: ErrorCode) {
        if matches!(
            error,
            ErrorCode::UnknownMemberId | ErrorCode::FencedInstanceId
        ) {
            self.clients[client].member_id.clear();
        }
    }

    fn join(&mut self, index: usize) {
        if self.clients[index].joins.is_some() {
            return;
        }
        let instance_id = (index >= 3).then(|| format!("static-{index}"));
        let number = self.bed.join(Joining {
            member_id: self.clients[index].member_id.clone(),
            needs_known_id: instance_id.is_none(),
            instance_id,
            rebalance_timeout_ms: 15_000,
            ..joining()
        });
        self.clients[index].joins = Some(number);
    }

    fn sync(&mut self, index: usize) {
        let client = &self.clients[index];
        if client.syncs.is_some() || client.joins.is_some() || client.member_id.is_empty() {
            return;
        }
        let generation = client.generation;
        let names: Vec<(String, String)> = if client.leads {
            let peers = client.peers.iter();
            peers
                .map(|peer| (peer.clone(), format!("{peer}@{generation}")))
                .collect()
        } else {
            Vec::new()
        };
        let joined = JoinGroupResponse {
            generation_id: generation,
            member_id: client.member_id.clone(),
            protocol_name: None,
            ..JoinGroupResponse::default()
        };
        let assigned: Vec<(&str, &str)> = names
            .iter()
            .map(|(peer, name)| (peer.as_str(), name.as_str()))
            .collect();
        for (peer, name) in &names {
            self.assigned
                .insert((peer.clone(), generation), name.clone());
        }
        let number = self.bed.sync(&joined, &assigned);
        self.clients[index].syncs = Some(number);
    }

    fn take_answers(&mut self) {
        for index in 0..self.clients.len() {
            if let Some(number) = self.clients[index].joins
                && let Some(Answer::Join(joined)) = self.bed.answer(number)
            {
                self.clients[index].joins = None;
                self.joined(index, &joined);
            }
            if let Some(number) = self.clients[index].syncs
                && !self.bed.waits(number)
            {
                self.clients[index].syncs = None;
                let (error, assignment) = self.bed.synced(number);
                self.synced(index, error, &assignment);
            }
        }
    }

    fn joined(&mut self, index: usize, joined: &JoinGroupResponse) {
        let client = &mut self.clients[index];
        let error = ErrorCode::from_code(joined.error_code).unwrap();
        if error == ErrorCode::MemberIdRequired {
            client.member_id.clone_from(&joined.member_id);
        } else if error != ErrorCode::None {
            self.forget_if_unknown(index, error);
        } else {
            client.member_id.clone_from(&joined.member_id);
            client.generation = joined.generation_id;
            client.leads = joined.leader == joined.member_id && !joined.skip_assignment;
            let members = joined.members.iter();
            client.peers = members.map(|member| member.member_id.clone()).collect();
        }
    }

    /// Every assignment is one that a leader gave for this generation.
    fn synced(&mut self, index: usize, error: ErrorCode, assignment: &str) {
        if error != ErrorCode::None {
            return self.forget_if_unknown(index, error);
        }
        let (id, generation) = self.who(index);
        if index < 3 {
            let given = self.assigned.get(&(id, generation));
            assert_eq!(given.map(String::as_str), Some(assignment));
        }
    }

    fn check(&mut self) {
        let Some(group) = self.bed.groups.get(GROUP) else {
            self.generation_seen = 0;
            return;
        };
        let Kind::Classic(classic) = &group.kind else {
            panic!("not a classic group");
        };
        classic.check_invariants();
        let described = classic.generation();
        assert!(
            described >= self.generation_seen,
            "generations never go back"
        );
        self.generation_seen = described;
    }

    /// With nobody talking any more, every request is answered and the group empties.
    fn end(mut self) {
        self.bed.pass(Duration::from_secs(600));
        self.take_answers();
        assert_eq!(self.bed.waiting(), 0, "every answer was given");
        if self.bed.groups.get(GROUP).is_some() {
            assert_eq!(self.bed.classic().state(), State::Empty);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn a_group_keeps_its_invariants_whatever_clients_do(
        acts in proptest::collection::vec(act(), 1..120),
    ) {
        let mut run = Run::new();
        for act in &acts {
            run.play(act);
        }
        run.end();
    }
}
