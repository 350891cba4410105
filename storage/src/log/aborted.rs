//! The aborted transactions of one segment, and Kafka's `.txnindex` file of them. Pure.
//!
//! A transaction is listed in the segment of its marker, in the order of the markers. What the
//! list begins with stays known when the list itself is not in memory, so that a reader need not
//! load what cannot concern it.

use super::producers::Ended;

/// Kafka's format: a version, then four numbers.
pub const ENTRY_BYTES: usize = 34;
const VERSION: i16 = 0;

/// Records of this producer between these offsets were never committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AbortedTransaction {
    pub producer_id: i64,
    pub first_offset: i64,
    /// Of the marker.
    pub last_offset: i64,
    /// What it became with this marker: no transaction that begins before it is listed later.
    pub last_stable_offset: i64,
}

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AbortedIndex {
    entries: Vec<AbortedTransaction>,
    /// No entry begins before it; `None` when there is no entry.
    lowest_first_offset: Option<i64>,
}

impl AbortedIndex {
    /// An index that is in a file and has not been read.
    #[must_use]
    pub fn unread() -> Self {
        Self {
            entries: Vec::new(),
            lowest_first_offset: Some(i64::MIN),
        }
    }

    /// Lists a transaction that was aborted; a committed one is passed over.
    pub fn note(&mut self, ended: &Ended, last_stable_offset: i64) {
        if ended.committed {
            return;
        }
        self.push(AbortedTransaction {
            producer_id: ended.producer_id,
            first_offset: ended.first_offset,
            last_offset: ended.marker_offset,
            last_stable_offset,
        });
    }

    pub(crate) fn push(&mut self, entry: AbortedTransaction) {
        let lowest = self.lowest_first_offset.unwrap_or(i64::MAX);
        self.lowest_first_offset = Some(lowest.min(entry.first_offset));
        self.entries.push(entry);
    }

    /// Forgets the entries, but not that there are some.
    pub fn forget_entries(&mut self) {
        self.entries = Vec::new();
    }

    #[must_use]
    pub fn entries(&self) -> &[AbortedTransaction] {
        &self.entries
    }

    #[must_use]
    pub fn entries_count(&self) -> usize {
        self.entries.len()
    }

    /// Whether an entry may begin before an offset.
    #[must_use]
    pub fn may_begin_before(&self, offset: i64) -> bool {
        self.lowest_first_offset
            .is_some_and(|lowest| lowest < offset)
    }

    /// Adds the transactions that touch offsets from `from` to before `upto`. Says whether later
    /// segments cannot add more.
    pub fn collect(&self, from: i64, upto: i64, found: &mut Vec<AbortedTransaction>) -> bool {
        for entry in &self.entries {
            if entry.last_offset >= from && entry.first_offset < upto {
                found.push(*entry);
            }
            if entry.last_stable_offset >= upto {
                return true;
            }
        }
        false
    }

    /// The bytes of the entries from a given one on.
    #[must_use]
    pub fn encode_from(&self, entry: usize) -> Vec<u8> {
        let entries = self.entries.get(entry..).unwrap_or_default();
        let mut bytes = Vec::with_capacity(entries.len() * ENTRY_BYTES);
        for entry in entries {
            bytes.extend_from_slice(&VERSION.to_be_bytes());
            bytes.extend_from_slice(&entry.producer_id.to_be_bytes());
            bytes.extend_from_slice(&entry.first_offset.to_be_bytes());
            bytes.extend_from_slice(&entry.last_offset.to_be_bytes());
            bytes.extend_from_slice(&entry.last_stable_offset.to_be_bytes());
        }
        bytes
    }

    /// Reads the file of a sealed segment. `None` when it is damaged.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let index = Self::decode_before(bytes, i64::MAX);
        (index.entries.len() == bytes.len() / ENTRY_BYTES).then_some(index)
    }

    /// Reads the entries whose markers come before `end_offset`, which the file is known to have
    /// whole. What a stop left behind them may be anything, zeros for example.
    #[must_use]
    pub fn decode_before(bytes: &[u8], end_offset: i64) -> Self {
        let mut index = Self::default();
        let mut last_marker = -1;
        for bytes in bytes.chunks_exact(ENTRY_BYTES) {
            let entry = decode_entry(bytes);
            let known = entry.filter(|entry| {
                let follows = entry.last_offset > last_marker;
                follows && entry.last_offset < end_offset
            });
            let Some(entry) = known else { break };
            last_marker = entry.last_offset;
            index.push(entry);
        }
        index
    }
}

fn decode_entry(bytes: &[u8]) -> Option<AbortedTransaction> {
    let (version, rest) = bytes.split_first_chunk()?;
    let (producer_id, rest) = rest.split_first_chunk()?;
    let (first_offset, rest) = rest.split_first_chunk()?;
    let (last_offset, rest) = rest.split_first_chunk()?;
    let (last_stable_offset, _) = rest.split_first_chunk()?;
    let entry = AbortedTransaction {
        producer_id: i64::from_be_bytes(*producer_id),
        first_offset: i64::from_be_bytes(*first_offset),
        last_offset: i64::from_be_bytes(*last_offset),
        last_stable_offset: i64::from_be_bytes(*last_stable_offset),
    };
    // A marker has a record before it.
    let is_whole = i16::from_be_bytes(*version) == VERSION
        && entry.first_offset >= 0
        && entry.first_offset < entry.last_offset;
    is_whole.then_some(entry)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn index(spans: &[(i64, i64, i64)]) -> AbortedIndex {
        let mut index = AbortedIndex::default();
        for (first_offset, marker_offset, last_stable_offset) in spans {
            let ended = Ended {
                producer_id: *first_offset,
                first_offset: *first_offset,
                marker_offset: *marker_offset,
                committed: false,
            };
            index.note(&ended, *last_stable_offset);
        }
        index
    }

    fn found(index: &AbortedIndex, from: i64, upto: i64) -> (Vec<i64>, bool) {
        let mut found = Vec::new();
        let complete = index.collect(from, upto, &mut found);
        (
            found.iter().map(|entry| entry.first_offset).collect(),
            complete,
        )
    }

    #[test]
    fn a_read_gets_the_transactions_that_touch_it() {
        let index = index(&[(10, 15, 16), (20, 30, 25), (25, 40, 41)]);
        assert_eq!(found(&index, 0, 10), (vec![], true));
        assert_eq!(found(&index, 0, 11), (vec![10], true));
        assert_eq!(found(&index, 16, 22), (vec![20], true));
        assert_eq!(found(&index, 26, 35), (vec![20, 25], true));
        assert_eq!(found(&index, 31, 50), (vec![25], false));
        assert!(index.may_begin_before(11) && !index.may_begin_before(10));
    }

    #[test]
    fn committed_transactions_are_not_listed() {
        let mut index = AbortedIndex::default();
        let ended = Ended {
            producer_id: 1,
            first_offset: 2,
            marker_offset: 3,
            committed: true,
        };
        index.note(&ended, 4);
        assert_eq!(index, AbortedIndex::default());
    }

    #[test]
    fn a_file_counts_up_to_the_recovery_point() {
        let index = index(&[(10, 15, 16), (20, 30, 25)]);
        let mut bytes = index.encode_from(0);
        assert_eq!(AbortedIndex::decode_before(&bytes, 31), index);
        let before = AbortedIndex::decode_before(&bytes, 30);
        assert_eq!(before.entries_count(), 1);
        assert_eq!(AbortedIndex::decode(&bytes), Some(index.clone()));
        bytes.extend([0; ENTRY_BYTES]);
        assert_eq!(AbortedIndex::decode_before(&bytes, 50), index);
        assert_eq!(AbortedIndex::decode(&bytes), None);
        bytes[1] = 9;
        assert_eq!(AbortedIndex::decode(&bytes), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), end: i64) {
            let _read = (AbortedIndex::decode(&bytes), AbortedIndex::decode_before(&bytes, end));
        }
    }
}
