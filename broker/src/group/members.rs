//! What members of classic groups ask for: which group it is for, and that there is one. Pure.

use std::rc::Rc;

use protocol::error_code::ErrorCode;
use protocol::messages::heartbeat_request::HeartbeatRequest;
use protocol::messages::leave_group_response::MemberResponse;

use crate::config::groups::GroupSettings;
use crate::coordinator::machine::Now;
use crate::group::answer::{Answer, Reply};
use crate::group::classic::{
    ClassicGroup, Joining, Leaving, Syncing, Turn, join_refused, sync_refused,
};
use crate::group::timers::Due;
use crate::group::{GroupDecision, Groups, Kind};
use crate::metadata::image::ClusterImage;

/// What is wrong with a join whatever the group.
///
/// # Errors
/// `INVALID_GROUP_ID`, or `INVALID_SESSION_TIMEOUT` outside the broker's bounds.
pub(crate) fn check_join(
    group_id: &str,
    session_timeout_ms: i32,
    settings: &GroupSettings,
) -> Result<(), ErrorCode> {
    let allowed = settings.session_timeout_ms_min..=settings.session_timeout_ms_max;
    if group_id.is_empty() {
        Err(ErrorCode::InvalidGroupId)
    } else if allowed.contains(&session_timeout_ms) {
        Ok(())
    } else {
        Err(ErrorCode::InvalidSessionTimeout)
    }
}

impl Groups {
    /// The answer is a reply to the request's token, now or later.
    pub(crate) fn join(
        &mut self,
        group_id: &str,
        joining: Joining,
        (now, image): (Now, &ClusterImage),
    ) -> GroupDecision<()> {
        if self.consumer(group_id).is_some() {
            return self.join_consumer(group_id, &joining, (now, image));
        }
        let refused = |member_id: &str, error: ErrorCode| {
            let answer = Answer::Join(join_refused(member_id, error));
            let token = joining.token;
            GroupDecision {
                effects: vec![Reply { token, answer }],
                ..GroupDecision::only(())
            }
        };
        let metadata = joining.protocols.iter();
        let longest = metadata.map(|protocol| protocol.metadata.len()).max();
        if longest.is_some_and(|longest| longest > self.settings.record_bytes_max) {
            // the group's record would never fit
            return refused(&joining.member_id, ErrorCode::UnknownServerError);
        }
        if self.get(group_id).is_none() {
            if !joining.member_id.is_empty() {
                return refused(&joining.member_id, ErrorCode::UnknownMemberId);
            }
            if self.groups.len() >= self.settings.groups_max {
                return refused("", ErrorCode::GroupMaxSizeReached);
            }
            self.group_or_new(group_id);
        }
        let joined = self.classic(group_id, now, |group, turn| group.join(joining, turn));
        joined.unwrap_or_else(|| GroupDecision::only(()))
    }

    /// The answer is a reply to the request's token, now or later.
    pub(crate) fn sync(
        &mut self,
        group_id: &str,
        syncing: Syncing,
        (now, image): (Now, &ClusterImage),
    ) -> GroupDecision<()> {
        if self.consumer(group_id).is_some() {
            return self.sync_consumer(group_id, &syncing, (now, image));
        }
        let token = syncing.token;
        let synced = self.classic(group_id, now, |group, turn| group.sync(syncing, turn));
        synced.unwrap_or_else(|| GroupDecision {
            effects: vec![Reply {
                token,
                answer: Answer::Sync(sync_refused(ErrorCode::UnknownMemberId)),
            }],
            ..GroupDecision::only(())
        })
    }

    pub(crate) fn heartbeat(
        &mut self,
        request: &HeartbeatRequest,
        (now, image): (Now, &ClusterImage),
    ) -> GroupDecision<ErrorCode> {
        let instance_id = request.group_instance_id.as_deref();
        let (member_id, generation) = (request.member_id.as_str(), request.generation_id);
        if self.consumer(&request.group_id).is_some() {
            let who = (member_id, instance_id);
            return self.heartbeat_consumer(&request.group_id, who, generation, (now, image));
        }
        let heard = self.classic(&request.group_id, now, |group, turn| {
            group.heartbeat(member_id, instance_id, generation, turn)
        });
        heard.unwrap_or_else(|| GroupDecision::only(ErrorCode::UnknownMemberId))
    }

    pub(crate) fn leave(
        &mut self,
        group_id: &str,
        leaving: &[Leaving],
        (now, image): (Now, &ClusterImage),
    ) -> GroupDecision<Vec<MemberResponse>> {
        if self.consumer(group_id).is_some() {
            return self.leave_consumer(group_id, leaving, (now, image));
        }
        let left = self.classic(group_id, now, |group, turn| group.leave(leaving, turn));
        left.unwrap_or_else(|| {
            let unknown = leaving.iter().map(|leaving| MemberResponse {
                member_id: leaving.member_id.clone(),
                group_instance_id: leaving.instance_id.clone(),
                error_code: ErrorCode::UnknownMemberId.into(),
            });
            GroupDecision::only(unknown.collect())
        })
    }

    /// Does something with a classic group; `None` when there is no such group.
    pub(super) fn classic<R>(
        &mut self,
        group_id: &str,
        now: Now,
        act: impl FnOnce(&mut ClassicGroup, &mut Turn<'_>) -> R,
    ) -> Option<GroupDecision<R>> {
        let group = self.groups.get_mut(group_id)?;
        let Kind::Classic(classic) = &mut group.kind else {
            return None;
        };
        let mut turn = Turn {
            group_id: &group.id,
            settings: &self.settings,
            now,
            timers: &mut self.timers,
            records: Vec::new(),
            replies: Vec::new(),
        };
        let response = act(classic, &mut turn);
        Some(GroupDecision {
            records: turn.records,
            effects: turn.replies,
            ..GroupDecision::only(response)
        })
    }

    /// What has come up among the timers.
    pub(super) fn members_due(
        &mut self,
        (now, image): (Now, &ClusterImage),
        decision: &mut GroupDecision<()>,
    ) {
        while let Some(entry) = self.timers.pop(now.monotonic) {
            if entry.due == Due::Consumer {
                let due = self.consumer_due(&entry.group_id, (now, image));
                decision.records.extend(due.records);
                decision.effects.extend(due.effects);
                continue;
            }
            let due = self.classic(&entry.group_id, now, |group, turn| {
                group.due(&entry.due, entry.at, turn);
            });
            if let Some(due) = due {
                decision.records.extend(due.records);
                decision.effects.extend(due.effects);
            }
        }
    }

    /// Begins to watch the members of all groups.
    pub(crate) fn loaded(&mut self, now: Now, image: &ClusterImage) {
        self.retention_at = now.monotonic + self.settings.offsets_retention_check;
        let ids: Vec<_> = self.groups.keys().map(Rc::clone).collect();
        for group_id in ids {
            // a rebalance that begins here is not recorded before it completes
            drop(self.classic(&group_id, now, ClassicGroup::loaded));
            self.consumer_loaded(&group_id, (now, image));
        }
    }

    /// Everybody who waits is told to look for the coordinator elsewhere.
    pub(crate) fn abandon(&mut self) -> Vec<Reply> {
        let mut replies = Vec::new();
        for group in self.groups.values_mut() {
            if let Kind::Classic(classic) = &mut group.kind {
                classic.abandon(&mut replies);
            }
        }
        replies
    }
}
