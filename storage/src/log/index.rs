//! The sparse index of one segment: from offset, position or timestamp to a batch boundary. Pure.
//!
//! An entry stands for the batch that begins at its position; its timestamp is the largest of all
//! batches *before* it. On disk each entry has a checksum seeded with the segment's base offset,
//! so a torn, foreign or stale entry ends the index instead of misleading a read.

/// Bytes of an entry on disk: offset delta 4, position 4, timestamp 8, checksum 4.
pub const ENTRY_BYTES: usize = 20;
/// The timestamp before any batch.
pub const NO_TIMESTAMP: i64 = -1;

/// A batch boundary of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexEntry {
    /// Base offset of the batch at `position`, relative to the segment's.
    pub offset_delta: u32,
    pub position: u32,
    /// Largest timestamp before `position`.
    pub max_timestamp: i64,
}

impl IndexEntry {
    /// The entry of every segment that is not stored: its beginning.
    pub const START: Self = Self {
        offset_delta: 0,
        position: 0,
        max_timestamp: NO_TIMESTAMP,
    };

    fn encode(self, base_offset: i64, into: &mut Vec<u8>) {
        let begin = into.len();
        into.extend_from_slice(&self.offset_delta.to_be_bytes());
        into.extend_from_slice(&self.position.to_be_bytes());
        into.extend_from_slice(&self.max_timestamp.to_be_bytes());
        let crc = crc32c::crc32c_append(seed(base_offset), &into[begin..]);
        into.extend_from_slice(&crc.to_be_bytes());
    }

    fn decode(bytes: &[u8], base_offset: i64) -> Option<Self> {
        let (fields, stored) = bytes.split_at_checked(ENTRY_BYTES - 4)?;
        let crc = crc32c::crc32c_append(seed(base_offset), fields);
        if stored != crc.to_be_bytes() {
            return None;
        }
        Some(Self {
            offset_delta: u32::from_be_bytes(fields[..4].try_into().ok()?),
            position: u32::from_be_bytes(fields[4..8].try_into().ok()?),
            max_timestamp: i64::from_be_bytes(fields[8..16].try_into().ok()?),
        })
    }
}

fn seed(base_offset: i64) -> u32 {
    crc32c::crc32c(&base_offset.to_be_bytes())
}

/// The entries of one segment, rising in offset, position and (weakly) timestamp.
#[derive(Debug, Clone, Default)]
pub struct Index {
    entries: Vec<IndexEntry>,
    /// Where the batches seen so far end.
    end_position: u64,
    max_timestamp: Option<i64>,
}

impl Index {
    /// Notes a batch that was appended at the end. An entry is made when at least
    /// `interval_bytes` lie between it and the entry before.
    ///
    /// # Panics
    /// The batch does not begin where the one before it ends.
    pub fn note(&mut self, batch: BatchPlace, interval_bytes: u64) {
        assert_eq!(
            batch.position, self.end_position,
            "batches are noted in order"
        );
        let last = self
            .entries
            .last()
            .map_or(0, |entry| u64::from(entry.position));
        if batch.position - last >= interval_bytes.max(1)
            && let (Ok(offset_delta), Ok(position)) = (
                u32::try_from(batch.offset_delta),
                u32::try_from(batch.position),
            )
        {
            self.entries.push(IndexEntry {
                offset_delta,
                position,
                max_timestamp: self.max_timestamp.unwrap_or(NO_TIMESTAMP),
            });
        }
        self.end_position += batch.bytes;
        self.max_timestamp = self.max_timestamp.max(Some(batch.max_timestamp));
    }

    /// The last boundary at or before the batch that holds `offset_delta`.
    #[must_use]
    pub fn by_offset(&self, offset_delta: u64) -> IndexEntry {
        self.before(|entry| u64::from(entry.offset_delta) <= offset_delta)
    }

    /// The last boundary that is at or before `position` and not beyond `offset_delta`.
    #[must_use]
    pub fn by_position(&self, position: u64, offset_delta: u64) -> IndexEntry {
        self.before(|entry| {
            u64::from(entry.position) <= position && u64::from(entry.offset_delta) <= offset_delta
        })
    }

    /// A boundary before which every timestamp is below `timestamp`.
    #[must_use]
    pub fn by_timestamp(&self, timestamp: i64) -> IndexEntry {
        self.before(|entry| entry.max_timestamp < timestamp)
    }

    fn before(&self, holds: impl FnMut(&IndexEntry) -> bool) -> IndexEntry {
        let above = self.entries.partition_point(holds);
        above
            .checked_sub(1)
            .map_or(IndexEntry::START, |at| self.entries[at])
    }

    /// Largest timestamp of the segment; `None` while it is empty.
    #[must_use]
    pub fn max_timestamp(&self) -> Option<i64> {
        self.max_timestamp
    }

    /// Where the noted batches end.
    #[must_use]
    pub fn end_position(&self) -> u64 {
        self.end_position
    }

    #[must_use]
    pub fn entries(&self) -> &[IndexEntry] {
        &self.entries
    }

    #[must_use]
    pub fn entries_count(&self) -> usize {
        self.entries.len()
    }

    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.entries.len() as u64 * ENTRY_BYTES as u64
    }

    /// The entries from the `first`-th on, as they are stored.
    #[must_use]
    pub fn encode_from(&self, first: usize, base_offset: i64) -> Vec<u8> {
        let entries = self.entries.get(first..).unwrap_or_default();
        let mut bytes = Vec::with_capacity((entries.len() + 1) * ENTRY_BYTES);
        for entry in entries {
            entry.encode(base_offset, &mut bytes);
        }
        bytes
    }

    /// The entry that ends the index of a sealed segment: its end, and its largest timestamp.
    #[must_use]
    pub fn encode_end(&self, end_offset: i64, base_offset: i64) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(ENTRY_BYTES);
        let end = IndexEntry {
            offset_delta: u32::try_from(end_offset - base_offset).unwrap_or(u32::MAX),
            position: u32::try_from(self.end_position).unwrap_or(u32::MAX),
            max_timestamp: self.max_timestamp.unwrap_or(NO_TIMESTAMP),
        };
        end.encode(base_offset, &mut bytes);
        bytes
    }

    /// Reads stored entries as far as they are valid, rise, and lie before `end_position`.
    /// The result ends at its last entry: batches from there on must be noted again.
    #[must_use]
    pub fn decode(bytes: &[u8], base_offset: i64, end_position: u64) -> Self {
        let mut index = Self::default();
        let mut last = IndexEntry::START;
        for stored in bytes.chunks_exact(ENTRY_BYTES) {
            let Some(entry) = IndexEntry::decode(stored, base_offset) else {
                break;
            };
            let rises = entry.position > last.position
                && entry.offset_delta > last.offset_delta
                && entry.max_timestamp >= last.max_timestamp;
            if !rises || u64::from(entry.position) >= end_position {
                break;
            }
            index.entries.push(entry);
            last = entry;
        }
        index.end_position = u64::from(last.position);
        index.max_timestamp = (last.position > 0).then_some(last.max_timestamp);
        index
    }

    /// Reads the index of a sealed segment of `segment_bytes`; `None` when it does not end with
    /// the entry that sealing wrote.
    #[must_use]
    pub fn decode_sealed(bytes: &[u8], base_offset: i64, segment_bytes: u64) -> Option<Self> {
        let (entries, end) = bytes.split_at_checked(bytes.len().checked_sub(ENTRY_BYTES)?)?;
        let end = IndexEntry::decode(end, base_offset)?;
        if u64::from(end.position) != segment_bytes {
            return None;
        }
        let mut index = Self::decode(entries, base_offset, segment_bytes);
        if index.entries.len() * ENTRY_BYTES != entries.len() {
            return None;
        }
        index.end_position = segment_bytes;
        index.max_timestamp = Some(end.max_timestamp);
        Some(index)
    }
}

impl Index {
    /// Where a sealed segment ends, as the last entry of its stored index says.
    #[must_use]
    pub fn sealed_end(bytes: &[u8], base_offset: i64, segment_bytes: u64) -> Option<i64> {
        let at = bytes.len().checked_sub(ENTRY_BYTES)?;
        let end = IndexEntry::decode(&bytes[at..], base_offset)?;
        let is_end = u64::from(end.position) == segment_bytes;
        is_end.then(|| base_offset + i64::from(end.offset_delta))
    }
}

/// Where a batch lies and what the index needs to know of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchPlace {
    /// Base offset relative to the segment's.
    pub offset_delta: u64,
    pub position: u64,
    pub bytes: u64,
    pub max_timestamp: i64,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn filled(batches: &[(u64, u64, i64)], interval_bytes: u64) -> (Index, Vec<BatchPlace>) {
        let mut index = Index::default();
        let mut places = Vec::new();
        let (mut offset_delta, mut position) = (0, 0);
        for (records, bytes, max_timestamp) in batches {
            let place = BatchPlace {
                offset_delta,
                position,
                bytes: *bytes,
                max_timestamp: *max_timestamp,
            };
            index.note(place, interval_bytes);
            places.push(place);
            offset_delta += records;
            position += bytes;
        }
        (index, places)
    }

    fn some_batches() -> impl Strategy<Value = Vec<(u64, u64, i64)>> {
        prop::collection::vec((1..50_u64, 61..3_000_u64, 0..1_000_i64), 1..80)
    }

    proptest! {
        #[test]
        fn lookup_by_offset_never_passes_the_batch(batches in some_batches(), interval in 0..8_000_u64) {
            let (index, places) = filled(&batches, interval);
            for place in &places {
                let entry = index.by_offset(place.offset_delta);
                prop_assert!(u64::from(entry.position) <= place.position);
                prop_assert!(place.position - u64::from(entry.position) <= interval + 3_000);
                prop_assert!(places.iter().any(|other| other.position == u64::from(entry.position)));
            }
        }

        #[test]
        fn lookup_by_timestamp_skips_nothing(batches in some_batches(), timestamp in 0..1_000_i64) {
            let (index, places) = filled(&batches, 4_096);
            let from = u64::from(index.by_timestamp(timestamp).position);
            prop_assert!(places.iter().all(|place| place.position >= from || place.max_timestamp < timestamp));
        }

        #[test]
        fn stored_entries_return(batches in some_batches(), base_offset: u32) {
            let (index, places) = filled(&batches, 4_096);
            let base_offset = i64::from(base_offset);
            let mut bytes = index.encode_from(0, base_offset);
            let read = Index::decode(&bytes, base_offset, index.end_position());
            prop_assert_eq!(&read.entries, &index.entries);
            prop_assert!(Index::decode(&bytes, base_offset + 1, index.end_position()).entries.is_empty());
            prop_assert!(Index::decode_sealed(&bytes, base_offset, index.end_position()).is_none());
            let last = places.last().unwrap();
            bytes.extend(index.encode_end(base_offset + i64::try_from(last.offset_delta).unwrap() + 1, base_offset));
            let sealed = Index::decode_sealed(&bytes, base_offset, index.end_position()).unwrap();
            prop_assert_eq!(&sealed.entries, &index.entries);
            prop_assert_eq!(sealed.max_timestamp(), index.max_timestamp());
        }

        #[test]
        fn a_damaged_entry_ends_the_index(batches in some_batches(), at: prop::sample::Index) {
            let (index, _) = filled(&batches, 1_000);
            let mut bytes = index.encode_from(0, 9);
            if bytes.is_empty() {
                return Ok(());
            }
            let at = at.index(bytes.len());
            bytes[at] ^= 0x10;
            let read = Index::decode(&bytes, 9, index.end_position());
            prop_assert_eq!(read.entries.len(), at / ENTRY_BYTES);
        }

        #[test]
        fn a_decoded_index_goes_on_like_the_original(batches in some_batches(), cut: prop::sample::Index) {
            let (index, places) = filled(&batches, 2_000);
            let cut = places[cut.index(places.len())].position;
            let mut again = Index::decode(&index.encode_from(0, 0), 0, cut);
            let end = again.end_position();
            for place in places.iter().filter(|place| place.position >= end) {
                again.note(*place, 2_000);
            }
            // The entry at the end of the decoded part exists already.
            prop_assert_eq!(&again.entries, &index.entries);
            prop_assert_eq!(again.max_timestamp(), index.max_timestamp());
        }
    }
}
