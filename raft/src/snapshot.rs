//! Snapshots: identity, integrity, and the partial one a follower is receiving.
//!
//! Pure. A snapshot is one `Bytes`, shared by reference with the messages that carry it. The receiver never allocates
//! by the announced size: it grows by the bytes that came, and the announced size is only a bound.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use crate::membership::Membership;

/// Which snapshot it is. Two snapshots of one index may differ in bytes; the checksum tells them apart.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SnapshotMeta {
    /// The last entry that the snapshot covers; 0 for the initial one.
    pub index: u64,
    /// That entry's term.
    pub term: u64,
    /// The membership in force at that entry.
    pub membership: Arc<Membership>,
    /// Length of the data.
    pub bytes: u64,
    /// CRC-32C of the data.
    pub checksum: u32,
}

/// The application's state up to an entry, with what the log needs to go on from there.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Snapshot {
    /// Which one.
    pub meta: SnapshotMeta,
    /// The application's bytes.
    pub data: Bytes,
}

impl Snapshot {
    /// Names `data` as the state after the entry (`index`, `term`).
    #[must_use]
    pub fn new(index: u64, term: u64, membership: Arc<Membership>, data: Bytes) -> Self {
        let meta = SnapshotMeta {
            index,
            term,
            membership,
            bytes: data.len() as u64,
            checksum: crc32c::crc32c(&data),
        };
        Self { meta, data }
    }

    /// The state before the first entry: only the members that start the cluster.
    #[must_use]
    pub fn initial(membership: Membership) -> Self {
        Self::new(0, 0, Arc::new(membership), Bytes::new())
    }

    /// Whether the data is what the identity says.
    #[must_use]
    pub fn is_intact(&self) -> bool {
        self.data.len() as u64 == self.meta.bytes
            && crc32c::crc32c(&self.data) == self.meta.checksum
    }
}

/// What [`PartialSnapshot::append`] found.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum ChunkOutcome {
    /// Send from this offset next.
    Continue { next_offset: u64 },
    /// All bytes are there and they match.
    Complete(Snapshot),
    /// The bytes do not match the identity; everything was thrown away.
    Malformed,
}

/// The snapshot that a follower is receiving. It survives a change of leader, so that the transfer resumes.
#[derive(Debug)]
pub(crate) struct PartialSnapshot {
    meta: SnapshotMeta,
    data: BytesMut,
}

impl PartialSnapshot {
    pub(crate) fn new(meta: SnapshotMeta) -> Self {
        Self {
            meta,
            data: BytesMut::new(),
        }
    }

    pub(crate) fn meta(&self) -> &SnapshotMeta {
        &self.meta
    }

    /// Takes the chunk when it is the next one; a chunk from elsewhere only repeats what is wanted.
    pub(crate) fn append(&mut self, offset: u64, chunk: &[u8]) -> ChunkOutcome {
        let have = self.data.len() as u64;
        if offset == have {
            if have + chunk.len() as u64 > self.meta.bytes {
                self.data.clear();
                return ChunkOutcome::Malformed;
            }
            self.data.extend_from_slice(chunk);
        }
        let have = self.data.len() as u64;
        if have < self.meta.bytes {
            return ChunkOutcome::Continue { next_offset: have };
        }
        let snapshot = Snapshot {
            meta: self.meta.clone(),
            data: std::mem::take(&mut self.data).freeze(),
        };
        if snapshot.is_intact() {
            ChunkOutcome::Complete(snapshot)
        } else {
            ChunkOutcome::Malformed
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(data: &'static [u8]) -> Snapshot {
        Snapshot::new(
            7,
            2,
            Arc::new(Membership::default()),
            Bytes::from_static(data),
        )
    }

    #[test]
    fn chunks_in_order_give_the_snapshot() {
        let whole = snapshot(b"abcdef");
        let mut partial = PartialSnapshot::new(whole.meta.clone());
        assert_eq!(
            partial.append(0, b""),
            ChunkOutcome::Continue { next_offset: 0 }
        );
        assert_eq!(
            partial.append(0, b"abc"),
            ChunkOutcome::Continue { next_offset: 3 }
        );
        assert_eq!(
            partial.append(0, b"abc"),
            ChunkOutcome::Continue { next_offset: 3 }
        );
        assert_eq!(
            partial.append(5, b"f"),
            ChunkOutcome::Continue { next_offset: 3 }
        );
        assert_eq!(partial.append(3, b"def"), ChunkOutcome::Complete(whole));
    }

    #[test]
    fn altered_bytes_are_malformed() {
        let mut partial = PartialSnapshot::new(snapshot(b"abcdef").meta);
        assert_eq!(partial.append(0, b"abcdeF"), ChunkOutcome::Malformed);
    }

    #[test]
    fn more_bytes_than_announced_are_malformed() {
        let mut partial = PartialSnapshot::new(snapshot(b"abc").meta);
        assert_eq!(partial.append(0, b"abcd"), ChunkOutcome::Malformed);
    }
}
