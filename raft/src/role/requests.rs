//! What the application asks of a leader: proposals, membership changes, a handover.
//!
//! Pure. A request is taken whole or refused whole, and a refused one leaves no trace.

use std::sync::Arc;

use bytes::Bytes;

use crate::entry::{EntryKind, NodeId};
use crate::membership::{ChangeError, Membership, MembershipChange};
use crate::output::{Accepted, RejectReason};
use crate::replica::Replica;
use crate::role::leader::{Handover, Leader};

impl Leader {
    pub(crate) fn propose(&mut self, replica: &mut Replica, context: u64, payloads: Vec<Bytes>) {
        if let Err(reason) = self.check_proposal(replica, &payloads) {
            return replica.reject(context, reason);
        }
        let first_index = replica.log.last_index() + 1;
        for payload in payloads {
            self.append(replica, EntryKind::Data, payload, None);
        }
        self.accept(replica, context, first_index);
    }

    fn check_proposal(&self, replica: &Replica, payloads: &[Bytes]) -> Result<(), RejectReason> {
        if self.handover.is_some() {
            return Err(RejectReason::Transferring);
        }
        if payloads.is_empty() {
            return Err(RejectReason::Empty);
        }
        let bytes_max = replica.config.entry_bytes_max;
        if let Some(large) = payloads.iter().find(|payload| payload.len() > bytes_max) {
            return Err(RejectReason::EntryTooLarge {
                bytes: large.len(),
                bytes_max,
            });
        }
        let weight: u64 = payloads
            .iter()
            .map(|payload| payload.len() as u64 + 32)
            .sum();
        let total = self.uncommitted + weight;
        if self.uncommitted > 0 && total > replica.config.uncommitted_bytes_max {
            return Err(RejectReason::Busy);
        }
        Ok(())
    }

    fn accept(&mut self, replica: &mut Replica, context: u64, first_index: u64) {
        let (last_index, term) = (replica.log.last_index(), replica.term());
        replica.out.accepted.push(Accepted {
            context,
            first_index,
            last_index,
            term,
        });
        self.broadcast(replica);
    }

    pub(crate) fn change_membership(
        &mut self,
        replica: &mut Replica,
        context: u64,
        change: &MembershipChange,
    ) {
        let next = match self.check_change(replica, change) {
            Ok(next) => next,
            Err(reason) => return replica.reject(context, reason),
        };
        let payload = next.encode();
        let first_index = self.append(
            replica,
            EntryKind::Membership,
            payload,
            Some(Arc::new(next)),
        );
        self.follow_membership(replica);
        self.accept(replica, context, first_index);
    }

    /// One change at a time, and none before this leader knows the whole commit: two leaders with different uncommitted
    /// memberships could otherwise each find a majority.
    fn check_change(
        &self,
        replica: &Replica,
        change: &MembershipChange,
    ) -> Result<Membership, RejectReason> {
        if self.handover.is_some() {
            return Err(RejectReason::Transferring);
        }
        if !self.is_ready(replica) {
            return Err(RejectReason::NotReady);
        }
        if replica.log.membership_index() > replica.commit() {
            return Err(ChangeError::InProgress.into());
        }
        let next = replica.membership().changed(change)?;
        let last = replica.log.last_index();
        for id in replica.membership().new_voters(&next) {
            let matched = self.members.get(&id).map_or(0, |progress| progress.matched);
            let lag = last - matched;
            if lag > replica.config.learner_lag_max {
                return Err(ChangeError::LearnerBehind { id, lag }.into());
            }
        }
        Ok(next)
    }

    pub(crate) fn transfer(&mut self, replica: &mut Replica, context: u64, to: NodeId) {
        if self.handover.is_some() {
            return replica.reject(context, RejectReason::Transferring);
        }
        let eligible = to != replica.id() && replica.membership().voters().contains(&to);
        if !eligible {
            return replica.reject(context, RejectReason::NotEligible(to));
        }
        let deadline = replica.now + replica.config.election_timeout_max;
        self.handover = Some(Handover {
            context,
            to,
            deadline,
            told: false,
        });
        self.hand_over(replica);
    }
}
