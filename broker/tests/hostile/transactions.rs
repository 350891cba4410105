//! Producers that are not who they say, and transactions that are not theirs.

use protocol::error_code::ErrorCode;
use protocol::messages::add_partitions_to_txn_request::{
    AddPartitionsToTxnRequest, AddPartitionsToTxnTopic,
};
use protocol::messages::end_txn_request::EndTxnRequest;
use protocol::messages::find_coordinator_request::FindCoordinatorRequest;
use protocol::messages::init_producer_id_request::InitProducerIdRequest;
use protocol::messages::init_producer_id_response::InitProducerIdResponse;

use crate::broker::{Broker, HONEST, eventually};
use crate::client::Client;

/// A version of each API that says `PRODUCER_FENCED`.
const INIT: i16 = 4;
const ADD: i16 = 3;
const END: i16 = 3;

fn initialize(timeout_ms: i32) -> InitProducerIdRequest {
    InitProducerIdRequest {
        transactional_id: Some("transaction".to_owned()),
        transaction_timeout_ms: timeout_ms,
        producer_id: -1,
        producer_epoch: -1,
        ..Default::default()
    }
}

/// A broker, and a producer with a transactional id at its second epoch.
fn broker_and_producer() -> (Broker, InitProducerIdResponse) {
    let broker = Broker::start_with(&[
        "transaction.state.log.num.partitions=1",
        "offsets.topic.num.partitions=1",
    ]);
    let find = FindCoordinatorRequest {
        key_type: 1,
        coordinator_keys: vec!["transaction".to_owned()],
        ..Default::default()
    };
    let mut producer = InitProducerIdResponse::default();
    eventually("there is a producer", || {
        broker.client().call(4, &find);
        producer = broker.client().call(INIT, &initialize(60_000));
        producer.error_code == 0 && producer.producer_epoch > 0
    });
    (broker, producer)
}

fn add(id: &str, producer_id: i64, epoch: i16) -> AddPartitionsToTxnRequest {
    AddPartitionsToTxnRequest {
        v3_and_below_transactional_id: id.to_owned(),
        v3_and_below_producer_id: producer_id,
        v3_and_below_producer_epoch: epoch,
        v3_and_below_topics: vec![AddPartitionsToTxnTopic {
            name: HONEST.to_owned(),
            partitions: vec![0],
        }],
        ..Default::default()
    }
}

fn added(client: &mut Client, request: &AddPartitionsToTxnRequest) -> Option<ErrorCode> {
    let response = client.call(ADD, request);
    let topic = &response.results_by_topic_v3_and_below[0];
    let partition = &topic.results_by_partition[0];
    ErrorCode::from_code(partition.partition_error_code)
}

#[test]
fn foreign_producers_have_no_part_in_a_transaction() {
    let (broker, producer) = broker_and_producer();
    let (id, epoch) = (producer.producer_id, producer.producer_epoch);
    let mut client = broker.client();
    for (name, id, epoch, error) in [
        ("transaction", id, epoch - 1, ErrorCode::ProducerFenced),
        ("transaction", id, epoch + 1, ErrorCode::ProducerFenced),
        ("transaction", id, i16::MIN, ErrorCode::ProducerFenced),
        (
            "transaction",
            id + 1,
            epoch,
            ErrorCode::InvalidProducerIdMapping,
        ),
        (
            "transaction",
            i64::MIN,
            0,
            ErrorCode::InvalidProducerIdMapping,
        ),
        ("unknown", id, epoch, ErrorCode::InvalidProducerIdMapping),
        ("", id, epoch, ErrorCode::InvalidRequest),
    ] {
        let said = (name, id, epoch);
        assert_eq!(
            added(&mut client, &add(name, id, epoch)),
            Some(error),
            "{said:?}"
        );
        let ending = EndTxnRequest {
            transactional_id: name.to_owned(),
            producer_id: id,
            producer_epoch: epoch,
            committed: true,
        };
        let ended = client.call(END, &ending);
        assert_eq!(
            ErrorCode::from_code(ended.error_code),
            Some(error),
            "{said:?}"
        );
    }
    assert_eq!(
        added(&mut client, &add("transaction", id, epoch)),
        Some(ErrorCode::None)
    );
    broker.is_unharmed();
}

#[test]
fn a_transaction_may_not_take_for_ever() {
    let (broker, _) = broker_and_producer();
    for timeout_ms in [0, -1, i32::MIN, i32::MAX] {
        let refused = broker.client().call(INIT, &initialize(timeout_ms));
        let error = ErrorCode::from_code(refused.error_code);
        assert_eq!(
            error,
            Some(ErrorCode::InvalidTransactionTimeout),
            "{timeout_ms}"
        );
    }
    broker.is_unharmed();
}
