//! Members with an instance id.

use protocol::error_code::ErrorCode;

use super::*;

fn with_instance(mut request: Request, instance: &str) -> Request {
    request.instance_id = Some(instance.to_owned());
    request
}

/// Static members `i` and `j` with two partitions each.
fn two_statics() -> (World, Uuid) {
    let mut world = World::new(&[("t", 4)]);
    let topic = world.topic("t");
    world
        .send(&with_instance(joining("a", &["t"]), "i"))
        .unwrap();
    world
        .send(&with_instance(joining("b", &["t"]), "j"))
        .unwrap();
    world.send(&with_instance(idle("a", 2), "i")).unwrap();
    world
        .send(&with_instance(alive("a", 2, &[(topic, &[0, 1])]), "i"))
        .unwrap();
    let last = world.send(&with_instance(idle("b", 3), "j")).unwrap();
    assert_eq!(assigned(&last, topic), Some(vec![2, 3]));
    (world, topic)
}

#[test]
fn a_static_member_comes_back_under_a_new_id_without_a_rebalance() {
    let (mut world, topic) = two_statics();
    let left = world.send(&with_instance(idle("a", -2), "i")).unwrap();
    assert_eq!(left.member_epoch, -2);
    assert_eq!(world.group.member("a").unwrap().epoch, -2);
    let back = world
        .send(&with_instance(joining("a2", &["t"]), "i"))
        .unwrap();
    assert_eq!(
        (back.member_epoch, assigned(&back, topic)),
        (3, Some(vec![0, 1]))
    );
    assert_eq!((world.group.epoch(), world.group.member_count()), (3, 2));
    let other = world.send(&with_instance(idle("b", 3), "j")).unwrap();
    assert_eq!(other.assignment, None);
    world.check_replay();
}

#[test]
fn an_instance_that_has_not_left_is_not_taken_over() {
    let (mut world, _) = two_statics();
    let second = with_instance(joining("a2", &["t"]), "i");
    assert_eq!(world.refused(&second), ErrorCode::UnreleasedInstanceId);
    let fenced = with_instance(idle("a2", 3), "i");
    assert_eq!(world.refused(&fenced), ErrorCode::FencedInstanceId);
    assert_eq!(
        world.refused(&with_instance(idle("a2", -1), "i")),
        ErrorCode::FencedInstanceId
    );
    let unknown = with_instance(idle("a", 3), "nobody");
    assert_eq!(world.refused(&unknown), ErrorCode::UnknownMemberId);
}

#[test]
fn a_static_member_that_stays_away_loses_its_partitions() {
    let (mut world, topic) = two_statics();
    world.send(&with_instance(idle("a", -2), "i")).unwrap();
    world.pass(44_000);
    world.send(&with_instance(idle("b", 3), "j")).unwrap();
    world.pass(1_000);
    assert_eq!(world.expire(), 1);
    let gets = world.send(&with_instance(idle("b", 3), "j")).unwrap();
    assert_eq!(assigned(&gets, topic), Some(vec![0, 1, 2, 3]));
}

#[test]
fn a_static_member_that_comes_back_with_other_topics_moves_the_epoch() {
    let (mut world, topic) = two_statics();
    world.create_topic("u", 1);
    world.send(&with_instance(idle("a", -2), "i")).unwrap();
    let back = world
        .send(&with_instance(joining("a2", &["u"]), "i"))
        .unwrap();
    assert_eq!(back.member_epoch, 4);
    assert_eq!(assigned(&back, topic), Some(vec![]));
    assert_eq!(assigned(&back, world.topic("u")), Some(vec![0]));
    world.check_replay();
}
