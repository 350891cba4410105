//! `OffsetForLeaderEpoch` (23), versions 2-4: where a leader epoch ended (KIP-101, KIP-320).

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

/// Partitions looked at in a row before other tasks of the core have their turn.
const ASKED_IN_A_ROW: usize = 128;

pub(crate) async fn answer(call: Call) -> Result<Outcome, CloseReason> {
    let request: OffsetForLeaderEpochRequest = call.request()?;
    let shard = &call.connection.shard;
    let mut response = OffsetForLeaderEpochResponse::default();
    for topic in request.topics {
        let id = shard.image().topic(&topic.topic).map(|topic| topic.id);
        let mut partitions = Vec::new();
        for (number, asked) in topic.partitions.into_iter().enumerate() {
            if number % ASKED_IN_A_ROW == ASKED_IN_A_ROW - 1 {
                storage::tasks::yield_now().await;
            }
            let found = match id {
                None => Err(ErrorCode::UnknownTopicOrPartition),
                Some(id) => ask(shard, (id, asked.partition), &asked).await,
            };
            partitions.push(answered(asked.partition, found));
        }
        response.topics.push(OffsetForLeaderTopicResult {
            topic: topic.topic,
            partitions,
        });
    }
    Ok(call.respond(&response))
}

/// The largest epoch not above the one asked for, and its end offset; `None` when there is none.
type EpochEnd = Option<(i32, i64)>;

async fn ask(
    shard: &Rc<Shard>,
    id: PartitionId,
    asked: &OffsetForLeaderPartition,
) -> Result<EpochEnd, ErrorCode> {
    let (current, epoch) = (asked.current_leader_epoch, asked.leader_epoch);
    let look = move |shard: Rc<Shard>| async move {
        let partition = shard.partition(id).await?;
        partition.check_leader_epoch(current)?;
        Ok(partition.end_offset_for_epoch(epoch))
    };
    shard.ask(shard.owner_of(id), look).await
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
