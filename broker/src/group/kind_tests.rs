//! Groups that change their kind, and what both kinds have in common.

use protocol::codec::{Message, Writer};
use protocol::error_code::ErrorCode;
use protocol::messages::consumer_group_heartbeat_request::ConsumerGroupHeartbeatRequest;
use protocol::messages::consumer_group_heartbeat_response::ConsumerGroupHeartbeatResponse;
use protocol::messages::create_topics_request::CreateTopicsRequest;
use protocol::messages::data::consumer_protocol_assignment::{
    ConsumerProtocolAssignment, TopicPartition,
};
use protocol::messages::data::consumer_protocol_subscription::ConsumerProtocolSubscription;

use crate::controller::tests as controller;
use crate::controller::topics::create_topics;
use crate::group::classic::{Joining, Protocol, State};
use crate::group::consumer::step::Refusal;
use crate::group::consumer_members::Sender;
use crate::group::describe::ListFilter;
use crate::group::test_bed::{Bed, GROUP, joining};
use crate::metadata::image::ClusterImage;

/// Topic `t` has four partitions.
fn cluster() -> ClusterImage {
    let request = CreateTopicsRequest {
        topics: vec![controller::topic("t", 4, 1)],
        ..Default::default()
    };
    let image = controller::cluster(1);
    let mut random = || 77;
    let records = create_topics(&image, &request, &controller::settings(), &mut random).0;
    controller::apply(&image, &records)
}

fn bytes<M: Message>(message: &M) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.i16(0);
    message.encode(&mut writer, 0);
    writer.freeze().to_vec()
}

fn reader_of_t() -> Joining {
    let subscription = ConsumerProtocolSubscription {
        topics: vec!["t".to_owned()],
        ..Default::default()
    };
    Joining {
        protocols: vec![Protocol {
            name: "range".to_owned(),
            metadata: bytes(&subscription).into(),
        }],
        ..joining()
    }
}

/// In a text, as the bed has it.
fn assignment(partitions: &[i32]) -> String {
    let assignment = ConsumerProtocolAssignment {
        assigned_partitions: vec![TopicPartition {
            topic: "t".to_owned(),
            partitions: partitions.to_vec(),
        }],
        user_data: Some(bytes::Bytes::new()),
    };
    String::from_utf8(bytes(&assignment)).unwrap()
}

/// A stable classic group of two consumers that share the topic; their ids.
fn classic_pair(bed: &mut Bed) -> [String; 2] {
    let joins = [bed.join(reader_of_t()), bed.join(reader_of_t())];
    bed.pass(std::time::Duration::from_secs(7));
    let joined = joins.map(|join| bed.joined(join));
    let ids = [joined[0].member_id.clone(), joined[1].member_id.clone()];
    let parts = [assignment(&[0, 1]), assignment(&[2, 3])];
    let all = [(&*ids[0], &*parts[0]), (&*ids[1], &*parts[1])];
    let syncs = joined.map(|joined| {
        let leads = joined.leader == joined.member_id;
        bed.sync(&joined, if leads { &all } else { &[] })
    });
    for sync in syncs {
        assert_eq!(bed.synced(sync).0, ErrorCode::None);
    }
    ids
}

fn heartbeat(
    bed: &mut Bed,
    member: &str,
    epoch: i32,
    image: &ClusterImage,
) -> Result<ConsumerGroupHeartbeatResponse, Refusal> {
    let mut request = ConsumerGroupHeartbeatRequest {
        group_id: GROUP.to_owned(),
        member_id: member.to_owned(),
        member_epoch: epoch,
        ..Default::default()
    };
    if epoch == 0 {
        request.rebalance_timeout_ms = 30_000;
        request.subscribed_topic_names = Some(vec!["t".to_owned()]);
        request.topic_partitions = Some(Vec::new());
    }
    let (sender, now) = (Sender::default(), bed.now);
    let heard = bed
        .groups
        .consumer_heartbeat(&request, 1, &sender, (now, image));
    bed.take(heard).map(|heard| heard.response)
}

fn kind(bed: &Bed) -> (String, String) {
    let listed = bed.groups.list(&ListFilter::default());
    assert_eq!(listed.len(), 1);
    (listed[0].group_type.clone(), listed[0].group_state.clone())
}

fn consumer_of(state: &str) -> (String, String) {
    ("consumer".to_owned(), state.to_owned())
}

#[test]
fn a_member_of_the_new_protocol_takes_a_classic_group_with_it() {
    let (mut bed, image) = (Bed::new(), cluster());
    let [first, second] = classic_pair(&mut bed);
    let joined = heartbeat(&mut bed, "new", 0, &image).unwrap();
    assert_eq!(joined.member_epoch, 2);
    assert_eq!(kind(&bed), consumer_of("Reconciling"));
    // the classic members keep what they have until they join again
    assert_eq!(bed.heartbeat(&first, 1), ErrorCode::RebalanceInProgress);
    assert_eq!(bed.heartbeat(&second, 1), ErrorCode::RebalanceInProgress);
    bed.restart();
    assert_eq!(kind(&bed), consumer_of("Reconciling"));
    assert_eq!(bed.heartbeat(&first, 1), ErrorCode::RebalanceInProgress);
    let again = heartbeat(&mut bed, "new", 2, &image).unwrap();
    assert_eq!(again.member_epoch, 2);
}

#[test]
fn joins_that_wait_are_sent_away_when_the_group_changes_its_kind() {
    let (mut bed, image) = (Bed::new(), cluster());
    let waits = bed.join(reader_of_t());
    heartbeat(&mut bed, "new", 0, &image).unwrap();
    let sent_away = bed.joined(waits);
    assert_eq!(sent_away.error_code, ErrorCode::RebalanceInProgress.code());
    assert_eq!(bed.waiting(), 0);
}

#[test]
fn the_group_is_classic_again_when_the_last_member_of_the_new_protocol_goes() {
    let (mut bed, image) = (Bed::new(), cluster());
    let [first, _] = classic_pair(&mut bed);
    heartbeat(&mut bed, "new", 0, &image).unwrap();
    heartbeat(&mut bed, "new", -1, &image).unwrap();
    assert_eq!(bed.classic().state(), State::PreparingRebalance);
    bed.classic().check_invariants();
    assert_eq!(bed.heartbeat(&first, 2), ErrorCode::RebalanceInProgress);
    bed.restart();
    assert_eq!(bed.classic().state(), State::Stable);
    assert_eq!(bed.classic().member_count(), 2);
}

#[test]
fn a_subscription_that_cannot_be_written_does_not_take_the_group_with_it() {
    let (mut bed, image) = (Bed::new(), cluster());
    let [first, _] = classic_pair(&mut bed);
    let request = ConsumerGroupHeartbeatRequest {
        group_id: GROUP.to_owned(),
        member_id: "new".to_owned(),
        rebalance_timeout_ms: 30_000,
        subscribed_topic_names: Some((0..20_000).map(|n| format!("topic-{n}")).collect()),
        topic_partitions: Some(Vec::new()),
        ..Default::default()
    };
    let (sender, now) = (Sender::default(), bed.now);
    let heard = bed
        .groups
        .consumer_heartbeat(&request, 1, &sender, (now, &image));
    let refused = bed.take(heard).map(|heard| heard.response).unwrap_err();
    assert_eq!(refused.error, ErrorCode::UnknownServerError);
    assert_eq!(bed.heartbeat(&first, 1), ErrorCode::None);
}

#[test]
fn a_classic_group_of_others_stays_what_it_is() {
    let (mut bed, image) = (Bed::new(), cluster());
    let mut worker = joining();
    worker.protocol_type = "connect".to_owned();
    let joined = bed.stable(vec![worker]);
    let refused = heartbeat(&mut bed, "new", 0, &image).unwrap_err();
    assert_eq!(refused.error, ErrorCode::GroupIdNotFound);
    assert_eq!(bed.heartbeat(&joined[0].member_id, 1), ErrorCode::None);
    let none = heartbeat(&mut bed, "new", 3, &image).unwrap_err();
    assert_eq!(none.error, ErrorCode::GroupIdNotFound);
}

#[test]
fn a_group_without_members_becomes_a_consumer_group_and_keeps_its_offsets() {
    let (mut bed, image) = (Bed::new(), cluster());
    bed.commit("", -1, &[("t", 0, 7)]).unwrap();
    heartbeat(&mut bed, "new", 0, &image).unwrap();
    assert_eq!(kind(&bed), consumer_of("Stable"));
    assert_eq!(bed.offset("t", 0, true), Ok(7));
    bed.restart();
    assert_eq!(kind(&bed), consumer_of("Stable"));
    assert_eq!(bed.offset("t", 0, true), Ok(7));
    // nobody but a member in its epoch may commit now
    assert_eq!(
        bed.commit("", -1, &[("t", 0, 8)]),
        Err(ErrorCode::UnknownMemberId)
    );
    assert_eq!(
        bed.commit("new", 3, &[("t", 0, 8)]),
        Err(ErrorCode::StaleMemberEpoch)
    );
    assert_eq!(
        bed.commit("new", 2, &[("t", 0, 8)]),
        Ok(vec![ErrorCode::None])
    );
    // the bed's partitions have no topic id, so the member does not hold them
    assert_eq!(
        bed.commit("new", 1, &[("t", 0, 9)]),
        Ok(vec![ErrorCode::StaleMemberEpoch])
    );
}

#[test]
fn a_silent_member_is_fenced_and_the_group_can_be_deleted_when_it_is_empty() {
    let (mut bed, image) = (Bed::new(), cluster());
    heartbeat(&mut bed, "new", 0, &image).unwrap();
    let refused = bed.groups.delete_group(GROUP);
    assert_eq!(bed.take(refused), ErrorCode::NonEmptyGroup);
    bed.restart();
    bed.pass(std::time::Duration::from_secs(44));
    assert_eq!(kind(&bed), consumer_of("Stable"));
    bed.pass(std::time::Duration::from_secs(2));
    assert_eq!(kind(&bed), consumer_of("Empty"));
    let deleted = bed.groups.delete_group(GROUP);
    assert_eq!(bed.take(deleted), ErrorCode::None);
    assert!(bed.groups.get(GROUP).is_none());
    bed.restart();
    assert!(bed.groups.get(GROUP).is_none());
}
