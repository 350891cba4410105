//! Members of the classic protocol in a consumer group.

use protocol::codec::{Message, Reader, Writer};
use protocol::messages::data::consumer_protocol_assignment::ConsumerProtocolAssignment;
use protocol::messages::data::consumer_protocol_subscription::{
    ConsumerProtocolSubscription, TopicPartition,
};
use protocol::messages::join_group_response::JoinGroupResponse;

use super::super::classic_member;
use super::*;
use crate::group::answer::Token;
use crate::group::classic::{Joining, Leaving, Protocol, Syncing};

const TOKEN: Token = Token {
    shard: 0,
    number: 0,
};

fn join_request(member: &str, topics: &[&str], owned: &[(&str, &[i32])]) -> Joining {
    let owned = owned.iter().map(|(topic, partitions)| TopicPartition {
        topic: (*topic).to_owned(),
        partitions: partitions.to_vec(),
    });
    let subscription = ConsumerProtocolSubscription {
        topics: topics.iter().map(|name| (*name).to_owned()).collect(),
        owned_partitions: owned.collect(),
        ..Default::default()
    };
    let mut writer = Writer::new();
    writer.i16(3);
    subscription.encode(&mut writer, 3);
    Joining {
        token: TOKEN,
        member_id: member.to_owned(),
        fresh_id: "fresh".to_owned(),
        instance_id: None,
        client_id: "client".to_owned(),
        client_host: "/127.0.0.1".to_owned(),
        session_timeout_ms: 10_000,
        rebalance_timeout_ms: 60_000,
        protocol_type: "consumer".to_owned(),
        protocols: vec![Protocol {
            name: "cooperative-sticky".to_owned(),
            metadata: writer.freeze(),
        }],
        needs_known_id: true,
        can_skip_assignment: true,
    }
}

fn join(world: &mut World, request: &Joining) -> Result<JoinGroupResponse, Refusal> {
    world.step(|group, context| classic_member::join(group, request, context))
}

fn sync(
    world: &mut World,
    member: &str,
    generation: i32,
) -> Result<Vec<(String, Vec<i32>)>, ErrorCode> {
    let request = Syncing {
        token: TOKEN,
        member_id: member.to_owned(),
        instance_id: None,
        generation,
        protocol_type: Some("consumer".to_owned()),
        protocol: Some("cooperative-sticky".to_owned()),
        assignments: Vec::new(),
    };
    let response = world
        .step(|group, context| classic_member::sync(group, GROUP, &request, context))
        .map_err(|refusal| refusal.error)?;
    if response.error_code != 0 {
        return Err(ErrorCode::from_code(response.error_code).unwrap());
    }
    let mut reader = Reader::new(response.assignment);
    let version = reader.i16().unwrap();
    let assignment = ConsumerProtocolAssignment::decode(&mut reader, version).unwrap();
    let topics = assignment.assigned_partitions.into_iter();
    Ok(topics
        .map(|topic| (topic.topic, topic.partitions))
        .collect())
}

fn beat(world: &mut World, member: &str, generation: i32) -> ErrorCode {
    let result = world.step(|group, context| {
        classic_member::heartbeat(group, GROUP, (member, None), generation, context)
    });
    result.unwrap_or_else(|refusal| refusal.error)
}

#[test]
fn a_classic_member_shares_a_topic_with_one_of_the_new_protocol() {
    let mut world = World::new(&[("t", 4)]);
    let topic = world.topic("t");
    world.send(&joining("a", &["t"])).unwrap();
    let sent_away = join(&mut world, &join_request("", &["t"], &[])).unwrap();
    assert_eq!(sent_away.error_code, ErrorCode::MemberIdRequired.code());
    let classic = sent_away.member_id;
    let joined = join(&mut world, &join_request(&classic, &["t"], &[])).unwrap();
    assert_eq!((joined.generation_id, joined.leader.as_str()), (3, ""));
    assert_eq!(joined.protocol_name.as_deref(), Some("cooperative-sticky"));
    assert_eq!(sync(&mut world, &classic, 3), Ok(vec![]));
    assert_eq!(
        beat(&mut world, &classic, 3),
        ErrorCode::None,
        "a still has all"
    );
    world.send(&idle("a", 2)).unwrap();
    world.send(&alive("a", 2, &[(topic, &[0, 1])])).unwrap();
    assert_eq!(
        beat(&mut world, &classic, 3),
        ErrorCode::RebalanceInProgress,
        "now there is news"
    );
    let again = join(&mut world, &join_request(&classic, &["t"], &[])).unwrap();
    assert_eq!(again.generation_id, 3);
    assert_eq!(
        sync(&mut world, &classic, 3),
        Ok(vec![("t".to_owned(), vec![2, 3])])
    );
    assert_eq!(beat(&mut world, &classic, 3), ErrorCode::None);

    // a third member comes: the classic one must give up a partition by joining without it
    world.send(&joining("c", &["t"])).unwrap();
    assert_eq!(
        beat(&mut world, &classic, 3),
        ErrorCode::RebalanceInProgress
    );
    let told = join(
        &mut world,
        &join_request(&classic, &["t"], &[("t", &[2, 3])]),
    )
    .unwrap();
    assert_eq!(told.generation_id, 3);
    let kept = sync(&mut world, &classic, 3).unwrap();
    assert_eq!(kept, vec![("t".to_owned(), vec![2])]);
    assert_eq!(
        beat(&mut world, &classic, 3),
        ErrorCode::RebalanceInProgress
    );
    let done = join(&mut world, &join_request(&classic, &["t"], &[("t", &[2])])).unwrap();
    assert_eq!(done.generation_id, 4);
    assert_eq!(
        sync(&mut world, &classic, 4),
        Ok(vec![("t".to_owned(), vec![2])])
    );
    world.check_replay();
}

#[test]
fn a_classic_member_that_does_not_join_again_is_fenced() {
    let mut world = World::new(&[("t", 4)]);
    world.send(&joining("a", &["t"])).unwrap();
    let joined = join(&mut world, &join_request("b", &["t"], &[])).unwrap();
    sync(&mut world, "b", joined.generation_id).unwrap();
    world.send(&joining("c", &["t"])).unwrap();
    assert_eq!(
        sync(&mut world, "b", 3),
        Err(ErrorCode::RebalanceInProgress)
    );
    for _ in 0..6 {
        world.pass(9_000);
        assert_eq!(beat(&mut world, "b", 3), ErrorCode::RebalanceInProgress);
    }
    world.pass(6_000);
    world.expire();
    assert!(world.group.member("b").is_none());
    assert_eq!(beat(&mut world, "b", 3), ErrorCode::UnknownMemberId);
}

#[test]
fn wrong_generations_members_and_protocols_are_told_apart() {
    let mut world = World::new(&[("t", 4)]);
    world.send(&joining("a", &["t"])).unwrap();
    join(&mut world, &join_request("b", &["t"], &[])).unwrap();
    assert_eq!(beat(&mut world, "b", 2), ErrorCode::IllegalGeneration);
    assert_eq!(
        beat(&mut world, "a", 2),
        ErrorCode::UnknownMemberId,
        "not a classic member"
    );
    assert_eq!(
        sync(&mut world, "nobody", 3),
        Err(ErrorCode::UnknownMemberId)
    );
    let mut other = join_request("c", &["t"], &[]);
    other.protocols[0].name = "custom".to_owned();
    assert_eq!(
        join(&mut world, &other).unwrap_err().error,
        ErrorCode::InconsistentGroupProtocol
    );
    other.protocols.clear();
    assert_eq!(
        join(&mut world, &other).unwrap_err().error,
        ErrorCode::InconsistentGroupProtocol
    );
    let mut connect = join_request("c", &["t"], &[]);
    connect.protocol_type = "connect".to_owned();
    assert_eq!(
        join(&mut world, &connect).unwrap_err().error,
        ErrorCode::InconsistentGroupProtocol
    );
    let mut garbage = join_request("c", &["t"], &[]);
    garbage.protocols[0].metadata = Bytes::from_static(&[0, 3, 127, 255, 255, 255]);
    assert_eq!(
        join(&mut world, &garbage).unwrap_err().error,
        ErrorCode::UnknownServerError
    );
}

#[test]
fn members_leave_in_one_request() {
    let mut world = World::new(&[("t", 4)]);
    world.send(&joining("a", &["t"])).unwrap();
    join(&mut world, &join_request("b", &["t"], &[])).unwrap();
    let identity = |member: &str| Leaving {
        member_id: member.to_owned(),
        instance_id: None,
    };
    let identities = ["a", "b", "nobody"].map(identity);
    let (gone, answers) = classic_member::leaving(&world.group, GROUP, &identities);
    assert_eq!(gone, BTreeSet::from(["a".to_owned(), "b".to_owned()]));
    let codes: Vec<i16> = answers.iter().map(|answer| answer.error_code).collect();
    let unknown = ErrorCode::UnknownMemberId.code();
    assert_eq!(codes, [0, 0, unknown]);
}
