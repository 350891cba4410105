//! The hand-written Produce and Fetch codecs against the generated one and against the crate
//! kafka-protocol, for every version: the same bytes must mean the same to all three.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages as oracle;
use kafka_protocol::protocol::{Decodable, Encodable};
use protocol::addressing::{LeaderHint, NodeEndpoint, TopicRef};
use protocol::codec::{Message, Reader, Writer};
use protocol::error_code::ErrorCode;
use protocol::fetch::{
    AbortedTransaction, EpochEndOffset, FetchOutcome, FetchPiece, FetchRequest, FetchResponse,
    SnapshotId,
};
use protocol::messages::{fetch_request, fetch_response, produce_request, produce_response};
use protocol::produce::{ProduceOutcome, ProduceRequest};
use protocol::records::{RecordFault, RecordFaultKind};
use protocol::types::Uuid;

const SEEDS: u64 = 60;

/// Reproducible numbers (splitmix64).
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
        usize::try_from(self.next() % limit as u64).unwrap()
    }

    fn coin(&mut self) -> bool {
        self.below(2) == 0
    }

    fn i32(&mut self) -> i32 {
        i32::try_from(self.next() & 0x7fff_ffff).unwrap()
    }

    fn i64(&mut self) -> i64 {
        self.next().cast_signed()
    }

    fn uuid(&mut self) -> Uuid {
        Uuid::from_u128(u128::from(self.next()) << 64 | u128::from(self.next()))
    }

    fn text(&mut self, length_max: usize) -> String {
        let letters = ['a', 'Z', '.', '-', '_', '9', '\u{e9}'];
        let length = self.below(length_max + 1);
        (0..length)
            .map(|_| letters[self.below(letters.len())])
            .collect()
    }

    fn bytes(&mut self, length_max: usize) -> Bytes {
        let length = self.below(length_max + 1);
        (0..length).map(|_| self.next().to_le_bytes()[0]).collect()
    }

    fn some<T>(&mut self, value: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.coin().then(|| value(self))
    }

    fn list<T>(&mut self, count_max: usize, mut value: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let count = self.below(count_max + 1);
        (0..count).map(|_| value(self)).collect()
    }

    fn code(&mut self) -> ErrorCode {
        ErrorCode::ALL[self.below(ErrorCode::ALL.len())]
    }
}

fn encoded(message: &impl Message, version: i16) -> Bytes {
    let mut writer = Writer::new();
    message.encode(&mut writer, version);
    writer.freeze()
}

/// What the oracle writes after it has read the bytes; it must have read all of them.
fn through_oracle<T: Encodable + Decodable>(bytes: &Bytes, version: i16) -> Bytes {
    let mut rest = bytes.clone();
    let message = T::decode(&mut rest, version).unwrap();
    assert!(
        rest.is_empty(),
        "version {version} leaves {} bytes",
        rest.len()
    );
    let mut out = BytesMut::new();
    message.encode(&mut out, version).unwrap();
    out.freeze()
}

fn topic_ref(name: &str, id: Uuid, version: i16) -> TopicRef {
    if version >= 13 {
        TopicRef::Id(id)
    } else {
        TopicRef::Name(name.into())
    }
}

fn random_produce(dice: &mut Dice) -> produce_request::ProduceRequest {
    produce_request::ProduceRequest {
        transactional_id: dice.some(|dice| dice.text(20)),
        acks: [0, 1, -1, 7][dice.below(4)],
        timeout_ms: dice.i32(),
        topic_data: dice.list(4, |dice| produce_request::TopicProduceData {
            name: dice.text(30),
            topic_id: dice.uuid(),
            partition_data: dice.list(5, |dice| produce_request::PartitionProduceData {
                index: dice.i32(),
                records: dice.some(|dice| dice.bytes(300)),
            }),
        }),
    }
}

fn one_partition(records: Option<Bytes>) -> produce_request::ProduceRequest {
    produce_request::ProduceRequest {
        topic_data: vec![produce_request::TopicProduceData {
            name: "t".to_owned(),
            topic_id: Uuid::ZERO,
            partition_data: vec![produce_request::PartitionProduceData { index: 1, records }],
        }],
        ..Default::default()
    }
}

#[test]
fn produce_requests_of_every_version_are_walked_alike() {
    for version in 3..=13 {
        for seed in 0..SEEDS {
            let sent = random_produce(&mut Dice(seed));
            let body = encoded(&sent, version);
            assert_eq!(
                through_oracle::<oracle::ProduceRequest>(&body, version),
                body
            );

            let request = ProduceRequest::parse(body.clone(), version).unwrap();
            assert_eq!(request.transactional_id, sent.transactional_id);
            assert_eq!(
                (request.acks, request.timeout_ms),
                (sent.acks, sent.timeout_ms)
            );
            assert_eq!(request.topics.len(), sent.topic_data.len());
            for (topic, sent) in request.topics.iter().zip(&sent.topic_data) {
                assert_eq!(topic.topic, topic_ref(&sent.name, sent.topic_id, version));
                let partitions = &request.partitions[topic.partitions()];
                assert_eq!(partitions.len(), sent.partition_data.len());
                for (partition, sent) in partitions.iter().zip(&sent.partition_data) {
                    assert_eq!(partition.index, sent.index);
                    assert_eq!(request.records(partition), sent.records);
                    assert_eq!(request.records_slice(partition), sent.records.as_deref());
                    assert_eq!(request.topic_of(partition), &topic.topic);
                }
            }
            for length in 0..body.len() {
                assert!(ProduceRequest::parse(body.slice(..length), version).is_err());
            }
        }
    }
}

#[test]
fn records_of_a_produce_request_are_not_copied() {
    let sent = one_partition(Some(Bytes::from(vec![1; 5_000_000])));
    let body = encoded(&sent, 9);
    let request = ProduceRequest::parse(body.clone(), 9).unwrap();
    let records = request.records(&request.partitions[0]).unwrap();
    assert_eq!(records.len(), 5_000_000);
    assert!(body.as_ptr_range().contains(&records.as_ptr()));
}

#[test]
fn bytes_behind_a_request_are_ignored() {
    let body = encoded(&one_partition(None), 13);
    let longer = Bytes::from([body.as_ref(), &[9; 5]].concat());
    let partitions = |body| ProduceRequest::parse(body, 13).unwrap().partitions;
    assert_eq!(partitions(longer), partitions(body));
    let body = encoded(&random_fetch(&mut Dice(5)), 18);
    let longer = Bytes::from([body.as_ref(), &[9; 5]].concat());
    assert_eq!(
        FetchRequest::parse(longer, 18),
        FetchRequest::parse(body, 18)
    );
}

#[test]
fn unserved_versions_are_refused() {
    for version in [-1, 0, 2, 14, i16::MAX] {
        assert!(ProduceRequest::parse(Bytes::from(vec![0; 100]), version).is_err());
    }
    for version in [-1, 0, 3, 19, i16::MIN] {
        assert!(FetchRequest::parse(Bytes::from(vec![0; 100]), version).is_err());
    }
}

fn random_endpoints(dice: &mut Dice) -> Vec<NodeEndpoint> {
    dice.list(3, |dice| NodeEndpoint {
        node_id: dice.i32(),
        host: dice.text(20),
        port: dice.i32(),
        rack: dice.some(|dice| dice.text(5)),
    })
}

fn random_leader(dice: &mut Dice) -> Option<LeaderHint> {
    dice.some(|dice| LeaderHint {
        leader_id: dice.i32(),
        leader_epoch: dice.i32(),
    })
}

fn random_produce_outcome(dice: &mut Dice) -> ProduceOutcome {
    ProduceOutcome {
        error_code: dice.code(),
        base_offset: dice.i64(),
        log_append_time_ms: dice.i64(),
        log_start_offset: dice.i64(),
        record_errors: dice.list(3, |dice| RecordFault {
            index: dice.i32(),
            kind: RecordFaultKind::NoKey,
        }),
        error_message: dice.some(|dice| dice.text(40)),
        current_leader: random_leader(dice),
    }
}

fn expected_outcome(
    index: i32,
    outcome: &ProduceOutcome,
    version: i16,
) -> produce_response::PartitionProduceResponse {
    let mut expected = produce_response::PartitionProduceResponse {
        index,
        error_code: outcome.error_code.code(),
        base_offset: outcome.base_offset,
        log_append_time_ms: outcome.log_append_time_ms,
        ..Default::default()
    };
    if version >= 5 {
        expected.log_start_offset = outcome.log_start_offset;
    }
    if version >= 8 {
        expected.error_message = outcome.error_message.clone();
        expected.record_errors = outcome
            .record_errors
            .iter()
            .map(|fault| produce_response::BatchIndexAndErrorMessage {
                batch_index: fault.index,
                batch_index_error_message: Some(fault.kind.to_string()),
            })
            .collect();
    }
    if let (Some(leader), true) = (outcome.current_leader, version >= 10) {
        expected.current_leader = produce_response::LeaderIdAndEpoch {
            leader_id: leader.leader_id,
            leader_epoch: leader.leader_epoch,
        };
    }
    expected
}

#[test]
fn produce_responses_of_every_version_are_read_alike() {
    for version in 3..=13 {
        for seed in 0..SEEDS {
            let mut dice = Dice(seed);
            let sent = random_produce(&mut dice);
            let request = ProduceRequest::parse(encoded(&sent, version), version).unwrap();
            let count = request.partitions.len();
            let outcomes: Vec<_> = (0..count)
                .map(|_| random_produce_outcome(&mut dice))
                .collect();
            let endpoints = random_endpoints(&mut dice);
            let mut writer = Writer::new();
            request.write_response(&mut writer, version, &outcomes, &endpoints, 77);
            let body = writer.freeze();
            assert_eq!(
                through_oracle::<oracle::ProduceResponse>(&body, version),
                body
            );

            let mut reader = Reader::new(body);
            let got = produce_response::ProduceResponse::decode(&mut reader, version).unwrap();
            assert!(reader.is_empty());
            assert_eq!(got.throttle_time_ms, 77);
            let endpoints_expected = if version >= 10 { endpoints.len() } else { 0 };
            assert_eq!(got.node_endpoints.len(), endpoints_expected);
            let mut outcomes = outcomes.iter();
            for (topic, sent) in got.responses.iter().zip(&sent.topic_data) {
                if version >= 13 {
                    assert_eq!(topic.topic_id, sent.topic_id);
                } else {
                    assert_eq!(topic.name, sent.name);
                }
                let expected: Vec<_> = sent
                    .partition_data
                    .iter()
                    .zip(&mut outcomes)
                    .map(|(sent, outcome)| expected_outcome(sent.index, outcome, version))
                    .collect();
                assert_eq!(topic.partition_responses, expected);
            }
        }
    }
}

#[test]
fn produce_responses_before_version_3_have_the_old_fields_only() {
    let sent = one_partition(None);
    let request = ProduceRequest::parse(encoded(&sent, 3), 3).unwrap();
    let outcome = ProduceOutcome::appended(2, 3, 4);
    let body = |version| {
        let mut writer = Writer::new();
        request.write_response(&mut writer, version, std::slice::from_ref(&outcome), &[], 9);
        writer.freeze().to_vec()
    };
    let front = [0, 0, 0, 1, 0, 1, b't', 0, 0, 0, 1, 0, 0, 0, 1, 0, 0];
    let offset = [0, 0, 0, 0, 0, 0, 0, 2];
    let time = [0, 0, 0, 0, 0, 0, 0, 3];
    let throttle = [0, 0, 0, 9];
    assert_eq!(body(0), [front.as_slice(), &offset].concat());
    assert_eq!(body(1), [front.as_slice(), &offset, &throttle].concat());
    assert_eq!(
        body(2),
        [front.as_slice(), &offset, &time, &throttle].concat()
    );
}

fn random_fetch(dice: &mut Dice) -> fetch_request::FetchRequest {
    fetch_request::FetchRequest {
        cluster_id: dice.some(|dice| dice.text(10)),
        replica_id: dice.i32(),
        replica_state: fetch_request::ReplicaState {
            replica_id: dice.i32(),
            replica_epoch: dice.i64(),
        },
        max_wait_ms: dice.i32(),
        min_bytes: dice.i32(),
        max_bytes: dice.i32(),
        isolation_level: i8::from(dice.coin()),
        session_id: dice.i32(),
        session_epoch: dice.i32(),
        topics: dice.list(4, |dice| fetch_request::FetchTopic {
            topic: dice.text(30),
            topic_id: dice.uuid(),
            partitions: dice.list(5, |dice| fetch_request::FetchPartition {
                partition: dice.i32(),
                current_leader_epoch: dice.i32(),
                fetch_offset: dice.i64(),
                last_fetched_epoch: dice.i32(),
                log_start_offset: dice.i64(),
                partition_max_bytes: dice.i32(),
                replica_directory_id: dice.some(Dice::uuid).unwrap_or_default(),
                high_watermark: dice.some(Dice::i64).unwrap_or(i64::MAX),
            }),
        }),
        forgotten_topics_data: dice.list(3, |dice| fetch_request::ForgottenTopic {
            topic: dice.text(30),
            topic_id: dice.uuid(),
            partitions: dice.list(5, Dice::i32),
        }),
        rack_id: dice.text(10),
    }
}

/// The flat form back in the shape of the message.
fn unflattened(request: &FetchRequest, version: i16) -> fetch_request::FetchRequest {
    let named = |topic: &TopicRef| match topic {
        TopicRef::Name(name) => (name.to_string(), Uuid::ZERO),
        TopicRef::Id(id) => (String::new(), *id),
    };
    let replica_state = fetch_request::ReplicaState {
        replica_id: request.replica_id,
        replica_epoch: request.replica_epoch,
    };
    fetch_request::FetchRequest {
        cluster_id: request.cluster_id.clone(),
        replica_id: if version < 15 { request.replica_id } else { -1 },
        replica_state: if version < 15 {
            Default::default()
        } else {
            replica_state
        },
        max_wait_ms: request.max_wait_ms,
        min_bytes: request.min_bytes,
        max_bytes: request.max_bytes,
        isolation_level: request.isolation_level,
        session_id: request.session_id,
        session_epoch: request.session_epoch,
        topics: (request.topics.iter())
            .map(|topic| {
                let (name, topic_id) = named(&topic.topic);
                let partitions = request.partitions[topic.partitions()].iter();
                fetch_request::FetchTopic {
                    topic: name,
                    topic_id,
                    partitions: partitions
                        .map(|partition| fetch_request::FetchPartition {
                            partition: partition.partition,
                            current_leader_epoch: partition.current_leader_epoch,
                            fetch_offset: partition.fetch_offset,
                            last_fetched_epoch: partition.last_fetched_epoch,
                            log_start_offset: partition.log_start_offset,
                            partition_max_bytes: partition.partition_max_bytes,
                            replica_directory_id: partition.replica_directory_id,
                            high_watermark: partition.high_watermark,
                        })
                        .collect(),
                }
            })
            .collect(),
        forgotten_topics_data: (request.forgotten_topics.iter())
            .map(|topic| {
                let (name, topic_id) = named(&topic.topic);
                fetch_request::ForgottenTopic {
                    topic: name,
                    topic_id,
                    partitions: request.forgotten_partitions[topic.partitions()].to_vec(),
                }
            })
            .collect(),
        rack_id: request.rack_id.clone(),
    }
}

#[test]
fn fetch_requests_of_every_version_are_read_alike() {
    for version in 4..=18 {
        for seed in 0..SEEDS {
            let body = encoded(&random_fetch(&mut Dice(seed)), version);
            assert_eq!(through_oracle::<oracle::FetchRequest>(&body, version), body);
            let mut reader = Reader::new(body.clone());
            let expected = fetch_request::FetchRequest::decode(&mut reader, version).unwrap();
            let request = FetchRequest::parse(body.clone(), version).unwrap();
            assert_eq!(
                unflattened(&request, version),
                expected,
                "version {version}"
            );
            for (place, topic) in request.topics.iter().enumerate() {
                for partition in &request.partitions[topic.partitions()] {
                    assert_eq!(partition.topic as usize, place);
                    assert_eq!(request.topic_of(partition), &topic.topic);
                }
            }
            for length in 0..body.len() {
                assert!(FetchRequest::parse(body.slice(..length), version).is_err());
            }
        }
    }
}

fn random_fetch_outcome(dice: &mut Dice, records: &Bytes) -> FetchOutcome {
    FetchOutcome {
        partition: dice.i32(),
        error_code: dice.code(),
        high_watermark: dice.i64(),
        last_stable_offset: dice.i64(),
        log_start_offset: dice.i64(),
        diverging_epoch: dice.some(|dice| EpochEndOffset {
            epoch: dice.i32(),
            end_offset: dice.i64(),
        }),
        current_leader: random_leader(dice),
        snapshot_id: dice.some(|dice| SnapshotId {
            end_offset: dice.i64(),
            epoch: dice.i32(),
        }),
        aborted_transactions: dice.some(|dice| {
            dice.list(3, |dice| AbortedTransaction {
                producer_id: dice.i64(),
                first_offset: dice.i64(),
            })
        }),
        preferred_read_replica: dice.i32(),
        records_bytes: records.len(),
    }
}

fn expected_partition(outcome: &FetchOutcome, records: &Bytes) -> fetch_response::PartitionData {
    let mut expected = fetch_response::PartitionData {
        partition_index: outcome.partition,
        error_code: outcome.error_code.code(),
        high_watermark: outcome.high_watermark,
        last_stable_offset: outcome.last_stable_offset,
        log_start_offset: outcome.log_start_offset,
        preferred_read_replica: outcome.preferred_read_replica,
        records: Some(records.clone()),
        ..Default::default()
    };
    if let Some(diverging) = outcome.diverging_epoch {
        expected.diverging_epoch.epoch = diverging.epoch;
        expected.diverging_epoch.end_offset = diverging.end_offset;
    }
    if let Some(leader) = outcome.current_leader {
        expected.current_leader.leader_id = leader.leader_id;
        expected.current_leader.leader_epoch = leader.leader_epoch;
    }
    if let Some(snapshot) = outcome.snapshot_id {
        expected.snapshot_id.end_offset = snapshot.end_offset;
        expected.snapshot_id.epoch = snapshot.epoch;
    }
    expected.aborted_transactions = outcome.aborted_transactions.as_ref().map(|list| {
        let pairs = list
            .iter()
            .map(|aborted| fetch_response::AbortedTransaction {
                producer_id: aborted.producer_id,
                first_offset: aborted.first_offset,
            });
        pairs.collect()
    });
    expected
}

/// A response, the records of its partitions, and the same as the generated message.
fn random_fetch_response(
    dice: &mut Dice,
    version: i16,
) -> (FetchResponse, Vec<Bytes>, fetch_response::FetchResponse) {
    let mut response = FetchResponse::new(dice.code(), dice.i32());
    response.throttle_time_ms = dice.i32();
    response.node_endpoints = random_endpoints(dice);
    let mut all_records = Vec::new();
    let mut expected = fetch_response::FetchResponse {
        throttle_time_ms: response.throttle_time_ms,
        error_code: response.error_code.code(),
        session_id: response.session_id,
        ..Default::default()
    };
    for endpoint in &response.node_endpoints {
        expected.node_endpoints.push(fetch_response::NodeEndpoint {
            node_id: endpoint.node_id,
            host: endpoint.host.clone(),
            port: endpoint.port,
            rack: endpoint.rack.clone(),
        });
    }
    for _ in 0..dice.below(4) {
        let mut topic = fetch_response::FetchableTopicResponse {
            topic: dice.text(30),
            topic_id: dice.uuid(),
            ..Default::default()
        };
        response.begin_topic(topic_ref(&topic.topic, topic.topic_id, version));
        for _ in 0..dice.below(5) {
            let records = if dice.coin() {
                Bytes::new()
            } else {
                dice.bytes(20_000)
            };
            let outcome = random_fetch_outcome(dice, &records);
            topic
                .partitions
                .push(expected_partition(&outcome, &records));
            assert_eq!(response.push(outcome), all_records.len());
            all_records.push(records);
        }
        expected.responses.push(topic);
    }
    (response, all_records, expected)
}

#[test]
fn fetch_responses_of_every_version_are_what_the_message_is() {
    for version in 4..=18 {
        for seed in 0..SEEDS {
            let (response, records, expected) = random_fetch_response(&mut Dice(seed), version);
            let frame = response.to_frame(0x0102_0304, version);
            let mut bytes = Vec::new();
            for piece in &frame.pieces {
                match piece {
                    FetchPiece::Bytes(ours) => {
                        assert!(!ours.is_empty());
                        bytes.extend_from_slice(ours);
                    }
                    FetchPiece::Records(place) => {
                        assert!(!records[*place].is_empty());
                        bytes.extend_from_slice(&records[*place]);
                    }
                }
            }
            assert_eq!(bytes.len(), frame.size_bytes);
            let header_bytes = if version >= 12 { 9 } else { 8 };
            let size = i32::try_from(bytes.len() - 4).unwrap();
            assert_eq!(bytes[..4], size.to_be_bytes());
            assert_eq!(bytes[4..8], [1, 2, 3, 4]);

            let body = Bytes::from(bytes).slice(header_bytes..);
            assert_eq!(body, encoded(&expected, version), "version {version}");
            assert_eq!(
                through_oracle::<oracle::FetchResponse>(&body, version),
                body
            );
        }
    }
}

#[test]
fn an_error_response_is_one_piece() {
    for version in 7..=18 {
        let frame = FetchResponse::new(ErrorCode::FetchSessionIdNotFound, 0).to_frame(5, version);
        assert_eq!(frame.pieces.len(), 1);
    }
}
