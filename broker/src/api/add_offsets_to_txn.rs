//! `AddOffsetsToTxn` (25), versions 0-4: the transaction will commit offsets of a group, so the
//! group's partition of `__consumer_offsets` is added to it.

use std::rc::Rc;

use protocol::error_code::ErrorCode;
use protocol::messages::add_offsets_to_txn_request::AddOffsetsToTxnRequest;
use protocol::messages::add_offsets_to_txn_response::AddOffsetsToTxnResponse;

use crate::api::{Call, CloseReason, Outcome, transactional};
use crate::coordinator::key;
use crate::metadata::image::GROUP_OFFSETS_TOPIC;
use crate::shard::Shard;
use crate::txn::coordinator;
use crate::txn::partitions::PartitionsRequest;
use crate::txn::transaction::{ProducerIdentity, Topics, TransactionVersion};

pub(crate) async fn answer(call: Call) -> Result<Outcome, CloseReason> {
    let request: AddOffsetsToTxnRequest = call.request()?;
    let added = add(&call.connection.shard, request).await;
    let error = added.err().unwrap_or(ErrorCode::None);
    let error = transactional::fencing_error(error, call.header.api_version);
    Ok(call.respond(&AddOffsetsToTxnResponse {
        error_code: error.into(),
        ..Default::default()
    }))
}

async fn add(shard: &Rc<Shard>, request: AddOffsetsToTxnRequest) -> Result<(), ErrorCode> {
    if request.transactional_id.is_empty() {
        return Err(ErrorCode::InvalidRequest);
    }
    let partitions = shard.image().topic(GROUP_OFFSETS_TOPIC).map_or_else(
        // it will be made with so many when the first offset is committed
        || shard.settings.group_offsets_topic.partitions,
        |topic| topic.partition_count(),
    );
    let index = key::partition_of(&request.group_id, partitions);
    let index = index.ok_or(ErrorCode::CoordinatorNotAvailable)?;
    let request = PartitionsRequest {
        transactional_id: request.transactional_id,
        producer: ProducerIdentity {
            id: request.producer_id,
            epoch: request.producer_epoch,
        },
        topics: Topics::from([(GROUP_OFFSETS_TOPIC.to_owned(), [index].into())]),
        version: TransactionVersion::Classic,
    };
    coordinator::add_partitions(shard, request).await
}
