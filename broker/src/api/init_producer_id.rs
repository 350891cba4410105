//! `InitProducerId` (22), versions 0-5: ids for idempotent and transactional producers. Shell.
//!
//! The controller hands out blocks of ids; each shard keeps one block and asks for the next when
//! it is used up. A transactional id keeps its producer id; its coordinator decides.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::ops::Range;
use std::rc::Rc;
use std::task::{Poll, Waker};

use protocol::error_code::ErrorCode;
use protocol::messages::allocate_producer_ids_request::AllocateProducerIdsRequest;
use protocol::messages::init_producer_id_request::InitProducerIdRequest;
use protocol::messages::init_producer_id_response::InitProducerIdResponse;

use crate::api::{Call, CloseReason, Outcome};
use crate::control::{ControlRequest, ControlResponse};
use crate::shard::Shard;
use crate::txn::coordinator;
use crate::txn::init::InitRequest;
use crate::txn::transaction::ProducerIdentity;

/// For a producer id that is not there.
const NONE: i64 = -1;
const FENCED_FROM_VERSION: i16 = 4;

/// The producer ids that one shard may give out.
#[derive(Debug, Default)]
pub(crate) struct ProducerIds {
    block: RefCell<Range<i64>>,
    asking: Cell<bool>,
    waiters: RefCell<VecDeque<Waker>>,
}

impl ProducerIds {
    /// An id that nobody else has or gets.
    ///
    /// # Errors
    /// What the controller answered when it had no block.
    pub(crate) async fn next(&self, shard: &Rc<Shard>) -> Result<i64, ErrorCode> {
        loop {
            if let Some(id) = self.block.borrow_mut().next() {
                return Ok(id);
            }
            if self.asking.replace(true) {
                self.answered().await;
                continue;
            }
            let block = ask_for_block(shard).await;
            self.asking.set(false);
            self.waiters.take().into_iter().for_each(Waker::wake);
            self.block.replace(block?);
        }
    }

    /// Waits until the question that another request has put is answered.
    async fn answered(&self) {
        let mut asked = false;
        std::future::poll_fn(|context| {
            if std::mem::replace(&mut asked, true) {
                return Poll::Ready(());
            }
            self.waiters.borrow_mut().push_back(context.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

async fn ask_for_block(shard: &Rc<Shard>) -> Result<Range<i64>, ErrorCode> {
    let broker_id = shard.settings.node_id;
    let broker_epoch = shard
        .image()
        .brokers
        .get(&broker_id)
        .map_or(-1, |broker| broker.epoch);
    let request = AllocateProducerIdsRequest {
        broker_id,
        broker_epoch,
    };
    let answer = shard
        .ask_controller(ControlRequest::AllocateProducerIds(request))
        .await;
    if let ControlResponse::AllocateProducerIds(block) = answer
        && block.error_code == 0
    {
        let start = block.producer_id_start;
        return Ok(start..start + i64::from(block.producer_id_len));
    }
    Err(ErrorCode::CoordinatorLoadInProgress) // retriable: the block comes later
}

pub(crate) async fn answer(call: Call) -> Result<Outcome, CloseReason> {
    let request: InitProducerIdRequest = call.request()?;
    let response = match init(&call.connection.shard, request).await {
        Ok(producer) => InitProducerIdResponse {
            producer_id: producer.id,
            producer_epoch: producer.epoch,
            ..Default::default()
        },
        Err(error) => InitProducerIdResponse {
            error_code: fencing_error(error, call.header.api_version).into(),
            producer_id: NONE,
            producer_epoch: -1,
            ..Default::default()
        },
    };
    Ok(call.respond(&response))
}

async fn init(
    shard: &Rc<Shard>,
    request: InitProducerIdRequest,
) -> Result<ProducerIdentity, ErrorCode> {
    let named = ProducerIdentity {
        id: request.producer_id,
        epoch: request.producer_epoch,
    };
    // an id and its epoch belong together
    if (named.id == NONE) != (named.epoch == -1) {
        return Err(ErrorCode::InvalidRequest);
    }
    let Some(transactional_id) = request.transactional_id else {
        let id = shard.producer_ids.next(shard).await?;
        return Ok(ProducerIdentity { id, epoch: 0 });
    };
    if transactional_id.is_empty() {
        return Err(ErrorCode::InvalidRequest);
    }
    let timeout_ms = request.transaction_timeout_ms;
    if !(1..=shard.settings.transactions.timeout_ms_max).contains(&timeout_ms) {
        return Err(ErrorCode::InvalidTransactionTimeout);
    }
    let request = InitRequest {
        transactional_id,
        timeout_ms,
        expected: (named.id != NONE).then_some(named),
    };
    coordinator::init(shard, request).await
}

/// Clients before KIP-588 know a fenced producer by another name.
fn fencing_error(error: ErrorCode, version: i16) -> ErrorCode {
    if error == ErrorCode::ProducerFenced && version < FENCED_FROM_VERSION {
        ErrorCode::InvalidProducerEpoch
    } else {
        error
    }
}
