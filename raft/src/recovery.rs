//! What must be found on disk after a crash, and what makes a node refuse to start.
//!
//! Pure. The bytes on disk are the shell's; it must have cut a torn tail and refused corruption before it.
//! Whatever contradicts itself here is refused: a node that guesses may vote twice or lose a committed entry.

use std::sync::Arc;

use thiserror::Error;

use crate::config::ConfigError;
use crate::entry::{Entry, EntryKind, HardState, TERM_MAX};
use crate::log::Log;
use crate::membership::{Membership, MembershipDecodeError};
use crate::snapshot::Snapshot;

/// Everything durable, as the writes of [`Persist`](crate::Persist) left it.
#[derive(Clone, Debug)]
pub struct RecoveredState {
    /// The last hard state written; the default one if none ever was.
    pub hard_state: HardState,
    /// The last snapshot written. Before the first one, [`Snapshot::initial`] with the members that start the cluster
    /// (Kafka: `storage format` with initial controllers); [`Membership::default`] for a node that is to join one.
    pub snapshot: Snapshot,
    /// The entries, without gaps. They may begin anywhere up to the entry behind the snapshot.
    pub entries: Vec<Entry>,
}

impl RecoveredState {
    /// A node that has never run: `voters` start the cluster together, and each of them must be told the same.
    #[must_use]
    pub fn initial(voters: Membership) -> Self {
        Self {
            hard_state: HardState::default(),
            snapshot: Snapshot::initial(voters),
            entries: Vec::new(),
        }
    }
}

/// Why a node does not start.
#[derive(Debug, Error)]
pub enum RecoveryError {
    /// The configuration contradicts itself.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The snapshot's bytes are not what its identity says.
    #[error("snapshot at {index} is damaged")]
    DamagedSnapshot {
        /// The entry it was taken at.
        index: u64,
    },
    /// An entry is missing.
    #[error("entry {expected} is missing, {found} follows")]
    Gap {
        /// The missing entry.
        expected: u64,
        /// The entry in its place.
        found: u64,
    },
    /// A term is lower than the one before it.
    #[error("term falls from {before} to {term} at entry {index}")]
    TermFalls {
        /// The entry.
        index: u64,
        /// Term of the entry before.
        before: u64,
        /// Its term.
        term: u64,
    },
    /// The log is of a later term than the hard state: a vote may be forgotten.
    #[error(
        "hard state of term {term} is older than the log's term {log_term}: a vote may be lost"
    )]
    HardStateBehind {
        /// Term of the hard state.
        term: u64,
        /// Term of the last entry or of the snapshot.
        log_term: u64,
    },
    /// The term is beyond what can be.
    #[error("term {0} is impossible")]
    ImpossibleTerm(u64),
    /// A membership entry cannot be read.
    #[error("membership entry {index}: {source}")]
    Membership {
        /// The entry.
        index: u64,
        /// What is wrong with it.
        source: MembershipDecodeError,
    },
}

/// Builds the log from what was found. Also whether the entries on disk must be removed before the next ones are written.
pub(crate) fn recover_log(state: &RecoveredState) -> Result<(Log, bool), RecoveryError> {
    let meta = &state.snapshot.meta;
    if !state.snapshot.is_intact() {
        return Err(RecoveryError::DamagedSnapshot { index: meta.index });
    }
    let entries = usable_entries(state)?;
    let log_term = entries.last().map_or(meta.term, |entry| entry.term);
    if state.hard_state.term < log_term {
        let term = state.hard_state.term;
        return Err(RecoveryError::HardStateBehind { term, log_term });
    }
    if state.hard_state.term > TERM_MAX {
        return Err(RecoveryError::ImpossibleTerm(state.hard_state.term));
    }
    let mut log = Log::new(meta);
    for entry in entries {
        let index = entry.index;
        if entry.term < log.last_term() {
            let before = log.last_term();
            return Err(RecoveryError::TermFalls {
                index,
                before,
                term: entry.term,
            });
        }
        let membership = decode_membership(entry)
            .map_err(|source| RecoveryError::Membership { index, source })?;
        log.push(entry.clone(), membership);
    }
    let leftover = entries.is_empty() && !state.entries.is_empty() && !ends_at_snapshot(state);
    Ok((log, leftover))
}

fn ends_at_snapshot(state: &RecoveredState) -> bool {
    let meta = &state.snapshot.meta;
    state
        .entries
        .last()
        .is_some_and(|entry| (entry.index, entry.term) == (meta.index, meta.term))
}

/// The membership that an entry carries, if it is of that kind.
pub(crate) fn decode_membership(
    entry: &Entry,
) -> Result<Option<Arc<Membership>>, MembershipDecodeError> {
    match entry.kind {
        EntryKind::Membership => Ok(Some(Arc::new(Membership::decode(&entry.payload)?))),
        EntryKind::Data | EntryKind::NoOp => Ok(None),
    }
}

/// The entries behind the snapshot. A crash between a snapshot and its truncation leaves entries that do not
/// belong to it: none of them counts.
fn usable_entries(state: &RecoveredState) -> Result<&[Entry], RecoveryError> {
    let meta = &state.snapshot.meta;
    let Some(first) = state.entries.first() else {
        return Ok(&[]);
    };
    for pair in state.entries.windows(2) {
        if pair[0].index.checked_add(1) != Some(pair[1].index) {
            let expected = pair[0].index.saturating_add(1);
            return Err(RecoveryError::Gap {
                expected,
                found: pair[1].index,
            });
        }
    }
    if first.index == meta.index + 1 {
        return Ok(&state.entries);
    }
    if first.index > meta.index {
        return Err(RecoveryError::Gap {
            expected: meta.index + 1,
            found: first.index,
        });
    }
    let covered = state
        .entries
        .iter()
        .position(|entry| entry.index == meta.index);
    match covered {
        Some(at) if state.entries[at].term == meta.term => Ok(&state.entries[at + 1..]),
        Some(_) | None => Ok(&[]),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::entry::NodeId;

    /// A disk with a snapshot at (`index`, `term`) and entries (index, term).
    fn disk(term: u64, snapshot: (u64, u64), entries: &[(u64, u64)]) -> RecoveredState {
        let members = Arc::new(Membership::new([NodeId(1)], []));
        let entry = |&(index, term): &(u64, u64)| Entry {
            index,
            term,
            kind: EntryKind::Data,
            payload: Bytes::new(),
        };
        RecoveredState {
            hard_state: HardState { term, vote: None },
            snapshot: Snapshot::new(
                snapshot.0,
                snapshot.1,
                members,
                Bytes::from_static(b"state"),
            ),
            entries: entries.iter().map(entry).collect(),
        }
    }

    /// Where the log begins and ends, and whether something must be removed from the disk.
    fn recovered(disk: &RecoveredState) -> (u64, u64, bool) {
        let (log, leftover) = recover_log(disk).unwrap();
        (log.base_index(), log.last_index(), leftover)
    }

    #[test]
    fn entries_behind_the_snapshot_are_the_log() {
        assert_eq!(
            recovered(&disk(2, (0, 0), &[(1, 1), (2, 2)])),
            (0, 2, false)
        );
        assert_eq!(recovered(&disk(2, (2, 2), &[(3, 2)])), (2, 3, false));
        assert_eq!(
            recovered(&disk(2, (2, 2), &[(1, 1), (2, 2), (3, 2)])),
            (2, 3, false)
        );
        assert_eq!(
            recovered(&disk(2, (2, 2), &[(1, 1), (2, 2)])),
            (2, 2, false)
        );
    }

    #[test]
    fn entries_that_a_snapshot_contradicts_are_removed() {
        assert_eq!(
            recovered(&disk(3, (2, 2), &[(1, 1), (2, 1), (3, 1)])),
            (2, 2, true)
        );
        assert_eq!(recovered(&disk(3, (9, 2), &[(1, 1), (2, 1)])), (9, 9, true));
    }

    #[test]
    fn forgotten_hard_state_is_refused() {
        let older = recover_log(&disk(1, (0, 0), &[(1, 1), (2, 2)]));
        assert!(matches!(
            older,
            Err(RecoveryError::HardStateBehind {
                term: 1,
                log_term: 2
            })
        ));
        let older = recover_log(&disk(1, (5, 2), &[]));
        assert!(matches!(
            older,
            Err(RecoveryError::HardStateBehind {
                term: 1,
                log_term: 2
            })
        ));
    }

    #[test]
    fn gaps_and_falling_terms_are_refused() {
        let gap = recover_log(&disk(2, (0, 0), &[(1, 1), (3, 1)]));
        assert!(matches!(
            gap,
            Err(RecoveryError::Gap {
                expected: 2,
                found: 3
            })
        ));
        let gap = recover_log(&disk(2, (2, 1), &[(4, 1)]));
        assert!(matches!(
            gap,
            Err(RecoveryError::Gap {
                expected: 3,
                found: 4
            })
        ));
        let falls = recover_log(&disk(2, (0, 0), &[(1, 2), (2, 1)]));
        assert!(matches!(
            falls,
            Err(RecoveryError::TermFalls {
                index: 2,
                before: 2,
                term: 1
            })
        ));
    }

    #[test]
    fn damaged_snapshot_is_refused() {
        let mut damaged = disk(2, (2, 2), &[]);
        damaged.snapshot.data = Bytes::from_static(b"stale");
        assert!(matches!(
            recover_log(&damaged),
            Err(RecoveryError::DamagedSnapshot { index: 2 })
        ));
    }
}
