//! The Produce request around its batches: acks, timeouts, partitions, topics named by id.

use protocol::api_key::ApiKey;
use protocol::error_code::ErrorCode;
use protocol::messages::api_versions_request::ApiVersionsRequest;
use protocol::messages::produce_request::ProduceRequest;
use protocol::messages::produce_response::PartitionProduceResponse;
use protocol::types::Uuid;

use crate::broker::{Broker, HONEST};
use crate::client::Client;
use crate::requests;

fn partitions(client: &mut Client, request: &ProduceRequest) -> Vec<PartitionProduceResponse> {
    client
        .call(9, request)
        .responses
        .remove(0)
        .partition_responses
}

fn one_record() -> Option<bytes::Bytes> {
    Some(requests::batch(&[(Some(b"k"), Some(b"v"))]))
}

#[test]
fn acks_that_do_not_exist_are_refused() {
    let broker = Broker::start();
    let mut client = broker.client();
    let before = client.fetch(HONEST, 0).high_watermark;
    for acks in [7, -2, i16::MIN, i16::MAX] {
        let request = requests::produce(HONEST, acks, vec![(0, one_record())]);
        let answers = partitions(&mut client, &request);
        assert_eq!(answers[0].error_code, ErrorCode::InvalidRequiredAcks.code());
    }
    assert_eq!(
        client.fetch(HONEST, 0).high_watermark,
        before,
        "nothing was appended"
    );
    broker.is_unharmed();
}

#[test]
fn without_acks_success_is_silent_and_failure_closes() {
    let broker = Broker::start();
    let mut client = broker.client();
    client.send_request(9, &requests::produce(HONEST, 0, vec![(0, one_record())]));
    client.send_request(0, &ApiVersionsRequest::default());
    // the first answer is the one to the second request
    assert_eq!(client.response::<ApiVersionsRequest>(0).error_code, 0);
    client.send_request(9, &requests::produce("unknown", 0, vec![(0, one_record())]));
    client.is_closed();
    broker.logs("connection closed: a produce with acks=0 failed");
    broker.is_unharmed();
}

#[test]
fn any_timeout_is_a_timeout() {
    let broker = Broker::start();
    let mut client = broker.client();
    for timeout_ms in [-1, i32::MIN, 0, i32::MAX] {
        let mut request = requests::produce(HONEST, -1, vec![(0, one_record())]);
        request.timeout_ms = timeout_ms;
        let code = partitions(&mut client, &request)[0].error_code;
        let timed_out = ErrorCode::RequestTimedOut.code();
        assert!(
            code == 0 || code == timed_out,
            "timeout {timeout_ms}: {code}"
        );
    }
    broker.is_unharmed();
}

#[test]
fn partitions_that_do_not_exist_are_unknown() {
    let broker = Broker::start();
    let mut client = broker.client();
    let unknown = [-1, 1, i32::MIN, i32::MAX];
    let wanted = unknown.map(|partition| (partition, one_record())).to_vec();
    for answer in partitions(&mut client, &requests::produce(HONEST, -1, wanted)) {
        assert_eq!(answer.error_code, ErrorCode::UnknownTopicOrPartition.code());
    }
    for name in [
        "absent",
        "",
        ".",
        "..",
        "a/../../etc",
        "a\0b",
        &"x".repeat(250),
    ] {
        let request = requests::produce(name, -1, vec![(0, one_record())]);
        let code = partitions(&mut client, &request)[0].error_code;
        assert_eq!(code, ErrorCode::UnknownTopicOrPartition.code(), "{name:?}");
    }
    for topic_id in [Uuid::ZERO, Uuid::from_u128(5)] {
        let mut request = requests::produce("", -1, vec![(0, one_record())]);
        request.topic_data[0].topic_id = topic_id;
        let answer = client
            .call(13, &request)
            .responses
            .remove(0)
            .partition_responses
            .remove(0);
        assert_eq!(answer.error_code, ErrorCode::UnknownTopicId.code());
    }
    broker.is_unharmed();
}

#[test]
fn a_partition_named_twice_gets_each_batch_once() {
    let broker = Broker::start();
    broker.create_topic("twice", &[]);
    let mut client = broker.client();
    let batches = vec![(0, one_record()), (0, one_record())];
    let answers = partitions(&mut client, &requests::produce("twice", -1, batches));
    assert_eq!(answers.len(), 2);
    assert_eq!([answers[0].error_code, answers[1].error_code], [0, 0]);
    assert_eq!([answers[0].base_offset, answers[1].base_offset], [0, 1]);
    assert_eq!(
        client.fetch("twice", 0).high_watermark,
        2,
        "no batch is applied twice"
    );
    broker.is_unharmed();
}

#[test]
fn records_beyond_their_request_close() {
    let broker = Broker::start();
    for length in [1_000, i32::MAX, -2, i32::MIN] {
        let mut client = broker.client();
        let frame = requests::request(ApiKey::Produce, 3, |body| {
            body.nullable_string(None);
            body.i16(-1);
            body.i32(1_000);
            body.i32(1);
            body.string(HONEST);
            body.i32(1);
            body.i32(0);
            body.i32(length);
            body.raw(&[0; 61]);
        });
        client.send_frame(&frame);
        client.is_closed();
    }
    broker.is_unharmed();
}
