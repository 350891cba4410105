//! `DescribeTransactions` (65), version 0: what the coordinator knows of transactional ids.

use std::rc::Rc;

use protocol::error_code::ErrorCode;
use protocol::messages::describe_transactions_request::DescribeTransactionsRequest;
use protocol::messages::describe_transactions_response::{
    DescribeTransactionsResponse, TransactionState,
};

use crate::api::{Call, CloseReason, Outcome};
use crate::coordinator::{active, place_of};
use crate::shard::Shard;
use crate::txn::transactions::Transactions;

pub(crate) async fn answer(call: Call) -> Result<Outcome, CloseReason> {
    let request: DescribeTransactionsRequest = call.request()?;
    let shard = &call.connection.shard;
    let mut response = DescribeTransactionsResponse::default();
    for transactional_id in request.transactional_ids {
        let described = describe(shard, &transactional_id).await;
        let described = described.unwrap_or_else(|error| TransactionState {
            error_code: error.into(),
            transactional_id,
            ..Default::default()
        });
        response.transaction_states.push(described);
    }
    Ok(call.respond(&response))
}

async fn describe(
    shard: &Rc<Shard>,
    transactional_id: &str,
) -> Result<TransactionState, ErrorCode> {
    if transactional_id.is_empty() {
        return Err(ErrorCode::InvalidRequest);
    }
    let place = place_of::<Transactions>(shard, transactional_id)?;
    let transactional_id = transactional_id.to_owned();
    let look = move |owner: Rc<Shard>| async move {
        let running = active::<Transactions>(&owner, place.index).await?;
        let described = running.read(&owner, |transactions| {
            transactions.describe(&transactional_id)
        });
        described.await
    };
    shard.ask(place.owner, look).await
}
