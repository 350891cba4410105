//! `AddPartitionsToTxn` (24), versions 0-5: the producer says where its transaction will write.
//!
//! Clients send one transaction, up to version 3; brokers send many, from version 4 on, also only
//! to have partitions looked up. If a partition does not exist none is added.

use std::rc::Rc;

use protocol::error_code::ErrorCode;
use protocol::messages::add_partitions_to_txn_request::{
    AddPartitionsToTxnRequest, AddPartitionsToTxnTopic, AddPartitionsToTxnTransaction,
};
use protocol::messages::add_partitions_to_txn_response::{
    AddPartitionsToTxnPartitionResult, AddPartitionsToTxnResponse, AddPartitionsToTxnResult,
    AddPartitionsToTxnTopicResult,
};

use crate::api::{Call, CloseReason, Outcome, transactional};
use crate::metadata::image::ClusterImage;
use crate::shard::Shard;
use crate::txn::coordinator;
use crate::txn::partitions::PartitionsRequest;
use crate::txn::transaction::{ProducerIdentity, Topics, TransactionVersion};

const BATCHED_FROM_VERSION: i16 = 4;

pub(crate) async fn answer(call: Call) -> Result<Outcome, CloseReason> {
    let request: AddPartitionsToTxnRequest = call.request()?;
    let shard = &call.connection.shard;
    let version = call.header.api_version;
    let mut response = AddPartitionsToTxnResponse::default();
    if version >= BATCHED_FROM_VERSION {
        for transaction in request.transactions {
            let topic_results = add(shard, &transaction, version).await;
            response
                .results_by_transaction
                .push(AddPartitionsToTxnResult {
                    transactional_id: transaction.transactional_id,
                    topic_results,
                });
        }
    } else {
        let transaction = AddPartitionsToTxnTransaction {
            transactional_id: request.v3_and_below_transactional_id,
            producer_id: request.v3_and_below_producer_id,
            producer_epoch: request.v3_and_below_producer_epoch,
            verify_only: false,
            topics: request.v3_and_below_topics,
        };
        response.results_by_topic_v3_and_below = add(shard, &transaction, version).await;
    }
    Ok(call.respond(&response))
}

async fn add(
    shard: &Rc<Shard>,
    transaction: &AddPartitionsToTxnTransaction,
    version: i16,
) -> Vec<AddPartitionsToTxnTopicResult> {
    let topics = &transaction.topics;
    let image = shard.image();
    if topics.iter().any(|topic| !exists(&image, topic)) {
        return results(topics, |topic, index| {
            if is_partition(&image, topic, index) {
                ErrorCode::OperationNotAttempted
            } else {
                ErrorCode::UnknownTopicOrPartition
            }
        });
    }
    match add_existing(shard, transaction, version).await {
        Ok(refused) => results(topics, |topic, index| {
            let refused = refused.get(topic);
            if refused.is_some_and(|refused| refused.contains(&index)) {
                ErrorCode::TransactionAbortable
            } else {
                ErrorCode::None
            }
        }),
        Err(error) => {
            let error = transactional::fencing_error(error, version);
            results(topics, |_, _| error)
        }
    }
}

/// The partitions that were looked up and are not in the transaction.
async fn add_existing(
    shard: &Rc<Shard>,
    transaction: &AddPartitionsToTxnTransaction,
    version: i16,
) -> Result<Topics, ErrorCode> {
    if transaction.transactional_id.is_empty() {
        return Err(ErrorCode::InvalidRequest);
    }
    let mut topics = Topics::new();
    for topic in &transaction.topics {
        let partitions = topics.entry(topic.name.clone()).or_default();
        partitions.extend(&topic.partitions);
    }
    let request = PartitionsRequest {
        transactional_id: transaction.transactional_id.clone(),
        producer: ProducerIdentity {
            id: transaction.producer_id,
            epoch: transaction.producer_epoch,
        },
        topics,
        version: if version >= BATCHED_FROM_VERSION {
            TransactionVersion::EpochBump
        } else {
            TransactionVersion::Classic
        },
    };
    if transaction.verify_only {
        return coordinator::missing_partitions(shard, request).await;
    }
    let added = coordinator::add_partitions(shard, request).await;
    added.map(|()| Topics::new())
}

fn exists(image: &ClusterImage, topic: &AddPartitionsToTxnTopic) -> bool {
    let mut partitions = topic.partitions.iter();
    partitions.all(|index| is_partition(image, &topic.name, *index))
}

fn is_partition(image: &ClusterImage, topic: &str, index: i32) -> bool {
    let topic = image.topic(topic);
    topic.is_some_and(|topic| topic.partition(index).is_some())
}

fn results(
    topics: &[AddPartitionsToTxnTopic],
    outcome: impl Fn(&str, i32) -> ErrorCode,
) -> Vec<AddPartitionsToTxnTopicResult> {
    let results = topics.iter().map(|topic| {
        let partitions = topic.partitions.iter();
        let results = partitions.map(|index| AddPartitionsToTxnPartitionResult {
            partition_index: *index,
            partition_error_code: outcome(&topic.name, *index).into(),
        });
        AddPartitionsToTxnTopicResult {
            name: topic.name.clone(),
            results_by_partition: results.collect(),
        }
    });
    results.collect()
}
