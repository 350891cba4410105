//! Damaged and invented bytes for everything that reads batches, Produce and Fetch: no panic, and
//! no more memory than the bytes received justify. Seeded; `MILLRACE_FUZZ_SECONDS` sets how long.
//! One test only: the allocator counts for the whole process.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]
#![expect(unsafe_code, reason = "counting needs an allocator of our own")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use protocol::codec::{Message, Writer};
use protocol::fetch::FetchRequest;
use protocol::messages::{fetch_request, produce_request};
use protocol::produce::{ProduceOutcome, ProduceRequest};
use protocol::records::{
    BatchBuilder, BatchHeader, BatchIter, BatchOptions, Compression, ControlRecord, ProduceRules,
    RecordIter, decompress, first_at_or_after, max_timestamp_record, records_of, set_max_timestamp,
    validate_produced,
};
use protocol::types::Uuid;

struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let live = LIVE.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(live, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the block came from `System.alloc` with this layout.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What `work` needed at most beyond what was live before.
fn peak_of<T>(work: impl FnOnce() -> T) -> usize {
    let before = LIVE.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    drop(work());
    PEAK.load(Ordering::Relaxed).saturating_sub(before)
}

struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit.max(1) as u64).unwrap()
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }

    /// Damages the bytes in one to four places.
    fn damage(&mut self, bytes: &mut Vec<u8>) {
        const NUMBERS: [i32; 8] = [-1, -2, 0, 1, i32::MIN, i32::MAX, 0x00ff_ffff, 1_000_000];
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len());
            match self.below(6) {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, self.byte()),
                2 if bytes.len() >= at + 4 => {
                    let number = NUMBERS[self.below(NUMBERS.len())];
                    bytes[at..at + 4].copy_from_slice(&number.to_be_bytes());
                }
                3 if bytes.len() >= at + 5 => {
                    bytes[at..at + 5].copy_from_slice(&[0xff, 0xff, 0xff, 0xff, 0x0f]);
                }
                4 => bytes.extend_from_within(at..),
                _ if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
                _ => bytes.push(self.byte()),
            }
        }
    }
}

const CAP: usize = 1 << 20;
/// Codecs have tables and windows of their own, whatever the input: lz4 blocks of 8 MiB twice.
const CODEC_BYTES: usize = 24 << 20;
const SMALL_BYTES: usize = 64 << 10;

fn batch(dice: &mut Dice) -> Vec<u8> {
    let options = BatchOptions {
        compression: Compression::ALL[dice.below(5)],
        is_control: dice.below(8) == 0,
        ..BatchOptions::default()
    };
    if options.is_control {
        let control = ControlRecord::LeaderChange {
            leader_id: 1,
            voters: vec![1, 2, 3],
            granting_voters: vec![1, 2],
        };
        return control.to_batch(1_000, options).to_vec();
    }
    let mut builder = BatchBuilder::new(options);
    for _ in 0..=dice.below(20) {
        let value = vec![dice.byte(); dice.below(200)];
        builder.append(1_000, Some(b"key"), Some(&value), &[]);
    }
    builder.build().to_vec()
}

/// Reads a batch in every way there is; its CRC may be right although its content is damaged.
fn read_batch(bytes: &[u8]) {
    for is_compacted in [false, true] {
        let rules = ProduceRules {
            is_compacted,
            now_ms: 1_000,
            decompressed_bytes_max: CAP,
            ..ProduceRules::default()
        };
        if let Err(error) = validate_produced(bytes, &rules) {
            let _code = error.code();
        }
    }
    for (_, header, batch) in BatchIter::new(bytes) {
        assert_eq!(batch.len(), header.size_bytes());
        let _found = first_at_or_after(batch, 900, 0, CAP);
        let _found = max_timestamp_record(batch, CAP);
        let _type = ControlRecord::type_of_batch(batch, &header, CAP);
        let Ok(payload) = records_of(batch, &header, CAP) else {
            continue;
        };
        assert!(payload.len() <= CAP.max(batch.len()));
        for record in RecordIter::new(&payload).map_while(Result::ok) {
            assert_eq!(record.headers.into_iter().count(), record.headers.len());
            let _control = ControlRecord::from_record(&record);
        }
    }
}

fn fuzz_batch(dice: &mut Dice) {
    let mut bytes = batch(dice);
    if dice.below(4) == 0 {
        bytes.extend(batch(dice));
    }
    dice.damage(&mut bytes);
    if let (Ok(header), true) = (BatchHeader::parse(&bytes), dice.below(4) > 0) {
        // with a right CRC the damage reaches the deeper checks
        set_max_timestamp(&mut bytes, header.timestamp_type(), header.max_timestamp);
    }
    let peak = peak_of(|| read_batch(&bytes));
    assert!(
        peak <= 4 * CAP + CODEC_BYTES,
        "{peak} bytes for {}",
        bytes.len()
    );
}

fn fuzz_codec(dice: &mut Dice) {
    let mut bytes = batch(dice);
    dice.damage(&mut bytes);
    for codec in Compression::ALL {
        let peak = peak_of(|| decompress(codec, bytes.get(61..).unwrap_or_default(), CAP));
        assert!(
            peak <= 4 * CAP + CODEC_BYTES,
            "{codec:?} takes {peak} bytes"
        );
    }
}

fn encoded(message: &impl Message, version: i16) -> Vec<u8> {
    let mut writer = Writer::new();
    message.encode(&mut writer, version);
    writer.freeze().to_vec()
}

fn fuzz_produce(dice: &mut Dice) {
    let version = 3 + i16::try_from(dice.below(11)).unwrap();
    let topic = produce_request::TopicProduceData {
        name: "topic".to_owned(),
        topic_id: Uuid::from_u128(7),
        partition_data: vec![
            produce_request::PartitionProduceData {
                index: 3,
                records: Some(vec![5; dice.below(100)].into()),
            };
            dice.below(4)
        ],
    };
    let request = produce_request::ProduceRequest {
        transactional_id: Some("txn".to_owned()),
        acks: -1,
        timeout_ms: 1_000,
        topic_data: vec![topic; dice.below(4)],
    };
    let mut bytes = encoded(&request, version);
    dice.damage(&mut bytes);
    let body = Bytes::from(bytes);
    let peak = peak_of(|| ProduceRequest::parse(body.clone(), version));
    assert!(
        peak <= 64 * body.len() + SMALL_BYTES,
        "{peak} bytes for {}",
        body.len()
    );
    let Ok(request) = ProduceRequest::parse(body.clone(), version) else {
        return;
    };
    let records: usize = (request.partitions.iter())
        .filter_map(|partition| request.records(partition))
        .map(|records| records.len())
        .sum();
    assert!(records <= body.len());
    let outcomes = vec![ProduceOutcome::appended(1, -1, 0); request.partitions.len()];
    request.write_response(&mut Writer::new(), version, &outcomes, &[], 0);
}

fn fuzz_fetch(dice: &mut Dice) {
    let version = 4 + i16::try_from(dice.below(15)).unwrap();
    let request = fetch_request::FetchRequest {
        cluster_id: Some("cluster".to_owned()),
        topics: vec![
            fetch_request::FetchTopic {
                topic: "topic".to_owned(),
                topic_id: Uuid::from_u128(7),
                partitions: vec![Default::default(); dice.below(5)],
            };
            dice.below(4)
        ],
        forgotten_topics_data: vec![
            fetch_request::ForgottenTopic {
                topic: "other".to_owned(),
                topic_id: Uuid::from_u128(8),
                partitions: vec![1, 2, 3],
            };
            dice.below(3)
        ],
        rack_id: "rack".to_owned(),
        ..Default::default()
    };
    let mut bytes = encoded(&request, version);
    dice.damage(&mut bytes);
    let body = Bytes::from(bytes);
    let peak = peak_of(|| FetchRequest::parse(body.clone(), version));
    assert!(
        peak <= 64 * body.len() + SMALL_BYTES,
        "{peak} bytes for {}",
        body.len()
    );
}

/// Counts that the bytes cannot hold, and a body that is all topics: the worst honest ratio.
fn huge_counts_cost_nothing() {
    for version in 3..=13 {
        for count in [
            [0x7f, 0xff, 0xff, 0xff],
            [0xff; 4],
            [0x00, 0x0f, 0x42, 0x40],
        ] {
            let front: &[u8] = if version >= 9 { &[0] } else { &[0xff, 0xff] };
            let body = [front, &[0, 1, 0, 0, 0, 1], &count].concat();
            let body = Bytes::from(body);
            assert!(peak_of(|| ProduceRequest::parse(body.clone(), version)) < 1_000);
        }
    }
    let mut writer = Writer::new();
    writer.raw(&[0, 0, 1, 0, 0, 0, 1]);
    writer.unsigned_varint(500_001);
    writer.raw(&[1, 1, 0].repeat(500_000));
    writer.empty_tagged_fields();
    let body = writer.freeze();
    let parse = || ProduceRequest::parse(body.clone(), 9);
    assert_eq!(parse().map(|request| request.topics.len()), Ok(500_000));
    let peak = peak_of(parse);
    assert!(peak <= 64 * body.len(), "{peak} bytes for {}", body.len());
}

fn bombs_stay_small() {
    let zeros = vec![0; 64 << 20];
    for codec in Compression::ALL.into_iter().skip(1) {
        let mut bomb = Vec::new();
        protocol::records::compress(codec, None, &zeros, &mut bomb).unwrap();
        let peak = peak_of(|| assert!(decompress(codec, &bomb, CAP).is_err()));
        assert!(
            peak <= 4 * CAP + CODEC_BYTES,
            "{codec:?} takes {peak} bytes"
        );
    }
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the loop is bounded by real time"
)]
fn hostile_bytes_cost_little_and_break_nothing() {
    huge_counts_cost_nothing();
    bombs_stay_small();
    let seconds = std::env::var("MILLRACE_FUZZ_SECONDS").ok();
    let seconds = seconds.map_or(5, |text| text.parse().expect("a number of seconds"));
    let (start, limit) = (Instant::now(), Duration::from_secs(seconds));
    let mut rounds = 0;
    while start.elapsed() < limit {
        let dice = &mut Dice(rounds);
        fuzz_batch(dice);
        fuzz_codec(dice);
        fuzz_produce(dice);
        fuzz_fetch(dice);
        rounds += 1;
    }
    println!("{rounds} rounds in {seconds} s");
}
