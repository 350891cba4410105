//! Members of the consumer protocol, one exchange at a time.

use protocol::error_code::ErrorCode;

use super::super::group::GroupState;
use super::*;

/// Two members of a topic with four partitions; both have what they are to have.
fn two_members() -> (World, Uuid) {
    let mut world = World::new(&[("t", 4)]);
    let topic = world.topic("t");
    let first = world.send(&joining("a", &["t"])).unwrap();
    assert_eq!(first.member_epoch, 2);
    assert_eq!(assigned(&first, topic), Some(vec![0, 1, 2, 3]));
    let second = world.send(&joining("b", &["t"])).unwrap();
    assert_eq!(
        (second.member_epoch, assigned(&second, topic)),
        (3, Some(vec![]))
    );
    // a is told to give up two partitions and stays in its epoch until it has
    let told = world.send(&idle("a", 2)).unwrap();
    assert_eq!(
        (told.member_epoch, assigned(&told, topic)),
        (2, Some(vec![0, 1]))
    );
    assert_eq!(world.group.state(), GroupState::Reconciling);
    let waits = world.send(&idle("b", 3)).unwrap();
    assert_eq!(waits.assignment, None, "nothing is free yet");
    let done = world.send(&alive("a", 2, &[(topic, &[0, 1])])).unwrap();
    assert_eq!((done.member_epoch, done.assignment), (3, None));
    let gets = world.send(&idle("b", 3)).unwrap();
    assert_eq!(
        (gets.member_epoch, assigned(&gets, topic)),
        (3, Some(vec![2, 3]))
    );
    assert_eq!(world.group.state(), GroupState::Stable);
    (world, topic)
}

#[test]
fn a_partition_moves_when_its_owner_has_given_it_up() {
    two_members().0.check_replay();
}

#[test]
fn a_member_that_leaves_frees_what_it_held() {
    let (mut world, topic) = two_members();
    let left = world.send(&idle("a", -1)).unwrap();
    assert_eq!(left.member_epoch, -1);
    assert_eq!(world.group.state(), GroupState::Assigning);
    let gets = world.send(&idle("b", 3)).unwrap();
    assert_eq!(
        (gets.member_epoch, assigned(&gets, topic)),
        (4, Some(vec![0, 1, 2, 3]))
    );
    world.send(&idle("b", -1)).unwrap();
    assert_eq!(world.group.state(), GroupState::Empty);
    world.check_replay();
}

#[test]
fn a_member_that_is_silent_is_fenced() {
    let (mut world, _) = two_members();
    world.pass(44_999);
    world.send(&idle("b", 3)).unwrap();
    assert_eq!(world.expire(), 0);
    world.pass(1);
    assert_eq!(world.expire(), 1);
    assert_eq!(world.refused(&idle("a", 3)), ErrorCode::UnknownMemberId);
    assert_eq!(world.group.member_count(), 1);
}

#[test]
fn a_member_that_does_not_give_up_partitions_in_time_is_fenced() {
    let (mut world, topic) = two_members();
    world.send(&joining("c", &["t"])).unwrap();
    let told = world.send(&idle("b", 3)).unwrap();
    assert_eq!(
        (told.member_epoch, assigned(&told, topic)),
        (3, Some(vec![2]))
    );
    world.pass(29_999);
    world.send(&idle("b", 3)).unwrap();
    assert_eq!(world.expire(), 0, "heartbeats go on, and the time runs");
    world.pass(1);
    assert_eq!(world.expire(), 1);
    assert_eq!(world.refused(&idle("b", 3)), ErrorCode::UnknownMemberId);
}

#[test]
fn a_member_that_missed_an_answer_may_come_with_the_epoch_before() {
    let (mut world, topic) = two_members();
    world.send(&idle("b", -1)).unwrap();
    // a is answered epoch 4 and all partitions, but never hears it
    world.send(&idle("a", 3)).unwrap();
    assert_eq!(world.refused(&idle("a", 3)), ErrorCode::FencedMemberEpoch);
    let foreign = alive("a", 3, &[(Uuid::from_u128(9), &[0])]);
    assert_eq!(world.refused(&foreign), ErrorCode::FencedMemberEpoch);
    let mut full = joining("a", &["t"]);
    full.member_epoch = 3;
    full.topic_partitions = alive("a", 3, &[(topic, &[0, 1])]).topic_partitions;
    let again = world.send(&full).unwrap();
    assert_eq!(
        (again.member_epoch, assigned(&again, topic)),
        (4, Some(vec![0, 1, 2, 3]))
    );
    assert_eq!(world.refused(&idle("a", 2)), ErrorCode::FencedMemberEpoch);
    assert_eq!(world.refused(&idle("a", 5)), ErrorCode::FencedMemberEpoch);
}

#[test]
fn a_fenced_member_joins_again_with_its_id() {
    let (mut world, topic) = two_members();
    let again = world.send(&joining("a", &["t"])).unwrap();
    assert_eq!(
        (again.member_epoch, assigned(&again, topic)),
        (3, Some(vec![0, 1]))
    );
    assert_eq!(
        world.refused(&idle("nobody", 3)),
        ErrorCode::UnknownMemberId
    );
}

#[test]
fn a_member_of_version_0_is_given_an_id() {
    let mut world = World::new(&[("t", 1)]);
    let mut request = joining("", &["t"]);
    assert_eq!(
        world.refused(&request),
        ErrorCode::InvalidRequest,
        "version 1 brings its own"
    );
    validate(&request, 0, &world.settings).unwrap();
    let joined = world
        .step(|group, context| heartbeat(group, &request, context))
        .unwrap();
    assert_eq!(joined.member_id.as_deref(), Some("new-1"));
    request.member_epoch = 2;
    assert!(validate(&request, 0, &world.settings).is_err());
}

#[test]
fn a_topic_that_appears_or_grows_moves_the_epoch() {
    let mut world = World::new(&[("t", 1)]);
    let joined = world.send(&joining("a", &["t", "later"])).unwrap();
    assert_eq!(joined.member_epoch, 2);
    world.create_topic("other", 1);
    assert_eq!(world.send(&idle("a", 2)).unwrap().member_epoch, 2);
    world.create_topic("later", 2);
    let told = world.send(&idle("a", 2)).unwrap();
    assert_eq!(told.member_epoch, 3);
    assert_eq!(assigned(&told, world.topic("later")), Some(vec![0, 1]));
    assert_eq!(world.send(&idle("a", 3)).unwrap().member_epoch, 3);
}

#[test]
fn a_topic_no_longer_subscribed_is_given_up_at_once() {
    let mut world = World::new(&[("t", 2), ("u", 1)]);
    world.settings.assignment_interval_ms = 1_000;
    let (t, u) = (world.topic("t"), world.topic("u"));
    let joined = world.send(&joining("a", &["t", "u"])).unwrap();
    assert_eq!(assigned(&joined, u), Some(vec![0]));
    let mut less = alive("a", 2, &[(t, &[0, 1]), (u, &[0])]);
    less.subscribed_topic_names = Some(vec!["t".to_owned()]);
    let told = world.send(&less).unwrap();
    assert_eq!((told.member_epoch, assigned(&told, u)), (2, Some(vec![])));
    // the target of the new epoch follows when the interval is over
    world.pass(1_000);
    let done = world.send(&alive("a", 2, &[(t, &[0, 1])])).unwrap();
    assert_eq!(done.member_epoch, 3);
    world.check_replay();
}

#[test]
fn members_that_come_at_once_cost_one_target() {
    let mut world = World::new(&[("t", 4)]);
    world.settings.assignment_interval_ms = 1_000;
    world.send(&joining("a", &["t"])).unwrap();
    for member in ["b", "c", "d"] {
        let joined = world.send(&joining(member, &["t"])).unwrap();
        assert_eq!(joined.member_epoch, 2);
    }
    assert_eq!((world.group.epoch(), world.group.target_epoch()), (5, 2));
    world.pass(1_000);
    let topic = world.topic("t");
    let told = world.send(&idle("a", 2)).unwrap();
    assert_eq!(assigned(&told, topic).unwrap().len(), 1);
    assert_eq!(world.group.target_epoch(), 5);
}

#[test]
fn the_assignor_most_members_ask_for_counts() {
    let mut world = World::new(&[("t", 4), ("u", 4)]);
    let mut request = joining("a", &["t", "u"]);
    request.server_assignor = Some("range".to_owned());
    world.send(&request).unwrap();
    request.member_id = "b".to_owned();
    world.send(&request).unwrap();
    let told = world.send(&idle("a", 2)).unwrap();
    assert_eq!(assigned(&told, world.topic("t")), Some(vec![0, 1]));
    assert_eq!(assigned(&told, world.topic("u")), Some(vec![0, 1]));
    request.server_assignor = Some("sticky".to_owned());
    assert_eq!(world.refused(&request), ErrorCode::UnsupportedAssignor);
}

#[test]
fn a_full_group_takes_no_more_members() {
    let mut world = World::new(&[("t", 4)]);
    world.settings.members_max = 1;
    world.send(&joining("a", &["t"])).unwrap();
    assert_eq!(
        world.refused(&joining("b", &["t"])),
        ErrorCode::GroupMaxSizeReached
    );
    world.send(&joining("a", &["t"])).unwrap();
}

#[test]
fn requests_that_make_no_sense_are_refused_before_the_group_is_asked() {
    let mut world = World::new(&[("t", 1)]);
    let good = joining("a", &["t"]);
    let with = |change: &dyn Fn(&mut Request)| {
        let mut request = good.clone();
        change(&mut request);
        request
    };
    let bad = [
        with(&|request| request.group_id = String::new()),
        with(&|request| request.group_id = "  ".to_owned()),
        with(&|request| request.member_id = String::new()),
        with(&|request| request.instance_id = Some(String::new())),
        with(&|request| request.rack_id = Some(String::new())),
        with(&|request| request.rebalance_timeout_ms = -1),
        with(&|request| request.topic_partitions = None),
        with(&|request| {
            request.topic_partitions = alive("a", 0, &[(Uuid::ZERO, &[0])]).topic_partitions
        }),
        with(&|request| request.subscribed_topic_names = None),
        with(&|request| request.member_epoch = -2),
        with(&|request| request.member_epoch = -3),
        with(&|request| request.member_epoch = i32::MIN),
    ];
    for request in bad {
        assert_eq!(
            world.refused(&request),
            ErrorCode::InvalidRequest,
            "{request:?}"
        );
    }
    assert_eq!(
        world.refused(&idle("a", i32::MAX)),
        ErrorCode::UnknownMemberId
    );
    assert!(world.log.is_empty());
}

#[test]
fn the_hash_over_topics_is_kafkas() {
    use super::super::subscription::hash_of;
    use protocol::messages::metadata::partition_record::PartitionRecord;
    use protocol::messages::metadata::topic_record::TopicRecord;

    // what Apache Kafka computes for topic "foo" of two partitions without racks and id 1:2
    let id = Uuid::from_u128((1 << 64) | 2);
    let topic = TopicRecord {
        name: "foo".to_owned(),
        topic_id: id,
    };
    let partition = |partition_id| PartitionRecord {
        partition_id,
        topic_id: id,
        replicas: vec![1],
        isr: vec![1],
        leader: 1,
        directories: vec![Uuid::from_u128(9_001)],
        ..Default::default()
    };
    let records = [topic.into(), partition(0).into(), partition(1).into()];
    let image = controller::apply(&ClusterImage::empty("cluster".into()), &records);
    assert_eq!(
        hash_of(["foo"].into_iter(), &image),
        7_735_322_124_282_634_187
    );
    assert_eq!(hash_of(["bar"].into_iter(), &image), 0);
}
