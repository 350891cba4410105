//! `EndTxn` (26), versions 0-5: commits or aborts the transaction. Answered when the decision is
//! durable; the markers follow.
//!
//! From version 5 on each transaction ends with a new epoch, which the answer brings (KIP-890).

use protocol::error_code::ErrorCode;
use protocol::messages::end_txn_request::EndTxnRequest;
use protocol::messages::end_txn_response::EndTxnResponse;

use crate::api::{Call, CloseReason, Outcome, transactional};
use crate::txn::coordinator;
use crate::txn::end::EndRequest;
use crate::txn::transaction::{ProducerIdentity, TransactionVersion};

const BUMPS_EPOCH_FROM_VERSION: i16 = 5;

pub(crate) async fn answer(call: Call) -> Result<Outcome, CloseReason> {
    let request: EndTxnRequest = call.request()?;
    let version = call.header.api_version;
    let ended = if request.transactional_id.is_empty() {
        Err(ErrorCode::InvalidRequest)
    } else {
        let request = EndRequest {
            transactional_id: request.transactional_id,
            producer: ProducerIdentity {
                id: request.producer_id,
                epoch: request.producer_epoch,
            },
            committed: request.committed,
            version: if version >= BUMPS_EPOCH_FROM_VERSION {
                TransactionVersion::EpochBump
            } else {
                TransactionVersion::Classic
            },
        };
        coordinator::end(&call.connection.shard, request).await
    };
    let response = match ended {
        Ok(producer) => EndTxnResponse {
            producer_id: producer.id,
            producer_epoch: producer.epoch,
            ..Default::default()
        },
        Err(error) => EndTxnResponse {
            error_code: transactional::fencing_error(error, version).into(),
            producer_id: -1,
            producer_epoch: -1,
            ..Default::default()
        },
    };
    Ok(call.respond(&response))
}
