//! `FORMAT.md` says what the files are: its worked example is decoded with the broker's own code.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use protocol::records::{BatchHeader, RecordIter, check_crc, records_of};
use protocol::types::Uuid;
use storage::journal::format::{CommitHeader, PAGE_BYTES, Superblock, entries};
use storage::log::aborted::AbortedIndex;
use storage::log::index::Index;
use storage::log::partition_offsets::PartitionOffsets;
use storage::log::snapshot;

const DOCUMENT: &str = include_str!("../FORMAT.md");
const INCARNATION: u64 = 0x1122_3344_5566_7788;

/// The text of the block that begins with this line.
fn block(opening: &str) -> &'static str {
    let start = DOCUMENT.find(&format!("```{opening}\n")).unwrap();
    let block = &DOCUMENT[start + opening.len() + 4..];
    &block[..block.find("```").unwrap()]
}

fn bytes(name: &str) -> Vec<u8> {
    let digits = block(&format!("hex {name}")).split_whitespace();
    digits
        .map(|pair| u8::from_str_radix(pair, 16).unwrap())
        .collect()
}

#[test]
fn the_superblock_is_as_described() {
    let superblock = Superblock::decode(&bytes("superblock")).unwrap();
    let expected = Superblock {
        generation: 5,
        incarnation: INCARNATION,
        region_bytes: 1 << 20,
        live_start: 8192,
        next_sequence: 42,
        relaxed: false,
        prewritten: true,
    };
    assert_eq!(superblock, expected);
    assert_eq!(superblock.file_position(), PAGE_BYTES);
}

#[test]
fn the_commit_carries_the_batch() {
    let commit = bytes("commit");
    let header = CommitHeader::parse(&commit, INCARNATION).unwrap();
    assert!(header.is_whole(&commit));
    assert_eq!((header.sequence, header.bytes as usize), (42, commit.len()));
    let entries = entries(&commit, &header).unwrap();
    let [(entry, carried)] = entries[..] else {
        panic!("{entries:?}");
    };
    assert_eq!(carried, bytes("batch"));
    let id = Uuid::from_u128(0x0011_2233_4455_6677_8899_aabb_ccdd_eeff);
    assert_eq!((entry.topic_id, entry.partition), (id, 3));
    assert_eq!((entry.segment_base, entry.byte_position), (1000, 700));
    assert_eq!((entry.append_offset, entry.end_offset), (1010, 1011));
    assert_eq!(entry.durable_offset, 1010);
    assert!(entry.is_whole());
}

#[test]
fn the_batch_has_its_record() {
    let batch = bytes("batch");
    let header = BatchHeader::parse(&batch).unwrap();
    check_crc(&batch, &header).unwrap();
    assert_eq!(header.size_bytes(), batch.len());
    assert_eq!(
        (header.base_offset, header.partition_leader_epoch),
        (1010, 3)
    );
    assert_eq!((header.producer_id, header.base_sequence), (77, 0));
    let payload = records_of(&batch, &header, 1 << 10).unwrap();
    let record = RecordIter::new(&payload).next().unwrap().unwrap();
    assert_eq!(record.key, Some(&b"k"[..]));
    assert_eq!(record.value, Some(&b"v1"[..]));
}

#[test]
fn the_index_ends_with_its_segment() {
    let stored = bytes("index");
    let index = Index::decode_sealed(&stored, 1000, 8300).unwrap();
    let entry = index.by_offset(60);
    assert_eq!((entry.offset_delta, entry.position), (50, 4200));
    assert_eq!(Index::sealed_end(&stored, 1000, 8300), Some(1100));
    assert!(Index::decode_sealed(&stored, 1001, 8300).is_none());
}

#[test]
fn the_aborted_transaction_is_listed() {
    let listed = AbortedIndex::decode(&bytes("txnindex")).unwrap();
    let entry = listed.entries()[0];
    assert_eq!((entry.producer_id, entry.first_offset), (77, 1020));
    assert_eq!((entry.last_offset, entry.last_stable_offset), (1030, 1031));
}

#[test]
fn the_snapshot_has_its_producer() {
    let (point, producers) = snapshot::decode(&bytes("snapshot")).unwrap();
    assert_eq!((point.end_offset, point.segment_base), (1011, 1000));
    assert_eq!(point.position, 771);
    let (producer_id, producer) = producers.iter().next().unwrap();
    assert_eq!((producer_id, producer.epoch), (77, 0));
    let mark = producer.marks()[0];
    assert_eq!((mark.last_sequence, mark.last_offset), (0, 1010));
}

#[test]
fn the_partitions_offsets_are_accepted() {
    let offsets = PartitionOffsets::from_text(block("text offsets")).unwrap();
    assert_eq!(offsets.log_start, 1005);
    assert_eq!((offsets.first_dirty, offsets.gaps_below), (0, 0));
}
