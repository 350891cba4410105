//! `InitProducerId` (22), versions 0-5: ids for idempotent producers. Shell.
//!
//! The controller hands out blocks of ids; each shard keeps one block and asks for the next when
//! it is used up. Transactional ids are not served yet: `TRANSACTIONAL_ID_AUTHORIZATION_FAILED`
//! would be a lie, so they get `COORDINATOR_NOT_AVAILABLE`.

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
    async fn next(&self, shard: &Rc<Shard>) -> Result<i64, ErrorCode> {
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
    let shard = &call.connection.shard;
    let id = match request.transactional_id.as_deref() {
        // an id and its epoch belong together
        _ if (request.producer_id == -1) != (request.producer_epoch == -1) => {
            Err(ErrorCode::InvalidRequest)
        }
        None => shard.producer_ids.next(shard).await,
        Some("") => Err(ErrorCode::InvalidRequest),
        Some(_) => Err(ErrorCode::CoordinatorNotAvailable),
    };
    let response = match id {
        Ok(producer_id) => InitProducerIdResponse {
            producer_id,
            producer_epoch: 0,
            ..Default::default()
        },
        Err(error) => InitProducerIdResponse {
            error_code: error.into(),
            producer_id: -1,
            producer_epoch: -1,
            ..Default::default()
        },
    };
    Ok(call.respond(&response))
}
