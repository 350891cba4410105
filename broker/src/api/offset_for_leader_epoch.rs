//! `OffsetForLeaderEpoch` (23), versions 2-4: where a leader epoch ended (KIP-101, KIP-320).
//!
//! One hop to each owning shard.

use std::rc::Rc;

use protocol::error_code::ErrorCode;
use protocol::messages::offset_for_leader_epoch_request::{
    OffsetForLeaderEpochRequest, OffsetForLeaderPartition,
};
use protocol::messages::offset_for_leader_epoch_response::{
    EpochEndOffset, OffsetForLeaderEpochResponse, OffsetForLeaderTopicResult,
};

use crate::api::{Call, CloseReason, Outcome};
use crate::partition::table::PartitionId;
use crate::shard::Shard;
use crate::shard::owners::ask_owners;

/// The largest epoch not above the one asked for, and its end offset; `None` when there is none.
type EpochEnd = Option<(i32, i64)>;

pub(crate) async fn answer(call: Call) -> Result<Outcome, CloseReason> {
    let request: OffsetForLeaderEpochRequest = call.request()?;
    let shard = &call.connection.shard;
    let mut response = OffsetForLeaderEpochResponse::default();
    let (mut places, mut questions) = (Vec::new(), Vec::new());
    for topic in request.topics {
        let id = shard.image().topic(&topic.topic).map(|topic| topic.id);
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        for asked in topic.partitions {
            let unknown = Err(ErrorCode::UnknownTopicOrPartition);
            partitions.push(answered(asked.partition, unknown));
            if let Some(id) = id {
                places.push((response.topics.len(), partitions.len() - 1));
                questions.push(((id, asked.partition), asked));
            }
        }
        response.topics.push(OffsetForLeaderTopicResult {
            topic: topic.topic,
            partitions,
        });
    }
    let found = ask_owners(shard, questions, look).await;
    for ((topic, partition), found) in places.into_iter().zip(found) {
        let answer = &mut response.topics[topic].partitions[partition];
        *answer = answered(answer.partition, found);
    }
    Ok(call.respond(&response))
}

/// Runs on the owner.
async fn look(
    shard: Rc<Shard>,
    id: PartitionId,
    asked: OffsetForLeaderPartition,
) -> Result<EpochEnd, ErrorCode> {
    let partition = shard.partition(id).await?;
    partition.check_leader_epoch(asked.current_leader_epoch)?;
    Ok(partition.end_offset_for_epoch(asked.leader_epoch))
}

fn answered(partition: i32, found: Result<EpochEnd, ErrorCode>) -> EpochEndOffset {
    let mut response = EpochEndOffset {
        partition,
        ..Default::default()
    };
    match found {
        Ok(Some((leader_epoch, end_offset))) => {
            response.leader_epoch = leader_epoch;
            response.end_offset = end_offset;
        }
        Ok(None) => {} // the defaults, -1 and -1, say that the epoch is not known
        Err(error) => response.error_code = error.into(),
    }
    response
}
