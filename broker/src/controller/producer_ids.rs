//! Blocks of producer ids: each broker takes a thousand at a time.
//! Owns the block rule. Pure.

use protocol::error_code::ErrorCode;
use protocol::messages::allocate_producer_ids_request::AllocateProducerIdsRequest;
use protocol::messages::allocate_producer_ids_response::AllocateProducerIdsResponse;
use protocol::messages::metadata::producer_ids_record::ProducerIdsRecord;

use crate::controller::Outcome;
use crate::metadata::image::ClusterImage;

pub(crate) const PRODUCER_ID_BLOCK: i32 = 1_000;

pub(crate) fn allocate_producer_ids(
    image: &ClusterImage,
    request: &AllocateProducerIdsRequest,
) -> Outcome<AllocateProducerIdsResponse> {
    let refuse = |code: ErrorCode| {
        let response = AllocateProducerIdsResponse {
            error_code: code.code(),
            ..Default::default()
        };
        (Vec::new(), response)
    };
    match image.brokers.get(&request.broker_id) {
        None => return refuse(ErrorCode::BrokerIdNotRegistered),
        Some(broker) if broker.epoch != request.broker_epoch => {
            return refuse(ErrorCode::StaleBrokerEpoch);
        }
        Some(_) => {}
    }
    let first = image.next_producer_id;
    let Some(next) = first.checked_add(i64::from(PRODUCER_ID_BLOCK)) else {
        return refuse(ErrorCode::UnknownServerError);
    };
    let record = ProducerIdsRecord {
        broker_id: request.broker_id,
        broker_epoch: request.broker_epoch,
        next_producer_id: next,
    };
    let response = AllocateProducerIdsResponse {
        producer_id_start: first,
        producer_id_len: PRODUCER_ID_BLOCK,
        ..Default::default()
    };
    (vec![record.into()], response)
}
