//! Scenarios of the classic protocol.

use std::time::Duration;

use protocol::error_code::ErrorCode;
use protocol::messages::join_group_response::JoinGroupResponse;

use super::{Joining, State};
use crate::group::test_bed::{Bed, joining, protocol, settings};

const SECOND: Duration = Duration::from_secs(1);

fn error_of(joined: &JoinGroupResponse) -> ErrorCode {
    ErrorCode::from_code(joined.error_code).unwrap()
}

fn member(member_id: &str) -> Joining {
    Joining {
        member_id: member_id.into(),
        ..joining()
    }
}

fn static_member(instance_id: &str, fresh_id: &str) -> Joining {
    Joining {
        instance_id: Some(instance_id.into()),
        fresh_id: fresh_id.into(),
        ..joining()
    }
}

#[test]
fn a_first_member_leads_after_the_initial_delay() {
    let mut bed = Bed::new();
    let join = bed.join(joining());
    bed.pass(SECOND * 2);
    assert!(bed.waits(join), "others may come");
    // the newcomer itself extends the wait once, as in Kafka's first round
    bed.pass(SECOND * 5);
    let joined = bed.joined(join);
    assert_eq!(error_of(&joined), ErrorCode::None);
    assert_eq!(joined.generation_id, 1);
    assert_eq!(joined.leader, joined.member_id);
    assert_eq!(joined.members.len(), 1);
    assert_eq!(joined.protocol_name.as_deref(), Some("range"));
    let sync = bed.sync(&joined, &[(&joined.member_id, "all")]);
    assert_eq!(bed.synced(sync), (ErrorCode::None, "all".into()));
    assert_eq!(bed.classic().state(), State::Stable);
}

#[test]
fn newcomers_extend_the_initial_delay_within_the_rebalance_timeout() {
    let mut bed = Bed::new();
    let short = || Joining {
        rebalance_timeout_ms: 7_000,
        ..joining()
    };
    let first = bed.join(short());
    for _ in 0..3 {
        bed.pass(SECOND * 2);
        bed.join(short());
    }
    assert!(bed.waits(first));
    bed.pass(SECOND * 2);
    assert_eq!(bed.joined(first).members.len(), 4);
}

#[test]
fn a_new_member_must_come_back_with_its_id() {
    let mut bed = Bed::new();
    let needs_id = Joining {
        needs_known_id: true,
        ..joining()
    };
    let join = bed.join(needs_id);
    let refused = bed.joined(join);
    assert_eq!(error_of(&refused), ErrorCode::MemberIdRequired);
    assert!(bed.classic().is_empty(), "an id is no member");
    let join = bed.join(member(&refused.member_id));
    bed.pass(SECOND * 7);
    let joined = bed.joined(join);
    assert_eq!(joined.member_id, refused.member_id);
    assert_eq!(joined.generation_id, 1);
}

#[test]
fn an_id_that_is_not_used_expires_and_so_does_its_group() {
    let mut bed = Bed::new();
    bed.join(Joining {
        needs_known_id: true,
        ..joining()
    });
    bed.pass(SECOND * 11);
    assert!(bed.classic().is_unused());
    bed.pass(SECOND * 600);
    assert!(bed.groups.get("group").is_none());
}

#[test]
fn an_unknown_member_is_told_so() {
    let mut bed = Bed::new();
    let join = bed.join(member("stranger"));
    assert_eq!(error_of(&bed.joined(join)), ErrorCode::UnknownMemberId);
    assert_eq!(bed.heartbeat("stranger", 1), ErrorCode::UnknownMemberId);
    bed.stable(vec![joining()]);
    let join = bed.join(member("stranger"));
    assert_eq!(error_of(&bed.joined(join)), ErrorCode::UnknownMemberId);
    assert_eq!(bed.heartbeat("stranger", 1), ErrorCode::UnknownMemberId);
}

#[test]
fn followers_wait_for_the_leaders_assignment() {
    let mut bed = Bed::new();
    let joins = [bed.join(joining()), bed.join(joining())];
    bed.pass(SECOND * 7);
    let [leader, follower] = joins.map(|join| bed.joined(join));
    assert_eq!((leader.members.len(), follower.members.len()), (2, 0));
    let waiting = bed.sync(&follower, &[]);
    assert!(bed.waits(waiting));
    let leading = bed.sync(&leader, &[(&follower.member_id, "theirs")]);
    assert_eq!(bed.synced(waiting), (ErrorCode::None, "theirs".into()));
    assert_eq!(
        bed.synced(leading),
        (ErrorCode::None, String::new()),
        "who is not named gets nothing"
    );
    let again = bed.sync(&follower, &[]);
    assert_eq!(bed.synced(again), (ErrorCode::None, "theirs".into()));
}

#[test]
fn a_newcomer_sends_everybody_through_a_rebalance() {
    let mut bed = Bed::new();
    let first = bed.stable(vec![joining()]).remove(0);
    let newcomer = bed.join(joining());
    assert!(bed.waits(newcomer));
    let id = first.member_id.as_str();
    assert_eq!(bed.heartbeat(id, 1), ErrorCode::RebalanceInProgress);
    let rejoin = bed.join(member(id));
    let (old, new) = (bed.joined(rejoin), bed.joined(newcomer));
    assert_eq!((old.generation_id, new.generation_id), (2, 2));
    assert_eq!(old.leader, old.member_id);
    assert_eq!(bed.heartbeat(id, 1), ErrorCode::IllegalGeneration);
    assert_eq!(bed.heartbeat(id, 2), ErrorCode::None);
    bed.assign(&[old, new]);
}

#[test]
fn who_does_not_rejoin_in_time_is_out() {
    let mut bed = Bed::new();
    let joined = bed.stable(vec![joining(), joining()]);
    let newcomer = bed.join(joining());
    let rejoin = bed.join(member(&joined[1].member_id));
    for _ in 0..59 {
        bed.heartbeat(&joined[0].member_id, 1);
        bed.pass(SECOND);
    }
    assert!(bed.waits(newcomer));
    bed.pass(SECOND * 2);
    let (second, third) = (bed.joined(rejoin), bed.joined(newcomer));
    assert_eq!(second.leader, second.member_id, "the leader was lost");
    assert_eq!(third.leader, second.member_id);
    assert_eq!(
        bed.heartbeat(&joined[0].member_id, 1),
        ErrorCode::UnknownMemberId
    );
}

#[test]
fn a_silent_member_is_removed_and_the_rest_rebalances() {
    let mut bed = Bed::new();
    let joined = bed.stable(vec![joining(), joining()]);
    for _ in 0..12 {
        bed.pass(SECOND);
        let heard = bed.heartbeat(&joined[0].member_id, 1);
        if heard == ErrorCode::RebalanceInProgress {
            break;
        }
        assert_eq!(heard, ErrorCode::None);
    }
    let rejoin = bed.join(member(&joined[0].member_id));
    let rejoined = bed.joined(rejoin);
    assert_eq!((rejoined.generation_id, rejoined.members.len()), (2, 1));
}

#[test]
fn a_group_whose_members_all_fall_silent_is_empty() {
    let mut bed = Bed::new();
    bed.stable(vec![joining(), joining()]);
    bed.pass(SECOND * 120);
    assert!(bed.classic().is_empty());
    assert_eq!(bed.waiting(), 0);
    bed.restart();
    assert!(bed.classic().is_empty());
}

#[test]
fn who_does_not_sync_in_time_is_out() {
    let mut bed = Bed::new();
    let joins = [bed.join(joining()), bed.join(joining())];
    bed.pass(SECOND * 7);
    let [leader, follower] = joins.map(|join| bed.joined(join));
    let waiting = bed.sync(&follower, &[]);
    for _ in 0..61 {
        bed.heartbeat(&leader.member_id, 1);
        bed.heartbeat(&follower.member_id, 1);
        bed.pass(SECOND);
    }
    let (error, _) = bed.synced(waiting);
    assert_eq!(error, ErrorCode::RebalanceInProgress);
    assert_eq!(
        bed.heartbeat(&leader.member_id, 1),
        ErrorCode::UnknownMemberId
    );
    let rejoin = bed.join(member(&follower.member_id));
    assert_eq!(bed.joined(rejoin).leader, follower.member_id);
}

#[test]
fn who_does_not_sync_with_a_stable_group_in_time_is_out() {
    let mut bed = Bed::new();
    let joins = [bed.join(joining()), bed.join(joining())];
    bed.pass(SECOND * 7);
    let [leader, follower] = joins.map(|join| bed.joined(join));
    let leading = bed.sync(&leader, &[(&leader.member_id, "all")]);
    assert_eq!(bed.synced(leading), (ErrorCode::None, "all".into()));
    for _ in 0..59 {
        assert_eq!(bed.heartbeat(&leader.member_id, 1), ErrorCode::None);
        assert_eq!(bed.heartbeat(&follower.member_id, 1), ErrorCode::None);
        bed.pass(SECOND);
    }
    let heard = bed.heartbeat(&leader.member_id, 1);
    assert_eq!(heard, ErrorCode::RebalanceInProgress);
    let heard = bed.heartbeat(&follower.member_id, 1);
    assert_eq!(heard, ErrorCode::UnknownMemberId);
    let rejoin = bed.join(member(&leader.member_id));
    let rejoined = bed.joined(rejoin);
    assert_eq!((rejoined.generation_id, rejoined.members.len()), (2, 1));
}

#[test]
fn a_group_that_nobody_syncs_with_is_empty_and_a_generation_further() {
    let mut bed = Bed::new();
    let join = bed.join(joining());
    bed.pass(SECOND * 7);
    let joined = bed.joined(join);
    for _ in 0..60 {
        bed.heartbeat(&joined.member_id, 1);
        bed.pass(SECOND);
    }
    assert!(bed.classic().is_empty());
    assert_eq!(bed.classic().generation(), 2);
    bed.restart();
    assert!(bed.classic().is_empty());
    assert_eq!(bed.classic().generation(), 2);
}

#[test]
fn a_leader_that_joins_again_begins_a_rebalance_and_a_follower_does_not() {
    let mut bed = Bed::new();
    let joined = bed.stable(vec![joining(), joining()]);
    let follower = bed.join(member(&joined[1].member_id));
    assert_eq!(bed.joined(follower).generation_id, 1);
    let leader = bed.join(member(&joined[0].member_id));
    assert!(bed.waits(leader));
    let follower = bed.join(member(&joined[1].member_id));
    assert_eq!(bed.joined(follower).generation_id, 2);
    assert_eq!(bed.joined(leader).members.len(), 2);
}

#[test]
fn a_follower_with_other_metadata_begins_a_rebalance() {
    let mut bed = Bed::new();
    let joined = bed.stable(vec![joining(), joining()]);
    let follower = bed.join(Joining {
        protocols: vec![protocol("range", "other")],
        ..member(&joined[1].member_id)
    });
    assert!(bed.waits(follower));
}

#[test]
fn a_lost_join_answer_is_given_again() {
    let mut bed = Bed::new();
    let join = bed.join(joining());
    bed.pass(SECOND * 7);
    let joined = bed.joined(join);
    let again = bed.join(member(&joined.member_id));
    assert_eq!(bed.joined(again), joined);
}

#[test]
fn a_second_join_of_one_member_answers_the_first() {
    let mut bed = Bed::new();
    let joined = bed.stable(vec![joining(), joining()]);
    let first = bed.join(member(&joined[0].member_id));
    let second = bed.join(member(&joined[0].member_id));
    assert_eq!(error_of(&bed.joined(first)), ErrorCode::RebalanceInProgress);
    assert!(bed.waits(second));
}

#[test]
fn the_protocol_that_most_members_prefer_is_chosen() {
    let mut bed = Bed::new();
    let speaks = |names: &[&str]| Joining {
        protocols: names.iter().map(|name| protocol(name, name)).collect(),
        ..joining()
    };
    let joined = bed.stable(vec![
        speaks(&["a", "b", "c"]),
        speaks(&["b", "a"]),
        speaks(&["b", "a", "d"]),
    ]);
    assert_eq!(joined[0].protocol_name.as_deref(), Some("b"));
    assert_eq!(&joined[0].members[1].metadata[..], b"b");
    let stranger = bed.join(speaks(&["c", "d"]));
    assert_eq!(
        error_of(&bed.joined(stranger)),
        ErrorCode::InconsistentGroupProtocol
    );
    let other_type = bed.join(Joining {
        protocol_type: "connect".into(),
        ..speaks(&["a"])
    });
    assert_eq!(
        error_of(&bed.joined(other_type)),
        ErrorCode::InconsistentGroupProtocol
    );
}

#[test]
fn a_group_takes_no_more_members_than_it_may() {
    let mut bed = Bed::with(crate::config::groups::GroupSettings {
        members_max: 2,
        ..settings()
    });
    let joined = bed.stable(vec![joining(), joining()]);
    let third = bed.join(joining());
    assert_eq!(error_of(&bed.joined(third)), ErrorCode::GroupMaxSizeReached);
    bed.leave(&[(&joined[0].member_id, None)]);
    let third = bed.join(joining());
    let rejoin = bed.join(member(&joined[1].member_id));
    assert_eq!(bed.joined(rejoin).generation_id, 2);
    assert_eq!(bed.joined(third).generation_id, 2);
}

#[test]
fn members_leave_together_and_are_answered_one_by_one() {
    let mut bed = Bed::new();
    let joined = bed.stable(vec![joining(), joining(), joining()]);
    let left = bed.leave(&[
        (&joined[1].member_id, None),
        ("stranger", None),
        (&joined[2].member_id, None),
        ("", Some("nobody")),
    ]);
    let errors: Vec<i16> = left.iter().map(|left| left.error_code).collect();
    let unknown = ErrorCode::UnknownMemberId.code();
    assert_eq!(errors, [0, unknown, 0, unknown]);
    let rejoin = bed.join(member(&joined[0].member_id));
    assert_eq!(bed.joined(rejoin).members.len(), 1);
}

#[test]
fn the_last_member_leaves_an_empty_group_at_once() {
    let mut bed = Bed::new();
    let joined = bed.stable(vec![joining()]);
    bed.leave(&[(&joined[0].member_id, None)]);
    assert!(bed.classic().is_empty());
    bed.restart();
    assert!(bed.classic().is_empty());
    let join = bed.join(joining());
    bed.pass(SECOND * 7);
    assert_eq!(bed.joined(join).generation_id, 3, "generations go on");
}

#[test]
fn a_member_whose_join_waits_and_that_leaves_is_answered() {
    let mut bed = Bed::new();
    let joined = bed.stable(vec![joining(), joining()]);
    let waiting = bed.join(member(&joined[0].member_id));
    bed.leave(&[(&joined[0].member_id, None)]);
    assert_eq!(error_of(&bed.joined(waiting)), ErrorCode::UnknownMemberId);
}

#[test]
fn a_static_member_comes_back_without_a_rebalance() {
    let mut bed = Bed::new();
    let joined = bed.stable(vec![
        static_member("one", "one-a"),
        static_member("two", "two-a"),
    ]);
    let join = bed.join(static_member("two", "two-b"));
    let back = bed.joined(join);
    assert_eq!((back.generation_id, error_of(&back)), (1, ErrorCode::None));
    assert_eq!(back.member_id, "two-b");
    assert!(!back.skip_assignment, "it does not lead");
    let sync = bed.sync(&back, &[]);
    assert_eq!(bed.synced(sync), (ErrorCode::None, "a1".into()));
    assert_eq!(
        bed.heartbeat_as("two-a", Some("two"), 1),
        ErrorCode::FencedInstanceId
    );
    assert_eq!(bed.heartbeat_as("two-b", Some("two"), 1), ErrorCode::None);
    assert_eq!(
        bed.heartbeat_as(&joined[0].member_id, Some("one"), 1),
        ErrorCode::None
    );
}

#[test]
fn a_static_leader_that_comes_back_does_not_assign() {
    let mut bed = Bed::new();
    bed.stable(vec![
        static_member("one", "one-a"),
        static_member("two", "two-a"),
    ]);
    let join = bed.join(static_member("one", "one-b"));
    let back = bed.joined(join);
    assert!(back.skip_assignment);
    assert_eq!(back.leader, "one-b");
    assert_eq!(back.members.len(), 2, "it may still watch their topics");
    let old_client = Joining {
        can_skip_assignment: false,
        ..static_member("one", "one-c")
    };
    let join = bed.join(old_client);
    let back = bed.joined(join);
    assert!(!back.skip_assignment);
    assert_eq!(back.leader, "one-b", "its old id stands for somebody else");
    assert!(back.members.is_empty());
}

#[test]
fn a_replaced_static_member_is_the_one_after_a_restart() {
    let mut bed = Bed::new();
    bed.stable(vec![static_member("one", "one-a")]);
    bed.join(static_member("one", "one-b"));
    bed.restart();
    assert_eq!(bed.heartbeat_as("one-b", Some("one"), 1), ErrorCode::None);
    assert_eq!(
        bed.heartbeat_as("one-a", Some("one"), 1),
        ErrorCode::FencedInstanceId
    );
}

#[test]
fn two_clients_with_one_instance_id_fence_each_other() {
    let mut bed = Bed::new();
    let first = bed.join(static_member("one", "one-a"));
    let second = bed.join(static_member("one", "one-b"));
    assert_eq!(error_of(&bed.joined(first)), ErrorCode::FencedInstanceId);
    bed.pass(SECOND * 7);
    assert_eq!(bed.joined(second).member_id, "one-b");
    let old = bed.join(Joining {
        member_id: "one-a".into(),
        ..static_member("one", "")
    });
    assert_eq!(error_of(&bed.joined(old)), ErrorCode::FencedInstanceId);
}

#[test]
fn a_static_member_that_does_not_rejoin_is_kept_until_its_session_ends() {
    let mut bed = Bed::new();
    let long = |instance: &str| Joining {
        session_timeout_ms: 50_000,
        rebalance_timeout_ms: 10_000,
        ..static_member(instance, instance)
    };
    bed.stable(vec![long("one"), long("two")]);
    let newcomer = bed.join(Joining {
        rebalance_timeout_ms: 10_000,
        ..joining()
    });
    bed.pass(SECOND * 11);
    let joined = bed.joined(newcomer);
    assert_eq!(joined.leader, joined.member_id);
    assert_eq!(
        joined.members.len(),
        3,
        "the absent are assigned to as well"
    );
}

#[test]
fn an_administrator_removes_a_static_member_by_its_instance() {
    let mut bed = Bed::new();
    bed.stable(vec![static_member("one", "one-a"), joining()]);
    let left = bed.leave(&[("", Some("one"))]);
    assert_eq!(left[0].error_code, 0);
    assert_eq!(bed.classic().state(), State::PreparingRebalance);
}

#[test]
fn sessions_go_on_after_a_restart() {
    let mut bed = Bed::new();
    let joined = bed.stable(vec![joining(), joining()]);
    bed.restart();
    assert_eq!(bed.classic().state(), State::Stable);
    assert_eq!(bed.heartbeat(&joined[1].member_id, 1), ErrorCode::None);
    let sync = bed.sync(&joined[1], &[]);
    assert_eq!(bed.synced(sync), (ErrorCode::None, "a1".into()));
    bed.pass(SECOND * 9);
    assert_eq!(bed.heartbeat(&joined[1].member_id, 1), ErrorCode::None);
    bed.pass(SECOND * 2);
    assert_eq!(
        bed.heartbeat(&joined[1].member_id, 1),
        ErrorCode::RebalanceInProgress
    );
}

#[test]
fn an_assignment_that_cannot_be_written_is_refused() {
    let mut bed = Bed::new();
    let join = bed.join(joining());
    bed.pass(SECOND * 7);
    let joined = bed.joined(join);
    let huge = "x".repeat(200_000);
    let sync = bed.sync(&joined, &[(&joined.member_id, &huge)]);
    assert_eq!(bed.synced(sync).0, ErrorCode::UnknownServerError);
    assert!(bed.log.is_empty());
    assert_eq!(
        bed.heartbeat(&joined.member_id, 1),
        ErrorCode::RebalanceInProgress
    );
}

#[test]
fn metadata_that_could_never_be_written_is_refused() {
    let mut bed = Bed::new();
    let join = bed.join(Joining {
        protocols: vec![protocol("range", &"x".repeat(200_000))],
        ..joining()
    });
    assert_eq!(error_of(&bed.joined(join)), ErrorCode::UnknownServerError);
    assert!(bed.groups.get("group").is_none());
}

#[test]
fn members_that_say_more_than_can_be_kept_are_turned_away() {
    let mut bed = Bed::new();
    let talks = || Joining {
        protocols: vec![protocol("range", &"x".repeat(90_000))],
        ..joining()
    };
    let joins: Vec<u64> = (0..5).map(|_| bed.join(talks())).collect();
    assert!(bed.waits(joins[3]));
    let refused = bed.joined(joins[4]);
    assert_eq!(error_of(&refused), ErrorCode::GroupMaxSizeReached);
}

#[test]
fn a_sync_of_another_generation_or_protocol_is_refused() {
    let mut bed = Bed::new();
    let joined = bed.stable(vec![joining()]).remove(0);
    let mut wrong = joined.clone();
    wrong.generation_id = 7;
    let sync = bed.sync(&wrong, &[]);
    assert_eq!(bed.synced(sync).0, ErrorCode::IllegalGeneration);
    wrong = joined;
    wrong.protocol_name = Some("other".into());
    let sync = bed.sync(&wrong, &[]);
    assert_eq!(bed.synced(sync).0, ErrorCode::InconsistentGroupProtocol);
}

#[test]
fn a_coordinator_that_goes_answers_everybody() {
    let mut bed = Bed::new();
    let join = bed.join(joining());
    let replies = bed.groups.abandon();
    assert_eq!(replies.len(), 1);
    assert_eq!(replies[0].token.number, join);
}
