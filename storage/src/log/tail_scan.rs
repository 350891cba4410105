//! How the end of a log is found after a stop: which batches still count, and whether what is
//! missing may be cut or is damage. Pure.
//!
//! Only bytes beyond the known durable end may be cut. Anything invalid below it was once
//! acknowledged: that partition is refused, loudly, and never shortened.

use protocol::records::{BatchError, BatchHeader, check_crc};
use thiserror::Error;

use crate::journal::format::EntryHeader;

/// Walks over the batches of one segment from a known boundary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TailScan {
    position: u64,
    next_offset: i64,
    /// Batches that begin before it may leave offsets out: compaction does.
    gaps_below: i64,
}

/// What stands at the position of a [`TailScan`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A batch that counts; the scan has moved behind it.
    Batch(BatchHeader),
    /// So many bytes from the position on are needed to judge.
    NeedsBytes(usize),
    /// No batch that counts: the log ends here.
    End(EndReason),
}

/// Why no batch counts from here on.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EndReason {
    #[error("end of the file")]
    EndOfFile,
    #[error("zeros, as after preallocation")]
    Zeros,
    #[error(transparent)]
    NotABatch(#[from] BatchError),
    #[error("base offset {got} where {expected} must follow")]
    Discontinuous { expected: i64, got: i64 },
    #[error("offsets of the batch go back by {0}")]
    NegativeDelta(i32),
    #[error("batch of {bytes} bytes is larger than the {left} bytes left of the file")]
    BeyondFile { bytes: u64, left: u64 },
}

impl TailScan {
    #[must_use]
    pub fn new(position: u64, next_offset: i64, gaps_below: i64) -> Self {
        Self {
            position,
            next_offset,
            gaps_below,
        }
    }

    /// Judges what begins at the position. `window` holds the bytes from there on, as many as the
    /// caller has; `file_bytes` is where the file ends.
    pub fn step(&mut self, window: &[u8], file_bytes: u64) -> Found {
        match self.judge(window, file_bytes) {
            Ok(Ok(header)) => {
                self.position += header.size_bytes() as u64;
                self.next_offset = header.next_offset();
                Found::Batch(header)
            }
            Ok(Err(needed)) => Found::NeedsBytes(needed),
            Err(reason) => Found::End(reason),
        }
    }

    fn judge(
        &self,
        window: &[u8],
        file_bytes: u64,
    ) -> Result<Result<BatchHeader, usize>, EndReason> {
        use protocol::records::BATCH_HEADER_BYTES;
        let left = file_bytes.saturating_sub(self.position);
        if left < BATCH_HEADER_BYTES as u64 {
            return Err(EndReason::EndOfFile);
        }
        let Some(front) = window.get(..BATCH_HEADER_BYTES) else {
            return Ok(Err(BATCH_HEADER_BYTES));
        };
        if front.iter().all(|byte| *byte == 0) {
            return Err(EndReason::Zeros);
        }
        let header = BatchHeader::parse(front)?;
        let gap = self.next_offset..self.gaps_below;
        if header.base_offset != self.next_offset && !gap.contains(&header.base_offset) {
            return Err(EndReason::Discontinuous {
                expected: self.next_offset,
                got: header.base_offset,
            });
        }
        if header.last_offset_delta < 0 {
            return Err(EndReason::NegativeDelta(header.last_offset_delta));
        }
        let bytes = header.size_bytes();
        if bytes as u64 > left {
            return Err(EndReason::BeyondFile {
                bytes: bytes as u64,
                left,
            });
        }
        let Some(batch) = window.get(..bytes) else {
            return Ok(Err(bytes));
        };
        check_crc(batch, &header)?;
        Ok(Ok(header))
    }

    /// Where the valid batches end.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The offset after the last valid batch.
    #[must_use]
    pub fn next_offset(&self) -> i64 {
        self.next_offset
    }
}

/// Which records of a partition are known to have been durable, gathered from its journal
/// entries in the order of their sequences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DurableEnd(i64);

impl DurableEnd {
    /// Notes an entry of a commit that counts.
    pub fn note(&mut self, entry: &EntryHeader) {
        self.note_offset(entry.durable_offset);
        // Carried whole, and everything before it is durable: so is what it carries.
        if entry.is_whole() && entry.append_offset <= self.0 {
            self.note_offset(entry.end_offset);
        }
    }

    /// Notes that everything before an offset was durable.
    pub fn note_offset(&mut self, durable_offset: i64) {
        self.0 = self.0.max(durable_offset);
    }

    /// First offset of which that is not known.
    #[must_use]
    pub fn offset(self) -> i64 {
        self.0
    }
}

/// An acknowledged part of a log is not there any more.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "acknowledged records are damaged: those before offset {durable_offset} were durable, valid batches end at offset {end_offset}, byte {position} of segment {segment_base} ({reason})"
)]
pub struct Damaged {
    pub segment_base: i64,
    pub position: u64,
    pub end_offset: i64,
    pub durable_offset: i64,
    pub reason: EndReason,
}

impl Damaged {
    /// What was durable, in the text of such an error: a note in the partition's directory says it
    /// when the journals that knew it have been emptied.
    pub(crate) fn durable_offset_in(text: &str) -> Option<i64> {
        let (_, behind) = text.split_once("those before offset ")?;
        behind.split_once(" were durable")?.0.parse().ok()
    }
}

/// Whether the log may be cut where its valid batches end.
///
/// # Errors
/// Records that were durable would be lost.
pub fn judge_cut(
    segment_base: i64,
    scan: &TailScan,
    durable: DurableEnd,
    reason: EndReason,
) -> Result<(), Damaged> {
    if scan.next_offset() >= durable.offset() {
        return Ok(());
    }
    Err(Damaged {
        segment_base,
        position: scan.position(),
        end_offset: scan.next_offset(),
        durable_offset: durable.offset(),
        reason,
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;
    use protocol::records::{BatchBuilder, BatchOptions, patch_base_offset};
    use protocol::types::Uuid;

    use super::*;
    use crate::log::units::to_usize;

    #[test]
    fn what_was_durable_returns_from_the_text_of_the_damage() {
        let damaged = Damaged {
            segment_base: 7,
            position: 90,
            end_offset: 11,
            durable_offset: 23,
            reason: EndReason::Zeros,
        };
        let text = format!("/data/orders-3: {damaged}\n");
        assert_eq!(Damaged::durable_offset_in(&text), Some(23));
        assert_eq!(Damaged::durable_offset_in("a repair is under way"), None);
    }

    pub(crate) fn batch(base_offset: i64, value: &[u8]) -> Vec<u8> {
        let mut builder = BatchBuilder::new(BatchOptions::default());
        builder.append(1_000, None, Some(value), &[]);
        let mut bytes = builder.build().to_vec();
        patch_base_offset(&mut bytes, base_offset, 0);
        bytes
    }

    fn scan(log: &[u8]) -> (TailScan, EndReason) {
        let mut scan = TailScan::new(0, 0, 0);
        loop {
            let at = usize::try_from(scan.position()).unwrap();
            match scan.step(&log[at..], log.len() as u64) {
                Found::Batch(_) => {}
                Found::NeedsBytes(_) => panic!("the window holds the whole file"),
                Found::End(reason) => return (scan, reason),
            }
        }
    }

    #[test]
    fn padding_ends_the_log() {
        let log = [batch(0, b"a"), batch(1, b"b"), vec![0; 500]].concat();
        let (scan, reason) = scan(&log);
        assert_eq!((scan.next_offset(), reason), (2, EndReason::Zeros));
        assert_eq!(scan.position(), log.len() as u64 - 500);
    }

    #[test]
    fn a_batch_that_does_not_follow_ends_the_log() {
        let log = [batch(0, b"a"), batch(5, b"b")].concat();
        let (scan, reason) = scan(&log);
        assert_eq!(scan.next_offset(), 1);
        assert_eq!(
            reason,
            EndReason::Discontinuous {
                expected: 1,
                got: 5
            }
        );
    }

    #[test]
    fn compaction_leaves_gaps() {
        let log = [batch(0, b"a"), batch(5, b"b"), batch(9, b"c")].concat();
        let mut scan = TailScan::new(0, 0, 9);
        let mut found = Vec::new();
        while let Found::Batch(header) =
            scan.step(&log[to_usize(scan.position())..], log.len() as u64)
        {
            found.push(header.base_offset);
        }
        assert_eq!(found, [0, 5]);
    }

    #[test]
    fn a_short_window_asks_for_more() {
        let log = batch(0, &[7; 300]);
        let mut scan = TailScan::new(0, 0, 0);
        assert_eq!(
            scan.step(&log[..10], log.len() as u64),
            Found::NeedsBytes(61)
        );
        assert_eq!(
            scan.step(&log[..100], log.len() as u64),
            Found::NeedsBytes(log.len())
        );
        assert!(matches!(scan.step(&log, log.len() as u64), Found::Batch(_)));
    }

    /// An append of ten records; a large one is carried only from its last page on.
    fn entry(append_offset: i64, durable_offset: i64, large: bool) -> EntryHeader {
        EntryHeader {
            topic_id: Uuid::ZERO,
            partition: 0,
            segment_base: 0,
            append_position: 0,
            byte_position: if large { 65_536 } else { 0 },
            append_offset,
            end_offset: append_offset + 10,
            durable_offset,
            bytes: 50,
        }
    }

    #[test]
    fn a_large_append_counts_as_durable_only_when_a_later_entry_says_so() {
        let mut durable = DurableEnd::default();
        durable.note(&entry(100, 100, false));
        assert_eq!(durable.offset(), 110);
        durable.note(&entry(110, 110, true));
        durable.note(&entry(120, 110, false));
        assert_eq!(durable.offset(), 110);
        durable.note(&entry(130, 120, false));
        assert_eq!(durable.offset(), 120);
        durable.note(&entry(140, 140, false));
        assert_eq!(durable.offset(), 150);
    }

    #[test]
    fn damage_below_the_durable_end_is_not_cut() {
        let mut durable = DurableEnd::default();
        durable.note_offset(5);
        assert!(judge_cut(0, &TailScan::new(999, 4, 0), durable, EndReason::Zeros).is_err());
        assert!(judge_cut(0, &TailScan::new(999, 5, 0), durable, EndReason::Zeros).is_ok());
    }

    proptest! {
        /// Whatever happens to the bytes, what counts is a prefix of what was written.
        #[test]
        fn a_damaged_log_keeps_a_prefix(count in 1..8_i64, at: prop::sample::Index, flip in 1..=255_u8, cut: prop::sample::Index) {
            let batches: Vec<Vec<u8>> = (0..count).map(|offset| batch(offset, &[b'v'; 40])).collect();
            let whole = batches.concat();
            let mut log = whole.clone();
            let at = at.index(log.len());
            log[at] ^= flip;
            log.truncate(cut.index(log.len() + 1));
            let (scan, _) = scan(&log);
            let end = usize::try_from(scan.position()).unwrap();
            // The leader epoch is outside the checksum, so it may differ.
            let intact = |bytes: &[u8]| bytes.chunks(batches[0].len()).map(|one| [&one[..12], &one[16..]].concat()).collect::<Vec<_>>();
            prop_assert_eq!(intact(&log[..end]), intact(&whole[..end]));
            let before_damage = at.min(log.len()) / batches[0].len();
            prop_assert!(end >= before_damage * batches[0].len());
        }
    }
}
