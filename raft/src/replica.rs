//! What a node is in every role: term and vote, log, commit, timers, and the output being built.
//!
//! Pure. Owns the end of every step: one write is sealed, messages that wait for it are held back, and whatever is
//! committed *and* durable is handed to the application.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::config::{Config, RandomSource};
use crate::durability::{Durability, Needs};
use crate::entry::{Entry, EntryKind, HardState, NodeId};
use crate::log::Log;
use crate::membership::Membership;
use crate::message::{Body, Message};
use crate::output::{
    Output, Persist, Persisted, Refusal, Refusals, RejectReason, Rejected, RoleChange,
};
use crate::snapshot::{PartialSnapshot, Snapshot};

/// Buffers of returned writes that are kept for the next ones.
const SPARE_BUFFERS_MAX: usize = 4;

#[derive(Debug)]
pub(crate) struct Replica {
    pub(crate) config: Config,
    pub(crate) random: Box<dyn RandomSource>,
    pub(crate) now: Duration,
    hard_state: HardState,
    /// The leader of this term, once it is known.
    pub(crate) leader: Option<NodeId>,
    pub(crate) log: Log,
    pub(crate) snapshot: Snapshot,
    commit: u64,
    pub(crate) applied: u64,
    handed_out: u64,
    pub(crate) election_deadline: Duration,
    /// Before this time no vote is granted: a leader may hold a lease on it.
    pub(crate) vote_barrier: Duration,
    pub(crate) durability: Durability,
    pub(crate) partial: Option<PartialSnapshot>,
    /// A received snapshot, and the write that makes it durable.
    install: Option<(u64, Snapshot)>,
    write: NextWrite,
    outbox: Vec<(Needs, Message)>,
    pub(crate) out: Output,
    spare_buffers: Vec<Vec<Entry>>,
    reported: RoleChange,
    refusals: Refusals,
}

/// What this step wants durable.
#[derive(Debug, Default)]
struct NextWrite {
    hard_state: bool,
    snapshot: Option<Snapshot>,
    truncate_from: Option<u64>,
    entries: Vec<Entry>,
    compact_to: Option<u64>,
}

impl Replica {
    pub(crate) fn new(
        config: Config,
        hard_state: HardState,
        log: Log,
        snapshot: Snapshot,
        random: Box<dyn RandomSource>,
        reported: RoleChange,
    ) -> Self {
        let index = snapshot.meta.index;
        Self {
            durability: Durability::new(log.last_index()),
            config,
            random,
            now: Duration::ZERO,
            hard_state,
            leader: None,
            log,
            snapshot,
            commit: index,
            applied: index,
            handed_out: index,
            election_deadline: Duration::ZERO,
            vote_barrier: Duration::ZERO,
            partial: None,
            install: None,
            write: NextWrite::default(),
            outbox: Vec::new(),
            out: Output::default(),
            spare_buffers: Vec::new(),
            reported,
            refusals: Refusals::default(),
        }
    }

    pub(crate) fn id(&self) -> NodeId {
        self.config.id
    }

    pub(crate) fn term(&self) -> u64 {
        self.hard_state.term
    }

    pub(crate) fn vote(&self) -> Option<NodeId> {
        self.hard_state.vote
    }

    pub(crate) fn commit(&self) -> u64 {
        self.commit
    }

    pub(crate) fn refusals(&self) -> Refusals {
        self.refusals
    }

    pub(crate) fn membership(&self) -> &Arc<Membership> {
        self.log.membership()
    }

    /// A voter may be elected, and so may one whose removal is not known to be committed: it may be the only one that holds
    /// the entry which removes it, and nobody else could win then.
    pub(crate) fn is_electable(&self) -> bool {
        self.log
            .memberships_from(self.commit)
            .any(|membership| membership.is_voter(self.config.id))
    }

    /// Clocks that run backwards stand still here.
    pub(crate) fn set_time(&mut self, now: Duration) {
        self.now = self.now.max(now);
    }

    // Term and vote

    /// Enters a later term, without a vote and without a leader.
    pub(crate) fn enter_term(&mut self, term: u64) {
        assert!(term > self.hard_state.term, "terms only rise");
        self.hard_state = HardState { term, vote: None };
        self.write.hard_state = true;
        self.leader = None;
    }

    pub(crate) fn cast_vote(&mut self, candidate: NodeId) {
        if self.hard_state.vote != Some(candidate) {
            assert_eq!(self.hard_state.vote, None, "one vote in a term");
            self.hard_state.vote = Some(candidate);
            self.write.hard_state = true;
        }
    }

    // Timers

    /// A full, random election timeout from now.
    pub(crate) fn reset_election_timer(&mut self) {
        let (min, max) = (
            self.config.election_timeout_min,
            self.config.election_timeout_max,
        );
        self.election_deadline = self.now + self.random_between(min, max);
    }

    /// After a lost election: soon again, at a random time, so that a split does not cost a whole timeout.
    pub(crate) fn retry_election_soon(&mut self) {
        let (min, max) = (
            self.config.heartbeat_interval,
            self.config.election_timeout_min,
        );
        self.election_deadline = self.now + self.random_between(min, max);
    }

    fn random_between(&mut self, min: Duration, max: Duration) -> Duration {
        let span = u64::try_from((max - min).as_micros())
            .unwrap_or(u64::MAX)
            .max(1);
        min + Duration::from_micros(self.random.next_u64() % span)
    }

    // Log

    /// Appends an entry of one's own at the end; the caller leads.
    pub(crate) fn append_own(
        &mut self,
        kind: EntryKind,
        payload: Bytes,
        membership: Option<Arc<Membership>>,
    ) -> u64 {
        let index = self.log.last_index() + 1;
        let entry = Entry {
            index,
            term: self.term(),
            kind,
            payload,
        };
        self.append(entry, membership);
        index
    }

    pub(crate) fn append(&mut self, entry: Entry, membership: Option<Arc<Membership>>) {
        self.write.entries.push(entry.clone());
        self.log.push(entry, membership);
    }

    /// Removes what does not agree with the leader. Never anything committed.
    pub(crate) fn truncate(&mut self, from: u64) {
        assert!(from > self.commit, "committed entries stay");
        assert!(
            self.write.entries.is_empty(),
            "a step truncates before it appends"
        );
        self.log.truncate(from);
        self.durability.truncate(from);
        self.write.truncate_from = Some(from);
    }

    /// A crash came between a snapshot and the truncation that belongs to it: the first write makes up for it.
    pub(crate) fn remove_leftover(&mut self) {
        self.write.truncate_from = Some(1);
    }

    pub(crate) fn commit_to(&mut self, index: u64) {
        assert!(
            index <= self.log.last_index(),
            "only what is there can be committed"
        );
        self.commit = self.commit.max(index);
    }

    /// Takes a received snapshot in the place of log and state. It is ahead of the commit.
    pub(crate) fn install_snapshot(&mut self, snapshot: Snapshot) {
        let meta = &snapshot.meta;
        if self.log.term(meta.index) == Some(meta.term) {
            self.write.compact_to = Some(meta.index);
        } else {
            self.durability.truncate(self.commit + 1);
            self.write.truncate_from = Some(1);
        }
        self.log.install(meta);
        self.commit = meta.index;
        self.write.snapshot = Some(snapshot.clone());
        self.install = Some((self.durability.issued() + 1, snapshot.clone()));
        self.snapshot = snapshot;
        self.partial = None;
    }

    /// Takes a snapshot of the application; the log behind it goes, but for the trailing entries.
    pub(crate) fn create_snapshot(&mut self, index: u64, data: Bytes) -> Result<(), RejectReason> {
        let term = self.log.term(index);
        let (snapshot, applied) = (self.snapshot.meta.index, self.applied);
        let (Some(term), true) = (term, index > snapshot && index <= applied) else {
            return Err(RejectReason::SnapshotOutOfRange {
                index,
                snapshot,
                applied,
            });
        };
        let (bytes, bytes_max) = (data.len() as u64, self.config.snapshot_bytes_max);
        if bytes > bytes_max {
            return Err(RejectReason::SnapshotTooLarge { bytes, bytes_max });
        }
        let membership = Arc::clone(self.log.membership_at(index));
        self.snapshot = Snapshot::new(index, term, membership, data);
        self.write.snapshot = Some(self.snapshot.clone());
        let compact_to = index.saturating_sub(self.config.trailing_entries);
        if compact_to > self.log.base_index() {
            self.log.compact(compact_to);
            self.write.compact_to = Some(compact_to);
        }
        Ok(())
    }

    // Output

    pub(crate) fn send(&mut self, to: NodeId, needs: Needs, body: Body) {
        let message = Message {
            cluster: self.config.cluster,
            from: self.config.id,
            to,
            term: self.hard_state.term,
            body,
        };
        self.outbox.push((needs, message));
    }

    pub(crate) fn reject(&mut self, context: u64, reason: RejectReason) {
        self.out.rejected.push(Rejected { context, reason });
    }

    pub(crate) fn refuse(&mut self, refusal: Refusal) {
        self.refusals.add(refusal);
        self.out.refused = Some(refusal);
    }

    pub(crate) fn persisted(&mut self, receipt: Persisted) {
        self.durability.complete(receipt.write);
        let mut buffer = receipt.entries;
        if self.spare_buffers.len() < SPARE_BUFFERS_MAX {
            buffer.clear();
            self.spare_buffers.push(buffer);
        }
    }

    /// Ends a step. `current` is how the node stands now.
    pub(crate) fn finish(&mut self, current: RoleChange, next: Output) -> Output {
        self.seal_write();
        let mut outbox = std::mem::take(&mut self.outbox);
        for (needs, message) in outbox.drain(..) {
            match self.durability.hold_for(needs) {
                Some(write) => self.durability.hold(write, message),
                None => self.out.messages.push(message),
            }
        }
        self.outbox = outbox;
        self.durability.release(&mut self.out.messages);
        self.hand_out();
        if current != self.reported {
            self.reported = current;
            self.out.role = Some(current);
        }
        std::mem::replace(&mut self.out, next)
    }

    fn seal_write(&mut self) {
        let write = &mut self.write;
        let nothing = !write.hard_state
            && write.snapshot.is_none()
            && write.truncate_from.is_none()
            && write.entries.is_empty()
            && write.compact_to.is_none();
        if nothing {
            return;
        }
        let spare = self.spare_buffers.pop().unwrap_or_default();
        let sealed = std::mem::replace(
            write,
            NextWrite {
                entries: spare,
                ..NextWrite::default()
            },
        );
        let number = self
            .durability
            .issue(self.log.last_index(), sealed.hard_state);
        self.out.persist = Some(Persist {
            write: number,
            hard_state: sealed.hard_state.then_some(self.hard_state),
            snapshot: sealed.snapshot,
            truncate_from: sealed.truncate_from,
            entries: sealed.entries,
            compact_to: sealed.compact_to,
        });
    }

    /// Gives the application what is committed and durable; a snapshot first, and nothing before it is durable.
    fn hand_out(&mut self) {
        if let Some((write, snapshot)) = self.install.take() {
            if !self.durability.is_done(write) {
                self.install = Some((write, snapshot));
                return;
            }
            self.handed_out = snapshot.meta.index;
            self.out.install = Some(snapshot);
        }
        let to = self.commit.min(self.durability.durable_index());
        if to > self.handed_out {
            self.log
                .copy_into(self.handed_out + 1, to, &mut self.out.committed);
            self.handed_out = to;
        }
    }

    /// Notes what the application has applied; it cannot be ahead of what it was given.
    pub(crate) fn set_applied(&mut self, index: u64) {
        self.applied = self.applied.max(index.min(self.handed_out));
    }
}
