//! Small requests that ask for large memory: what a request may cost is bounded by its bytes.

use bytes::Bytes;
use protocol::api_key::ApiKey;
use protocol::error_code::ErrorCode;
use protocol::messages::fetch_request::FetchTopic;
use protocol::messages::produce_request::ProduceRequest;
use protocol::messages::produce_response::ProduceResponse;
use protocol::records::{BatchOptions, TimestampType};

use crate::broker::{Broker, HONEST};
use crate::client::Reply;
use crate::requests;

/// What one of these may cost at its peak, whatever it says.
const COST_BYTES_MAX: u64 = 224 << 20;

/// Runs `attack` and checks its cost.
pub(crate) fn costs_little(broker: &Broker, attack: impl FnOnce()) {
    let before = broker.peak_memory();
    attack();
    let cost = broker.peak_memory().saturating_sub(before);
    assert!(cost < COST_BYTES_MAX, "{} MiB", cost >> 20);
    broker.serves();
}

#[test]
fn a_long_topic_name_is_not_multiplied_by_its_partitions() {
    let broker = Broker::start();
    let mut request = requests::fetch(&"n".repeat(32_000), 0);
    request.topics[0].partitions = (0..60_000).map(requests::fetch_partition).collect();
    for session_epoch in [-1, 0] {
        request.session_epoch = session_epoch;
        costs_little(&broker, || {
            let response = broker.client().call(12, &request);
            let unknown = ErrorCode::UnknownTopicOrPartition.code();
            assert_eq!(response.responses[0].partitions.len(), 60_000);
            assert_eq!(response.responses[0].partitions[0].error_code, unknown);
        });
    }
}

#[test]
fn faults_of_many_records_are_not_all_told() {
    let broker = Broker::start();
    let options = BatchOptions {
        timestamp_type: TimestampType::LogAppendTime,
        ..BatchOptions::default()
    };
    let records = vec![(None, None); 1_024];
    let batch = requests::batch_with(options, &records);
    let partitions: Vec<(i32, Option<Bytes>)> = vec![(0, Some(batch)); 2_000];
    costs_little(&broker, || {
        let mut client = broker.client();
        client.send_request(9, &requests::produce(HONEST, -1, partitions));
        let response: ProduceResponse = client.response::<ProduceRequest>(9);
        let answers = &response.responses[0].partition_responses;
        let code = ErrorCode::InvalidTimestamp.code();
        assert!(answers.iter().all(|answer| answer.error_code == code));
        assert_eq!(answers[0].record_errors.len(), 1_024);
        let told: usize = answers
            .iter()
            .map(|answer| answer.record_errors.len())
            .sum();
        assert!(told < 10_000, "{told}");
    });
}

#[test]
fn sessions_hold_a_bounded_number_of_partitions() {
    let broker = Broker::start();
    let mut request = requests::fetch("absent", 0);
    request.session_epoch = 0;
    request.topics[0].partitions = (0..20_000).map(requests::fetch_partition).collect();
    let mut client = broker.client();
    let mut opened = 0;
    costs_little(&broker, || {
        for _ in 0..60 {
            let response = client.call(12, &request);
            assert_eq!(response.error_code, 0);
            assert_eq!(response.responses[0].partitions.len(), 20_000);
            opened += usize::from(response.session_id != 0);
        }
    });
    assert!(
        (1..60).contains(&opened),
        "{opened} sessions of 20,000 partitions"
    );
}

#[test]
fn a_session_does_not_grow_without_end() {
    let broker = Broker::start();
    let mut client = broker.client();
    let mut request = requests::fetch("first", 0);
    request.session_epoch = 0;
    request.session_id = client.call(12, &request).session_id;
    let mut refused = false;
    costs_little(&broker, || {
        for round in 1..60 {
            request.session_epoch = round;
            request.topics = vec![FetchTopic {
                topic: format!("{round}"),
                partitions: (0..20_000).map(requests::fetch_partition).collect(),
                ..FetchTopic::default()
            }];
            let code = client.call(12, &request).error_code;
            if code == ErrorCode::FetchSessionIdNotFound.code() {
                refused = true;
                break;
            }
            assert_eq!(code, 0);
        }
    });
    assert!(refused, "a session took everything");
}

#[test]
fn a_metadata_request_for_very_many_topics_is_bounded() {
    let broker = Broker::start_with(&["auto.create.topics.enable=false"]);
    let frame = |topics: u32| {
        requests::request(ApiKey::Metadata, 1, |body| {
            body.u32(topics);
            for number in 0..topics {
                body.string(&format!("{number:06x}"));
            }
        })
    };
    let mut client = broker.client();
    client.send_frame(&frame(100_000));
    let Reply::Frame(_) = client.reply() else {
        panic!("a hundred thousand topics are answered")
    };
    // a million elements would be within the codec's limit
    let mut client = broker.client();
    client.send_frame(&frame(1_000_000));
    client.is_closed();
    broker.logs("exceeds the limit");
    broker.is_unharmed_within(512 << 20);
}

#[test]
fn announced_bodies_cost_nothing_until_they_come() {
    let broker = Broker::start();
    let announcing: Vec<_> = (0..100)
        .map(|_| {
            let mut client = broker.client();
            client.send(&104_857_600_i32.to_be_bytes());
            client.send(&[0, 0, 0, 9, 0, 0, 0, 1]);
            client
        })
        .collect();
    let before = broker.peak_memory();
    for _ in 0..10 {
        broker.serves();
    }
    let value = vec![7; 900_000];
    let answer = broker
        .client()
        .produce(HONEST, requests::batch(&[(None, Some(&value))]));
    assert_eq!(answer.error_code, 0, "a large request has its turn, too");
    let cost = broker.peak_memory() - before;
    assert!(
        cost < 256 << 20,
        "{} MiB, more than millrace.request.memory.bytes",
        cost >> 20
    );
    drop(announcing);
    broker.is_unharmed_within(320 << 20);
}

#[test]
fn half_sent_large_bodies_do_not_keep_small_requests_out() {
    let broker = Broker::start_with(&["millrace.request.memory.bytes=134217728"]);
    let start = [
        &104_857_600_i32.to_be_bytes()[..],
        requests::header(0, 9).as_slice(),
    ]
    .concat();
    let part = vec![0; 14 << 20];
    let stalled: Vec<_> = (0..10)
        .map(|_| {
            let mut client = broker.client();
            client.send(&start);
            client.flood(&part, std::time::Duration::from_millis(100));
            client
        })
        .collect();
    for _ in 0..10 {
        broker.serves();
    }
    drop(stalled);
    broker.is_unharmed_within(320 << 20);
}
