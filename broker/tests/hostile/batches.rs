//! Record batches that are not what they say.

use bytes::Bytes;
use protocol::error_code::ErrorCode;
use protocol::messages::init_producer_id_request::InitProducerIdRequest;
use protocol::records::{
    BatchBuilder, BatchHeader, BatchOptions, Compression, TimestampType, compress,
    set_max_timestamp,
};

use crate::broker::{Broker, HONEST};
use crate::requests;

/// Where the fields of a batch's header lie.
const BATCH_LENGTH: usize = 8;
const MAGIC: usize = 16;
const CRC: usize = 17;
const ATTRIBUTES: usize = 21;
const LAST_OFFSET_DELTA: usize = 23;
const RECORDS_COUNT: usize = 57;
const RECORDS: usize = 61;

/// A valid batch of one record, to be broken.
fn valid() -> Vec<u8> {
    requests::batch(&[(Some(b"key"), Some(b"value"))]).to_vec()
}

fn set<const N: usize>(batch: &mut [u8], place: usize, value: [u8; N]) {
    batch[place..place + N].copy_from_slice(&value);
}

/// Makes length and CRC right again, so that what is broken is looked at.
fn sealed(mut batch: Vec<u8>) -> Bytes {
    let length = i32::try_from(batch.len() - 12).unwrap();
    set(&mut batch, BATCH_LENGTH, length.to_be_bytes());
    let max_timestamp = BatchHeader::parse(&batch).unwrap().max_timestamp;
    set_max_timestamp(&mut batch, TimestampType::CreateTime, max_timestamp);
    batch.into()
}

/// A batch with `change` made to a valid one.
fn broken(change: impl FnOnce(&mut Vec<u8>)) -> Bytes {
    let mut batch = valid();
    change(&mut batch);
    sealed(batch)
}

/// A batch whose one record is these bytes.
fn with_records(records: &[u8]) -> Bytes {
    broken(|batch| {
        batch.truncate(RECORDS);
        batch.extend_from_slice(records);
    })
}

/// Each batch must be refused with its code, and nothing appended.
fn are_refused(broker: &Broker, topic: &str, batches: Vec<(&str, Bytes, ErrorCode)>) {
    let mut client = broker.client();
    let before = client.fetch(topic, 0).high_watermark;
    for (what, batch, code) in batches {
        let answer = client.produce(topic, batch);
        let got = ErrorCode::from_code(answer.error_code);
        assert_eq!(got, Some(code), "{what}: {:?}", answer.error_message);
        assert_eq!(answer.base_offset, -1, "{what}");
    }
    assert_eq!(
        client.fetch(topic, 0).high_watermark,
        before,
        "something was appended"
    );
}

#[test]
fn broken_batch_headers_are_refused() {
    let broker = Broker::start();
    let (corrupt, invalid) = (ErrorCode::CorruptMessage, ErrorCode::InvalidRecord);
    let with = |place: usize, value: [u8; 4]| {
        let mut batch = valid();
        set(&mut batch, place, value);
        Bytes::from(batch)
    };
    let length = |length: i32| with(BATCH_LENGTH, length.to_be_bytes());
    let magic = |magic: i8| {
        let mut batch = valid();
        set(&mut batch, MAGIC, magic.to_be_bytes());
        Bytes::from(batch)
    };
    let count = |count: i32| broken(|batch| set(batch, RECORDS_COUNT, count.to_be_bytes()));
    let attributes = |bits: i16| broken(|batch| set(batch, ATTRIBUTES, bits.to_be_bytes()));
    let delta = |delta: i32| broken(|batch| set(batch, LAST_OFFSET_DELTA, delta.to_be_bytes()));
    let twice = Bytes::from([valid(), valid()].concat());
    let half = Bytes::from([&valid()[..], &valid()[..40]].concat());
    are_refused(
        &broker,
        HONEST,
        vec![
            ("wrong crc", with(CRC, [1, 2, 3, 4]), corrupt),
            ("magic 0", magic(0), invalid),
            ("magic 1", magic(1), invalid),
            ("magic 3", magic(3), corrupt),
            ("magic 127", magic(127), corrupt),
            ("magic -1", magic(-1), corrupt),
            ("two batches", twice, invalid),
            ("a batch and a half", half, invalid),
            ("no bytes", Bytes::new(), invalid),
            ("a few bytes", Bytes::from(valid()).slice(..20), invalid),
            ("length 48", length(48), corrupt),
            ("negative length", length(-1), corrupt),
            ("length beyond the bytes", length(1_000_000), invalid),
            ("greatest length", length(i32::MAX), invalid),
            ("count 2 of 1", count(2), invalid),
            ("count 0", count(0), invalid),
            ("negative count", count(-1), invalid),
            ("greatest count", count(i32::MAX), invalid),
            ("least count", count(i32::MIN), invalid),
            ("last delta 1 of 1", delta(1), invalid),
            ("control", attributes(1 << 5), invalid),
            ("codec 5", attributes(5), invalid),
            ("codec 6", attributes(6), invalid),
            ("codec 7", attributes(7), invalid),
            (
                "transactional without a producer id",
                attributes(1 << 4),
                invalid,
            ),
        ],
    );
    let mut client = broker.client();
    let response = client.call(9, &requests::produce(HONEST, -1, vec![(0, None)]));
    let code = response.responses[0].partition_responses[0].error_code;
    assert_eq!(code, invalid.code(), "null records");
    broker.is_unharmed();
}

#[test]
fn a_great_count_that_agrees_with_its_delta_is_not_believed() {
    let broker = Broker::start();
    let batch = broken(|batch| {
        set(batch, RECORDS_COUNT, i32::MAX.to_be_bytes());
        set(batch, LAST_OFFSET_DELTA, (i32::MAX - 1).to_be_bytes());
    });
    are_refused(
        &broker,
        HONEST,
        vec![("2^31-1 of 1", batch, ErrorCode::InvalidRecord)],
    );
    broker.is_unharmed();
}

#[test]
fn broken_records_are_refused() {
    let broker = Broker::start();
    let invalid = ErrorCode::InvalidRecord;
    // length, attributes, timestamp delta, offset delta, key, value, headers; all zigzag
    let cases: [(&str, &[u8]); 13] = [
        ("no record at all", &[]),
        ("record length 0", &[0, 0, 0, 0, 1, 1, 0]),
        ("negative record length", &[1, 0, 0, 0, 1, 1, 0]),
        ("record length beyond the batch", &[0x7e, 0, 0, 0, 1, 1, 0]),
        ("record length short of the record", &[8, 0, 0, 0, 1, 1, 0]),
        (
            "record length of six bytes",
            &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0],
        ),
        ("offset delta 1", &[12, 0, 0, 2, 1, 1, 0]),
        ("negative offset delta", &[12, 0, 0, 1, 1, 1, 0]),
        ("key length beyond the record", &[12, 0, 0, 0, 0x40, 1, 0]),
        ("header count -1", &[12, 0, 0, 0, 1, 1, 1]),
        ("header count beyond the record", &[12, 0, 0, 0, 1, 1, 0x7e]),
        ("null header key", &[16, 0, 0, 0, 1, 1, 2, 1, 1]),
        ("header key -5", &[16, 0, 0, 0, 1, 1, 2, 9, 1]),
    ];
    let batches = cases.map(|(what, records)| (what, with_records(records), invalid));
    are_refused(&broker, HONEST, batches.to_vec());
    let left_over = with_records(&[12, 0, 0, 0, 1, 1, 0, 12, 0, 0, 2, 1, 1, 0]);
    are_refused(
        &broker,
        HONEST,
        vec![("a record too many", left_over, invalid)],
    );
    // to Kafka, any negative length of a key is null
    let answer = broker
        .client()
        .produce(HONEST, with_records(&[12, 0, 0, 0, 9, 1, 0]));
    assert_eq!(answer.error_code, 0, "{answer:?}");
    broker.is_unharmed();
}

#[test]
fn timestamps_out_of_range_are_refused_with_their_record() {
    let broker = Broker::start();
    let now = requests::now_ms();
    let at = |timestamp: i64, timestamp_type| {
        let options = BatchOptions {
            timestamp_type,
            ..BatchOptions::default()
        };
        let mut builder = BatchBuilder::new(options);
        builder.append(timestamp, Some(b"k"), Some(b"v"), &[]);
        builder.build()
    };
    let invalid = ErrorCode::InvalidTimestamp;
    let create = TimestampType::CreateTime;
    are_refused(
        &broker,
        HONEST,
        vec![
            ("two hours ahead", at(now + 7_200_000, create), invalid),
            ("the end of time", at(i64::MAX, create), invalid),
            ("-2", at(-2, create), invalid),
            (
                "the broker's own type",
                at(now, TimestampType::LogAppendTime),
                invalid,
            ),
        ],
    );
    let answer = broker.client().produce(HONEST, at(i64::MAX, create));
    assert_eq!(answer.record_errors[0].batch_index, 0);
    assert_eq!(
        broker.client().produce(HONEST, at(0, create)).error_code,
        0,
        "1970 is allowed"
    );
    broker.is_unharmed();
}

#[test]
fn batches_larger_than_allowed_are_refused() {
    let broker = Broker::start();
    let large = vec![1; 1_100_000];
    let batch = requests::batch(&[(None, Some(&large))]);
    are_refused(
        &broker,
        HONEST,
        vec![("1.1 MB", batch.clone(), ErrorCode::MessageTooLarge)],
    );
    broker.create_topic(
        "segments",
        &[
            ("max.message.bytes", "3000000"),
            ("segment.bytes", "1048576"),
        ],
    );
    are_refused(
        &broker,
        "segments",
        vec![("more than a segment", batch, ErrorCode::RecordListTooLarge)],
    );
    broker.is_unharmed();
}

#[test]
fn a_compacted_topic_refuses_null_keys() {
    let broker = Broker::start();
    broker.create_topic("compacted", &[("cleanup.policy", "compact")]);
    let plain = requests::batch(&[(Some(b"k"), Some(b"v")), (None, Some(b"v"))]);
    let options = BatchOptions {
        compression: Compression::Gzip,
        ..BatchOptions::default()
    };
    let packed = requests::batch_with(options, &[(None, Some(b"v"))]);
    let invalid = ErrorCode::InvalidRecord;
    are_refused(
        &broker,
        "compacted",
        vec![("plain", plain, invalid), ("packed", packed, invalid)],
    );
    broker.is_unharmed();
}

#[test]
fn idempotence_is_checked() {
    let broker = Broker::start();
    broker.create_topic("sequences", &[]);
    let mut client = broker.client();
    let request = InitProducerIdRequest {
        transactional_id: None,
        producer_id: -1,
        producer_epoch: -1,
        ..InitProducerIdRequest::default()
    };
    let producer_id = client.call(4, &request).producer_id;
    assert!(producer_id >= 0);
    let batch = |producer_id: i64, producer_epoch: i16, base_sequence: i32| {
        let options = BatchOptions {
            producer_id,
            producer_epoch,
            base_sequence,
            ..BatchOptions::default()
        };
        requests::batch_with(options, &[(Some(b"k"), Some(b"v"))])
    };
    let first = client.produce("sequences", batch(producer_id, 1, 0));
    assert_eq!((first.error_code, first.base_offset), (0, 0));
    let again = client.produce("sequences", batch(producer_id, 1, 0));
    assert_eq!(
        (again.error_code, again.base_offset),
        (0, 0),
        "a duplicate has its old offset"
    );
    are_refused(
        &broker,
        "sequences",
        vec![
            (
                "a gap",
                batch(producer_id, 1, 5),
                ErrorCode::OutOfOrderSequenceNumber,
            ),
            (
                "an old epoch",
                batch(producer_id, 0, 1),
                ErrorCode::InvalidProducerEpoch,
            ),
            (
                "no sequence",
                batch(producer_id, 1, -1),
                ErrorCode::InvalidRecord,
            ),
            (
                "no epoch",
                batch(producer_id, -1, 1),
                ErrorCode::InvalidProducerEpoch,
            ),
        ],
    );
    broker.is_unharmed();
}

#[test]
fn zstd_needs_a_version_that_knows_it() {
    let broker = Broker::start();
    let options = BatchOptions {
        compression: Compression::Zstd,
        ..BatchOptions::default()
    };
    let batch = requests::batch_with(options, &[(None, Some(b"v"))]);
    let request = requests::produce(HONEST, -1, vec![(0, Some(batch))]);
    let response = broker.client().call(6, &request);
    let code = response.responses[0].partition_responses[0].error_code;
    assert_eq!(code, ErrorCode::UnsupportedCompressionType.code());
    broker.is_unharmed();
}

/// A batch of this codec with these compressed bytes.
fn packed(codec: Compression, payload: &[u8]) -> Bytes {
    broken(|batch| {
        set(batch, ATTRIBUTES, codec.id().to_be_bytes());
        batch.truncate(RECORDS);
        batch.extend_from_slice(payload);
    })
}

#[test]
fn bombs_do_not_go_off() {
    let broker = Broker::start_with(&["millrace.decompressed.bytes.max=8388608"]);
    let codecs = [
        Compression::Gzip,
        Compression::Snappy,
        Compression::Lz4,
        Compression::Zstd,
    ];
    for codec in codecs {
        // the densest codecs unfold more; the batch must stay below max.message.bytes
        let unfolded = if codec == Compression::Snappy {
            16 << 20
        } else {
            40 << 20
        };
        // one record of a huge value, and nothing but zeros
        let record = requests::batch(&[(None, Some(&vec![0; unfolded]))]);
        let zeros = vec![0; unfolded];
        let packed = |bytes: &[u8]| {
            let mut payload = Vec::new();
            compress(codec, None, bytes, &mut payload).unwrap();
            packed(codec, &payload)
        };
        let (record, zeros) = (packed(&record[RECORDS..]), packed(&zeros));
        assert!(record.len() < 1_000_000, "{codec:?}: {}", record.len());
        let (large, invalid) = (ErrorCode::MessageTooLarge, ErrorCode::InvalidRecord);
        let name = codec.name();
        are_refused(
            &broker,
            HONEST,
            vec![(name, record, large), (name, zeros, invalid)],
        );
    }
    broker.is_unharmed();
}

#[test]
fn malformed_compression_is_refused() {
    let broker = Broker::start();
    let invalid = ErrorCode::InvalidRecord;
    let xerial = b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01";
    let negative_chunk = [&xerial[..], &[0xff, 0xff, 0xff, 0xfe, 1, 2, 3]].concat();
    let great_chunk = [&xerial[..], &[0, 0, 0, 5, 0xff, 0xff, 0xff, 0xff, 0x0f]].concat();
    // a zstd frame whose window has 2 GiB, with an empty last block
    let great_window = [0x28, 0xb5, 0x2f, 0xfd, 0, 0xa8, 1, 0, 0];
    let mut copy_from_before = Vec::new();
    compress(Compression::Lz4, None, &[b'a'; 1000], &mut copy_from_before).unwrap();
    let block = copy_from_before.len() - 12;
    copy_from_before[block..block + 4].fill(0xff);
    are_refused(
        &broker,
        HONEST,
        vec![
            (
                "negative snappy chunk",
                packed(Compression::Snappy, &negative_chunk),
                invalid,
            ),
            (
                "snappy length of 4 GiB",
                packed(Compression::Snappy, &great_chunk),
                invalid,
            ),
            (
                "zstd window of 2 GiB",
                packed(Compression::Zstd, &great_window),
                invalid,
            ),
            (
                "lz4 copy from before the start",
                packed(Compression::Lz4, &copy_from_before),
                invalid,
            ),
            ("no gzip", packed(Compression::Gzip, b"not gzip"), invalid),
            ("nothing", packed(Compression::Gzip, b""), invalid),
        ],
    );
    broker.is_unharmed();
}

#[test]
fn many_producers_are_bounded_by_the_setting() {
    let broker = Broker::start_with(&["millrace.producers.max=1000"]);
    let mut client = broker.client();
    for producer_id in 0..3_000 {
        let options = BatchOptions {
            producer_id,
            producer_epoch: 0,
            base_sequence: 0,
            ..BatchOptions::default()
        };
        let batch = requests::batch_with(options, &[(None, Some(b"v"))]);
        let request = requests::produce(HONEST, 1, vec![(0, Some(batch))]);
        client.send_request(9, &request);
        if producer_id % 30 == 29 {
            for _ in 0..30 {
                let answer =
                    client.response::<protocol::messages::produce_request::ProduceRequest>(9);
                assert_eq!(answer.responses[0].partition_responses[0].error_code, 0);
            }
        }
    }
    broker.is_unharmed();
}
