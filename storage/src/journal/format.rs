//! The bytes of a journal: superblock pages, commits, and the entries inside a commit.
//! Pure: bytes in, values out; nothing here trusts a number that it reads.
//!
//! A commit is what one write carries: a header, then entries back to back, then zeros up to the
//! next page. One checksum covers all of it, so a commit counts as a whole or not at all; the
//! incarnation (a random number of the file) keeps user bytes from posing as a commit.

use protocol::types::Uuid;
use thiserror::Error;

/// Every write to the journal is a multiple of this, at a multiple of this.
pub const PAGE_BYTES: u64 = 4096;
/// The two superblock pages; the region of commits follows.
pub const SUPERBLOCKS_BYTES: u64 = 2 * PAGE_BYTES;
/// The front of a commit, before its entries.
pub const COMMIT_HEADER_BYTES: usize = 40;
/// The front of an entry, before the bytes that it carries.
pub const ENTRY_HEADER_BYTES: usize = 80;

const PAGE: usize = 4096;
const _: () = assert!(PAGE as u64 == PAGE_BYTES);
const SUPERBLOCK_MAGIC: u64 = u64::from_be_bytes(*b"MRJSUPER");
const COMMIT_MAGIC: u32 = u32::from_be_bytes(*b"MRJC");
const ENTRY_MAGIC: u32 = u32::from_be_bytes(*b"MRJE");
const FORMAT_VERSION: u32 = 1;
const SUPERBLOCK_BYTES: usize = 60;
const SUPERBLOCK_CRC_AT: usize = SUPERBLOCK_BYTES - 4;
const COMMIT_CRC_COVERS_FROM: usize = 8;
const FLAG_RELAXED: u32 = 1;
const FLAG_PREWRITTEN: u32 = 2;

/// Why bytes of a journal are not what they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FormatError {
    #[error("no superblock here")]
    NoSuperblock,
    #[error("superblock of format {version}, this version reads {FORMAT_VERSION}")]
    UnknownVersion { version: u32 },
    #[error("superblock says region of {region_bytes} bytes, which no journal has")]
    BadRegion { region_bytes: u64 },
    #[error("entry {index} of commit {sequence} is damaged although the checksum is right")]
    BadEntry { sequence: u64, index: u32 },
}

/// Where the live region begins. Two pages alternate, so that a torn write leaves the older one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Superblock {
    /// Rises by one with every superblock written; the higher valid one counts.
    pub generation: u64,
    /// Random number of this file, repeated in each commit.
    pub incarnation: u64,
    /// Bytes between the superblocks and the end of the file.
    pub region_bytes: u64,
    /// Logical position of the first live commit: it only rises, modulo `region_bytes` it is the
    /// place in the region.
    pub live_start: u64,
    /// Sequence of the commit at `live_start`.
    pub next_sequence: u64,
    /// The writer acknowledged before commits were durable.
    pub relaxed: bool,
    /// The whole region has been written once: every commit is a plain overwrite.
    pub prewritten: bool,
}

impl Superblock {
    /// The page that holds this superblock.
    #[must_use]
    pub fn encode(&self) -> [u8; PAGE] {
        let mut flags = 0;
        if self.relaxed {
            flags |= FLAG_RELAXED;
        }
        if self.prewritten {
            flags |= FLAG_PREWRITTEN;
        }
        let mut fields = Vec::with_capacity(SUPERBLOCK_BYTES);
        fields.extend_from_slice(&SUPERBLOCK_MAGIC.to_le_bytes());
        fields.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
        fields.extend_from_slice(&flags.to_le_bytes());
        for number in [
            self.generation,
            self.incarnation,
            self.region_bytes,
            self.live_start,
            self.next_sequence,
        ] {
            fields.extend_from_slice(&number.to_le_bytes());
        }
        fields.extend_from_slice(&crc32c::crc32c(&fields).to_le_bytes());
        let mut page = [0; PAGE];
        page[..SUPERBLOCK_BYTES].copy_from_slice(&fields);
        page
    }

    /// Reads one superblock page.
    ///
    /// # Errors
    /// The page holds none, or one of another format.
    pub fn decode(page: &[u8]) -> Result<Self, FormatError> {
        let fields = page
            .get(..SUPERBLOCK_BYTES)
            .ok_or(FormatError::NoSuperblock)?;
        let stored = u32_at(fields, SUPERBLOCK_CRC_AT);
        let right_crc = crc32c::crc32c(&fields[..SUPERBLOCK_CRC_AT]) == stored;
        if u64_at(fields, 0) != SUPERBLOCK_MAGIC || !right_crc {
            return Err(FormatError::NoSuperblock);
        }
        let version = u32_at(fields, 8);
        if version != FORMAT_VERSION {
            return Err(FormatError::UnknownVersion { version });
        }
        let flags = u32_at(fields, 12);
        let region_bytes = u64_at(fields, 32);
        if region_bytes == 0 || !region_bytes.is_multiple_of(PAGE_BYTES) {
            return Err(FormatError::BadRegion { region_bytes });
        }
        Ok(Self {
            generation: u64_at(fields, 16),
            incarnation: u64_at(fields, 24),
            region_bytes,
            live_start: u64_at(fields, 40),
            next_sequence: u64_at(fields, 48),
            relaxed: flags & FLAG_RELAXED != 0,
            prewritten: flags & FLAG_PREWRITTEN != 0,
        })
    }

    /// Of the two pages at the front of a journal, the one that counts.
    ///
    /// # Errors
    /// Neither page holds a superblock.
    pub fn newest(pages: &[u8]) -> Result<Self, FormatError> {
        let (first, second) = pages.split_at(pages.len().min(PAGE));
        match (Self::decode(first), Self::decode(second)) {
            (Ok(first), Ok(second)) if first.generation > second.generation => Ok(first),
            (_, Ok(second)) => Ok(second),
            (Ok(first), Err(_)) => Ok(first),
            (Err(error), Err(_)) => Err(error),
        }
    }

    /// Byte of the file at which this superblock is written.
    #[must_use]
    pub fn file_position(&self) -> u64 {
        (self.generation % 2) * PAGE_BYTES
    }
}

/// The front of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommitHeader {
    pub incarnation: u64,
    /// Rises by one from commit to commit.
    pub sequence: u64,
    /// Header and entries, without the padding.
    pub bytes: u32,
    pub entries_count: u32,
}

impl CommitHeader {
    /// Reads the header at the front of `page`; `None` when there is none of this file.
    #[must_use]
    pub fn parse(page: &[u8], incarnation: u64) -> Option<Self> {
        let fields = page.get(..COMMIT_HEADER_BYTES)?;
        let header = Self {
            incarnation: u64_at(fields, 8),
            sequence: u64_at(fields, 16),
            bytes: u32_at(fields, 24),
            entries_count: u32_at(fields, 28),
        };
        let ours = u32_at(fields, 0) == COMMIT_MAGIC
            && header.incarnation == incarnation
            && header.bytes as usize >= COMMIT_HEADER_BYTES;
        ours.then_some(header)
    }

    /// The space that the commit takes in the journal.
    #[must_use]
    pub fn padded_bytes(&self) -> u64 {
        u64::from(self.bytes).next_multiple_of(PAGE_BYTES)
    }

    /// The header with the checksum of itself and of `entries`, the bytes that follow it.
    #[must_use]
    pub fn encode<'a>(&self, entries: impl Iterator<Item = &'a [u8]>) -> [u8; COMMIT_HEADER_BYTES] {
        let mut fields = [0; COMMIT_HEADER_BYTES];
        fields[8..16].copy_from_slice(&self.incarnation.to_le_bytes());
        fields[16..24].copy_from_slice(&self.sequence.to_le_bytes());
        fields[24..28].copy_from_slice(&self.bytes.to_le_bytes());
        fields[28..32].copy_from_slice(&self.entries_count.to_le_bytes());
        let front = crc32c::crc32c(&fields[COMMIT_CRC_COVERS_FROM..]);
        let crc = entries.fold(front, crc32c::crc32c_append);
        fields[..4].copy_from_slice(&COMMIT_MAGIC.to_le_bytes());
        fields[4..8].copy_from_slice(&crc.to_le_bytes());
        fields
    }

    /// Whether `commit`, of at least [`Self::bytes`], has the right checksum.
    #[must_use]
    pub fn is_whole(&self, commit: &[u8]) -> bool {
        let Some(covered) = commit.get(COMMIT_CRC_COVERS_FROM..self.bytes as usize) else {
            return false;
        };
        crc32c::crc32c(covered) == u32_at(commit, 4)
    }
}

/// The front of an entry: which bytes of which segment it carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntryHeader {
    pub topic_id: Uuid,
    pub partition: i32,
    /// Base offset of the segment, which names its file.
    pub segment_base: i64,
    /// Byte of the segment at which the append began. What lies between this and
    /// `byte_position` went straight to the segment and may be missing there after a crash.
    pub append_position: u64,
    /// Byte of the segment at which the carried bytes begin.
    pub byte_position: u64,
    /// First offset of the append.
    pub append_offset: i64,
    /// The offset after the append.
    pub end_offset: i64,
    /// Everything before this offset was durable when the commit was made.
    pub durable_offset: i64,
    /// How many bytes the entry carries; may be zero.
    pub bytes: u32,
}

impl EntryHeader {
    #[must_use]
    pub fn encode(&self) -> [u8; ENTRY_HEADER_BYTES] {
        let mut fields = [0; ENTRY_HEADER_BYTES];
        fields[..4].copy_from_slice(&ENTRY_MAGIC.to_le_bytes());
        fields[4..8].copy_from_slice(&self.partition.to_le_bytes());
        fields[8..24].copy_from_slice(self.topic_id.as_bytes());
        fields[24..32].copy_from_slice(&self.segment_base.to_le_bytes());
        fields[32..40].copy_from_slice(&self.append_position.to_le_bytes());
        fields[40..48].copy_from_slice(&self.byte_position.to_le_bytes());
        fields[48..56].copy_from_slice(&self.append_offset.to_le_bytes());
        fields[56..64].copy_from_slice(&self.end_offset.to_le_bytes());
        fields[64..72].copy_from_slice(&self.durable_offset.to_le_bytes());
        fields[72..76].copy_from_slice(&self.bytes.to_le_bytes());
        fields
    }

    fn decode(fields: &[u8]) -> Option<Self> {
        let fields = fields.get(..ENTRY_HEADER_BYTES)?;
        let mut topic_id = [0; 16];
        topic_id.copy_from_slice(&fields[8..24]);
        let entry = Self {
            topic_id: Uuid::from_bytes(topic_id),
            partition: u32_at(fields, 4).cast_signed(),
            segment_base: u64_at(fields, 24).cast_signed(),
            append_position: u64_at(fields, 32),
            byte_position: u64_at(fields, 40),
            append_offset: u64_at(fields, 48).cast_signed(),
            end_offset: u64_at(fields, 56).cast_signed(),
            durable_offset: u64_at(fields, 64).cast_signed(),
            bytes: u32_at(fields, 72),
        };
        let ordered = entry.append_position <= entry.byte_position
            && entry.partition >= 0
            && entry.segment_base >= 0
            && entry.end_position() <= i64::MAX.cast_unsigned();
        (u32_at(fields, 0) == ENTRY_MAGIC && ordered).then_some(entry)
    }

    /// Whether it carries something of this partition.
    #[must_use]
    pub fn is_of(&self, topic_id: Uuid, partition: i32) -> bool {
        self.topic_id == topic_id && self.partition == partition
    }

    /// The whole append is in the entry.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.append_position == self.byte_position
    }

    /// Byte of the segment after the carried ones.
    #[must_use]
    pub fn end_position(&self) -> u64 {
        self.byte_position.saturating_add(u64::from(self.bytes))
    }
}

/// The entries of a commit whose checksum is right, in order.
///
/// # Errors
/// An entry does not add up: the writer was broken, or the checksum collided.
pub fn entries<'a>(
    commit: &'a [u8],
    header: &CommitHeader,
) -> Result<Vec<(EntryHeader, &'a [u8])>, FormatError> {
    let mut found = Vec::new();
    let mut rest = commit
        .get(COMMIT_HEADER_BYTES..header.bytes as usize)
        .unwrap_or_default();
    for index in 0..header.entries_count {
        let bad = FormatError::BadEntry {
            sequence: header.sequence,
            index,
        };
        let entry = EntryHeader::decode(rest).ok_or(bad)?;
        let end = ENTRY_HEADER_BYTES + entry.bytes as usize;
        let bytes = rest.get(ENTRY_HEADER_BYTES..end).ok_or(bad)?;
        rest = &rest[end..];
        found.push((entry, bytes));
    }
    Ok(found)
}

/// Callers have checked the length.
fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut field = [0; 4];
    field.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(field)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut field = [0; 8];
    field.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(field)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn superblock(generation: u64) -> Superblock {
        Superblock {
            generation,
            incarnation: 77,
            region_bytes: 64 * PAGE_BYTES,
            live_start: 3 * PAGE_BYTES,
            next_sequence: 9,
            relaxed: false,
            prewritten: true,
        }
    }

    fn entry(bytes: u32) -> EntryHeader {
        EntryHeader {
            topic_id: Uuid::from_bytes([7; 16]),
            partition: 3,
            segment_base: 1_000,
            append_position: 50,
            byte_position: 100,
            append_offset: 1_010,
            end_offset: 1_020,
            durable_offset: 1_005,
            bytes,
        }
    }

    fn commit(sequence: u64, carried: &[&[u8]]) -> Vec<u8> {
        let mut body = Vec::new();
        for bytes in carried {
            body.extend_from_slice(&entry(u32::try_from(bytes.len()).unwrap()).encode());
            body.extend_from_slice(bytes);
        }
        let header = CommitHeader {
            incarnation: 77,
            sequence,
            bytes: u32::try_from(COMMIT_HEADER_BYTES + body.len()).unwrap(),
            entries_count: u32::try_from(carried.len()).unwrap(),
        };
        let mut commit = header.encode([body.as_slice()].into_iter()).to_vec();
        commit.extend_from_slice(&body);
        commit
    }

    #[test]
    fn the_newer_superblock_counts() {
        let pages = [superblock(4).encode(), superblock(5).encode()].concat();
        assert_eq!(Superblock::newest(&pages), Ok(superblock(5)));
        let pages = [superblock(6).encode(), superblock(5).encode()].concat();
        assert_eq!(Superblock::newest(&pages), Ok(superblock(6)));
    }

    #[test]
    fn a_torn_superblock_leaves_the_older_one() {
        let mut pages = [superblock(4).encode(), superblock(5).encode()].concat();
        pages[PAGE + 20] ^= 1;
        assert_eq!(Superblock::newest(&pages), Ok(superblock(4)));
        pages[20] ^= 1;
        assert_eq!(Superblock::newest(&pages), Err(FormatError::NoSuperblock));
        assert_eq!(Superblock::newest(&[]), Err(FormatError::NoSuperblock));
    }

    #[test]
    fn generations_alternate_between_the_pages() {
        assert_eq!(superblock(4).file_position(), 0);
        assert_eq!(superblock(5).file_position(), PAGE_BYTES);
    }

    #[test]
    fn a_commit_of_another_file_is_no_commit() {
        let bytes = commit(1, &[b"abc"]);
        assert!(CommitHeader::parse(&bytes, 77).is_some());
        assert_eq!(CommitHeader::parse(&bytes, 78), None);
        assert_eq!(CommitHeader::parse(&bytes[..20], 77), None);
    }

    proptest! {
        #[test]
        fn a_commit_returns_its_entries(carried in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..8), sequence: u64) {
            let carried: Vec<&[u8]> = carried.iter().map(Vec::as_slice).collect();
            let bytes = commit(sequence, &carried);
            let header = CommitHeader::parse(&bytes, 77).unwrap();
            prop_assert!(header.is_whole(&bytes));
            prop_assert_eq!(header.sequence, sequence);
            let found: Vec<&[u8]> = entries(&bytes, &header).unwrap().into_iter().map(|(_, bytes)| bytes).collect();
            prop_assert_eq!(found, carried);
        }

        #[test]
        fn a_flipped_bit_makes_a_commit_invalid(body in prop::collection::vec(any::<u8>(), 1..300), at: prop::sample::Index, bit in 0..8) {
            let mut bytes = commit(5, &[&body]);
            let at = at.index(bytes.len());
            bytes[at] ^= 1_u8 << bit;
            let whole = CommitHeader::parse(&bytes, 77).is_some_and(|header| header.is_whole(&bytes));
            prop_assert!(!whole);
        }

        #[test]
        fn no_bytes_make_the_parser_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), entries_count: u32) {
            let _superblock = Superblock::newest(&bytes);
            let header = CommitHeader { incarnation: 0, sequence: 0, bytes: u32::try_from(bytes.len()).unwrap(), entries_count };
            let _whole = header.is_whole(&bytes);
            let _entries = entries(&bytes, &header);
        }
    }
}
