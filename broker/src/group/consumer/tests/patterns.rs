//! Subscriptions by regular expression.

use protocol::error_code::ErrorCode;

use super::*;

fn by_pattern(member: &str, pattern: &str) -> Request {
    Request {
        subscribed_topic_names: None,
        subscribed_topic_regex: Some(pattern.to_owned()),
        ..joining(member, &[])
    }
}

#[test]
fn a_new_pattern_is_resolved_beside_the_heartbeats() {
    let mut world = World::new(&[("orders", 2), ("other", 1)]);
    let topic = world.topic("orders");
    let joined = world.send(&by_pattern("a", "ord.*")).unwrap();
    assert_eq!(
        (joined.member_epoch, assigned(&joined, topic)),
        (1, Some(vec![]))
    );
    world.resolve();
    let gets = world.send(&idle("a", 1)).unwrap();
    assert_eq!(
        (gets.member_epoch, assigned(&gets, topic)),
        (2, Some(vec![0, 1]))
    );
    assert!(world.group.subscribes_to("orders") && !world.group.subscribes_to("other"));
    // a second member with a known pattern needs no resolution
    let second = world.send(&by_pattern("b", "ord.*")).unwrap();
    assert_eq!(second.member_epoch, 3);
    assert!(world.to_resolve.is_empty());
    world.check_replay();
}

#[test]
fn a_topic_that_matches_is_found_after_at_most_ten_seconds() {
    let mut world = World::new(&[("orders", 2)]);
    world.send(&by_pattern("a", "ord.*")).unwrap();
    world.resolve();
    world.send(&idle("a", 1)).unwrap();
    world.create_topic("orders-2", 1);
    world.send(&idle("a", 2)).unwrap();
    assert!(world.to_resolve.is_empty(), "not so soon");
    world.pass(10_001);
    world.send(&idle("a", 2)).unwrap();
    world.resolve();
    let gets = world.send(&idle("a", 2)).unwrap();
    assert_eq!(assigned(&gets, world.topic("orders-2")), Some(vec![0]));
    world.check_replay();
}

#[test]
fn a_pattern_ends_with_its_last_subscriber() {
    let mut world = World::new(&[("orders", 2), ("other", 1)]);
    world.send(&by_pattern("a", "ord.*")).unwrap();
    world.send(&by_pattern("b", "ord.*")).unwrap();
    world.resolve();
    world.send(&idle("a", -1)).unwrap();
    assert!(world.group.resolved("ord.*").is_some());
    let mut other = alive("b", 2, &[]);
    other.member_epoch = world.group.member("b").unwrap().epoch;
    other.subscribed_topic_regex = Some("oth.*".to_owned());
    world.send(&other).unwrap();
    assert!(world.group.resolved("ord.*").is_none());
    world.pass(10_001);
    let epoch = world.group.member("b").unwrap().epoch;
    world.send(&idle("b", epoch)).unwrap();
    world.resolve();
    let gets = world.send(&idle("b", epoch)).unwrap();
    assert_eq!(assigned(&gets, world.topic("other")), Some(vec![0]));
    world.send(&idle("b", -1)).unwrap();
    assert_eq!(world.group.resolved_patterns().count(), 0);
    world.check_replay();
}

#[test]
fn a_pattern_that_is_none_or_too_large_is_refused() {
    let mut world = World::new(&[("orders", 2)]);
    for pattern in ["[", "((a{1000}){1000}){1000}", "(?=a)"] {
        let error = world.refused(&by_pattern("a", pattern));
        assert_eq!(error, ErrorCode::InvalidRegularExpression);
    }
    assert!(world.group.is_empty());
    // an empty one is none
    world.send(&by_pattern("a", "")).unwrap();
    assert!(world.to_resolve.is_empty());
}

#[test]
fn names_and_a_pattern_add_up() {
    let mut world = World::new(&[("orders", 1), ("other", 1)]);
    let mut request = by_pattern("a", "ord.*");
    request.subscribed_topic_names = Some(vec!["other".to_owned()]);
    world.send(&request).unwrap();
    world.resolve();
    let gets = world.send(&idle("a", 2)).unwrap();
    assert_eq!(assigned(&gets, world.topic("orders")), Some(vec![0]));
    assert_eq!(assigned(&gets, world.topic("other")), Some(vec![0]));
}
