//! `DescribeProducers` (61), version 0: which producers a partition remembers, and which of them
//! have a transaction open. How a hanging transaction is found.

use std::rc::Rc;

use protocol::error_code::ErrorCode;
use protocol::messages::describe_producers_request::DescribeProducersRequest;
use protocol::messages::describe_producers_response::{
    DescribeProducersResponse, PartitionResponse, ProducerState, TopicResponse,
};
use storage::log;

use crate::api::{Call, CloseReason, Outcome};
use crate::partition::table::PartitionId;
use crate::shard::Shard;
use crate::shard::owners::ask_owners;

/// What Kafka says of a transaction that is not there.
const NO_OFFSET: i64 = -1;

/// Kafka's words, which it has for a topic but not for a partition.
const UNKNOWN_TOPIC: &str = "This server does not host this topic-partition.";

pub(crate) async fn answer(call: Call) -> Result<Outcome, CloseReason> {
    let request: DescribeProducersRequest = call.request()?;
    let shard = &call.connection.shard;
    let image = shard.image();
    let mut response = DescribeProducersResponse::default();
    let (mut places, mut questions) = (Vec::new(), Vec::new());
    for asked in request.topics {
        let topic = image.topic(&asked.name);
        let mut partitions = Vec::with_capacity(asked.partition_indexes.len());
        for index in asked.partition_indexes {
            let found = topic.filter(|topic| topic.partition(index).is_some());
            if let Some(topic) = found {
                places.push((response.topics.len(), partitions.len()));
                questions.push(((topic.id, index), ()));
            }
            // replaced when the owner has answered
            let mut unknown = refused(index, ErrorCode::UnknownTopicOrPartition);
            if topic.is_none() {
                unknown.error_message = Some(UNKNOWN_TOPIC.to_owned());
            }
            partitions.push(unknown);
        }
        response.topics.push(TopicResponse {
            name: asked.name,
            partitions,
        });
    }
    let found = ask_owners(shard, questions, look).await;
    for ((topic, partition), found) in places.into_iter().zip(found) {
        let answer = &mut response.topics[topic].partitions[partition];
        *answer = match found {
            Ok(producers) => PartitionResponse {
                partition_index: answer.partition_index,
                active_producers: producers.iter().map(described).collect(),
                ..Default::default()
            },
            Err(error) => refused(answer.partition_index, error),
        };
    }
    Ok(call.respond(&response))
}

/// Runs on the owner.
async fn look(
    shard: Rc<Shard>,
    id: PartitionId,
    (): (),
) -> Result<Vec<log::ProducerState>, ErrorCode> {
    let partition = shard.partition(id).await?;
    Ok(partition.log().producers())
}

fn refused(partition_index: i32, error: ErrorCode) -> PartitionResponse {
    PartitionResponse {
        partition_index,
        error_code: error.into(),
        ..Default::default()
    }
}

fn described(producer: &log::ProducerState) -> ProducerState {
    ProducerState {
        producer_id: producer.producer_id,
        producer_epoch: i32::from(producer.producer_epoch),
        last_sequence: producer.last_sequence,
        last_timestamp: producer.last_timestamp,
        coordinator_epoch: producer.coordinator_epoch,
        current_txn_start_offset: producer.txn_first_offset.unwrap_or(NO_OFFSET),
    }
}
