//! What operators are told of transactional ids: `DescribeTransactions`, `ListTransactions`. Pure.

use protocol::error_code::ErrorCode;
use protocol::messages::describe_transactions_response::{TopicData, TransactionState};
use protocol::messages::list_transactions_response;
use regex::Regex;

use super::transactions::Transactions;

/// Which ids are listed; an empty filter lets everything pass.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filter {
    /// Names of states; unknown ones match nothing.
    pub(crate) states: Vec<String>,
    pub(crate) producer_ids: Vec<i64>,
    /// Transactions that have run for longer than this; negative for all.
    pub(crate) longer_than_ms: i64,
    pub(crate) transactional_id: Option<Regex>,
}

impl Transactions {
    pub(crate) fn describe(&self, transactional_id: &str) -> TransactionState {
        let named = TransactionState {
            transactional_id: transactional_id.to_owned(),
            ..Default::default()
        };
        let Some(metadata) = self.by_id.get(transactional_id) else {
            return TransactionState {
                error_code: ErrorCode::TransactionalIdNotFound.into(),
                ..named
            };
        };
        let topics = metadata.topics.iter().map(|(topic, partitions)| TopicData {
            topic: topic.clone(),
            partitions: partitions.iter().copied().collect(),
        });
        TransactionState {
            transaction_state: metadata.state.name().to_owned(),
            transaction_timeout_ms: metadata.timeout_ms,
            transaction_start_time_ms: metadata.started_ms.unwrap_or(-1),
            producer_id: metadata.producer.id,
            producer_epoch: metadata.producer.epoch,
            topics: topics.collect(),
            ..named
        }
    }

    pub(crate) fn list(
        &self,
        filter: &Filter,
        now_ms: i64,
    ) -> Vec<list_transactions_response::TransactionState> {
        let listed = self.by_id.iter().filter(|(id, metadata)| {
            let name = metadata.state.name();
            // Kafka counts from its -1 where nothing has begun
            let running_ms = now_ms.saturating_sub(metadata.started_ms.unwrap_or(-1));
            (filter.states.is_empty() || filter.states.iter().any(|state| state == name))
                && (filter.producer_ids.is_empty()
                    || filter.producer_ids.contains(&metadata.producer.id))
                && (filter.longer_than_ms < 0 || running_ms > filter.longer_than_ms)
                && filter
                    .transactional_id
                    .as_ref()
                    .is_none_or(|pattern| pattern.is_match(id))
        });
        let described = listed.map(
            |(id, metadata)| list_transactions_response::TransactionState {
                transactional_id: id.clone(),
                producer_id: metadata.producer.id,
                transaction_state: metadata.state.name().to_owned(),
            },
        );
        described.collect()
    }
}
