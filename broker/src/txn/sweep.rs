//! What a coordinator does by itself: resumes decided transactions after a start, aborts those
//! that took too long, forgets transactional ids that nobody uses. Pure.

use std::time::Duration;

use super::record::TransactionRecord;
use super::transaction::{TransactionMetadata, TransactionState};
use super::transactions::{Effect, Prepared, Transactions};
use crate::coordinator::machine::{Decision, Now};

impl Transactions {
    /// Notes when the next looks are due; without ids there is nothing to look at.
    pub(super) fn plan_sweeps(&mut self, now: Duration) {
        if self.has_ongoing() && self.abort_at.is_none() {
            self.abort_at = Some(now + self.rules.abort_interval);
        }
        if !self.by_id.is_empty() && self.expire_at.is_none() {
            self.expire_at = Some(now + self.rules.expire_interval);
        }
    }

    /// Everything that is due.
    pub(super) fn sweep(&mut self, now: Now) -> Decision<Self, ()> {
        let mut decision = Decision::only(());
        decision.is_divisible = true;
        for transactional_id in std::mem::take(&mut self.to_resume) {
            let metadata = self.by_id.get(&transactional_id);
            let prepared = metadata.and_then(|metadata| Prepared::of(&transactional_id, metadata));
            let effect = prepared.map(Effect::WriteMarkers);
            decision.effects.extend(effect);
        }
        if self.abort_at.is_some_and(|due| due <= now.monotonic) {
            self.abort_at = None;
            self.abort_timed_out(now.wall_ms, &mut decision);
        }
        if self.expire_at.is_some_and(|due| due <= now.monotonic) {
            self.expire_at = None;
            self.forget_unused(now.wall_ms, &mut decision);
        }
        self.plan_sweeps(now.monotonic);
        decision
    }

    fn abort_timed_out(&self, now_ms: i64, decision: &mut Decision<Self, ()>) {
        for (transactional_id, metadata) in &self.by_id {
            if !has_timed_out(metadata, now_ms) {
                continue;
            }
            let aborted = metadata.fenced(now_ms);
            let prepared = Prepared::of(transactional_id, &aborted);
            let effect = prepared.map(Effect::WriteMarkers);
            decision.effects.extend(effect);
            decision.records.push(TransactionRecord {
                transactional_id: transactional_id.clone(),
                metadata: Some(aborted),
            });
        }
    }

    fn forget_unused(&self, now_ms: i64, decision: &mut Decision<Self, ()>) {
        let expiration_ms = self.rules.id_expiration_ms;
        for (transactional_id, metadata) in &self.by_id {
            let unused_ms = now_ms.saturating_sub(metadata.updated_ms);
            if is_between_transactions(metadata.state) && unused_ms >= expiration_ms {
                decision.records.push(TransactionRecord {
                    transactional_id: transactional_id.clone(),
                    metadata: None,
                });
            }
        }
    }
}

fn has_timed_out(metadata: &TransactionMetadata, now_ms: i64) -> bool {
    let started_ms = metadata.started_ms.unwrap_or(metadata.updated_ms);
    let deadline_ms = started_ms.saturating_add(i64::from(metadata.timeout_ms));
    metadata.state == TransactionState::Ongoing && deadline_ms < now_ms
}

fn is_between_transactions(state: TransactionState) -> bool {
    match state {
        TransactionState::Empty
        | TransactionState::CompleteCommit
        | TransactionState::CompleteAbort => true,
        TransactionState::Ongoing
        | TransactionState::PrepareCommit
        | TransactionState::PrepareAbort => false,
    }
}
