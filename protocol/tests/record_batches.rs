//! Properties of record batches: what is built is accepted and read back, by us and by the crate
//! kafka-protocol, and no changed byte gets past the checks.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

use bytes::Bytes;
use kafka_protocol::records::RecordBatchDecoder;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use protocol::records::{
    BatchBuilder, BatchHeader, BatchIter, BatchOptions, Compression, Header, ProduceRules,
    RecordIter, check_crc, patch_base_offset, records_of, validate_produced,
};

const NOW: i64 = 1_700_000_000_000;
const CAP: usize = 1 << 24;

type OwnedHeader = (String, Option<Vec<u8>>);

#[derive(Debug, Clone)]
struct OwnedRecord {
    timestamp: i64,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Vec<OwnedHeader>,
}

fn bytes(length_max: usize) -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..length_max)
}

fn records() -> impl Strategy<Value = Vec<OwnedRecord>> {
    let record = (
        NOW - 1_000_000..NOW + 1_000_000,
        option::of(bytes(40)),
        option::of(bytes(300)),
        vec(("[a-z]{0,10}", option::of(bytes(20))), 0..4),
    );
    let record = record.prop_map(|(timestamp, key, value, headers)| OwnedRecord {
        timestamp,
        key,
        value,
        headers,
    });
    vec(record, 1..50)
}

fn options() -> impl Strategy<Value = BatchOptions> {
    let identity = prop_oneof![Just((-1, -1, -1)), (0..i64::MAX, 0..i16::MAX, 0..i32::MAX)];
    (0..5_i16, identity, any::<bool>()).prop_map(|(codec, identity, transactional)| {
        let (producer_id, producer_epoch, base_sequence) = identity;
        BatchOptions {
            compression: Compression::from_id(codec).unwrap(),
            producer_id,
            producer_epoch,
            base_sequence,
            is_transactional: transactional && producer_id >= 0,
            ..BatchOptions::default()
        }
    })
}

fn build(options: BatchOptions, records: &[OwnedRecord]) -> Bytes {
    let mut builder = BatchBuilder::new(options);
    for record in records {
        let headers: Vec<Header<'_>> = (record.headers.iter())
            .map(|(key, value)| Header {
                key: key.as_bytes(),
                value: value.as_deref(),
            })
            .collect();
        let (key, value) = (record.key.as_deref(), record.value.as_deref());
        builder.append(record.timestamp, key, value, &headers);
    }
    builder.build()
}

fn rules() -> ProduceRules {
    ProduceRules {
        now_ms: NOW,
        ..ProduceRules::default()
    }
}

proptest! {
    #[test]
    fn what_is_built_is_accepted_and_read_back(records in records(), options in options()) {
        let batch = build(options, &records);
        let valid = validate_produced(&batch, &rules()).unwrap();
        prop_assert_eq!(valid.rewrite, None);
        let header = valid.header;
        prop_assert_eq!(header.compression().unwrap(), options.compression);
        prop_assert_eq!(header.producer_id, options.producer_id);
        prop_assert_eq!(header.is_transactional(), options.is_transactional);
        prop_assert_eq!(header.base_timestamp, records[0].timestamp);
        let latest = records.iter().map(|record| record.timestamp).max();
        prop_assert_eq!(Some(header.max_timestamp), latest);

        let payload = records_of(&batch, &header, CAP).unwrap();
        let read: Vec<_> = RecordIter::new(&payload).map(Result::unwrap).collect();
        prop_assert_eq!(read.len(), records.len());
        for (index, (read, record)) in read.iter().zip(&records).enumerate() {
            prop_assert_eq!(usize::try_from(read.offset_delta).unwrap(), index);
            prop_assert_eq!(header.base_timestamp + read.timestamp_delta, record.timestamp);
            prop_assert_eq!(read.key, record.key.as_deref());
            prop_assert_eq!(read.value, record.value.as_deref());
            let headers: Vec<OwnedHeader> = (read.headers.into_iter())
                .map(|header| {
                    let key = String::from_utf8(header.key.to_vec()).unwrap();
                    (key, header.value.map(<[u8]>::to_vec))
                })
                .collect();
            prop_assert_eq!(&headers, &record.headers);
        }
        let total: usize = read.iter().map(|record| record.bytes.len()).sum();
        prop_assert_eq!(total, payload.len());
    }

    #[test]
    fn uncompressed_batches_are_what_the_oracle_reads(
        records in records(),
        options in options(),
        base_offset in 0..i64::MAX / 2,
    ) {
        let options = BatchOptions { compression: Compression::None, ..options };
        let mut batch = build(options, &records).to_vec();
        patch_base_offset(&mut batch, base_offset, 7);
        let read = RecordBatchDecoder::decode(&mut Bytes::from(batch)).unwrap().records;
        prop_assert_eq!(read.len(), records.len());
        for (offset, (read, record)) in (base_offset..).zip(read.iter().zip(&records)) {
            prop_assert_eq!(read.offset, offset);
            prop_assert_eq!(read.timestamp, record.timestamp);
            prop_assert_eq!(read.producer_id, options.producer_id);
            prop_assert_eq!(read.partition_leader_epoch, 7);
            prop_assert_eq!(read.key.as_deref(), record.key.as_deref());
            prop_assert_eq!(read.value.as_deref(), record.value.as_deref());
        }
    }

    #[test]
    fn a_changed_byte_is_refused_or_outside_the_crc(
        records in records(),
        options in options(),
        place: prop::sample::Index,
        change in 1..=u8::MAX,
    ) {
        let good = build(options, &records);
        let mut batch = good.to_vec();
        let at = place.index(batch.len());
        batch[at] ^= change;
        match validate_produced(&batch, &rules()) {
            Err(error) => prop_assert!(!(12..16).contains(&at), "{error}"),
            // the leader epoch is the broker's own and is overwritten
            Ok(valid) => {
                prop_assert!((12..16).contains(&at));
                patch_base_offset(&mut batch, 0, -1);
                prop_assert_eq!(batch, good.to_vec());
                prop_assert_eq!(valid.rewrite, None);
            }
        }
    }

    #[test]
    fn a_log_of_batches_is_walked_whole(parts in vec((records(), options()), 1..5)) {
        let mut log = Vec::new();
        let mut next = 0;
        let mut expected = Vec::new();
        for (records, options) in &parts {
            let mut batch = build(*options, records).to_vec();
            patch_base_offset(&mut batch, next, 3);
            expected.push((log.len(), next));
            log.extend(batch);
            next += i64::try_from(records.len()).unwrap();
        }
        let mut walked = Vec::new();
        for (position, header, batch) in BatchIter::new(&log) {
            check_crc(batch, &header).unwrap();
            prop_assert_eq!(header.next_offset() - header.base_offset, i64::from(header.records_count));
            walked.push((position, header.base_offset));
        }
        prop_assert_eq!(walked, expected);
    }
}

#[test]
fn every_single_bit_of_a_header_matters() {
    let mut builder = BatchBuilder::new(BatchOptions::default());
    builder.append(NOW, Some(b"key"), Some(b"value"), &[]);
    let good = builder.build();
    for at in (0..good.len()).filter(|at| !(12..16).contains(at)) {
        for bit in 0..8 {
            let mut batch = good.to_vec();
            batch[at] ^= 1 << bit;
            assert!(
                validate_produced(&batch, &rules()).is_err(),
                "byte {at} bit {bit}"
            );
        }
    }
    assert!(BatchHeader::parse(&good).is_ok());
}
