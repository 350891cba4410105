//! `ListTransactions` (66), versions 0-2: the transactional ids of this broker, by state, producer
//! id, duration (version 1) and pattern (version 2).

use std::collections::BTreeMap;
use std::rc::Rc;

use protocol::error_code::ErrorCode;
use protocol::messages::list_transactions_request::ListTransactionsRequest;
use protocol::messages::list_transactions_response::{ListTransactionsResponse, TransactionState};
use regex::Regex;
use storage::clock;

use crate::api::{Call, CloseReason, Outcome};
use crate::coordinator::{active, all_places};
use crate::shard::Shard;
use crate::txn::describe::Filter;
use crate::txn::transaction;
use crate::txn::transactions::Transactions;

/// What a pattern may take when it is compiled.
const PATTERN_BYTES_MAX: usize = 1 << 20;

pub(crate) async fn answer(call: Call) -> Result<Outcome, CloseReason> {
    let request: ListTransactionsRequest = call.request()?;
    let mut response = ListTransactionsResponse::default();
    let pattern = request.transactional_id_pattern.as_deref();
    let transactional_id = match pattern.filter(|pattern| !pattern.is_empty()).map(whole) {
        Some(Err(_)) => {
            response.error_code = ErrorCode::InvalidRegularExpression.into();
            return Ok(call.respond(&response));
        }
        Some(Ok(pattern)) => Some(pattern),
        None => None,
    };
    let is_known = |state: &String| transaction::TransactionState::is_name(state);
    let unknown = request
        .state_filters
        .iter()
        .filter(|state| !is_known(state));
    response.unknown_state_filters = unknown.cloned().collect();
    let filter = Filter {
        states: request.state_filters,
        producer_ids: request.producer_id_filters,
        longer_than_ms: request.duration_filter,
        transactional_id,
    };
    match list(&call.connection.shard, &filter).await {
        Ok(listed) => response.transaction_states = listed,
        Err(error) => response.error_code = error.into(),
    }
    Ok(call.respond(&response))
}

/// The pattern is for a whole id. Its own kind of expression runs in linear time.
fn whole(pattern: &str) -> Result<Regex, regex::Error> {
    // alone, so that it cannot close the group around it
    Regex::new(pattern)?;
    regex::RegexBuilder::new(&format!("^(?:{pattern})$"))
        .size_limit(PATTERN_BYTES_MAX)
        .build()
}

async fn list(shard: &Rc<Shard>, filter: &Filter) -> Result<Vec<TransactionState>, ErrorCode> {
    let mut by_owner: BTreeMap<usize, Vec<i32>> = BTreeMap::new();
    for place in all_places::<Transactions>(shard) {
        by_owner.entry(place.owner).or_default().push(place.index);
    }
    let mut listed = Vec::new();
    for (owner, indexes) in by_owner {
        let filter = filter.clone();
        let look = move |owner: Rc<Shard>| list_here(owner, indexes, filter);
        listed.append(&mut shard.ask(owner, look).await?);
    }
    Ok(listed)
}

/// Runs on the owner.
async fn list_here(
    owner: Rc<Shard>,
    indexes: Vec<i32>,
    filter: Filter,
) -> Result<Vec<TransactionState>, ErrorCode> {
    let mut listed = Vec::new();
    for index in indexes {
        let running = active::<Transactions>(&owner, index).await?;
        let here = running.read(&owner, |transactions| {
            transactions.list(&filter, clock::now_ms())
        });
        listed.append(&mut here.await?);
    }
    Ok(listed)
}
